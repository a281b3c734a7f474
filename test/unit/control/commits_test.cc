// SPDX-License-Identifier: Apache-2.0
// Changes of the policy, with a dataplane of the test's: what is kept, what is undone, what
// survives.
#include "control/commits.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "common/config/diff.h"
#include "test/unit/folder.h"

using namespace isthmus;
using api::Json;
using control::Commits;
using control::Order;

namespace {

config::Nat64Config policy(const std::string& pool) {
    const auto l = config::load_text(
        "nat64: { prefixes = [\"2001:db8::/96\"]; pool = (" + pool + "); };", "t");
    REQUIRE(l.ok());
    return l.config.nat64;
}

control::Edit to(const std::string& pool) {
    return [pool](const config::Nat64Config&) -> Expected<config::Nat64Config> {
        return policy(pool);
    };
}

Order by(const std::string& what) {
    Order o;
    o.what = what;
    o.user = "maria";
    o.uid = 1000;
    return o;
}

const std::string kA = "\"192.0.2.1\"", kB = "\"192.0.2.2\"", kC = "\"192.0.2.3\"";

/// State on disk, and a dataplane that says yes until told otherwise.
struct World {
    World() { listen(); }

    void listen() {
        auto s = api::RpcServer::listen(folder.path + "/dataplane", 0600, "");
        REQUIRE(s);
        server = std::move(*s);
        server->set_guard([](const api::Peer&, api::Right) { return true; });
        server->on("policy.apply", api::Right::admin, [this](const Json& p) -> Expected<Json> {
            if (!refusal.empty()) return Error{"", refusal};
            if (!p.value("dry_run", false)) runs = p["text"].get<std::string>();
            return Json{{"generation", 2}, {"closes", {{"sessions", 7}, {"bindings", 3}}}};
        });
    }
    /// Control starts with `file` as its configuration.
    void start(const std::string& file) {
        links = std::make_unique<api::RpcLinks>(folder.path + "/dataplane", "the dataplane");
        c = std::make_unique<Commits>(folder.path + "/state", policy(file), *links);
        REQUIRE(c->begin());
    }
    void turns(int n = 8) const {
        for (int i = 0; i < n; i++) {
            c->tick();
            if (server) server->poll(1);
            links->serve();
        }
    }
    Expected<Json> change(const Order& o, const std::string& pool) {
        Expected<Json> out = Error{"", "no answer"};
        c->change(o, to(pool), [&](const Expected<Json>& r) { out = r; });
        turns();
        return out;
    }
    Expected<Json> rollback(std::size_t back) {
        Expected<Json> out = Error{"", "no answer"};
        c->rollback(by("rollback"), back, [&](const Expected<Json>& r) { out = r; });
        turns();
        return out;
    }
    Expected<Json> confirm() {
        Expected<Json> out = Error{"", "no answer"};
        c->confirm(by("confirm"), [&](const Expected<Json>& r) { out = r; });
        return out;
    }
    [[nodiscard]] std::string pool() const {
        return c->running().nat64().pool.front().addresses.text();
    }

    Folder folder;  // goes last
    std::string refusal, runs;
    std::unique_ptr<api::RpcServer> server;
    std::unique_ptr<api::RpcLinks> links;
    std::unique_ptr<Commits> c;
};

Order waiting(unsigned seconds) {
    Order o = by("reload");
    o.confirm_seconds = seconds;
    return o;
}

}  // namespace

TEST_CASE("a change is applied, kept, and written in the history with who and what") {
    World w;
    w.start(kA);
    const auto done = w.change(by("reload"), kB);
    REQUIRE(done);
    CHECK((*done)["changed"] == Json::array({"nat64.pool"}));
    CHECK((*done)["closes"]["sessions"] == 7);
    CHECK(w.pool() == "192.0.2.2/32");
    CHECK(w.runs == w.c->running().text());
    const Json h = w.c->history_json();
    REQUIRE(h.size() == 2);
    CHECK(h[0]["user"] == "maria");
    CHECK(h[0]["uid"] == 1000);
    CHECK(h[0]["what"] == "reload");
    CHECK(h[0]["sessions_closed"] == 7);
    CHECK(h[1]["what"] == "start");
    const auto one = w.c->history_entry(h[0]["id"].get<std::uint64_t>());
    REQUIRE(one);
    CHECK((*one)["changes"][0]["added"][0].get<std::string>().find("192.0.2.2") !=
          std::string::npos);
}

