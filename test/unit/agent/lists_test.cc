// SPDX-License-Identifier: Apache-2.0
// A list of a million sessions, page by page, while the worker goes on: each that was there all the
// time once, never more than a page in memory, filters and counts where the tables are.
#include "dataplane/agent/lists.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <set>
#include <thread>

#include "dataplane/pipeline/state.h"

using namespace isthmus;
using agent::Lists;
using api::Json;

namespace {

constexpr unsigned kBindings = 10'000, kRemotes = 100;  // each binding has so many sessions

/// One worker without packets; the test is its thread.
class OneWorker : public agent::Workers {
public:
    OneWorker() {
        sizes_.tables = {kBindings + 1024, kBindings * kRemotes + 1024, 4096, 4};
        const std::size_t bytes = pipeline::WorkerState::bytes_needed(sizes_);
        memory_.reset(
            static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096)));
        std::fill_n(memory_.get(), bytes, std::byte{});
        state_ = pipeline::WorkerState::create({memory_.get(), bytes}, sizes_, {0, seed_}, fib_);
    }
    unsigned n_workers() const override { return 1; }
    const pipeline::WorkerState& state(unsigned) const override { return *state_; }
    agent::WorkerFacts facts(unsigned) const override { return {}; }
    std::vector<agent::PortFacts> ports() const override { return {}; }
    void publish(std::unique_ptr<const pipeline::Snapshot>) override {}
    std::uint64_t take_ticket() override { return 0; }
    bool passed(std::uint64_t) const override { return true; }
    Now now() const override { return now_; }
    const nat::Steering& steering() const override { return steering_; }
    Status set_mtu(std::uint16_t, std::uint16_t) override { return Done{}; }
    Status add_mac(std::uint16_t, MacAddr) override { return Done{}; }
    Status remove_mac(std::uint16_t, MacAddr) override { return Done{}; }

    nat::Engine& engine() { return state_->engine; }
    Now now_ = Now::at_seconds(1000);

private:
    struct Free {
        void operator()(std::byte* p) const { std::free(p); }
    };
    nat::Seed seed_;
    nat::Steering steering_;
    pipeline::Fib fib_{512, 512};
    pipeline::WorkerSizes sizes_;
    std::unique_ptr<std::byte, Free> memory_;
    pipeline::WorkerState* state_ = nullptr;
};

struct World {
    World() {
        cfg.nat.prefix[0] = {true, false, *Pref64::parse("2001:db8:64::/96")};
        cfg.nat.n_slots = 1;
        cfg.nat.slot[0].state = nat::PoolSlot::State::active;
        cfg.nat.slot[0].addr = Ipv4Addr::of(198, 51, 100, 1);
        cfg.nat.limits = {1'000'000, 10'000'000, 1'000'000, 0};
        cfg.nat.generation = 1;
        nat::finish_policy(cfg.nat);
        workers.engine().apply(cfg.nat, workers.now_);
    }
    bool open(unsigned binding, unsigned remote) {
        Ipv6Addr x = Ipv6Addr::from_groups({0x2001, 0xdb8, 1, 0, 0, 0, 0, 1});
        x.octet[6] = static_cast<std::uint8_t>(binding >> 6 & 0xff);
        const Be16 port{static_cast<std::uint16_t>(1000 + binding % 64 + (binding >> 14) * 64)};
        const Ipv4Addr z = Ipv4Addr::from_host(0xcb007100 + remote);
        const auto made = workers.engine().outbound(
            cfg.nat, nat::kNone, {{x, port}, {z, Be16{53}}, Proto::udp, 0, {}}, workers.now_);
        return made.why == Drop::none;
    }
    Json ask(Lists::What what, const Json& params) {
        Json out;
        bool done = false;
        lists.answer(what, params, [&](const Expected<Json>& r) {
            REQUIRE(r.ok());
            out = *r;
            done = true;
        });
        for (unsigned n = 0; !done && n < 10'000; n++) jobs.run_slice();
        REQUIRE(done);
        return out;
    }
    std::string refusal(Lists::What what, const Json& params) {
        std::string text;
        lists.answer(what, params, [&](const Expected<Json>& r) {
            if (!r) text = r.error().text();
        });
        return text;
    }
    /// All pages; fn(row).
    template <typename Fn>
    std::uint64_t all(Lists::What what, Json params, Fn&& fn) {
        std::uint64_t n = 0;
        for (bool more = true; more;) {
            const Json page = ask(what, params);
            REQUIRE(page["rows"].size() <= api::kPage);
            for (const Json& row : page["rows"]) {
                fn(row);
                n++;
            }
            more = page.contains("next");
            if (more) params["cursor"] = page["next"];
        }
        return n;
    }
    std::uint64_t count(Lists::What what, Json params) {
        std::uint64_t n = 0;
        params["count"] = true;
        for (bool more = true; more;) {
            const Json page = ask(what, params);
            n += page["count"].get<std::uint64_t>();
            more = page.contains("next");
            if (more) params["cursor"] = page["next"];
        }
        return n;
    }
    OneWorker workers;
    pipeline::Snapshot cfg;
    agent::Jobs jobs;
    Lists lists{workers, cfg, jobs};
};

}  // namespace

