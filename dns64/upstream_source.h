// SPDX-License-Identifier: Apache-2.0
// Where queries to upstreams leave from (RFC 5452 s9.2): a port that nobody can guess, of all that
// may be used, and one of this host's addresses, if the operator has named several.
#pragma once

#include <vector>

#include "common/base/expected.h"
#include "common/config/dns64.h"
#include "dns64/random.h"
#include "dns64/socket.h"

namespace isthmus::dns64 {

class UpstreamSource {
public:
    explicit UpstreamSource(const config::Dns64Config& c);
    /// For a socket of UDP: an address of `family`, or any, and a port.
    [[nodiscard]] SocketAddress draw(int family, Random& random) const;
    /// Likewise without a port: the kernel draws those of connections.
    [[nodiscard]] SocketAddress draw_address(int family, Random& random) const;
    [[nodiscard]] bool has_address(int family) const { return !of(family).empty(); }
    [[nodiscard]] std::size_t ports() const { return ports_.size(); }

    /// Addresses that this host has, and ports enough to hide among.
    [[nodiscard]] static Status check(const config::Dns64Config& c);

private:
    [[nodiscard]] const std::vector<SocketAddress>& of(int family) const {
        return family == AF_INET6 ? v6_ : v4_;
    }
    std::vector<SocketAddress> v4_, v6_;
    std::vector<std::uint16_t> ports_;  // that may be used
};

}  // namespace isthmus::dns64
