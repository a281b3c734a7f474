// SPDX-License-Identifier: Apache-2.0
// The agent: the one thread of the dataplane that talks to the world. It makes the punt interfaces,
// follows the kernel, compiles and publishes snapshots, and answers on the dataplane's socket.
//
//   Agent::create()   namespaces, TAPs, netlink; the first snapshot (no policy: everything to
//   translate is dropped) run_once()        serves whatever has come, for at most the given time
//   ~Agent()          removes TAPs, pool routes and the socket
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/api/rpc.h"
#include "common/config/config.h"
#include "dataplane/agent/explain_desk.h"
#include "dataplane/agent/jobs.h"
#include "dataplane/agent/lists.h"
#include "dataplane/agent/netlink.h"
#include "dataplane/agent/tap.h"
#include "dataplane/agent/trace_desk.h"
#include "dataplane/agent/workers.h"
#include "dataplane/nat/engine.h"
#include "dataplane/pipeline/snapshot.h"

namespace isthmus::agent {

class Agent {
public:
    [[nodiscard]] static Expected<std::unique_ptr<Agent>> create(const config::Config& cfg,
                                                                 Workers& workers,
                                                                 pipeline::Fib& fib);
    ~Agent();
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    /// The TAPs of ports and VLANs, for the punt thread.
    [[nodiscard]] const std::vector<Tap>& taps() const { return taps_; }
    /// After the workers run: configured addresses and routes, the socket.
    Status open_for_business();
    void run_once(int timeout_ms);

private:
    Agent(const config::Config& cfg, Workers& workers) : cfg_(cfg), workers_(workers) {}
    Status make_taps(pipeline::Fib& fib);
    Status quieten_devices(const std::vector<PortFacts>& facts) const;
    Status make_tap(const PortFacts& port, const config::VlanConfig* vlan);
    Status configure_tap(const Tap& tap, const config::InterfaceConfig& from);
    Status configure_taps();
    Status republish();
    [[nodiscard]] Expected<std::unique_ptr<pipeline::Snapshot>> compile_policy(
        const config::Nat64Config* policy) const;
    [[nodiscard]] Expected<config::Nat64Config> acceptable(const std::string& text) const;
    [[nodiscard]] Status deterministic_stays(const pipeline::Snapshot& next) const;
    Status run_policy(const config::Nat64Config& policy, const std::string& text);
    [[nodiscard]] pipeline::Interfaces interfaces() const;
    [[nodiscard]] std::uint64_t swept() const;
    /// True: there is more to read at once.
    bool follow_kernel();
    void follow_interfaces();
    std::size_t fib_refused_ = 0;
    void follow_links();
    void serve_methods();
    void serve_log_methods();
    void serve_live_methods();

    // One for each request.
    [[nodiscard]] api::Json status() const;
    [[nodiscard]] api::Json fib_json() const;
    [[nodiscard]] api::Json counters() const;
    [[nodiscard]] api::Json drops() const;
    [[nodiscard]] api::Json ports() const;
    [[nodiscard]] unsigned whole_addresses(unsigned worker) const;
    [[nodiscard]] std::uint64_t free_ports(unsigned worker) const;
    [[nodiscard]] api::Json workers_json() const;
    [[nodiscard]] api::Json pools() const;
    [[nodiscard]] std::string pool_name(const nat::PoolSlot& slot) const;
    [[nodiscard]] api::Json prefixes() const;
    [[nodiscard]] Expected<api::Json> stateless(const api::Json& params) const;
    [[nodiscard]] api::Json neighbours();
    // For the logs and the metrics (observe.cc).
    Expected<api::Json> log_configure(const api::Json& params);
    Expected<api::Json> events_take(const api::Json& params);
    [[nodiscard]] Expected<api::Json> deterministic_whois(const api::Json& params) const;
    [[nodiscard]] api::Json metrics() const;
    // Live change (live.cc).
    void begin_apply(const api::Json& params, const api::Reply& reply);
    void begin_clear(const api::Json& params, const api::Reply& reply);
    void preview_clear(const nat::ClearOrder& order, const api::Reply& reply);
    void begin_check(const api::Reply& reply);
    [[nodiscard]] Expected<nat::ClearOrder> clear_order(const api::Json& params) const;
    [[nodiscard]] Expected<api::Json> deterministic(const api::Json& params) const;

    const config::Config cfg_;
    Workers& workers_;
    std::vector<Tap> taps_;
    std::vector<bool> link_up_;
    std::unique_ptr<pipeline::Grace> grace_;
    std::unique_ptr<KernelWatch> kernel_;
    std::unique_ptr<api::RpcServer> server_;
    config::Nat64Config policy_;
    std::string policy_text_;
    bool has_policy_ = false;
    pipeline::Snapshot current_;  // a copy: the workers' one is theirs
    TraceDesk traces_{workers_, current_};
    ExplainDesk explains_{{workers_, current_, cfg_, policy_, kernel_}};
    nat::Seed seed_;
    nat::LogSwitch log_;
    std::string instance_;
    std::int64_t started_ = 0;
    std::chrono::steady_clock::time_point look_at_links_;
    Jobs jobs_;
    Lists lists_{workers_, current_, jobs_};
};

}  // namespace isthmus::agent
