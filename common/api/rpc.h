// SPDX-License-Identifier: Apache-2.0
// JSON-RPC 2.0 over a Unix stream socket, one object a line: both sockets of Isthmus speak it.
//
// The server never blocks and never trusts: a request is at most 1 MiB, a client at most 64 at a
// time, output that a slow client leaves unread at most 8 MiB (then it is cut off), rights follow
// from the peer's credentials (SO_PEERCRED). Long lists are pages: a handler returns at most kPage
// rows and, when there are more, a cursor.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/expected.h"

namespace isthmus::api {

using Json = nlohmann::json;

inline constexpr int kProtocolVersion = 1;
inline constexpr unsigned kPage = 1000;  // rows in one answer

struct Peer {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
};

enum class Right : unsigned char { read, admin };
using Handler = std::function<Expected<Json>(const Json& params)>;
/// Whether a peer may use methods of a right.
using Guard = std::function<bool(const Peer&, Right)>;

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
    void set_guard(Guard guard) { guard_ = std::move(guard); }
    /// Serves what is there; waits at most `timeout_ms` for something.
    void poll(int timeout_ms);

private:
    struct Client {
        std::string in, out;
        Peer peer;
        bool closing = false;
    };
    struct Method {
        Right right = Right::admin;
        Handler handler;
    };
    RpcServer(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    void accept_all();
    bool read_from(int fd, Client& c);
    bool write_to(int fd, Client& c);
    [[nodiscard]] std::string answer(const Client& c, const std::string& line) const;

    int fd_;
    std::string path_;
    std::map<int, Client> clients_;
    std::map<std::string, Method> methods_;
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
