// SPDX-License-Identifier: Apache-2.0
// TLS to a collector (RFC 5425, RFC 7011 s11): its certificate is verified, by name or address;
// ours is shown when it asks. On a socket that does not block. The files are read for each
// connection, so that renewed certificates are taken. There is no way back to clear text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/expected.h"
#include "common/config/log_config.h"
#include "common/tls/setup.h"

struct ssl_st;

namespace isthmus::control {

class TlsClient {
public:
    [[nodiscard]] static Expected<std::unique_ptr<TlsClient>> create(
        const config::LogOutlet::Tls& settings, const std::string& address, int fd);
    ~TlsClient();
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    /// What the call is over, or waits for.
    enum class Outcome : std::uint8_t { done, want_read, want_write, closed, failed };
    [[nodiscard]] Outcome handshake();
    /// `n`: how many bytes were taken.
    [[nodiscard]] Outcome write(std::string_view bytes, std::size_t& n);
    /// Whatever the far end says is thrown away; closed or failed when it says no more.
    [[nodiscard]] Outcome read_away();
    /// Why the last call failed.
    [[nodiscard]] std::string why() const;

private:
    TlsClient() = default;
    [[nodiscard]] Outcome outcome_of(int rc);
    tls::Context ctx_;
    ssl_st* ssl_ = nullptr;
    std::string why_;
};

}  // namespace isthmus::control
