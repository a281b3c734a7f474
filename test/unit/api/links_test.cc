// SPDX-License-Identifier: Apache-2.0
// A client that never waits: what becomes of requests to a server that is slow, absent, restarted
// or dead; and what a server does with clients that want too much.
#include "common/api/links.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "common/api/socket.h"
#include "test/unit/folder.h"

using namespace isthmus;
using api::Json;

namespace {

std::unique_ptr<api::RpcServer> listen(const std::string& path) {
    auto s = api::RpcServer::listen(path, 0600, "");
    REQUIRE(s);
    (*s)->set_guard([](const api::Peer&, api::Right) { return true; });
    (*s)->on("echo", api::Right::read, [](const Json& p) -> Expected<Json> { return p; });
    (*s)->on("refuse", api::Right::read, [](const Json&) -> Expected<Json> {
        return Error{"here", "no", -32050};
    });
    return std::move(*s);
}

void turns(api::RpcServer& s, api::RpcLinks& l, int n = 6) {
    for (int i = 0; i < n; i++) {
        s.poll(1);
        l.serve();
    }
}

double seconds_of(const std::function<void()>& f) {
    const auto start = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A client of bytes that reads nothing.
int raw(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    path.copy(a.sun_path, sizeof a.sun_path - 1);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
    return fd;
}

std::string request(const std::string& method, const Json& params = Json::object()) {
    return api::line_of({{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}});
}

}  // namespace

TEST_CASE("answers come to their own questions, many at a time") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    api::RpcLinks links(dir.path + "/s", "the server");
    std::vector<int> answers;
    for (int i = 0; i < 100; i++) {
        links.ask("echo", Json{{"n", i}}, 5000, [&answers, i](const Expected<Json>& r) {
            REQUIRE(r);
            CHECK((*r)["n"] == i);
            answers.push_back(i);
        });
    }
    turns(*server, links, 60);
    CHECK(answers.size() == 100);
    CHECK(server->n_clients() <= api::RpcLinks::kLinksMost);
}

TEST_CASE("an error keeps its code and text on the way through") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    api::RpcLinks links(dir.path + "/s", "the server");
    Error seen;
    links.ask("refuse", Json::object(), 5000,
              [&](const Expected<Json>& r) { seen = r ? Error{} : r.error(); });
    turns(*server, links);
    CHECK(seen.code == -32050);
    CHECK(seen.text() == "here: no");
}

TEST_CASE("nobody there: the answer comes at once, and says so") {
    const Folder dir;
    api::RpcLinks links(dir.path + "/none", "the server");
    int answers = 0;
    links.ask("echo", Json::object(), 5000, [&](const Expected<Json>& r) {
        REQUIRE(!r);
        CHECK(r.error().code == api::code::kAway);
        CHECK(r.error().text().find("the server is away") != std::string::npos);
        answers++;
    });
    CHECK(answers == 1);
    auto server = listen(dir.path + "/none");
    links.ask("echo", Json::object(), 5000,
              [&](const Expected<Json>& r) { answers += r ? 10 : 0; });
    turns(*server, links);
    CHECK(answers == 11);
    server.reset();  // and again with another server on the same path
    server = listen(dir.path + "/none");
    links.ask("echo", Json::object(), 5000,
              [&](const Expected<Json>& r) { answers += r ? 100 : 0; });
    turns(*server, links);
    CHECK(answers == 111);
}

TEST_CASE("connections for requests at one time are closed when they were idle; one stays") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    api::RpcLinks links(dir.path + "/s", "the server", 150);
    int good = 0;
    for (int i = 0; i < 5; i++)
        links.ask("echo", Json{{"n", i}}, 5000,
                  [&](const Expected<Json>& r) { good += r ? 1 : 0; });
    CHECK(links.n_connections() == 5);
    turns(*server, links);
    CHECK(good == 5);
    ::usleep(200'000);
    links.serve();
    CHECK(links.n_connections() == 1);
    links.ask("echo", Json{{"n", 9}}, 5000, [&](const Expected<Json>& r) { good += r ? 1 : 0; });
    turns(*server, links);
    CHECK(good == 6);
}

