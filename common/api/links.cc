// SPDX-License-Identifier: Apache-2.0
#include "common/api/links.h"

#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "common/api/socket.h"

namespace isthmus::api {

RpcLinks::~RpcLinks() {
    for (const auto& l : links_) {
        if (l->fd >= 0) ::close(l->fd);
    }
}

Error RpcLinks::away(const std::string& why) const {
    return Error{"", who_ + " is away (" + why + ")", code::kAway};
}

void RpcLinks::close(Link& l) {
    if (l.fd >= 0) ::close(l.fd);
    l.fd = -1;
    l.in.clear();
    l.out.clear();
    l.scanned = 0;
}

bool RpcLinks::open(Link& l) {
    char byte;
    // An idle connection that has something to say, or has ended, belongs to a server that is gone.
    if (l.fd >= 0 && ::recv(l.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
        return true;
    close(l);
    sockaddr_un address;
    if (!address_of(path_, address)) {
        trouble_ = path_ + ": is no path for a socket";
        return false;
    }
    l.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l.fd >= 0 &&
        ::connect(l.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        trouble_.clear();
        return true;
    }
    trouble_ =
        path_ + ": " + (errno == EAGAIN ? "it accepts nobody: does it stand still?" : reason());
    close(l);
    return false;
}

RpcLinks::Link* RpcLinks::free_link() {
    for (const auto& l : links_) {
        if (!l->reply) return l.get();
    }
    if (links_.size() >= kLinksMost) return nullptr;
    links_.push_back(std::make_unique<Link>());
    return links_.back().get();
}

void RpcLinks::start(Link& l, Request request) {
    if (!open(l)) return request.reply(away(trouble_));
    l.id = next_id_++;
    if (next_id_ < 0) next_id_ = 1;
    l.out = line_of(Json{
        {"jsonrpc", "2.0"}, {"id", l.id}, {"method", request.method}, {"params", request.params}});
    l.deadline_ms = request.deadline_ms;
    l.reply = std::move(request.reply);
}

void RpcLinks::ask(const std::string& method, const Json& params, int timeout_ms, Reply reply) {
    Request request{method, params, now_ms() + timeout_ms, std::move(reply)};
    Link* const l = free_link();
    if (l != nullptr) {
        start(*l, std::move(request));
        if (l->reply) serve();  // what can be sent is sent now
        return;
    }
    if (queue_.size() >= kQueueMost) return request.reply(away("too many requests wait for it"));
    queue_.push_back(std::move(request));
}

void RpcLinks::wait_for(std::vector<pollfd>& fds) const {
    for (const auto& l : links_) {
        if (!l->reply) continue;
        const short want = l->out.empty() ? short{POLLIN} : short{POLLOUT};
        fds.push_back({l->fd, want, 0});
    }
}

std::optional<Expected<Json>> RpcLinks::advance(Link& l) {
    while (!l.out.empty()) {
        const ssize_t n = ::send(l.fd, l.out.data(), l.out.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return away("the connection broke");
        l.out.erase(0, static_cast<std::size_t>(n));
    }
    char buffer[65536];
    for (ssize_t n = 0; (n = ::recv(l.fd, buffer, sizeof buffer, 0)) >= 0;) {
        if (n == 0) return away("it closed the connection");
        l.in.append(buffer, static_cast<std::size_t>(n));
        if (l.in.size() > kAnswerMost) return away("its answer is too long");
        const std::size_t at = l.in.find('\n', l.scanned);
        l.scanned = l.in.size();
        if (at == std::string::npos) continue;
        auto result = result_of(l.in.substr(0, at), l.id);
        l.in.clear();  // one request at a time: nothing may follow
        l.scanned = 0;
        return result;
    }
    if (errno != EAGAIN && errno != EINTR) return away(reason());
    if (now_ms() >= l.deadline_ms) {
        close(l);  // a late answer must not meet the next request
        return Error{"", who_ + " does not answer; is it at a standstill?", code::kAway};
    }
    return std::nullopt;
}

/// The last ones: free_link() takes the first that is free, so those are the ones that rest.
void RpcLinks::close_idle(std::int64_t now) {
    while (links_.size() > 1 && !links_.back()->reply &&
           now - links_.back()->idle_since_ms >= idle_ms_) {
        close(*links_.back());
        links_.pop_back();
    }
}

void RpcLinks::serve() {
    for (std::size_t i = 0; i < links_.size(); i++) {  // a Reply may add links
        Link& l = *links_[i];
        if (!l.reply) continue;
        const auto outcome = advance(l);
        if (!outcome) continue;
        if (!*outcome &&
            (outcome->error().code == code::kAway || outcome->error().code == code::kLost))
            close(l);
        const Reply reply = std::exchange(l.reply, nullptr);
        l.idle_since_ms = now_ms();
        reply(*outcome);
    }
    const std::int64_t now = now_ms();
    close_idle(now);
    while (!queue_.empty()) {
        Request& first = queue_.front();
        Link* const l = now < first.deadline_ms ? free_link() : nullptr;
        if (l == nullptr && now < first.deadline_ms) return;
        Request request = std::move(first);
        queue_.pop_front();
        if (l == nullptr) {
            request.reply(away("it is busy with earlier requests"));
        } else {
            start(*l, std::move(request));
        }
    }
}

}  // namespace isthmus::api
