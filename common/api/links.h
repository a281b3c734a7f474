// SPDX-License-Identifier: Apache-2.0
// A client that never waits: several connections to one server, each with one request under way.
//
// ask() sends and returns; the Reply comes out of serve(), or at once when there is nobody to ask.
// A request has a deadline: when it passes, its connection is given up (so that a late answer
// disturbs nobody) and the Reply says so. A server that stands still costs its caller a time-out,
// and nothing else.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "common/api/rpc.h"

namespace isthmus::api {

class RpcLinks {
public:
    /// `who`: the server's name in messages: "the dataplane".
    /// A connection that was opened for a request beside others is closed when it was idle for
    /// `idle_ms`; one stays.
    RpcLinks(std::string path, std::string who, std::int64_t idle_ms = 10'000)
        : path_(std::move(path)), who_(std::move(who)), idle_ms_(idle_ms) {}
    ~RpcLinks();
    RpcLinks(const RpcLinks&) = delete;
    RpcLinks& operator=(const RpcLinks&) = delete;

    void ask(const std::string& method, const Json& params, int timeout_ms, Reply reply);
    /// The descriptors to wait for, appended.
    void wait_for(std::vector<pollfd>& fds) const;
    /// After the wait: sends, receives, gives up what is too late; calls Replies.
    void serve();
    /// Why the last connection failed; empty when it did not.
    [[nodiscard]] const std::string& trouble() const { return trouble_; }
    [[nodiscard]] std::size_t n_connections() const { return links_.size(); }

    static constexpr unsigned kLinksMost = 16;
    static constexpr unsigned kQueueMost = 256;  // requests that wait for a free connection

private:
    struct Request {
        std::string method;
        Json params;
        std::int64_t deadline_ms = 0;
        Reply reply;
    };
    struct Link {
        int fd = -1;
        int id = 0;
        std::string in, out;
        std::size_t scanned = 0;
        std::int64_t deadline_ms = 0;
        Reply reply;  // empty: idle
        std::int64_t idle_since_ms = 0;
    };
    Link* free_link();
    bool open(Link& l);
    void start(Link& l, Request request);
    void close(Link& l);
    void close_idle(std::int64_t now);
    /// Sends and receives what can be; the outcome when the request is over.
    [[nodiscard]] std::optional<Expected<Json>> advance(Link& l);
    [[nodiscard]] Error away(const std::string& why) const;

    std::string path_, who_, trouble_;
    std::int64_t idle_ms_;
    std::vector<std::unique_ptr<Link>> links_;
    std::deque<Request> queue_;
    int next_id_ = 1;
};

}  // namespace isthmus::api