TEST_CASE("a dry run, a refusal and a change of nothing leave no trace") {
    World w;
    w.start(kA);
    Order dry = by("reload");
    dry.dry_run = true;
    const auto preview = w.change(dry, kB);
    REQUIRE(preview);
    CHECK((*preview)["closes"]["sessions"] == 7);
    CHECK((*preview)["dry_run"] == true);
    w.refusal = "the pool is cursed";
    const auto refused = w.change(by("reload"), kB);
    REQUIRE(!refused);
    CHECK(refused.error().text() == "nothing was changed: the pool is cursed");
    const auto nothing = w.change(by("reload"), kA);
    REQUIRE(nothing);
    CHECK((*nothing)["changed"].empty());
    CHECK(w.runs.empty());
    CHECK(w.pool() == "192.0.2.1/32");
    CHECK(w.c->history_json().size() == 1);
    CHECK(!std::filesystem::exists(w.folder.path + "/state/running-policy.conf.new"));
}

TEST_CASE("a full disk refuses the change before the dataplane hears of it") {
    World w;
    w.start(kA);
    std::filesystem::create_symlink("/dev/full", w.folder.path + "/state/running-policy.conf.new");
    const auto refused = w.change(by("reload"), kB);
    REQUIRE(!refused);
    CHECK(refused.error().text().find("nothing was changed") != std::string::npos);
    CHECK(refused.error().text().find("No space left") != std::string::npos);
    CHECK(w.runs.empty());
    CHECK(w.pool() == "192.0.2.1/32");
    std::filesystem::create_symlink("/dev/full", w.folder.path + "/state/waiting.json.new");
    CHECK(!w.change(waiting(60), kB));
    CHECK(w.c->waiting_json().is_null());
    CHECK(w.runs.empty());
    // Without room for the history only, the change is done, and says so.
    std::filesystem::create_symlink("/dev/full",
                                    w.folder.path + "/state/history/00000002.json.new");
    const auto done = w.change(by("reload"), kC);
    REQUIRE(done);
    CHECK((*done)["warning"].get<std::string>().find("No space left") != std::string::npos);
    CHECK(w.pool() == "192.0.2.3/32");
}

TEST_CASE("what nobody confirms goes back by itself; what is confirmed stays") {
    World w;
    w.start(kA);
    REQUIRE(w.change(waiting(1), kB));
    CHECK(w.pool() == "192.0.2.2/32");
    CHECK(w.c->waiting_json()["user"] == "maria");
    const auto other = w.change(by("pool.add"), kC);
    REQUIRE(!other);
    CHECK(other.error().text().find("isthmusctl confirm") != std::string::npos);
    w.turns(20);
    CHECK(w.pool() == "192.0.2.2/32");
    ::usleep(1'000'000);
    w.turns();
    CHECK(w.pool() == "192.0.2.1/32");
    CHECK(w.runs == w.c->running().text());
    CHECK(w.c->waiting_json().is_null());
    CHECK(w.c->history_json()[0]["what"].get<std::string>().find("not confirmed within 1 s") !=
          std::string::npos);
    CHECK(!w.confirm());  // too late, and it says so
    REQUIRE(w.change(waiting(1), kC));
    REQUIRE(w.confirm());
    ::usleep(1'050'000);
    w.turns();
    CHECK(w.pool() == "192.0.2.3/32");
}

