// SPDX-License-Identifier: Apache-2.0
// Whether expiry keeps up with the creation of sessions for ever: flows of one packet each come at
// an even rate, in real time, with a lifetime of a second, into tables that they nearly fill. Each
// second a line of JSON: sessions made and refused, how full the table is, and how long turns took.
//
//   churn_bench [--flows TABLE] [--rate PER-SECOND] [--seconds N] [--cpu N] [--realtime]
//
// An expired session is reaped when the hand comes by, within about four seconds: a table of N
// takes N / 5 new sessions a second for ever. Without --rate it is 85 % of that. While it fills for
// the first time it overshoots; from the 15th second on, exit status 1 says that a session was
// refused or that the table grew.
#include "test/perf/turns.h"

namespace {

using namespace workload;

constexpr unsigned kBurst = 64;

struct Options {
    std::uint32_t flows = 4'000'000;
    double rate = 0;
    unsigned seconds = 30;
    int cpu = -1;
    bool realtime = false;
};

class Churn {
public:
    explicit Churn(const Options& o)
        : o_(o), world_(shape_of(o)), clk_per_nano_(tsc_per_nano()), turns_(clk_per_nano_) {
        world_.apply([](nat::Policy& p) { p.lifetimes.udp = Tick{1}; });
    }

    /// Whether it could go on for ever.
    bool run() {
        const std::uint64_t begin = __rdtsc();
        turns_.forget();
        std::uint64_t refused = 0;
        std::uint32_t most_early = 0, most_late = 0;
        for (unsigned second = 0; second < o_.seconds; second++) {
            const Second s = one_second(begin, second);
            if (second >= kSettled) {
                refused += s.refused;
                std::uint32_t& most = second < (o_.seconds + kSettled) / 2 ? most_early : most_late;
                most = std::max(most, s.most);
            }
            std::printf(
                "{\"name\":\"churn\",\"second\":%u,\"made\":%lu,\"refused\":%lu,"
                "\"bindings_most\":%u,\"full\":%.3f}\n",
                second, s.made, s.refused, s.most, static_cast<double>(s.most) / o_.flows);
            std::fflush(stdout);
        }
        for (std::size_t i = 0; i < kDropCount; i++) {
            const std::uint64_t n = world_.worker().counters.of(static_cast<Drop>(i));
            if (n == 0) continue;
            std::printf("{\"name\":\"drop\",\"what\":\"%s\",\"packets\":%lu}\n",
                        std::string(kDrops[i].name).c_str(), n);
        }
        (void)turns_.print("churn", shape_of(o_), world_.frame_bytes(true) + 4);
        return refused == 0 && most_late <= most_early + most_early / 50;
    }

private:
    static constexpr unsigned kSettled = 15;
    struct Second {
        std::uint64_t made = 0, refused = 0;
        std::uint32_t most = 0;
    };
    static Shape shape_of(const Options& o) {
        Shape s;
        s.flows = o.flows;
        s.pool = std::min<unsigned>(nat::kSlotsMax, o.flows / 50000 + 1);
        // A subscriber stays until the last of his 16 bindings is reaped: room for four times as
        // many as there would be if all his went at once.
        s.ports_of_host = kPortsOfHost / 4;
        return s;
    }
    [[nodiscard]] Now now_at(std::uint64_t since) const {
        return Now::at(
            Nanos{kNanosPerSecond * 10 +
                  static_cast<std::uint64_t>(static_cast<double>(since) / clk_per_nano_)});
    }
    Second one_second(std::uint64_t begin, unsigned second) {
        Second out;
        const double clk_per_second = clk_per_nano_ * kNanosPerSecond;
        const auto end = static_cast<std::uint64_t>(clk_per_second * (second + 1));
        const double interval = clk_per_second / o_.rate;
        for (std::uint64_t t = __rdtsc() - begin; t < end; t = __rdtsc() - begin) {
            const auto due = static_cast<std::uint64_t>(static_cast<double>(t) / interval);
            const auto n = static_cast<unsigned>(std::min<std::uint64_t>(due - next_, kBurst));
            for (unsigned i = 0; i < n; i++)
                world_.write(i, flow_of(static_cast<std::uint32_t>(next_ + i)), true);
            next_ += n;
            const std::uint64_t turn_began = __rdtsc();
            if (n != 0) world_.receive(0, n, true);
            world_.turn(now_at(turn_began - begin), turn_began);
            // Turns without packets are many and short: they would hide the others.
            if (n != 0) (void)turns_.note(__rdtsc() - turn_began);
            out.made += world_.burst().tx.n;
            out.refused += n - world_.burst().tx.n;
            World::clear(world_.burst());
            world_.burst().n = 0;
            out.most = std::max(out.most, world_.worker().engine.n_bindings());
        }
        return out;
    }

    const Options& o_;
    World world_;
    double clk_per_nano_;
    Turns turns_;
    std::uint64_t next_ = 0;
};

Options parse(int argc, char** argv) {
    constexpr const char* kUsage =
        "usage: churn_bench [--flows TABLE] [--rate PER-SECOND] [--seconds N] [--cpu N] "
        "[--realtime]";
    Options o;
    for (int i = 1; i < argc; i++) {
        const std::string_view key = argv[i];
        if (key == "--realtime") {
            o.realtime = true;
            continue;
        }
        if (i + 1 == argc) fail(kUsage);
        const std::vector<unsigned> v = numbers(argv[++i]);
        if (v.size() != 1) fail(kUsage);
        if (key == "--flows") {
            o.flows = v[0];
        } else if (key == "--rate") {
            o.rate = v[0];
        } else if (key == "--seconds") {
            o.seconds = v[0];
        } else if (key == "--cpu") {
            o.cpu = static_cast<int>(v[0]);
        } else {
            fail(kUsage);
        }
    }
    if (o.flows < 100000 || o.seconds < 20) fail(kUsage);
    if (o.rate == 0) o.rate = 0.85 * o.flows / 5;
    return o;
}

}  // namespace

int main(int argc, char** argv) {
    const Options o = parse(argc, argv);
    pin(o.cpu, o.realtime);
    return Churn(o).run() ? 0 : 1;
}
