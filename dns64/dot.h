// SPDX-License-Identifier: Apache-2.0
// DNS over TLS (RFC 7858): the two kinds of TLS context, and a session on a socket that does not
// block. There is no way back to clear text: what fails, fails (RFC 7858 s4.2).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/base/expected.h"
#include "common/tls/setup.h"

struct ssl_st;

namespace isthmus::dns64 {

class TlsContext {
public:
    /// For listeners. Errors name the file.
    [[nodiscard]] static Expected<std::shared_ptr<TlsContext>> for_server(
        const std::string& certificate, const std::string& key);
    /// For upstreams; `ca` empty: the system's certificates.
    [[nodiscard]] static Expected<std::shared_ptr<TlsContext>> for_client(const std::string& ca);

private:
    friend class TlsSession;
    explicit TlsContext(tls::Context ctx) : ctx_(std::move(ctx)) {}
    tls::Context ctx_;
};

class TlsSession {
public:
    enum class Outcome : std::uint8_t { done, want_read, want_write, closed, failed };
    struct Io {
        Outcome outcome = Outcome::failed;
        std::size_t n = 0;
    };
    /// Of a listener.
    TlsSession(const TlsContext& context, int fd);
    /// Of an upstream whose certificate must bear `name` (a host name or an address).
    TlsSession(const TlsContext& context, int fd, const std::string& name);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    [[nodiscard]] Outcome handshake();
    [[nodiscard]] Io read(std::span<std::uint8_t> to);
    [[nodiscard]] Io write(std::span<const std::uint8_t> from);
    /// Bytes that were decrypted and not yet read: no event will tell of them.
    [[nodiscard]] bool has_pending() const;
    /// Says goodbye, as far as it goes at once.
    void shut_down();
    /// Why the last call failed.
    [[nodiscard]] std::string why() const;

private:
    [[nodiscard]] Outcome outcome_of(int rc);
    ssl_st* ssl_;
};

}  // namespace isthmus::dns64
