// SPDX-License-Identifier: Apache-2.0
// JSON-RPC 2.0 over a Unix stream socket, one object a line: both sockets of Isthmus speak it.
//
// The server never blocks and never trusts: a request is at most 1 MiB, a client at most 64 at a
// time, output that a slow client leaves unread at most 8 MiB (then it is cut off), rights follow
// from the peer's credentials (SO_PEERCRED). Long lists are pages: a handler returns at most kPage
// rows and, when there are more, a cursor. A handler that must ask somebody else first is deferred:
// it keeps the Reply and calls it later; meanwhile other clients are served, and further requests
// of the same client wait in its socket.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/expected.h"

namespace isthmus::api {

using Json = nlohmann::json;

inline constexpr int kProtocolVersion = 1;
inline constexpr unsigned kPage = 1000;  // rows in one answer

struct Peer {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
    std::vector<gid_t> groups;  // supplementary ones, as they were when it connected
};

enum class Right : unsigned char { read, admin };
using Handler = std::function<Expected<Json>(const Json& params)>;
/// Answers one request; call it exactly once. The client, or the server, may have gone meanwhile.
using Reply = std::function<void(const Expected<Json>& result)>;
using DeferredHandler = std::function<void(const Json& params, Reply reply)>;
/// Whether a peer may use methods of a right.
using Guard = std::function<bool(const Peer&, Right)>;

/// The text of an answer's "error", whatever the other side put there.
[[nodiscard]] std::string error_text(const Json& error);

class RpcServer {
public:
    /// Makes the socket (directory too); refuses when somebody answers on it already. `group`
    /// empty: none.
    [[nodiscard]] static Expected<std::unique_ptr<RpcServer>> listen(const std::string& path,
                                                                     unsigned mode,
                                                                     const std::string& group);
    ~RpcServer();
    RpcServer(const RpcServer&) = delete;
    RpcServer& operator=(const RpcServer&) = delete;

    void on(const std::string& method, Right right, Handler handler);
    void on_deferred(const std::string& method, Right right, DeferredHandler handler);
    void set_guard(Guard guard) { guard_ = std::move(guard); }
    /// Serves what is there; waits at most `timeout_ms` for something. `also` are descriptors of
    /// the caller's that end the wait too: their revents are filled in.
    void poll(int timeout_ms, std::vector<pollfd>* also = nullptr);

private:
    struct Client {
        std::string in, out;
        Peer peer;
        std::uint64_t serial = 0, last_used = 0;
        bool waiting = false;  // for a deferred answer
        bool serving = false;  // serve_lines() is at work on it
    };
    struct Method {
        Right right = Right::admin;
        Handler handler;
        DeferredHandler deferred;
    };
    using Clients = std::map<int, Client>;
    RpcServer(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    void accept_all();
    bool read_from(int fd, Client& c);
    bool write_to(int fd, Client& c);
    void serve_lines(Client& c);
    void finish(std::uint64_t serial, const Json& id, const Expected<Json>& result);
    bool make_room();
    [[nodiscard]] std::string answer(Client& c, const std::string& line);

    int fd_;
    std::string path_;
    bool bound_ = false;  // the file at path_ is ours
    Clients clients_;
    std::uint64_t next_serial_ = 1, clock_ = 0;
    std::map<std::string, Method> methods_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what a Reply looks at
    Guard guard_ = [](const Peer& p, Right) { return p.uid == 0; };
};

class RpcClient {
public:
    [[nodiscard]] static Expected<RpcClient> connect(const std::string& path, int timeout_ms);
    ~RpcClient();
    RpcClient(RpcClient&& other) noexcept;
    RpcClient& operator=(RpcClient&& other) noexcept;
    RpcClient(const RpcClient&) = delete;
    RpcClient& operator=(const RpcClient&) = delete;

    /// The result, or the other side's error text. `broken()` tells whether the connection is lost.
    [[nodiscard]] Expected<Json> call(const std::string& method, const Json& params,
                                      int timeout_ms);
    [[nodiscard]] bool broken() const { return fd_ < 0; }

private:
    explicit RpcClient(int fd) : fd_(fd) {}
    Error lost(const std::string& why);
    int fd_ = -1;
    int next_id_ = 1;
    std::string in_;
};

}  // namespace isthmus::api
