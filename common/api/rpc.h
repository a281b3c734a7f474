// SPDX-License-Identifier: Apache-2.0
// JSON-RPC 2.0 over a Unix stream socket, one object a line: both sockets of Isthmus speak it
// (docs/control-protocol.md).
//
// The server never blocks and never trusts. A request is at most 1 MiB. A client whose answers lie
// unread gets no more of them, and is cut off after 30 s without reading. Clients are served in
// turns: one request each, a few milliseconds in all before poll() returns, so that neither many
// requests nor expensive ones hold up the caller's other work. At most 64 clients, of one user
// (root apart) 16: when the places are taken, the one that has been silent longest goes. Rights
// follow from the peer's credentials (SO_PEERCRED). Long lists are pages: a handler returns at most
// kPage rows and, when there are more, a cursor. A handler that must ask somebody else first is
// deferred: it keeps the Reply and calls it later; meanwhile other clients are served, and further
// requests of the same client wait.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/api/json.h"
#include "common/base/expected.h"

namespace isthmus::api {

inline constexpr int kProtocolVersion = 1;
inline constexpr unsigned kPage = 1000;  // rows in one answer

/// Codes of errors. Those of JSON-RPC 2.0, and ours.
namespace code {
inline constexpr int kNotJson = -32700, kNoRequest = -32600, kNoMethod = -32601, kParams = -32602;
inline constexpr int kRefused = -32000;    // what is asked cannot be done; nothing was changed
inline constexpr int kForbidden = -32001;  // the peer lacks the right
inline constexpr int kAway = -32002;       // the dataplane is away, or does not answer
inline constexpr int kLost = -32099;       // never sent: our end of the connection broke
}  // namespace code

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
using PeerHandler = std::function<void(const Peer& peer, const Json& params, Reply reply)>;
/// Whether a peer may use methods of a right.
using Guard = std::function<bool(const Peer&, Right)>;

/// The text of an answer's "error", whatever the other side put there.
[[nodiscard]] std::string error_text(const Json& error);
/// Text, number or truth of a parameter; the default when it is missing or of another type. A
/// number that is too large is the largest.
[[nodiscard]] std::string text_of(const Json& params, const char* name);
[[nodiscard]] std::int64_t number_of(const Json& params, const char* name, std::int64_t otherwise);
[[nodiscard]] bool truth_of(const Json& params, const char* name);

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
    void on_peer(const std::string& method, Right right, PeerHandler handler);
    void set_guard(Guard guard) { guard_ = std::move(guard); }
    /// Serves what is there; waits at most `timeout_ms` for something. `also` are descriptors of
    /// the caller's that end the wait too: their revents are filled in.
    void poll(int timeout_ms, std::vector<pollfd>* also = nullptr);
    [[nodiscard]] std::size_t n_clients() const { return clients_.size(); }

private:
    struct Client {
        std::string in, out;
        std::size_t scanned = 0;  // bytes of `in` that hold no end of a line
        Peer peer;
        std::uint64_t serial = 0, last_used = 0;
        std::int64_t unread_since_ms = 0;  // since when nothing of `out` was taken
        bool has_line = false;             // `in` holds a whole line
        bool waiting = false;              // for a deferred answer
        bool no_more = false;              // it will send nothing more
    };
    struct Method {
        Right right = Right::admin;
        PeerHandler handler;
    };
    using Clients = std::map<int, Client>;
    RpcServer(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    void accept_some();
    bool make_room(uid_t uid);
    bool read_from(int fd, Client& c);
    bool write_to(int fd, Client& c);
    void look_for_line(Client& c);
    [[nodiscard]] bool ready(const Client& c) const;
    void serve_in_turns();
    void serve_one(Client& c);
    [[nodiscard]] std::string answer(Client& c, const std::string& line);
    [[nodiscard]] Clients::iterator of_serial(std::uint64_t serial);
    void finish(std::uint64_t serial, const Json& id, const Expected<Json>& result);
    void handle(int fd, short events);
    void drop_finished();

    int fd_;
    std::string path_;
    bool bound_ = false;  // the file at path_ is ours
    Clients clients_;
    std::uint64_t next_serial_ = 1, clock_ = 0;
    int turn_of_ = -1;  // the client that was served last
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

/// The result in an answer's line, or its error.
[[nodiscard]] Expected<Json> result_of(const std::string& line, int id);

}  // namespace isthmus::api
