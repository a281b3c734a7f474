// SPDX-License-Identifier: Apache-2.0
// The sockets of Isthmus: what a server does with clients that are slow, silent, wrong or gone, and
// what a client does with answers that make no sense.
#include "common/api/rpc.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/api/socket.h"
#include "test/unit/folder.h"

using namespace isthmus;
using api::Json;

namespace {

/// A client of bytes, so that it can say anything.
class Raw {
public:
    explicit Raw(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        path.copy(a.sun_path, sizeof a.sun_path - 1);
        REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
    }
    ~Raw() { ::close(fd_); }
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;
    void say(const std::string& text) const {
        REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }
    bool try_to_say(const std::string& text) const {
        return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) > 0;
    }
    void no_more() const { ::shutdown(fd_, SHUT_WR); }
    /// What has come until now; "closed" when the server has hung up.
    std::string heard() const {
        std::array<char, 65536> buffer{};
        const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        // A Unix socket that is closed with something unread in it is a reset for the other end.
        if (n == 0 || (n < 0 && errno == ECONNRESET)) return "closed";
        return n < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(n));
    }

private:
    int fd_;
};

std::string request(const std::string& method, int id = 1) {
    return api::line_of({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}});
}

void turns(api::RpcServer& s, int n = 4) {
    for (int i = 0; i < n; i++) s.poll(5);
}

std::unique_ptr<api::RpcServer> listen(const std::string& path) {
    auto s = api::RpcServer::listen(path, 0600, "");
    REQUIRE(s);
    (*s)->set_guard([](const api::Peer&, api::Right) { return true; });
    (*s)->on("now", api::Right::read, [](const Json&) -> Expected<Json> { return Json("now"); });
    return std::move(*s);
}

}  // namespace

TEST_CASE("a deferred answer holds up its own client only") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    std::vector<api::Reply> kept;
    server->on_deferred("later", api::Right::read,
                        [&](const Json&, api::Reply r) { kept.push_back(std::move(r)); });
    const Raw waits(dir.path + "/s"), other(dir.path + "/s");
    turns(*server);
    waits.say(request("later", 7) + request("now", 8));
    other.say(request("now"));
    turns(*server);
    CHECK(other.heard().find("\"now\"") != std::string::npos);
    CHECK(waits.heard().empty());  // its second request waits behind the first
    REQUIRE(kept.size() == 1);
    kept[0](Json("then"));
    turns(*server);
    const std::string all = waits.heard();
    CHECK(all.find("\"then\"") < all.find("\"now\""));
    CHECK(all.find("\"now\"") != std::string::npos);
    kept[0](Json("twice"));  // ignored
    turns(*server);
    CHECK(waits.heard().empty());
}

TEST_CASE("a deferred answer may come at once, and thousands of them in a row") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    server->on_deferred("at once", api::Right::read,
                        [](const Json&, const api::Reply& r) { r(Json(1)); });
    const Raw c(dir.path + "/s");
    turns(*server);
    std::string many;
    for (int i = 0; i < 1000; i++) many += request("at once", i);
    c.say(many);
    std::string all;
    for (int i = 0; i < 200; i++) {
        server->poll(1);
        all += c.heard();
    }
    CHECK(std::count(all.begin(), all.end(), '\n') == 1000);
}

TEST_CASE("a reply outlives its client and its server") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    std::vector<api::Reply> kept;
    server->on_deferred("later", api::Right::read,
                        [&](const Json&, api::Reply r) { kept.push_back(std::move(r)); });
    {
        const Raw gone(dir.path + "/s");
        turns(*server);
        gone.say(request("later"));
        turns(*server);
    }
    turns(*server);
    REQUIRE(kept.size() == 1);
    kept[0](Json(1));
    const Raw stays(dir.path + "/s");
    turns(*server);
    stays.say(request("later"));
    stays.no_more();  // as `nc -N` does: it still gets its answer
    turns(*server);
    REQUIRE(kept.size() == 2);
    CHECK(stays.heard().empty());
    kept[1](Json("late"));
    turns(*server);
    CHECK(stays.heard().find("late") != std::string::npos);
    server.reset();
    kept[1](Json(1));
}

