// SPDX-License-Identifier: Apache-2.0
// The queue between the fetcher and the outlets, and the outlets on their threads: whatever one of
// them does, the others go on; what is lost is said.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>

#include "control/logs/json_file.h"
#include "control/logs/outlet.h"
#include "control/logs/place.h"
#include "control/logs/syslog.h"
#include "test/unit/control/batches.h"
#include "test/unit/control/collector.h"
#include "test/unit/folder.h"

using namespace isthmus;
using namespace isthmus::control;
using test::batch;

namespace {

constexpr std::int64_t kMs = 1'000'000;

/// Takes what it is told to; a note is a 0.
struct FakeSink final : LogSink {
    bool up = true, forgets = false;
    std::vector<std::uint64_t> got;
    std::vector<Note> notes;
    Status deliver(const LogBatch& b) override {
        if (!up) return Error{"fake", "down"};
        for (const LogRecord& r : b.records) {
            got.push_back(event_of(r) != nullptr ? event_of(r)->sequence : 0);
            if (note_of(r) != nullptr) notes.push_back(*note_of(r));
        }
        return Done{};
    }
    [[nodiscard]] bool may_forget() const override { return forgets; }
};

/// Writes to a FIFO that nobody reads: write() blocks when the pipe is full.
struct FifoSink final : LogSink {
    explicit FifoSink(const std::string& path) {
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        REQUIRE(fd >= 0);
    }
    ~FifoSink() override { ::close(fd); }
    Status deliver(const LogBatch& b) override {
        for (const LogRecord& r : b.records) {
            const std::string line = json_line(b.instance, r) + "\n";
            if (::write(fd, line.data(), line.size()) < 0) return Error{"fifo", "broken"};
        }
        return Done{};
    }
    int fd = -1;
};

/// One outlet with a fake sink, stepped by hand.
struct OneOutlet {
    explicit OneOutlet(std::uint64_t most, std::unique_ptr<Spool> spool = nullptr)
        : queue(std::make_shared<LogQueue>(1, most)) {
        auto sink = std::make_unique<FakeSink>();
        fake = sink.get();
        outlet = std::make_unique<Outlet>(facts(), std::move(sink), queue, 0, std::move(spool));
    }
    static Outlet::Facts facts() {
        Outlet::Facts f;
        f.name = "fake-0";
        return f;
    }
    template <typename Fn>
    bool step_until(Fn&& done) {
        for (int i = 0; i < 300 && !done(); i++) {
            if (!outlet->step(0)) ::usleep(10'000);
        }
        return done();
    }
    std::shared_ptr<LogQueue> queue;
    FakeSink* fake;
    std::unique_ptr<Outlet> outlet;
};

std::unique_ptr<Spool> spool(const Folder& dir, std::uint64_t bytes = 1 << 20) {
    return std::make_unique<Spool>(dir.path + "/s", bytes);
}

std::size_t lines_in(const std::string& path) {
    std::ifstream in(path);
    std::size_t n = 0;
    for (std::string l; std::getline(in, l);) n++;
    return n;
}

using Numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("an outlet spools what its sink does not take, and nothing overtakes it") {
    const Folder dir;
    OneOutlet one(1000, spool(dir));
    one.fake->up = false;
    one.queue->push(batch(1, 2));
    one.queue->push(batch(3, 4));
    REQUIRE(one.step_until([&] { return one.queue->waiting() == 0; }));
    CHECK(one.outlet->facts().spooled_bytes > 0);
    CHECK(one.outlet->facts().takes);
    CHECK(one.queue->acked().upto == Numbers{4});
    one.fake->up = true;
    one.queue->push(batch(5, 5));
    REQUIRE(one.step_until([&] { return one.fake->got.size() == 5; }));
    CHECK(one.fake->got == Numbers{1, 2, 3, 4, 5});
    CHECK(one.outlet->facts().spooled_bytes == 0);
}

TEST_CASE("what a broken connection took comes once more, first, in order") {
    const Folder dir;
    OneOutlet one(1000, spool(dir));
    one.fake->forgets = true;
    one.queue->push(batch(1, 2));
    one.queue->push(batch(3, 4));
    REQUIRE(one.step_until([&] { return one.fake->got.size() == 4; }));
    one.fake->up = false;
    one.queue->push(batch(5, 6));
    REQUIRE(one.step_until([&] { return one.queue->waiting() == 0; }));
    one.fake->up = true;
    REQUIRE(one.step_until([&] { return one.fake->got.size() == 10; }));
    CHECK(one.fake->got == Numbers{1, 2, 3, 4, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("what the queue gave up is said in a gap record before what follows") {
    OneOutlet one(4);
    one.queue->push(batch(1, 2));
    REQUIRE(one.step_until([&] { return one.fake->got.size() == 2; }));
    one.fake->up = false;
    one.queue->push(batch(3, 5));
    (void)one.outlet->step(0);
    CHECK_FALSE(one.outlet->facts().takes);
    CHECK_FALSE(one.queue->state(0).takes);
    one.queue->push(batch(6, 6));
    CHECK(one.queue->is_full());
    CHECK(one.queue->give_up() == std::vector<std::size_t>{0});
    CHECK_FALSE(one.queue->is_full());
    one.queue->push(batch(7, 9));
    CHECK(one.queue->give_up().empty());  // it loses already
    one.fake->up = true;
    one.queue->push(batch(10, 10));
    REQUIRE(one.step_until([&] { return one.fake->got.size() == 7; }));
    CHECK(one.fake->got == Numbers{1, 2, 0, 7, 8, 9, 10});
    REQUIRE(one.fake->notes.size() == 1);
    const Note& gap = one.fake->notes[0];
    CHECK(gap.kind == "gap");
    CHECK(gap.fields["lost"] == 4);
    CHECK(gap.fields["workers"][0]["seq_first"] == 3);
    CHECK(gap.fields["workers"][0]["seq_last"] == 6);
    CHECK(one.queue->state(0).lost == 4);
    CHECK(one.queue->untold(0).empty());
}

TEST_CASE("a full spool refuses; what is given up is said in its place") {
    const Folder dir;
    OneOutlet one(150, spool(dir, 40'000));
    one.fake->up = false;
    std::uint64_t n = 0;
    while (one.queue->state(0).takes && n < 100) {
        one.queue->push(batch(n * 100 + 1, n * 100 + 100));
        (void)one.outlet->step(0);
        n++;
    }
    REQUIRE(n > 1);
    REQUIRE(n < 100);  // the last hundred is refused, and waits
    one.queue->push(batch(n * 100 + 1, n * 100 + 100));
    CHECK(one.queue->give_up().size() == 1);
    one.fake->up = true;
    REQUIRE(one.step_until([&] { return one.fake->got.size() == n * 100 + 1; }));
    CHECK(one.fake->got[(n - 1) * 100] == 0);  // the gap record
    CHECK(one.fake->notes[0].fields["lost"] == 100);
    CHECK(one.fake->got.back() == n * 100 + 100);
}

TEST_CASE("what was lost and not said is said by the next control") {
    const Folder dir;
    const std::string path = dir.path + "/log-place.json";
    LogPlace place;
    place.acked = {"a1", {41, 7}};
    place.unix_ns = 5;
    Loss lost;
    lost.add(batch(30, 34));
    place.untold["syslog-tcp:127.0.0.1:514"] = {lost};
    {
        PlaceKeeper keeper(path);
        keeper.keep(place);
        keeper.stop_before(steady_now_ns() + 3000 * kMs);
        CHECK(keeper.kept() == place.acked);
    }
    const auto read = read_place(path);
    REQUIRE(read.has_value());
    CHECK(*read == place);

    OneOutlet next(100);
    next.queue->set_untold(0, read->untold.begin()->second);
    REQUIRE(next.step_until([&] { return next.fake->notes.size() == 1; }));
    CHECK(next.fake->notes[0].fields["workers"][0]["seq_last"] == 34);

    for (const char* bad : {"", "[]", "{}", R"({"instance":5})",
                            R"({"instance":"a","acknowledged":[-1]})", "{\"instance\":\"a\""}) {
        std::ofstream(path, std::ios::trunc) << bad;
        CHECK_FALSE(read_place(path).has_value());
    }
    std::ofstream(path, std::ios::trunc)
        << R"({"instance":"a","acknowledged":[1],"untold":{"x":[{"n":1},5,{"instance":"a","n":1,)"
        << R"("from_ns":1,"to_ns":2,"workers":[[0,"1",2,3]]}],"y":7}})";
    REQUIRE(read_place(path).has_value());
    CHECK(read_place(path)->untold.at("x").empty());
}

// A collector that takes the connection and reads nothing, a writer that stands still in write(), a
// full disk, all at once, beside the JSON log.
TEST_CASE(
    "outlets that stand still delay the others by less than 100 ms and lose nothing of theirs") {
    const Folder dir;
    const test::DeafCollector deaf;
    constexpr std::uint64_t kBatches = 150, kEach = 100, kMost = 20'000;
    const auto queue = std::make_shared<LogQueue>(4, kMost);
    std::vector<std::unique_ptr<OutletThread>> outlets;
    const auto add = [&](std::unique_ptr<LogSink> sink, std::unique_ptr<Spool> s = nullptr) {
        Outlet::Facts f;
        f.name = "outlet-" + std::to_string(outlets.size());
        outlets.push_back(std::make_unique<OutletThread>(
            std::make_shared<Outlet>(f, std::move(sink), queue, outlets.size(), std::move(s))));
    };
    const std::string json = dir.path + "/nat.json";
    add(std::make_unique<JsonFile>(json, JsonFile::Rotation{1 << 30, 2}));
    add(std::make_unique<Syslog>(deaf.outlet()), spool(dir, 64 << 20));
    auto fifo = std::make_unique<FifoSink>(dir.path + "/fifo");
    const int fifo_fd = ::open((dir.path + "/fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    add(std::move(fifo));
    auto full = std::make_unique<FakeSink>();
    full->up = false;
    add(std::move(full));

    std::int64_t worst = 0;
    unsigned late = 0;
    for (std::uint64_t b = 0; b < kBatches; b++) {
        const std::int64_t pushed = steady_now_ns();
        queue->push(batch(b * kEach + 1, (b + 1) * kEach));
        (void)queue->give_up();
        while (outlets[0]->facts().delivered < (b + 1) * kEach &&
               steady_now_ns() - pushed < 3000 * kMs)
            ::usleep(500);
        const std::int64_t took = steady_now_ns() - pushed;
        worst = std::max(worst, took);
        late += took > 100 * kMs ? 1 : 0;
        ::usleep(15'000);
    }
    WARN("the JSON log had each batch after " << worst / kMs << " ms at most");
    CHECK(late <= 3);  // a busy machine may take the processor away
    CHECK(worst < 1000 * kMs);
    CHECK(lines_in(json) == kBatches * kEach);
    for (std::size_t i = 0; i < outlets.size(); i++) CHECK(queue->state(i).lost == 0);
    CHECK_FALSE(outlets[3]->facts().up);
    CHECK(queue->state(2).stuck_ns > 0);

    // Beyond the bound the two without a spool lose; the two others nothing.
    for (std::uint64_t b = kBatches; b < 3 * kBatches; b++) {
        queue->push(batch(b * kEach + 1, (b + 1) * kEach));
        (void)queue->give_up();
        ::usleep(1'000);
    }
    for (int i = 0; i < 500 && outlets[0]->facts().delivered < 3 * kBatches * kEach; i++)
        ::usleep(10'000);
    CHECK(outlets[0]->facts().delivered == 3 * kBatches * kEach);
    CHECK(queue->state(0).lost == 0);
    CHECK(queue->state(1).lost == 0);
    CHECK(queue->state(2).lost > 0);
    CHECK(queue->state(3).lost > 0);
    (void)queue->give_up();
    CHECK(queue->waiting() < kMost + kEach);

    queue->stop();
    const std::int64_t until = steady_now_ns() + 1000 * kMs;
    CHECK(outlets[0]->join_before(until));
    CHECK(outlets[1]->join_before(until));
    CHECK(outlets[3]->join_before(until));
    CHECK_FALSE(outlets[2]->join_before(until));  // left behind in its write
    std::array<char, 65536> sink{};
    for (int i = 0; i < 300 && queue.use_count() > 1; i++) {
        outlets.clear();
        while (::read(fifo_fd, sink.data(), sink.size()) > 0) {
        }
        ::usleep(10'000);
    }
    CHECK(queue.use_count() == 1);  // it has ended, and let go of all
    ::close(fifo_fd);
}

TEST_CASE("while a collector stands still what comes goes to its spool, and then on in order") {
    const Folder dir;
    test::DeafCollector deaf;
    const auto queue = std::make_shared<LogQueue>(1, 10'000);
    Outlet::Facts f;
    f.name = "syslog-0";
    OutletThread outlet(std::make_shared<Outlet>(f, std::make_unique<Syslog>(deaf.outlet()), queue,
                                                 0, spool(dir, 64 << 20)));
    // The first ones fill the sockets; then it waits for the far end, for seconds.
    std::uint64_t n = 0;
    for (; n < 200; n++) {
        queue->push(batch(n * 100 + 1, n * 100 + 100));
        ::usleep(2'000);
        CHECK(queue->give_up().empty());
    }
    CHECK(queue->state(0).lost == 0);
    CHECK(outlet.facts().spooled_bytes > 0);
    const auto got = deaf.read_numbers(n * 100, 20'000);
    // A connection that was given up began again behind what had come surely: every number is
    // there, and the last is the last.
    Numbers sorted = got;
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    CHECK(sorted.size() == n * 100);
    queue->stop();
    CHECK(outlet.join_before(steady_now_ns() + 2000 * kMs));
}
