// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/agent.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <utility>

#include "common/config/parse.h"
#include "common/config/validate.h"
#include "common/log/log.h"
#include "dataplane/agent/compile.h"
#include "dataplane/agent/netns.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::agent {

namespace {

std::string random_name() {
    std::uint64_t r = 0;
    (void)getrandom(&r, sizeof r, 0);
    char text[17];
    std::snprintf(text, sizeof text, "%016lx", static_cast<unsigned long>(r));
    return text;
}

/// What the workers cannot be holding any more.
class WorkersPass final : public pipeline::Grace {
public:
    explicit WorkersPass(Workers& workers) : workers_(workers) {}
    std::uint64_t take_ticket() override { return workers_.take_ticket(); }
    bool passed(std::uint64_t ticket) const override { return workers_.passed(ticket); }
    void wait(std::uint64_t ticket) override {
        while (!passed(ticket)) ::usleep(20);
    }

private:
    Workers& workers_;
};

}  // namespace

Expected<std::unique_ptr<Agent>> Agent::create(const config::Config& cfg, Workers& workers,
                                               pipeline::Fib& fib) {
    std::unique_ptr<Agent> a(new Agent(cfg, workers));
    a->instance_ = random_name();
    a->started_ = std::time(nullptr);
    nat::Seed seed;
    (void)getrandom(&seed, sizeof seed, 0);
    a->seed_ = seed;
    const Status made = a->make_taps(fib);
    if (!made) return made.error();
    const Status published = a->republish();
    if (!published) return published.error();
    return a;
}

Agent::~Agent() {
    server_.reset();
    if (kernel_) (void)kernel_->set_pool_routes(0, {});
    for (Tap& t : taps_) remove_tap(t);
}

Status Agent::make_taps(pipeline::Fib& fib) {
    const auto facts = workers_.ports();
    const bool other = is_other_netns(cfg_.dataplane.punt_netns);
    for (const PortFacts& p : facts) {
        if (!p.kernel_device || p.kernel_device_name.empty()) continue;
        if (!other) {
            return Error{"dataplane.punt_netns",
                         "port " + p.name + " sits on the kernel's device " + p.kernel_device_name +
                             ": the punt interfaces need a network namespace of their own, or the "
                             "kernel sees every "
                             "frame twice. Make one (ip netns add isthmus-punt) and set punt_netns "
                             "= \"isthmus-punt\""};
        }
        const Status quiet = quieten_device(p.kernel_device_name);
        if (!quiet) return quiet.error();
    }
    auto inside = InNetns::enter(cfg_.dataplane.punt_netns);
    if (!inside) return inside.error();
    grace_ = std::make_unique<WorkersPass>(workers_);
    auto kernel = KernelWatch::open(fib, grace_.get());
    if (!kernel) return kernel.error();
    kernel_ = std::move(*kernel);
    for (const PortFacts& p : facts) {
        auto tap = open_tap(p.name, p.mac, p.mtu);
        if (!tap) return tap.error();
        if (tap->was_there)
            log::info("punt interface " + p.name +
                      " was there already: its addresses and routes are kept");
        set_carrier(*tap, p.link_up);
        link_up_.push_back(p.link_up);
        kernel_->add_interface(tap->ifindex, p.port_id, 0, p.name);
        taps_.push_back(*tap);
    }
    return Done{};
}

Status Agent::configure_taps() {
    for (std::size_t i = 0; i < cfg_.dataplane.ports.size(); i++) {
        const config::PortConfig& p = cfg_.dataplane.ports[i];
        for (const std::string& a : p.addresses) {
            const Status done = kernel_->add_address(taps_[i].ifindex, a);
            if (!done) return Error{"port " + p.name, done.error().text()};
        }
        for (const config::Route& r : p.routes) {
            const Status done = kernel_->add_route(taps_[i].ifindex, r.to, r.via);
            if (!done)
                return Error{"port " + p.name,
                             done.error().text() + "; is the next hop on a network of this port?"};
        }
        for (const config::StaticNeighbour& n : p.neighbours) {
            Ipv6Addr address;
            const auto v4 = Ipv4Addr::parse(n.address);
            if (v4) {
                std::copy_n(v4->octets().begin(), 4, address.octet.begin());
            } else {
                address = *Ipv6Addr::parse(n.address);
            }
            kernel_->writer().set_neighbour(v4 ? 4 : 6, static_cast<std::uint16_t>(i), n.vlan,
                                            address, n.mac, true);
        }
        if (!p.vlans.empty()) {
            log::warn("port " + p.name +
                      ": VLAN interfaces are not made from the configuration yet; make them with "
                      "ip link add link " +
                      p.name + " type vlan");
        }
    }
    return Done{};
}

