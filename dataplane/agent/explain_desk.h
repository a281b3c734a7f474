// SPDX-License-Identifier: Apache-2.0
// The agent's side of `explain`: makes a question of the parameters, puts it into the mailbox of
// the worker that owns the flow (pipeline/explain.h), and tells the answer with what the agent
// knows: names, routes, limits. Of a packet that comes back to us (hairpinning) the second half is
// asked too, of the worker that owns that.
//
//   explain {source, source_id, destination, destination_id, protocol, tcp, bytes} -> {...}
#pragma once

#include <chrono>
#include <optional>

#include "common/api/rpc.h"
#include "common/config/config.h"
#include "dataplane/agent/jobs.h"
#include "dataplane/agent/netlink.h"
#include "dataplane/agent/workers.h"
#include "dataplane/pipeline/explain_box.h"
#include "dataplane/pipeline/snapshot.h"

namespace isthmus::agent {

class ExplainDesk {
public:
    /// All outlive it; `cfg` is what the agent published last, made from `policy`.
    struct World {
        Workers& workers;
        const pipeline::Snapshot& cfg;
        const config::Config& config;
        const config::Nat64Config& policy;
        const std::unique_ptr<KernelWatch>& kernel;
    };
    explicit ExplainDesk(const World& world) : world_(world) {}

    void serve(api::RpcServer& server);
    [[nodiscard]] int pause_ms(int idle_ms) const { return jobs_.pause_ms(idle_ms); }
    void run_slice() { jobs_.run_slice(); }

private:
    using Clock = std::chrono::steady_clock;
    struct Asking;

    void begin(const api::Json& params, api::Reply reply);
    [[nodiscard]] bool step(Asking& a);
    [[nodiscard]] unsigned owner(const pipeline::ExplainQuery& q) const;
    [[nodiscard]] api::Json told(const Asking& a) const;
    [[nodiscard]] api::Json half(const pipeline::ExplainQuery& q,
                                 const pipeline::Explanation& e) const;
    void tell_subscriber(api::Json& out, const pipeline::Explanation& e, Proto proto) const;
    void tell_binding(api::Json& out, const pipeline::Explanation& e) const;
    void tell_session(api::Json& out, const pipeline::Explanation& e, Proto proto) const;
    void tell_pool(api::Json& out, unsigned slot, Proto proto) const;
    void tell_way(api::Json& out, const pipeline::ExplainQuery& q,
                  const pipeline::Explanation& e) const;
    [[nodiscard]] std::string pool_name(const nat::PoolSlot& slot) const;

    const World world_;
    Jobs jobs_;  // not the agent's: an answer must not wait for a walk over the tables
};

}  // namespace isthmus::agent
