// SPDX-License-Identifier: Apache-2.0
// The whole of the logs beside a dataplane of the test's: from its rings to files and collectors.
#include "control/logs/event_log.h"

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "test/unit/control/collector.h"
#include "test/unit/folder.h"

using namespace isthmus;
using namespace isthmus::control;
using api::Json;

namespace {

/// A worker's ring behind a socket: events.take as the agent has it.
class FakeDataplane {
public:
    explicit FakeDataplane(const std::string& path) {
        auto made = api::RpcServer::listen(path, 0600, "");
        REQUIRE(made.ok());
        server_ = std::move(*made);
        server_->set_guard([](const api::Peer&, api::Right) { return true; });
        server_->on("log.configure", api::Right::admin, [this](const Json& p) -> Expected<Json> {
            path_down = api::truth_of(p, "path_down");
            return Json{{"generation", 1}, {"instance", "a1"}};
        });
        server_->on("events.take", api::Right::admin,
                    [this](const Json& p) -> Expected<Json> { return take(p); });
        thread_ = std::thread([this] {
            while (!stop_) server_->poll(5);
        });
    }
    ~FakeDataplane() {
        stop_ = true;
        thread_.join();
    }
    FakeDataplane(const FakeDataplane&) = delete;
    FakeDataplane& operator=(const FakeDataplane&) = delete;

    void tell(unsigned n) {
        const std::lock_guard guard(mutex_);
        for (unsigned i = 0; i < n; i++) {
            api::Event e;
            e.sequence = ++last_;
            e.unix_ns = unix_now_ns();
            e.x = *Ipv6Addr::parse("2001:db8::5");
            e.t = Ipv4Addr::of(203, 0, 113, 9);
            ring_.emplace(e.sequence, e);
        }
    }
    [[nodiscard]] std::size_t waiting() const {
        const std::lock_guard guard(mutex_);
        return ring_.size();
    }
    std::size_t size = 100'000;
    std::atomic<bool> path_down{false};

private:
    Json take(const Json& p) {
        const std::lock_guard guard(mutex_);
        const auto first = [&](const char* name) {
            const Json list = p.value(name, Json::array());
            return p.value("instance", "") == "a1" && !list.empty() ? list[0].get<std::uint64_t>()
                                                                    : 0;
        };
        ring_.erase(ring_.begin(), ring_.upper_bound(first("ack")));
        std::string bytes;
        unsigned n = 0;
        const auto most = p.value("most", 1U);
        for (auto at = ring_.upper_bound(first("after")); at != ring_.end() && n < most; ++at, n++)
            api::append(bytes, at->second);
        const Json facts{{"worker", 0},       {"last", last_},           {"given", n},
                         {"whole", n < most}, {"waiting", ring_.size()}, {"size", size}};
        return {{"instance", "a1"},
                {"version", api::kEventVersion},
                {"started", 5},
                {"workers", Json::array({facts})},
                {"events", api::base64(bytes)}};
    }