TEST_CASE("a million sessions are told in pages, each once, while the worker goes on") {
    World w;
    bool good = true;
    for (unsigned b = 0; b < kBindings; b++) {
        for (unsigned r = 0; r < kRemotes; r++) good = w.open(b, r) && good;
    }
    REQUIRE(good);
    REQUIRE(w.workers.engine().n_sessions() == kBindings * kRemotes);
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> packets{0};
    std::thread worker([&] {
        for (unsigned n = 0; !stop.load(std::memory_order_relaxed); n++) {
            // Packets of flows under way; nothing new, so that the count below is exact.
            (void)w.open(n % kBindings, n % kRemotes);
            packets.fetch_add(1, std::memory_order_relaxed);
        }
    });
    CHECK(w.count(Lists::What::sessions, Json::object()) == kBindings * kRemotes);
    std::set<std::string> seen;
    const Json one_remote{{"remote", "203.0.113.7"}};
    CHECK(w.all(Lists::What::sessions, one_remote, [&](const Json& row) {
        seen.insert(row["x"].get<std::string>() + " " + api::to_text(row["x_id"]));
    }) == kBindings);
    CHECK(seen.size() == kBindings);
    stop = true;
    worker.join();
    CHECK(packets.load() > 0);
    CHECK(w.count(Lists::What::bindings, Json::object()) == kBindings);
    CHECK(w.count(Lists::What::bindings, {{"subscriber", "2001:db8:1:3::/64"}}) == 0);
    CHECK(w.count(Lists::What::bindings, {{"subscriber", "2001:db8:1:300::/64"}}) == 64);
}

TEST_CASE("filters, limits and sorting of lists") {
    World w;
    for (unsigned b = 0; b < 200; b++) {
        for (unsigned r = 0; r <= b % 10; r++) REQUIRE(w.open(b, r));
    }
    const Json row = w.ask(Lists::What::bindings, {{"limit", 1}})["rows"][0];
    CHECK_FALSE(w.ask(Lists::What::bindings, {{"limit", 1}}).contains("next"));
    CHECK(w.count(Lists::What::bindings, {{"port", row["t_id"]}, {"local", row["t"]}}) == 1);
    CHECK(w.count(Lists::What::sessions, {{"remote_port", 53}}) == 200 / 10 * 55);
    CHECK(w.count(Lists::What::sessions, {{"remote_port", 54}}) == 0);
    CHECK(w.count(Lists::What::sessions, {{"state", "open"}}) == 200 / 10 * 55);
    CHECK(w.count(Lists::What::sessions, {{"state", "Established"}}) == 0);
    CHECK(w.count(Lists::What::sessions, {{"protocol", "tcp"}}) == 0);
    const Json best = w.ask(Lists::What::bindings, {{"sort", "sessions"}, {"limit", 25}})["rows"];
    REQUIRE(best.size() == 25);
    CHECK(best[0]["sessions"] == 10);
    CHECK(best[19]["sessions"] == 10);
    CHECK(best[20]["sessions"] == 9);
    const Json subscribers =
        w.ask(Lists::What::subscribers, {{"sort", "bindings"}, {"limit", 2}})["rows"];
    REQUIRE(subscribers.size() == 2);
    CHECK(subscribers[0]["bindings"] == 64);
    // What makes no sense is said, not passed over.
    CHECK(w.refusal(Lists::What::sessions, {{"remotee", "192.0.2.1"}}).find("no parameter") !=
          std::string::npos);
    CHECK(w.refusal(Lists::What::sessions, {{"remote", 5}}) != "");
    CHECK(w.refusal(Lists::What::sessions, {{"state", "sleepy"}}).find("established") !=
          std::string::npos);
    CHECK(w.refusal(Lists::What::bindings, {{"sort", "x"}}).find("sessions") != std::string::npos);
    CHECK(w.refusal(Lists::What::bindings, {{"port", 70000}}) != "");
    CHECK(w.refusal(Lists::What::bindings, {{"cursor", "x"}}) != "");
    CHECK(w.refusal(Lists::What::bindings, {{"sort", "sessions"}, {"limit", 5000}}) != "");
    CHECK(w.refusal(Lists::What::blocks, Json::object()).find("port_blocks") != std::string::npos);
}