TEST_CASE("a server at a standstill costs a time-out; asking and serving never wait") {
    const Folder dir;
    auto server = listen(dir.path + "/s");  // and nobody calls its poll()
    api::RpcLinks links(dir.path + "/s", "the server");
    int failed = 0;
    const double took = seconds_of([&] {
        for (int i = 0; i < 400; i++) {
            links.ask("echo", Json{{"x", std::string(10000, 'x')}}, 800,
                      [&](const Expected<Json>& r) { failed += r ? 0 : 1; });
        }
        links.serve();
    });
    CHECK(took < 0.7);
    CHECK(failed == 400 - static_cast<int>(api::RpcLinks::kLinksMost + api::RpcLinks::kQueueMost));
    ::usleep(850'000);
    links.serve();
    CHECK(failed == 400);
    int good = 0;  // late answers to the earlier questions disturb nobody
    links.ask("echo", Json{{"n", 7}}, 5000, [&](const Expected<Json>& r) {
        REQUIRE(r);
        good = (*r)["n"].get<int>();
    });
    turns(*server, links, 40);
    CHECK(good == 7);
}

TEST_CASE("expensive requests of one client hold up neither the server's caller nor others") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    server->on("slow", api::Right::read, [](const Json&) -> Expected<Json> {
        ::usleep(4000);
        return Json(1);
    });
    const int greedy = raw(dir.path + "/s");
    for (int i = 0; i < 3; i++) server->poll(5);
    std::string many;
    for (int i = 0; i < 300; i++) many += request("slow");
    REQUIRE(::send(greedy, many.data(), many.size(), 0) == static_cast<ssize_t>(many.size()));
    api::RpcLinks links(dir.path + "/s", "the server");
    bool answered = false;
    double longest = 0;
    links.ask("echo", Json::object(), 5000, [&](const Expected<Json>& r) { answered = r.ok(); });
    int n = 0;
    for (; n < 10 && !answered; n++) {
        longest = std::max(longest, seconds_of([&] { server->poll(0); }));
        links.serve();
    }
    CHECK(answered);
    CHECK(longest < 0.1);  // not 1.2 s
    ::close(greedy);
}

TEST_CASE("a client that does not read its answers gets no more of them, and costs little memory") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    unsigned served = 0;
    server->on("much", api::Right::read, [&](const Json&) -> Expected<Json> {
        served++;
        return Json(std::string(100'000, 'x'));
    });
    const int deaf = raw(dir.path + "/s");
    for (int i = 0; i < 3; i++) server->poll(5);
    std::string many;
    for (int i = 0; i < 500; i++) many += request("much");
    REQUIRE(::send(deaf, many.data(), many.size(), 0) == static_cast<ssize_t>(many.size()));
    for (int i = 0; i < 200; i++) server->poll(0);
    CHECK(served < 10);
    // What it reads it may have: the rest comes.
    std::size_t lines = 0;
    std::string buffer(1 << 20, ' ');
    for (int i = 0; i < 5000 && lines < 500; i++) {
        server->poll(0);
        const ssize_t n = ::recv(deaf, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n > 0)
            lines += static_cast<std::size_t>(std::count(buffer.begin(), buffer.begin() + n, '\n'));
    }
    CHECK(lines == 500);
    ::close(deaf);
}

TEST_CASE("a request without an id is refused, not obeyed in silence") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    bool called = false;
    server->on("touch", api::Right::admin, [&](const Json&) -> Expected<Json> {
        called = true;
        return Json(1);
    });
    const int c = raw(dir.path + "/s");
    for (const char* line : {R"({"jsonrpc":"2.0","method":"touch"})",
                             R"({"jsonrpc":"2.0","id":null,"method":"touch"})",
                             R"({"jsonrpc":"2.0","id":[1],"method":"touch"})"}) {
        const std::string text = std::string(line) + "\n";
        REQUIRE(::send(c, text.data(), text.size(), 0) > 0);
        for (int i = 0; i < 4; i++) server->poll(5);
        char buffer[4096];
        const ssize_t n = ::recv(c, buffer, sizeof buffer, MSG_DONTWAIT);
        REQUIRE(n > 0);
        CHECK(std::string(buffer, static_cast<std::size_t>(n)).find("needs an id") !=
              std::string::npos);
    }
    CHECK(!called);
    ::close(c);
}
