// SPDX-License-Identifier: Apache-2.0
// The way to a collector: a UDP, TCP or Unix socket, TLS on TCP. While it waits for the far end,
// its outlet's patience is asked every few milliseconds.
//
// Over TCP a message counts as sent when the far end's kernel has acknowledged it: what was written
// into a connection that breaks is sent again over the next one. Over UDP nobody says that a
// datagram has come; that nobody listens is known only from ICMP errors.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/expected.h"
#include "common/config/log_config.h"
#include "control/logs/tls.h"

namespace isthmus::control {

class Wire {
public:
    explicit Wire(const config::LogOutlet& to)
        : transport_(to.transport), address_(to.address), port_(to.port), settings_(to.tls) {}
    ~Wire() { close(); }
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    /// Connects when it is not. `connections()` tells whether it is a new one.
    Status open();
    void close();
    [[nodiscard]] unsigned connections() const { return connections_; }
    /// A datagram; or bytes of the stream, all of them. An error closes the connection.
    Status send(const std::string& bytes);
    /// Waits until the far end has acknowledged all that was sent; an error closes.
    Status flush();
    /// Whether the far end has gone, in between; an error closes.
    Status look();
    /// Bytes that fit a datagram on the way there.
    [[nodiscard]] std::size_t datagram_bytes() const;
    [[nodiscard]] bool is_stream() const {
        return transport_ == config::LogTransport::tcp || transport_ == config::LogTransport::tls;
    }
    [[nodiscard]] std::string text() const;
    void set_patience(std::function<bool()> p) { patience_ = std::move(p); }

private:
    Error failed(const std::string& what);
    Error failed_tls(const std::string& what);
    Status greet();
    Status send_tls(std::string_view bytes);
    [[nodiscard]] bool wait(TlsClient::Outcome what, int timeout_ms) const;
    [[nodiscard]] bool has_closed();
    [[nodiscard]] bool wait(short events, int timeout_ms) const;
    [[nodiscard]] bool has_patience() const { return !patience_ || patience_(); }

    const config::LogTransport transport_;
    const std::string address_;
    const std::uint16_t port_;
    const config::LogOutlet::Tls settings_;
    std::unique_ptr<TlsClient> tls_;
    std::function<bool()> patience_;
    int fd_ = -1;
    unsigned connections_ = 0;
};

}  // namespace isthmus::control
