// SPDX-License-Identifier: Apache-2.0
// Where the service listens: the sockets of every worker, and the interfaces in front of them.
#include <algorithm>

#include "dns64/operator.h"
#include "dns64/service.h"

namespace isthmus::dns64 {

using config::Dns64Config;
using config::Endpoint;
using Wire = config::Transport;

namespace {

bool is_udp(const Endpoint& e) { return e.transport == Wire::udp; }

}  // namespace

std::vector<Endpoint> listen_on(const Dns64Config& c) {
    if (!c.listen.empty()) return c.listen;
    Endpoint v4, v6;
    v4.is_v6 = false;
    v4.v4 = Ipv4Addr::from_host(0x7f000001);
    v6.v6 = Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0, 0, 1});
    return {v6, v4};
}

/// Of the sockets. Interfaces alone mean their own addresses.
Status Service::find_addresses() {
    const std::vector<Endpoint> all = listen_on(rules_->config.dns64);
    std::copy_if(all.begin(), all.end(), std::back_inserter(listen_),
                 [](const Endpoint& e) { return e.transport != Wire::xdp; });
    if (std::any_of(listen_.begin(), listen_.end(), is_udp)) return Done{};
    for (const Endpoint& e : all) {
        if (e.transport != Wire::xdp) continue;
        const auto found = addresses_of(e.name);
        if (!found) return found.error();
        listen_.insert(listen_.end(), found->begin(), found->end());
    }
    return Done{};
}

/// After the sockets, which have what these do not take.
Status Service::open_interfaces() {
    std::vector<Endpoint> addresses;
    std::copy_if(listen_.begin(), listen_.end(), std::back_inserter(addresses), is_udp);
    for (const Endpoint& e : rules_->config.dns64.listen) {
        if (e.transport != Wire::xdp) continue;
        auto xdp = open_xdp(e.name, addresses, site_.n_workers);
        if (!xdp) return xdp.error();
        for (const auto& w : workers_) {
            if (Status s = (*xdp)->serve(*w); !s) return s;
        }
        if (Status s = (*xdp)->attach(); !s) return s;
        xdp_.push_back(std::move(*xdp));
    }
    return Done{};
}

Status Service::open_sockets() {
    for (const Endpoint& e : listen_) {
        if (is_udp(e)) {
            if (Status s = check_free(e, SOCK_DGRAM); !s) return s;
        }
        if (Status s = check_free(e, SOCK_STREAM); !s) return s;
    }
    for (unsigned i = 0; i < site_.n_workers; i++) {
        if (Status s = make_worker(); !s) return s;
    }
    auto made = Operator::create(*this);
    if (!made) return made.error();
    operator_ = std::move(*made);
    return Done{};
}

Status Service::make_listeners(Worker& w) {
    TcpListener::Places& places = places_.emplace_back();
    for (const Endpoint& e : listen_) {
        if (is_udp(e)) {
            auto udp = UdpListener::open(w, e);
            if (!udp) return udp.error();
            udp_.push_back(std::move(*udp));
        }
        auto tcp = TcpListener::open(w, e, connections_, places,
                                     e.transport == Wire::tls ? tls_ : nullptr);
        if (!tcp) return tcp.error();
        tcp_.push_back(std::move(*tcp));
    }
    return Done{};
}

}  // namespace isthmus::dns64
