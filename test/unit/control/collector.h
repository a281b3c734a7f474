// SPDX-License-Identifier: Apache-2.0
// A TCP collector on loopback that takes connections and reads nothing, until it is told to.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "common/config/log_config.h"
#include "control/logs/record.h"

namespace isthmus::test {

class DeafCollector {
public:
    DeafCollector() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        const int small = 4096;
        (void)::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof to;
        auto* const any = reinterpret_cast<sockaddr*>(&to);
        if (::bind(listener_, any, size) != 0 || ::listen(listener_, 16) != 0 ||
            ::getsockname(listener_, any, &size) != 0)
            throw std::runtime_error("no listener on loopback");
        port_ = ntohs(to.sin_port);
    }
    ~DeafCollector() {
        for (const int fd : peers_) ::close(fd);
        ::close(listener_);
    }
    DeafCollector(const DeafCollector&) = delete;
    DeafCollector& operator=(const DeafCollector&) = delete;

    [[nodiscard]] config::LogOutlet outlet() const {
        config::LogOutlet out;
        out.type = config::LogType::syslog;
        out.transport = config::LogTransport::tcp;
        out.address = "127.0.0.1";
        out.port = port_;
        return out;
    }

    /// Reads at last: the seq of each syslog message, until the last number has come.
    std::vector<std::uint64_t> read_numbers(std::uint64_t last, int timeout_ms) {
        std::vector<std::uint64_t> out;
        const std::int64_t until = control::steady_now_ns() + std::int64_t{timeout_ms} * 1'000'000;
        while (control::steady_now_ns() < until) {
            for (int fd = 0; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
                peers_.push_back(fd);
                texts_.emplace_back();
            }
            bool any = false;
            for (std::size_t i = 0; i < peers_.size(); i++) any = read(i, out) || any;
            if (!out.empty() && out.back() == last) break;
            if (!any) ::usleep(1000);
        }
        return out;
    }

private:
    bool read(std::size_t i, std::vector<std::uint64_t>& out) {
        char buffer[65536];
        const ssize_t n = ::recv(peers_[i], buffer, sizeof buffer, 0);
        if (n <= 0) return false;
        std::string& text = texts_[i];
        text.append(buffer, static_cast<std::size_t>(n));
        std::size_t at = 0;
        for (;;) {  // "LENGTH MESSAGE"
            const std::size_t space = text.find(' ', at);
            if (space == std::string::npos) break;
            const std::size_t length = std::stoul(text.substr(at, space - at));
            if (text.size() < space + 1 + length) break;
            const std::string message = text.substr(space + 1, length);
            const std::size_t seq = message.find(" seq=\"");
            if (seq != std::string::npos) out.push_back(std::stoull(message.substr(seq + 6)));
            at = space + 1 + length;
        }
        text.erase(0, at);
        return true;
    }

    int listener_;
    std::uint16_t port_ = 0;
    std::vector<int> peers_;
    std::vector<std::string> texts_;  // not yet parsed, by peer
};

}  // namespace isthmus::test
