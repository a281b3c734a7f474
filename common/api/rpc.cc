// SPDX-License-Identifier: Apache-2.0
#include "common/api/rpc.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
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

/// Removes what a dead server left; only ever a socket.
Status clear_path(const std::string& path) {
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) return Done{};
    if (!S_ISSOCK(st.st_mode))
        return Error{path, "is there and is no socket: it is left alone; choose another path"};
    if (auto other = RpcClient::connect(path, 300))
        return Error{path, "somebody answers on this socket already: is another instance running?"};
    if (errno == EAGAIN || errno == EACCES)
        return Error{path, "is in use (" + reason() + "): is another instance running?"};
    ::unlink(path.c_str());
    return Done{};
}

std::vector<gid_t> groups_of(int fd) {
    std::vector<gid_t> out(64);
    auto n = static_cast<socklen_t>(out.size() * sizeof(gid_t));
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out.data(), &n) != 0) {
        if (errno != ERANGE) return {};
        out.resize(n / sizeof(gid_t));  // the kernel said how many there are
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out.data(), &n) != 0) return {};
    }
    out.resize(n / sizeof(gid_t));
    return out;
}

std::string line_of(const Json& j) {
    return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string line_of_result(const Json& id, const Expected<Json>& result) {
    if (!result) return line_of(failure(id, -32000, result.error().text()));
    return line_of(Json{{"jsonrpc", "2.0"}, {"id", id}, {"result", *result}});
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
    const Status cleared = clear_path(path);
    if (!cleared) return cleared.error();
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return Error{path, reason()};
    std::unique_ptr<RpcServer> server(new RpcServer(fd, path));
    const mode_t before = ::umask(0177);
    const int bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::umask(before);
    server->bound_ = bound == 0;
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

std::string error_text(const Json& error) {
    const Json text = error.is_object() ? error.value("message", Json()) : Json();
    return text.is_string() ? text.get<std::string>() : "an error without a text";
}

RpcServer::~RpcServer() {
    for (const auto& [fd, c] : clients_) ::close(fd);
    ::close(fd_);
    if (bound_) ::unlink(path_.c_str());
}

void RpcServer::on(const std::string& method, Right right, Handler handler) {
    methods_[method] = {right, std::move(handler), {}};
}

void RpcServer::on_deferred(const std::string& method, Right right, DeferredHandler handler) {
    methods_[method] = {right, {}, std::move(handler)};
}

/// When all places are taken, the client that has been silent longest goes: idle connections must
/// not lock the operator out. False: all of them are at work.
bool RpcServer::make_room() {
    if (clients_.size() < kClientsMost) return true;
    auto oldest = clients_.end();
    for (auto i = clients_.begin(); i != clients_.end(); ++i) {
        if (i->second.waiting) continue;
        if (oldest == clients_.end() || i->second.last_used < oldest->second.last_used) oldest = i;
    }
    if (oldest == clients_.end()) return false;
    ::close(oldest->first);
    clients_.erase(oldest);
    return true;
}

void RpcServer::accept_all() {
    for (;;) {
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        ucred cred{};
        socklen_t n = sizeof cred;
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0 || !make_room()) {
            ::close(fd);
            continue;
        }
        Client& c = clients_[fd];
        c.peer = {cred.uid, cred.gid, cred.pid, groups_of(fd)};
        c.serial = next_serial_++;
        c.last_used = ++clock_;
    }
}

/// The answer's line; empty when it comes later.
std::string RpcServer::answer(Client& c, const std::string& line) {
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
    if (method->second.deferred) {
        c.waiting = true;
        method->second.deferred(params, [this, alive = std::weak_ptr<bool>(alive_),
                                         serial = c.serial, id](const Expected<Json>& result) {
            if (!alive.expired()) finish(serial, id, result);
        });
        return {};
    }
    return line_of_result(id, method->second.handler(params));
}

void RpcServer::finish(std::uint64_t serial, const Json& id, const Expected<Json>& result) {
    const auto at = std::find_if(clients_.begin(), clients_.end(),
                                 [&](const auto& c) { return c.second.serial == serial; });
    if (at == clients_.end() || !at->second.waiting) return;
    at->second.waiting = false;
    at->second.out += line_of_result(id, result);
    serve_lines(at->second);
    (void)write_to(at->first, at->second);  // poll() finds out when the client has gone
}

/// Answers the whole lines that have come, up to one whose answer comes later. Not entered twice
/// for one client: a deferred handler may answer at once.
void RpcServer::serve_lines(Client& c) {
    if (c.serving) return;
    c.serving = true;
    std::size_t begin = 0;
    while (!c.waiting && c.out.size() <= kUnreadMost) {
        const std::size_t end = c.in.find('\n', begin);
        if (end == std::string::npos) break;
        if (end != begin) c.out += answer(c, c.in.substr(begin, end - begin));
        begin = end + 1;
    }
    c.in.erase(0, begin);
    c.serving = false;
}

bool RpcServer::read_from(int fd, Client& c) {
    char buffer[65536];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    c.in.append(buffer, static_cast<std::size_t>(n));
    c.last_used = ++clock_;
    serve_lines(c);
    return c.in.size() <= kRequestMost && c.out.size() <= kUnreadMost;
}

bool RpcServer::write_to(int fd, Client& c) {
    while (!c.out.empty()) {
        const ssize_t n = ::send(fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        c.out.erase(0, static_cast<std::size_t>(n));
    }
    return true;
}

void RpcServer::poll(int timeout_ms, std::vector<pollfd>* also) {
    std::vector<pollfd> fds{{fd_, POLLIN, 0}};
    for (const auto& [fd, c] : clients_) {
        // Who does not read gets no more answers, and who waits for one none before it: his next
        // request waits.
        const short want = !c.out.empty() ? POLLOUT : (c.waiting ? short{0} : POLLIN);
        fds.push_back({fd, want, 0});
    }
    const std::size_t end = fds.size();
    if (also != nullptr) {
        for (pollfd& p : *also) p.revents = 0;
        fds.insert(fds.end(), also->begin(), also->end());
    }
    if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return;
    if (also != nullptr) std::copy(fds.begin() + static_cast<long>(end), fds.end(), also->begin());
    for (std::size_t i = 1; i < end; i++) {
        if (fds[i].revents == 0) continue;
        Client& c = clients_[fds[i].fd];
        bool keep = true;
        if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) keep = read_from(fds[i].fd, c);
        if (keep) keep = write_to(fds[i].fd, c);
        if (keep) serve_lines(c);
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
        const int error = errno;  // clear_path() looks at it
        ::close(fd);
        errno = error;
        return Error{path, std::strerror(error)};
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
            if (answer.contains("error")) return Error{"", error_text(answer["error"])};
            if (answer.value("id", Json()) == id && answer.contains("result"))
                return answer["result"];
            return lost("the answer is none to our request");
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