Status Agent::open_for_business() {
    const Status configured = configure_taps();
    if (!configured) return configured.error();
    follow_links();
    const Status synced = kernel_->resync();
    if (!synced) return synced.error();
    const Status published = republish();
    if (!published) return published.error();
    auto server = api::RpcServer::listen(cfg_.dataplane.socket, 0600, cfg_.dataplane.socket_group);
    if (!server) return server.error();
    server_ = std::move(*server);
    const bool grouped = !cfg_.dataplane.socket_group.empty();
    server_->set_guard([grouped](const api::Peer& p, api::Right) { return p.uid == 0 || grouped; });
    serve_methods();
    serve_log_methods();
    return Done{};
}

pipeline::Interfaces Agent::interfaces() const {
    pipeline::Interfaces out;
    for (const PortFacts& p : workers_.ports()) {
        if (p.port_id >= pipeline::kPortsMax) continue;
        out.port[p.port_id].present = true;
        out.port[p.port_id].mac = p.mac;
    }
    for (const pipeline::Interface& i : kernel_->interfaces()) {
        if (out.n < pipeline::kInterfacesMax) out.item[out.n++] = i;
    }
    return out;
}

std::uint64_t Agent::swept() const {
    std::uint64_t least = ~std::uint64_t{0};
    for (unsigned w = 0; w < workers_.n_workers(); w++)
        least = std::min(least, workers_.state(w).engine.swept());
    return least;
}

Expected<std::unique_ptr<pipeline::Snapshot>> Agent::compile_policy(
    const config::Nat64Config* policy) const {
    CompileInput in;
    in.policy = policy;
    in.previous = current_.generation == 0 ? nullptr : &current_;
    in.swept = swept();
    in.max_pool_addresses = cfg_.dataplane.max_pool_addresses;
    in.n_workers = workers_.n_workers();
    in.seed = seed_;
    in.log = log_;
    in.interfaces = interfaces();
    return compile(in);
}

Status Agent::republish() {
    auto next = compile_policy(has_policy_ ? &policy_ : nullptr);
    if (!next) return next.error();
    current_ = **next;
    workers_.publish(std::move(*next));
    if (!taps_.empty()) {
        // The kernel answers ARP for pool addresses on every punt interface whose network they are
        // on.
        std::vector<Prefix4> pool;
        for (const auto& e : policy_.pool) pool.push_back(e.addresses);
        for (const auto& e : policy_.fixed) {
            if (e.outside_pool) pool.push_back({e.ipv4, 32});
        }
        const Status done = kernel_->set_pool_routes(taps_.back().ifindex,
                                                     has_policy_ ? pool : std::vector<Prefix4>{});
        if (!done) log::warn(done.error().text());
    }
    return Done{};
}

void Agent::follow_interfaces() {
    const pipeline::Interfaces now = interfaces();
    bool same = now.n == current_.interfaces.n;
    for (unsigned i = 0; same && i < now.n; i++) {
        const auto &a = now.item[i], &b = current_.interfaces.item[i];
        same = a.port == b.port && a.vlan == b.vlan && a.mtu == b.mtu && a.has_v4 == b.has_v4 &&
               a.has_v6 == b.has_v6 && a.source4 == b.source4 && a.source6 == b.source6;
    }
    if (same) return;
    for (const auto& i : kernel_->interfaces()) {
        if (i.vlan != 0) continue;
        const Status set = workers_.set_mtu(i.port, i.mtu);
        if (!set) log::warn(set.error().text());
    }
    const Status published = republish();
    if (!published) log::error(published.error().text());
}

bool Agent::follow_kernel() {
    const bool more = kernel_->follow();
    if (kernel_->take_interfaces_changed()) follow_interfaces();
    const std::size_t refused = kernel_->writer().use().refused;
    if (refused != std::exchange(fib_refused_, refused))
        log::error(
            "the forwarding table is full: routes or neighbours of the kernel are not in it; "
            "see isthmusctl status");
    for (unsigned w = 0; w < workers_.n_workers(); w++) {
        pipeline::ResolveRequest r, last;
        while (workers_.state(w).resolve.pop(r)) {
            if (!(r == last)) kernel_->resolve(r);
            last = r;
        }
    }
    return more;
}

void Agent::follow_links() {
    const auto facts = workers_.ports();
    for (std::size_t i = 0; i < facts.size() && i < taps_.size(); i++) {
        if (facts[i].link_up == link_up_[i]) continue;
        link_up_[i] = facts[i].link_up;
        set_carrier(taps_[i], facts[i].link_up);
        log::info("port " + facts[i].name + (facts[i].link_up ? ": link up" : ": link down"));
    }
}

void Agent::run_once(int timeout_ms) {
    const bool more = follow_kernel();
    if (turns_++ % 32 == 0) {
        follow_links();
        traces_.tick();
    }
    jobs_.run_slice();
    if (server_) server_->poll(more || jobs_.busy() ? 0 : timeout_ms);
}

}  // namespace isthmus::agent