TEST_CASE("idle connections do not lock anybody out") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    std::vector<std::unique_ptr<Raw>> idle;
    for (int i = 0; i < 70; i++) {
        idle.push_back(std::make_unique<Raw>(dir.path + "/s"));
        turns(*server, 1);
    }
    const Raw c(dir.path + "/s");
    turns(*server);
    c.say(request("now"));
    turns(*server);
    CHECK(c.heard().find("\"now\"") != std::string::npos);
    CHECK(idle.front()->heard() == "closed");
    CHECK(idle.back()->heard().empty());
}

TEST_CASE(
    "a line without an end, garbage and deep nesting end in an error or in the connection's "
    "end") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    const Raw c(dir.path + "/s");
    turns(*server);
    for (const std::string bad : {"{\n", "[]\n", "\"x\"\n", "{\"jsonrpc\":\"2.0\"}\n",
                                  "{\"jsonrpc\":\"2.0\",\"method\":[]}\n"}) {
        c.say(bad);
        turns(*server);
        CHECK(c.heard().find("\"error\"") != std::string::npos);
    }
    c.say(std::string(50000, '[') + "\n");
    turns(*server);
    CHECK(c.heard().find("too deep") != std::string::npos);
    std::atomic<bool> said{false};
    std::thread flood([&] {
        const std::string x(1 << 16, 'x');
        for (int i = 0; i < 40 && c.try_to_say(x); i++) {
        }
        said = true;
    });
    // On a busy machine the thread may begin late.
    for (int i = 0; i < 20000 && !said; i++) server->poll(1);
    const Raw next(dir.path + "/s");
    turns(*server);
    next.say(request("now"));
    turns(*server);
    CHECK(next.heard().find("\"now\"") != std::string::npos);
    flood.join();
    turns(*server);
    CHECK(c.heard() == "closed");
}

TEST_CASE("a server takes over a dead server's socket, and nothing else") {
    const Folder dir;
    const std::string path = dir.path + "/s";
    std::ofstream(path) << "precious";
    const auto file = api::RpcServer::listen(path, 0600, "");
    REQUIRE(!file);
    CHECK(file.error().text().find("no socket") != std::string::npos);
    CHECK(std::filesystem::file_size(path) == 8);
    std::filesystem::remove(path);
    {
        auto first = listen(path);
        std::atomic<bool> stop{false};
        std::thread serve([&] {
            while (!stop) first->poll(10);
        });
        const auto second = api::RpcServer::listen(path, 0600, "");
        stop = true;
        serve.join();
        REQUIRE(!second);
        CHECK(second.error().text().find("another instance") != std::string::npos);
        CHECK(std::filesystem::exists(path));
    }
    CHECK(!std::filesystem::exists(path));
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    path.copy(a.sun_path, sizeof a.sun_path - 1);
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::bind(dead, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
    ::close(dead);
    CHECK(api::RpcServer::listen(path, 0600, "").ok());
}

TEST_CASE("the peer's credentials come with its groups") {
    const Folder dir;
    auto server = listen(dir.path + "/s");
    api::Peer seen;
    server->set_guard([&](const api::Peer& p, api::Right) {
        seen = p;
        return true;
    });
    const Raw c(dir.path + "/s");
    turns(*server);
    c.say(request("now"));
    turns(*server);
    CHECK(seen.uid == ::geteuid());
    CHECK(seen.pid == ::getpid());
    std::array<gid_t, 256> mine{};
    CHECK(static_cast<int>(seen.groups.size()) ==
          ::getgroups(static_cast<int>(mine.size()), mine.data()));
}

TEST_CASE("a client survives answers that make no sense") {
    for (const std::string text :
         {"[1]", "1", "{}", "not json", R"({"id":1,"error":"boom"})", R"({"id":1,"error":{}})",
          R"({"id":1,"error":{"message":[]}})", R"({"id":"x","result":1})", R"({"id":1})",
          R"({"id":99,"result":1})"}) {
        INFO(text);
        const Folder dir;
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        (dir.path + "/s").copy(a.sun_path, sizeof a.sun_path - 1);
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
        REQUIRE(::listen(fd, 1) == 0);
        std::thread fake([&] {
            const int c = ::accept(fd, nullptr, nullptr);
            std::array<char, 4096> in{};
            (void)!::recv(c, in.data(), in.size(), 0);
            const std::string line = text + "\n";
            (void)!::send(c, line.data(), line.size(), MSG_NOSIGNAL);
            ::close(c);
        });
        auto client = api::RpcClient::connect(dir.path + "/s", 500);
        REQUIRE(client);
        CHECK(!client->call("status", Json::object(), 1000).ok());
        fake.join();
        ::close(fd);
    }
}