    std::unique_ptr<api::RpcServer> server_;
    mutable std::mutex mutex_;
    std::map<std::uint64_t, api::Event> ring_;
    std::uint64_t last_ = 0;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

struct Lab {
    Lab() {
        cfg.dataplane.socket = folder.path + "/d.sock";
        cfg.control.state_dir = folder.path;
        add_json("nat.json");
    }
    void add_json(const std::string& name) {
        config::LogOutlet json;
        json.file = name[0] == '/' ? name : folder.path + "/" + name;
        cfg.control.logs.push_back(json);
    }
    [[nodiscard]] std::vector<Json> lines(const std::string& name = "nat.json") const {
        std::ifstream in(folder.path + "/" + name);
        std::vector<Json> out;
        for (std::string l; std::getline(in, l);) out.push_back(api::from_text(l));
        return out;
    }
    [[nodiscard]] std::vector<std::uint64_t> numbers(const std::string& name = "nat.json") const {
        std::vector<std::uint64_t> out;
        for (const Json& j : lines(name)) {
            if (j.contains("worker") && j.contains("seq"))
                out.push_back(j["seq"].get<std::uint64_t>());
        }
        return out;
    }
    const Folder folder;
    config::Config cfg;
};

template <typename Fn>
bool eventually(Fn&& done, int ms = 5000) {
    for (int i = 0; i < ms && !done(); i++) ::usleep(1000);
    return done();
}

bool is_sequence(const std::vector<std::uint64_t>& numbers, std::uint64_t last) {
    if (numbers.size() != last) return false;
    for (std::size_t i = 0; i < numbers.size(); i++) {
        if (numbers[i] != i + 1) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("a collector that is deaf and a log that cannot be do not delay the fetching") {
    Lab lab;
    FakeDataplane dataplane(lab.cfg.dataplane.socket);
    const test::DeafCollector deaf;
    lab.cfg.control.logs.push_back(deaf.outlet());
    lab.add_json("/dev/full");
    std::int64_t worst = 0;
    unsigned late = 0;
    constexpr unsigned kRounds = 60, kEach = 500;
    const std::int64_t begun = [&] {
        EventLog log(lab.cfg);
        REQUIRE(eventually([&] { return log.facts().connected; }));
        ::usleep(100'000);
        for (unsigned n = 1; n <= kRounds; n++) {
            const std::int64_t told = steady_now_ns();
            dataplane.tell(kEach);
            REQUIRE(eventually([&] { return log.facts().outlets[0].delivered >= n * kEach; }));
            const std::int64_t took = steady_now_ns() - told;
            worst = std::max(worst, took);
            late += took > 200'000'000 ? 1 : 0;  // 50 ms between two looks, and facts() is as old
        }
        const auto f = log.facts();
        CHECK(f.lost == 0);
        for (const auto& o : f.outlets) CHECK(o.lost == 0);
        CHECK(f.outlets[0].up);
        CHECK_FALSE(f.outlets[2].up);
        return steady_now_ns();
    }();
    WARN("a record was in the JSON log after " << worst / 1'000'000 << " ms at most");
    CHECK(late <= 3);                                // a busy machine may take the processor away
    CHECK(steady_now_ns() - begun < 5'000'000'000);  // and the end is bounded
    CHECK(is_sequence(lab.numbers(), std::uint64_t{kRounds} * kEach));
    CHECK(lab.lines().back()["event"] == "log_stopped");
}

TEST_CASE("the next control goes on where one ended, with what is in the rings and in the spool") {
    Lab lab;
    FakeDataplane dataplane(lab.cfg.dataplane.socket);
    {
        EventLog log(lab.cfg);
        dataplane.tell(100);
        REQUIRE(eventually([&] { return lab.numbers().size() == 100; }));
    }
    dataplane.tell(50);
    {
        EventLog log(lab.cfg);
        dataplane.tell(50);
        REQUIRE(eventually([&] { return lab.numbers().size() == 200; }));
        REQUIRE(eventually([&] { return dataplane.waiting() == 0; }));  // all acknowledged
    }
    CHECK(is_sequence(lab.numbers(), 200));
    for (const Json& j : lab.lines()) CHECK(j["event"] != "gap");
}

TEST_CASE("a log that loses its place in the queue says so though control ended meanwhile") {
    Lab lab;
    lab.cfg.control.log.waiting_most = 1000;
    lab.add_json("no-folder-yet/nat.json");
    std::ofstream(lab.folder.path + "/no-folder-yet") << "a file where a folder should be";
    FakeDataplane dataplane(lab.cfg.dataplane.socket);
    {
        EventLog log(lab.cfg);
        for (unsigned n = 0; n < 30; n++) {
            dataplane.tell(100);
            ::usleep(20'000);
        }
        REQUIRE(eventually([&] { return lab.numbers().size() == 3000; }));
        REQUIRE(eventually([&] { return log.facts().outlets[1].lost > 0; }));
    }
    std::filesystem::remove(lab.folder.path + "/no-folder-yet");
    EventLog log(lab.cfg);
    dataplane.tell(1);
    const std::string late = "no-folder-yet/nat.json";
    REQUIRE(
        eventually([&] { return !lab.numbers(late).empty() && lab.numbers(late).back() == 3001; }));
    std::uint64_t said = 0;
    for (const Json& j : lab.lines(late)) {
        if (j["event"] != "gap") continue;
        for (const Json& w : j.at("workers")) said += w.at("lost").get<std::uint64_t>();
    }
    CHECK(said + lab.numbers(late).size() == 3001);
    CHECK(is_sequence(lab.numbers(), 3001));
}

TEST_CASE("with when_down = refuse nothing is given up, and the workers are told") {
    Lab lab;
    lab.cfg.control.log.waiting_most = 1000;
    lab.cfg.control.log.when_down = config::LogPathDown::refuse;
    const std::string late = "no-folder-yet/nat.json";
    lab.add_json(late);
    std::ofstream(lab.folder.path + "/no-folder-yet") << "a file where a folder should be";
    FakeDataplane dataplane(lab.cfg.dataplane.socket);
    EventLog log(lab.cfg);
    dataplane.tell(3000);
    REQUIRE(eventually([&] { return dataplane.path_down.load(); }));
    ::usleep(300'000);
    CHECK(dataplane.waiting() > 0);
    std::filesystem::remove(lab.folder.path + "/no-folder-yet");
    REQUIRE(eventually([&] { return lab.numbers(late).size() == 3000; }, 10'000));
    REQUIRE(eventually([&] { return !dataplane.path_down.load(); }));
    CHECK(is_sequence(lab.numbers(late), 3000));
    CHECK(is_sequence(lab.numbers(), 3000));
    CHECK(log.facts().outlets[1].lost == 0);
}