TEST_CASE("a change that waits goes back though control died, and though the dataplane is away") {
    World w;
    w.start(kA);
    REQUIRE(w.change(waiting(1), kB));
    w.c.reset();  // as kill -9: nothing is said to anybody
    w.start(kB);  // the file has the new policy
    CHECK(w.pool() == "192.0.2.2/32");
    CHECK(!w.c->waiting_json().is_null());
    w.server.reset();
    ::usleep(1'050'000);
    w.turns();
    CHECK(w.pool() == "192.0.2.1/32");
    CHECK(w.c->waiting_json().is_null());
    w.c.reset();
    w.start(kB);
    CHECK(w.pool() == "192.0.2.1/32");
}

TEST_CASE("a clean stop: the file rules, unless it holds what was rolled back") {
    World w;
    w.start(kA);
    REQUIRE(w.change(by("pool.add"), kB));
    w.c->stop(policy(kA));
    w.start(kA);
    CHECK(w.pool() == "192.0.2.1/32");
    // Changed by the file, and rolled back: the file still has it.
    REQUIRE(w.change(by("reload"), kC));
    REQUIRE(w.rollback(1));
    CHECK(w.pool() == "192.0.2.1/32");
    w.c->stop(policy(kC));
    w.start(kC);
    CHECK(w.pool() == "192.0.2.1/32");
    w.c->stop(policy(kC));
    w.start(kB);  // edited since: it rules again
    CHECK(w.pool() == "192.0.2.2/32");
}

TEST_CASE("rollback goes back as many changes as it is told, and is a change itself") {
    World w;
    w.start(kA);
    REQUIRE(w.change(by("1"), kB));
    REQUIRE(w.change(by("2"), kC));
    REQUIRE(w.rollback(2));
    CHECK(w.pool() == "192.0.2.1/32");
    REQUIRE(w.rollback(1));
    CHECK(w.pool() == "192.0.2.3/32");
    const auto far = w.rollback(40);
    REQUIRE(!far);
    CHECK(far.error().text().find("show history") != std::string::npos);
}

TEST_CASE("damaged files: the configuration file rules, the rest of the history stays") {
    World w;
    w.start(kA);
    REQUIRE(w.change(by("1"), kB));
    REQUIRE(w.change(by("2"), kC));
    w.c.reset();
    std::ofstream(w.folder.path + "/state/running-policy.conf") << "";
    std::ofstream(w.folder.path + "/state/waiting.json") << "{{{{";
    std::ofstream(w.folder.path + "/state/history/00000002.json") << std::string(3, '\0');
    std::ofstream(w.folder.path + "/state/history/banana.json") << "[]";
    w.start(kA);
    CHECK(w.pool() == "192.0.2.1/32");
    CHECK(w.c->waiting_json().is_null());
    const Json h = w.c->history_json();
    REQUIRE(h.size() == 3);  // start again, 2, start
    CHECK(h[1]["what"] == "2");
    REQUIRE(w.rollback(1));
    CHECK(w.pool() == "192.0.2.3/32");
}

TEST_CASE("the history is bounded, in memory and on the disk") {
    World w;
    w.start(kA);
    for (unsigned i = 0; i < control::History::kEntriesMost + 10; i++)
        REQUIRE(w.change(by("x"), i % 2 == 0 ? kB : kC));
    CHECK(w.c->history_json().size() == control::History::kEntriesMost);
    std::size_t files = 0;
    for (const auto& f : std::filesystem::directory_iterator(w.folder.path + "/state/history"))
        files += f.is_regular_file() ? 1U : 0U;
    CHECK(files == control::History::kEntriesMost);
}

TEST_CASE("changes wait for their turn: each sees what the one before it made") {
    World w;
    w.start(kA);
    std::vector<std::string> seen;
    for (const std::string& next : {kB, kC}) {
        w.c->change(
            by("x"),
            [&, next](const config::Nat64Config& now) -> Expected<config::Nat64Config> {
                seen.push_back(now.pool.front().addresses.text());
                return policy(next);
            },
            [](const Expected<Json>&) {});
    }
    w.turns(20);
    CHECK(seen == std::vector<std::string>{"192.0.2.1/32", "192.0.2.2/32"});
}
