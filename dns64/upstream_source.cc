// SPDX-License-Identifier: Apache-2.0
#include "dns64/upstream_source.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace isthmus::dns64 {

namespace {

/// Ports below are for services; some above are too, and are avoided by connected sockets alone:
/// nothing reaches ours but the server's datagrams.
constexpr unsigned kPortLeast = 1024;
/// Fewer are soon guessed: ten bits in place of sixteen.
constexpr std::size_t kPortsLeast = 1024;

Error no_address(const SocketAddress& a) {
    std::string what = std::strerror(errno);
    if (errno == EADDRNOTAVAIL) what += ": no interface has this address";
    return Error{"dns64.upstream_source " + a.host_text(), what};
}

}  // namespace

UpstreamSource::UpstreamSource(const config::Dns64Config& c) {
    for (const config::Endpoint& e : c.upstream_source)
        (e.is_v6 ? v6_ : v4_).push_back(SocketAddress::of(e));
    std::vector<bool> avoided(65536);
    for (const config::PortRange& r : c.upstream_avoid_ports)
        std::fill(avoided.begin() + r.first, avoided.begin() + r.last + 1, true);
    for (unsigned p = kPortLeast; p < avoided.size(); p++) {
        if (!avoided[p]) ports_.push_back(static_cast<std::uint16_t>(p));
    }
}

SocketAddress UpstreamSource::draw_address(int family, Random& random) const {
    const std::vector<SocketAddress>& list = of(family);
    if (list.empty()) return SocketAddress::any(family, 0);
    return list[random.below(static_cast<std::uint32_t>(list.size()))];
}

SocketAddress UpstreamSource::draw(int family, Random& random) const {
    SocketAddress out = draw_address(family, random);
    out.set_port(ports_[random.below(static_cast<std::uint32_t>(ports_.size()))]);
    return out;
}

Status UpstreamSource::check(const config::Dns64Config& c) {
    const UpstreamSource source(c);
    if (source.ports() < kPortsLeast) {
        return Error{"dns64.upstream_avoid_ports",
                     "leaves " + std::to_string(source.ports()) +
                         " ports to ask from, which are soon guessed; avoid fewer"};
    }
    for (const auto* list : {&source.v4_, &source.v6_}) {
        for (const SocketAddress& a : *list) {
            const int fd = ::socket(a.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
            const bool good = fd >= 0 && ::bind(fd, a.raw(), a.size()) == 0;
            Status out = good ? Status(Done{}) : Status(no_address(a));
            if (fd >= 0) ::close(fd);
            if (!good) return out;
        }
    }
    return Done{};
}

}  // namespace isthmus::dns64
