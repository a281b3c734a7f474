// SPDX-License-Identifier: Apache-2.0
// The way to a collector: a UDP, TCP or Unix socket that never blocks for long.
//
// Over TCP a message counts as sent when the far end's kernel has acknowledged it: what was written
// into a connection that breaks is sent again over the next one. Over UDP nobody says that a
// datagram has come; that nobody listens is known only from ICMP errors.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/expected.h"
#include "common/config/log_config.h"

namespace isthmus::control {

class Wire {
public:
    Wire(config::LogTransport transport, std::string address, std::uint16_t port)
        : transport_(transport), address_(std::move(address)), port_(port) {}
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
    /// Bytes that fit a datagram on the way there.
    [[nodiscard]] std::size_t datagram_bytes() const;
    [[nodiscard]] bool is_stream() const { return transport_ == config::LogTransport::tcp; }
    [[nodiscard]] std::string text() const;

private:
    Error failed(const std::string& what);
    [[nodiscard]] bool wait(short events, int timeout_ms) const;

    const config::LogTransport transport_;
    const std::string address_;
    const std::uint16_t port_;
    int fd_ = -1;
    unsigned connections_ = 0;
};

}  // namespace isthmus::control
