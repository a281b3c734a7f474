// SPDX-License-Identifier: Apache-2.0
#include "dns64/gateway_watch.h"

#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "common/api/rpc.h"
#include "common/api/socket.h"
#include "common/config/parse_dns64.h"
#include "common/log/log.h"
#include "dns64/socket.h"

namespace isthmus::dns64 {

namespace {

using api::Json;

constexpr auto kRound = std::chrono::seconds(1);
constexpr int kAnswerMs = 2000;
constexpr std::size_t kAnswerMost = std::size_t{4} << 20;

/// A connected socket that is closed at the end; its calls wait for a second at most.
class Connection {
public:
    explicit Connection(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval second{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
    }
    ~Connection() {
        if (fd_ >= 0) ::close(fd_);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] bool connect(const sockaddr* to, socklen_t n) const {
        return fd_ >= 0 && ::connect(fd_, to, n) == 0;
    }
    /// Sends `text`, and reads until `end` has come or, where it is empty, the connection ends.
    [[nodiscard]] bool exchange(const std::string& text, const std::string& end,
                                std::string& answer) const {
        if (::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(text.size()))
            return false;
        const std::int64_t deadline = api::now_ms() + kAnswerMs;
        char part[16384];
        while (answer.size() < kAnswerMost && api::now_ms() < deadline) {
            const ssize_t n = ::recv(fd_, part, sizeof part, 0);
            if (n < 0) return false;
            if (n == 0) return end.empty();
            answer.append(part, static_cast<std::size_t>(n));
            if (!end.empty() && answer.find(end) != std::string::npos) return true;
        }
        return false;
    }

private:
    int fd_;
};

Error silent(const std::string& status) {
    const int e = errno;
    return Error{
        status, e == EAGAIN || e == EINPROGRESS || e == 0 ? "no answer in time" : std::strerror(e)};
}

/// isthmus-control's socket.
Expected<bool> ask_socket(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (path.size() >= sizeof to.sun_path) return Error{path, "is too long"};
    std::copy(path.begin(), path.end(), to.sun_path);
    const Connection c(AF_UNIX);
    std::string answer;
    errno = 0;
    if (!c.connect(reinterpret_cast<const sockaddr*>(&to), sizeof to) ||
        !c.exchange("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n", "\n", answer))
        return silent(path);
    const Json j = api::from_text(answer);
    if (!j.is_object() || !j.contains("result")) {
        const Json error = j.is_object() ? j.value("error", Json::object()) : Json(Json::object());
        return Error{path, "refuses: " + api::text_of(error, "message")};
    }
    return api::text_of(j["result"].value("dataplane", Json::object()), "state") == "running";
}

/// isthmus-control's HTTP port (control.http).
Expected<bool> ask_http(const std::string& url) {
    std::string why;
    const auto e = config::parse_endpoint(url.substr(config::kHttp.size()), why);
    if (!e) return Error{url, why};
    const SocketAddress to = SocketAddress::of(*e);
    const Connection c(to.family());
    std::string answer;
    errno = 0;
    if (!c.connect(to.raw(), to.size()) ||
        !c.exchange("GET /status.json HTTP/1.0\r\nHost: gateway\r\nConnection: close\r\n\r\n", "",
                    answer))
        return silent(url);
    const auto body = answer.find("\r\n\r\n");
    const Json j = body == std::string::npos ? Json() : api::from_text(answer.substr(body));
    const Json dataplane = j.is_object() ? j.value("dataplane", Json()) : Json();
    if (!dataplane.is_object() || !dataplane.contains("up"))
        return Error{url, "is not isthmus-control's"};
    return api::truth_of(dataplane, "up");
}

std::string texts_of(const std::vector<Pref64>& prefixes) {
    std::string out;
    for (const Pref64& p : prefixes) out += (out.empty() ? "" : ", ") + p.text();
    return out;
}

}  // namespace

Expected<bool> ask_gateway(const std::string& status) {
    return status.starts_with(config::kHttp) ? ask_http(status) : ask_socket(status);
}

GatewayWatch::~GatewayWatch() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard guard(lock_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

void GatewayWatch::configure(const std::vector<config::Dns64Gateway>& gateways,
                             std::uint32_t patience_s) {
    const std::lock_guard guard(lock_);
    if (gateways.empty() && !thread_.joinable()) return;
    next_ = gateways;
    patience_s_ = patience_s;
    changed_.notify_all();
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void GatewayWatch::look(Gateway& g, std::uint32_t patience_s) {
    const auto well = ask_gateway(g.config.status);
    const std::int64_t now = api::now_ms();
    if (well) {
        if (g.well != *well || !g.trouble.empty())
            log::info("gateway of " + texts_of(g.config.prefixes) +
                      (*well ? " is well"
                             : " is not well: other prefixes are used where there are "
                               "some"));
        g.well = *well;
        g.heard_ms = now;
        g.trouble.clear();
        return;
    }
    if (!g.well.has_value() ? !g.trouble.empty()
                            : now - g.heard_ms < 1000 * std::int64_t{patience_s})
        return;
    g.well.reset();
    g.trouble = well.error().text();
    log::warn("gateway of " + texts_of(g.config.prefixes) + " cannot be asked, " + g.trouble +
              ": its prefixes are used");
}

bool GatewayWatch::is_stopping() {
    const std::lock_guard guard(lock_);
    return stopping_;
}

void GatewayWatch::tell() {
    std::vector<Pref64> avoided;
    for (const Gateway& g : gateways_) {
        if (g.well.value_or(true)) continue;
        avoided.insert(avoided.end(), g.config.prefixes.begin(), g.config.prefixes.end());
    }
    if (avoided == avoided_) return;
    avoided_ = avoided;
    avoid_(avoided);
}

void GatewayWatch::run() {
    for (;;) {
        std::uint32_t patience_s = 0;
        {
            std::unique_lock guard(lock_);
            (void)changed_.wait_for(guard, kRound,
                                    [this] { return stopping_ || next_.has_value(); });
            if (stopping_) return;
            if (next_) {
                std::vector<Gateway> fresh;
                for (const config::Dns64Gateway& c : *next_) {
                    // What is known of it is kept.
                    const auto old =
                        std::find_if(gateways_.begin(), gateways_.end(),
                                     [&](const Gateway& g) { return g.config.status == c.status; });
                    Gateway g;
                    if (old != gateways_.end()) g = *old;
                    g.config = c;
                    fresh.push_back(std::move(g));
                }
                gateways_ = std::move(fresh);
                next_.reset();
            }
            patience_s = patience_s_;
        }
        for (Gateway& g : gateways_) {
            if (is_stopping()) return;  // each may take its two seconds
            look(g, patience_s);
        }
        tell();
    }
}

}  // namespace isthmus::dns64
