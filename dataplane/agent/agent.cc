// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/agent.h"

#include <grp.h>
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

constexpr auto kLinkLook = std::chrono::milliseconds(150);

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

Status Agent::quieten_devices(const std::vector<PortFacts>& facts) const {
    const bool other = is_other_netns(cfg_.dataplane.punt_netns);
    for (const PortFacts& p : facts) {
        if (!p.kernel_device) continue;
        const std::string& netns = cfg_.dataplane.punt_netns;
        if (!netns.empty() && ::access(("/run/netns/" + netns).c_str(), F_OK) != 0)
            return Error{"dataplane.punt_netns", "there is no network namespace \"" + netns +
                                                     "\" (ip netns lists them); make it: ip netns "
                                                     "add " +
                                                     netns};
        if (!other) {
            return Error{"dataplane.punt_netns",
                         "port " + p.name + " sits on the kernel's device " +
                             (p.kernel_device_name.empty() ? p.device : p.kernel_device_name) +
                             ": the punt interfaces need a network namespace of their own, or the "
                             "kernel sees every "
                             "frame twice. Make one (ip netns add isthmus-punt) and set punt_netns "
                             "= \"isthmus-punt\""};
        }
        if (p.far_end || p.kernel_device_name.empty()) continue;
        const Status quiet = quieten_device(p.kernel_device_name);
        if (!quiet) return quiet.error();
    }
    return Done{};
}

Status Agent::make_tap(const PortFacts& port, const config::VlanConfig* vlan) {
    const std::uint16_t id = vlan == nullptr ? std::uint16_t{0} : vlan->id;
    const std::string name = id == 0 ? port.name : port.name + "." + std::to_string(id);
    const std::uint16_t mtu = vlan != nullptr && vlan->mtu != 0 ? vlan->mtu : port.mtu;
    auto tap = open_tap(name, port.mac, mtu);
    if (!tap) return tap.error();
    tap->port = port.port_id;
    tap->vlan = id;
    if (tap->was_there)
        log::info("punt interface " + name +
                  " was there already: its addresses and routes are kept");
    set_carrier(*tap, port.link_up);
    kernel_->add_interface(tap->ifindex, tap->port, tap->vlan, name);
    taps_.push_back(*tap);
    return Done{};
}

Status Agent::make_taps(pipeline::Fib& fib) {
    const auto facts = workers_.ports();
    const Status quiet = quieten_devices(facts);
    if (!quiet) return quiet.error();
    auto inside = InNetns::enter(cfg_.dataplane.punt_netns);
    if (!inside) return inside.error();
    grace_ = std::make_unique<WorkersPass>(workers_);
    auto kernel = KernelWatch::open(fib, grace_.get());
    if (!kernel) return kernel.error();
    kernel_ = std::move(*kernel);
    for (const PortFacts& p : facts) {
        const Status made = make_tap(p, nullptr);
        if (!made) return made.error();
        link_up_.push_back(p.link_up);
        for (const config::VlanConfig& v : cfg_.dataplane.ports[p.port_id].vlans) {
            const Status of_vlan = make_tap(p, &v);
            if (!of_vlan) return of_vlan.error();
        }
    }
    return Done{};
}

Status Agent::configure_tap(const Tap& tap, const config::InterfaceConfig& from) {
    const std::string where = "punt interface " + tap.name;
    for (const std::string& a : from.addresses) {
        const Status done = kernel_->add_address(tap.ifindex, a);
        if (!done) return Error{where, done.error().text()};
    }
    for (const config::Route& r : from.routes) {
        const Status done = kernel_->add_route(tap.ifindex, r.to, r.via);
        if (!done)
            return Error{where,
                         done.error().text() + "; is the next hop on a network of this interface?"};
    }
    for (const config::StaticNeighbour& n : from.neighbours) {
        Ipv6Addr address;
        const auto v4 = Ipv4Addr::parse(n.address);
        if (v4) {
            std::copy_n(v4->octets().begin(), 4, address.octet.begin());
        } else {
            address = *Ipv6Addr::parse(n.address);
        }
        const std::uint16_t vlan = n.vlan != 0 ? n.vlan : tap.vlan;
        const std::uint8_t family = v4 ? 4 : 6;
        kernel_->writer().set_neighbour({family, tap.port, vlan, address, n.mac}, true);
    }
    return Done{};
}

Status Agent::configure_taps() {
    for (const Tap& tap : taps_) {
        const config::PortConfig& port = cfg_.dataplane.ports[tap.port];
        const config::InterfaceConfig* from = &port;
        for (const config::VlanConfig& v : port.vlans) {
            if (v.id == tap.vlan) from = &v;
        }
        const Status done = configure_tap(tap, *from);
        if (!done) return done.error();
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
    // The package makes the default group; without the package there may be none.
    std::string group = cfg_.dataplane.socket_group;
    if (group == config::DataplaneConfig{}.socket_group && ::getgrnam(group.c_str()) == nullptr)
        group.clear();
    auto server = api::RpcServer::listen(cfg_.dataplane.socket, 0600, group);
    if (!server) return server.error();
    server_ = std::move(*server);
    const bool grouped = !group.empty();
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
    in.steering = workers_.steering();
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
        // The kernel answers ARP for our addresses on every punt interface whose network they are
        // on.
        const std::vector<Prefix4> ours =
            has_policy_ ? answered_addresses(policy_) : std::vector<Prefix4>{};
        const Status done = kernel_->set_pool_routes(taps_.back().ifindex, ours);
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
    for (std::size_t i = 0; i < facts.size() && i < link_up_.size(); i++) {
        if (facts[i].link_up == link_up_[i]) continue;
        link_up_[i] = facts[i].link_up;
        for (const Tap& t : taps_) {
            if (t.port == i) set_carrier(t, facts[i].link_up);
        }
        log::info("port " + facts[i].name + (facts[i].link_up ? ": link up" : ": link down"));
    }
}

void Agent::run_once(int timeout_ms) {
    const bool more = follow_kernel();
    if (const auto now = std::chrono::steady_clock::now(); now >= look_at_links_) {
        look_at_links_ = now + kLinkLook;
        follow_links();
        traces_.tick();
    }
    jobs_.run_slice();
    explains_.run_slice();
    const int pause_ms = more ? 0 : jobs_.pause_ms(explains_.pause_ms(timeout_ms));
    // A neighbour that was found lets packets go: news of the kernel's end the wait.
    std::vector<pollfd> news;
    kernel_->wait_for(news);
    if (server_) server_->poll(pause_ms, &news);
}

}  // namespace isthmus::agent
