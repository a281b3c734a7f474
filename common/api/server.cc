// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/api/rpc.h"
#include "common/api/socket.h"

namespace isthmus::api {

namespace {

constexpr std::size_t kRequestMost = 1U << 20;
constexpr std::size_t kUnreadMost = 64U << 10;  // beyond it no further request is answered
constexpr std::int64_t kUnreadMs = 30'000;      // then the client is cut off
constexpr std::int64_t kTurnMs = 5;             // of serving before poll() returns
constexpr unsigned kClientsMost = 64, kOfUserMost = 16, kAcceptsMost = 16, kDepthMost = 32;

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

std::string failure(const Json& id, int code, const std::string& text) {
    return line_of(
        Json{{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", text}}}});
}

std::string line_of_result(const Json& id, const Expected<Json>& result) {
    if (result) return line_of(Json{{"jsonrpc", "2.0"}, {"id", id}, {"result", *result}});
    const Error& e = result.error();
    return failure(id, e.code == 0 ? code::kRefused : e.code, e.text());
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
    server->on("methods", Right::read, [s = server.get()](const Json&) -> Expected<Json> {
        Json out = Json::array();
        for (const auto& [name, m] : s->methods_)
            out.push_back(
                {{"method", name}, {"right", m.right == Right::admin ? "admin" : "read"}});
        return out;
    });
    return server;
}

RpcServer::~RpcServer() {
    for (const auto& [fd, c] : clients_) ::close(fd);
    ::close(fd_);
    if (bound_) ::unlink(path_.c_str());
}

void RpcServer::on(const std::string& method, Right right, Handler handler) {
    on_peer(method, right,
            [handler = std::move(handler)](const Peer&, const Json& params, const Reply& reply) {
                reply(handler(params));
            });
}

void RpcServer::on_deferred(const std::string& method, Right right, DeferredHandler handler) {
    on_peer(method, right,
            [handler = std::move(handler)](const Peer&, const Json& params, Reply reply) {
                handler(params, std::move(reply));
            });
}

void RpcServer::on_peer(const std::string& method, Right right, PeerHandler handler) {
    methods_[method] = {right, std::move(handler)};
}

/// When all places are taken, or all of one user, the client that has been silent longest goes:
/// idle connections must not lock the operator out, nor one user another. False: all of them are
/// at work.
bool RpcServer::make_room(uid_t uid) {
    const auto of_user = std::count_if(clients_.begin(), clients_.end(), [&](const auto& c) {
        return uid != 0 && c.second.peer.uid == uid;
    });
    const bool own = of_user >= kOfUserMost;
    if (!own && clients_.size() < kClientsMost) return true;
    auto oldest = clients_.end();
    for (auto i = clients_.begin(); i != clients_.end(); ++i) {
        if (i->second.waiting || (own && i->second.peer.uid != uid)) continue;
        if (oldest == clients_.end() || i->second.last_used < oldest->second.last_used) oldest = i;
    }
    if (oldest == clients_.end()) return false;
    ::close(oldest->first);
    clients_.erase(oldest);
    return true;
}

void RpcServer::accept_some() {
    for (unsigned n = 0; n < kAcceptsMost; n++) {
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        ucred cred{};
        socklen_t size = sizeof cred;
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0 || !make_room(cred.uid)) {
            ::close(fd);
            continue;
        }
        Client& c = clients_[fd];
        c.peer = {cred.uid, cred.gid, cred.pid, groups_of(fd)};
        c.serial = next_serial_++;
        c.last_used = ++clock_;
    }
}

/// The answer's line; empty when it comes later, or came already.
std::string RpcServer::answer(Client& c, const std::string& line) {
    if (too_deep(line)) return failure(nullptr, code::kNotJson, "nested too deep");
    const Json request = from_text(line);
    if (request.is_discarded()) return failure(nullptr, code::kNotJson, "not JSON");
    const bool good = request.is_object() && request.value("jsonrpc", Json()) == "2.0" &&
                      request.contains("method") && request["method"].is_string();
    if (!good) return failure(nullptr, code::kNoRequest, "not a JSON-RPC 2.0 request");
    const Json id = request.value("id", Json());
    if (!id.is_string() && !id.is_number())
        return failure(nullptr, code::kNoRequest, "a request needs an id: a number or a text");
    const auto method = methods_.find(request["method"].get<std::string>());
    if (method == methods_.end()) return failure(id, code::kNoMethod, "no such method");
    if (!guard_(c.peer, method->second.right)) {
        const bool admin = method->second.right == Right::admin;
        return failure(id, code::kForbidden,
                       "user " + std::to_string(c.peer.uid) + " may not " +
                           (admin ? "change anything; see control.admin_group and admin_users"
                                  : "read; see control.read_group and read_users") +
                           " in isthmus.conf(5)");
    }
    const Json params = request.value("params", Json::object());
    if (!params.is_object()) return failure(id, code::kParams, "params must be an object");
    c.waiting = true;
    method->second.handler(c.peer, params,
                           [this, alive = std::weak_ptr<bool>(alive_), serial = c.serial,
                            id](const Expected<Json>& result) {
                               if (!alive.expired()) finish(serial, id, result);
                           });
    return {};
}

RpcServer::Clients::iterator RpcServer::of_serial(std::uint64_t serial) {
    return std::find_if(clients_.begin(), clients_.end(),
                        [&](const auto& c) { return c.second.serial == serial; });
}

void RpcServer::finish(std::uint64_t serial, const Json& id, const Expected<Json>& result) {
    const auto at = of_serial(serial);
    if (at == clients_.end() || !at->second.waiting) return;
    at->second.waiting = false;
    at->second.out += line_of_result(id, result);
    (void)write_to(at->first, at->second);  // poll() finds out when the client has gone
}

void RpcServer::look_for_line(Client& c) {
    const std::size_t end = c.in.find('\n', c.scanned);
    c.has_line = end != std::string::npos;
    c.scanned = c.has_line ? end : c.in.size();
}

bool RpcServer::ready(const Client& c) const {
    return c.has_line && !c.waiting && c.out.size() <= kUnreadMost;
}

void RpcServer::serve_one(Client& c) {
    const std::string line = c.in.substr(0, c.scanned);
    c.in.erase(0, c.scanned + 1);
    c.scanned = 0;
    look_for_line(c);
    if (line.empty()) return;
    const std::uint64_t serial = c.serial;
    const std::string out = answer(c, line);
    // The handler may have run this server's poll(), or the client may be gone: look again.
    const auto at = of_serial(serial);
    if (at == clients_.end() || out.empty()) return;
    at->second.out += out;
    (void)write_to(at->first, at->second);
}

/// One request of each client that has one, round and round, until the turn's time is over; the
/// next turn goes on where this one stopped.
void RpcServer::serve_in_turns() {
    const std::int64_t end = now_ms() + kTurnMs;
    for (bool any = true; any;) {
        any = false;
        for (std::size_t n = clients_.size(); n > 0; n--) {
            auto at = clients_.upper_bound(turn_of_);
            if (at == clients_.end()) at = clients_.begin();
            if (at == clients_.end()) return;
            turn_of_ = at->first;
            if (!ready(at->second)) continue;
            any = true;
            serve_one(at->second);
            if (now_ms() >= end) return;
        }
    }
}

bool RpcServer::read_from(int fd, Client& c) {
    char buffer[65536];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n == 0) {
        c.no_more = true;  // it may still wait for answers
        return true;
    }
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    c.in.append(buffer, static_cast<std::size_t>(n));
    c.last_used = ++clock_;
    look_for_line(c);
    return c.has_line || c.in.size() <= kRequestMost;
}

bool RpcServer::write_to(int fd, Client& c) {
    std::size_t sent = 0;
    bool keep = true;
    while (sent < c.out.size()) {
        const ssize_t n = ::send(fd, c.out.data() + sent, c.out.size() - sent, MSG_NOSIGNAL);
        if (n < 0) {
            keep = errno == EAGAIN || errno == EINTR;
            break;
        }
        sent += static_cast<std::size_t>(n);
    }
    c.out.erase(0, sent);
    if (sent != 0 || c.out.empty()) c.unread_since_ms = now_ms();
    return keep;
}

/// What poll() said of one client.
void RpcServer::handle(int fd, short events) {
    const auto at = clients_.find(fd);
    if (events == 0 || at == clients_.end()) return;
    Client& c = at->second;
    // After POLLHUP nobody is there to hear an answer: what was asked is not done any more.
    bool keep = (events & (POLLERR | POLLHUP | POLLNVAL)) == 0;
    if (keep && (events & POLLIN) != 0) keep = read_from(fd, c);
    if (keep && (events & POLLOUT) != 0) keep = write_to(fd, c);
    if (keep) return;
    ::close(fd);
    clients_.erase(at);
}

/// Clients that have said and heard all, and those that do not read.
void RpcServer::drop_finished() {
    const std::int64_t now = now_ms();
    for (auto i = clients_.begin(); i != clients_.end();) {
        const Client& c = i->second;
        const bool done = c.no_more && !c.has_line && !c.waiting && c.out.empty();
        const bool deaf = !c.out.empty() && now - c.unread_since_ms > kUnreadMs;
        if (!done && !deaf) {
            ++i;
            continue;
        }
        ::close(i->first);
        i = clients_.erase(i);
    }
}

void RpcServer::poll(int timeout_ms, std::vector<pollfd>* also) {
    std::vector<pollfd> fds{{fd_, POLLIN, 0}};
    for (const auto& [fd, c] : clients_) {
        // Who does not read gets no more answers, and who waits for one none before it: his next
        // request waits in his socket.
        short want = c.out.empty() ? short{0} : short{POLLOUT};
        if (!c.has_line && !c.waiting && !c.no_more && c.out.size() <= kUnreadMost)
            want = static_cast<short>(want | POLLIN);
        if (ready(c)) timeout_ms = 0;
        fds.push_back({fd, want, 0});
    }
    const std::size_t end = fds.size();
    if (also != nullptr) {
        for (pollfd& p : *also) p.revents = 0;
        fds.insert(fds.end(), also->begin(), also->end());
    }
    if (::poll(fds.data(), fds.size(), timeout_ms) > 0) {
        if (also != nullptr)
            std::copy(fds.begin() + static_cast<long>(end), fds.end(), also->begin());
        for (std::size_t i = 1; i < end; i++) handle(fds[i].fd, fds[i].revents);
        if (fds[0].revents != 0) accept_some();
    }
    serve_in_turns();
    drop_finished();
}

}  // namespace isthmus::api
