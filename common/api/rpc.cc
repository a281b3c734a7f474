// SPDX-License-Identifier: Apache-2.0
#include "common/api/rpc.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <vector>

namespace isthmus::api {

namespace {

constexpr std::size_t kRequestMost = 1U << 20, kUnreadMost = 8U << 20;
constexpr std::size_t kAnswerMost = 64U << 20;  // that a client accepts
constexpr unsigned kClientsMost = 64, kDepthMost = 32;

bool address_of(const std::string& path, sockaddr_un& out) {
    out = {};
    out.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof out.sun_path) return false;
    path.copy(out.sun_path, path.size());
    return true;
}

std::string reason() { return std::strerror(errno); }

/// Brackets may nest as deep as kDepthMost: the parser recurses.
bool too_deep(const std::string& line) {
    unsigned depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); i++) {
        const char c = line[i];
        if (quoted) {
            if (c == '\\') i++;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > kDepthMost) return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

Json failure(const Json& id, int code, const std::string& text) {
    return Json{{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", text}}}};
}

std::string line_of(const Json& j) {
    return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Expected<std::unique_ptr<RpcServer>> RpcServer::listen(const std::string& path, unsigned mode,
                                                       const std::string& group) {
    sockaddr_un address;
    if (!address_of(path, address))
        return Error{path, "is no path for a socket (at most 107 characters)"};
    std::error_code ignored;
    const auto dir = std::filesystem::path(path).parent_path();
    if (!dir.empty()) std::filesystem::create_directories(dir, ignored);
    if (auto other = RpcClient::connect(path, 300))
        return Error{path, "somebody answers on this socket already: is another instance running?"};
    ::unlink(path.c_str());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return Error{path, reason()};
    std::unique_ptr<RpcServer> server(new RpcServer(fd, path));
    const mode_t before = ::umask(0177);
    const int bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::umask(before);
    if (bound != 0 || ::listen(fd, 64) != 0) return Error{path, "cannot listen: " + reason()};
    if (!group.empty()) {
        const ::group* g = ::getgrnam(group.c_str());
        if (g == nullptr) return Error{path, "there is no group \"" + group + "\""};
        if (::chown(path.c_str(), static_cast<uid_t>(-1), g->gr_gid) != 0)
            return Error{path, "chown: " + reason()};
        mode |= 0060;
    }
    if (::chmod(path.c_str(), mode) != 0) return Error{path, "chmod: " + reason()};
    return server;
}

RpcServer::~RpcServer() {
    for (const auto& [fd, c] : clients_) ::close(fd);
    ::close(fd_);
    ::unlink(path_.c_str());
}

void RpcServer::on(const std::string& method, Right right, Handler handler) {
    methods_[method] = {right, std::move(handler)};
}

void RpcServer::accept_all() {
    for (;;) {
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        ucred cred{};
        socklen_t n = sizeof cred;
        if (clients_.size() >= kClientsMost ||
            ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0) {
            ::close(fd);
            continue;
        }
        clients_[fd].peer = {cred.uid, cred.gid, cred.pid};
    }
}

std::string RpcServer::answer(const Client& c, const std::string& line) const {
    if (too_deep(line)) return line_of(failure(nullptr, -32700, "nested too deep"));
    const Json request = Json::parse(line, nullptr, false);
    if (request.is_discarded()) return line_of(failure(nullptr, -32700, "not JSON"));
    const bool good = request.is_object() && request.value("jsonrpc", Json()) == "2.0" &&
                      request.contains("method") && request["method"].is_string();
    if (!good) return line_of(failure(nullptr, -32600, "not a JSON-RPC 2.0 request"));
    const Json id = request.value("id", Json());
    const auto method = methods_.find(request["method"].get<std::string>());
    if (method == methods_.end()) return line_of(failure(id, -32601, "no such method"));
    if (!guard_(c.peer, method->second.right)) {
        return line_of(failure(id, -32001,
                               "not allowed for user " + std::to_string(c.peer.uid) +
                                   "; see control.admin_group and read_group"));
    }
    const Json params = request.value("params", Json::object());
    if (!params.is_object()) return line_of(failure(id, -32602, "params must be an object"));
    const auto result = method->second.handler(params);
    if (!result) return line_of(failure(id, -32000, result.error().text()));
    return line_of(Json{{"jsonrpc", "2.0"}, {"id", id}, {"result", *result}});
}

bool RpcServer::read_from(int fd, Client& c) {
    char buffer[65536];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    c.in.append(buffer, static_cast<std::size_t>(n));
    for (std::size_t end; (end = c.in.find('\n')) != std::string::npos;) {
        const std::string line = c.in.substr(0, end);
        c.in.erase(0, end + 1);
        if (!line.empty()) c.out += answer(c, line);
        if (c.out.size() > kUnreadMost) return false;
    }
    return c.in.size() <= kRequestMost;
}

bool RpcServer::write_to(int fd, Client& c) {
    while (!c.out.empty()) {
        const ssize_t n = ::send(fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        c.out.erase(0, static_cast<std::size_t>(n));
    }
    return true;
}

void RpcServer::poll(int timeout_ms) {
    std::vector<pollfd> fds{{fd_, POLLIN, 0}};
    for (const auto& [fd, c] : clients_) {
        // Who does not read gets no more answers: his next request waits.
        const short want = c.out.empty() ? POLLIN : POLLOUT;
        fds.push_back({fd, want, 0});
    }
    if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return;
    for (std::size_t i = 1; i < fds.size(); i++) {
        if (fds[i].revents == 0) continue;
        Client& c = clients_[fds[i].fd];
        bool keep = true;
        if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) keep = read_from(fds[i].fd, c);
        if (keep) keep = write_to(fds[i].fd, c);
        if (!keep) {
            ::close(fds[i].fd);
            clients_.erase(fds[i].fd);
        }
    }
    if (fds[0].revents != 0) accept_all();
}

Expected<RpcClient> RpcClient::connect(const std::string& path, int timeout_ms) {
    sockaddr_un address;
    if (!address_of(path, address)) return Error{path, "is no path for a socket"};
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return Error{path, reason()};
    const timeval t{timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const std::string why = reason();
        ::close(fd);
        return Error{path, why};
    }
    return RpcClient(fd);
}

RpcClient::~RpcClient() {
    if (fd_ >= 0) ::close(fd_);
}

RpcClient::RpcClient(RpcClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), next_id_(other.next_id_), in_(std::move(other.in_)) {}

RpcClient& RpcClient::operator=(RpcClient&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(next_id_, other.next_id_);
    std::swap(in_, other.in_);
    return *this;
}

Error RpcClient::lost(const std::string& why) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    return Error{"", why};
}

Expected<Json> RpcClient::call(const std::string& method, const Json& params, int timeout_ms) {
    if (fd_ < 0) return Error{"", "not connected"};
    const int id = next_id_++;
    std::string out =
        line_of(Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}});
    while (!out.empty()) {
        const ssize_t n = ::send(fd_, out.data(), out.size(), MSG_NOSIGNAL);
        if (n <= 0) return lost("the connection broke while sending");
        out.erase(0, static_cast<std::size_t>(n));
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        const std::size_t at = in_.find('\n');
        if (at != std::string::npos) {
            const Json answer = Json::parse(in_.substr(0, at), nullptr, false);
            in_.erase(0, at + 1);
            if (!answer.is_object()) return lost("the answer is not JSON");
            if (answer.contains("error"))
                return Error{"", answer["error"].value("message", std::string("unknown error"))};
            if (answer.value("id", 0) == id) return answer.value("result", Json());
            continue;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                              end - std::chrono::steady_clock::now())
                              .count();
        pollfd p{fd_, POLLIN, 0};
        if (left <= 0 || ::poll(&p, 1, static_cast<int>(left)) <= 0)
            return lost("no answer within " + std::to_string(timeout_ms) + " ms");
        char buffer[65536];
        const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
        if (n <= 0) return lost("the connection was closed");
        in_.append(buffer, static_cast<std::size_t>(n));
        if (in_.size() > kAnswerMost) return lost("the answer is too long");
    }
}

}  // namespace isthmus::api
