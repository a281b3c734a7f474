// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/newcomers.h"

#include <span>

namespace isthmus::pipeline {

void meet_newcomer(const Context& c, const Endpoint6& x, Proto proto, std::uint64_t hash,
                   std::uint16_t nth) noexcept {
    nat::Newcomer& n = c.worker.newcomer[nth];
    n = nat::Newcomer{};
    n.x = x;
    n.proto = proto;
    n.hash = hash;
    c.worker.engine.meet(c.cfg.nat, n, nth);
}

void prepare_newcomers(const Context& c, unsigned first, unsigned last) noexcept {
    const nat::Engine& engine = c.worker.engine;
    const nat::Policy& policy = c.cfg.nat;
    const std::span<nat::Newcomer> all{c.worker.newcomer.data() + first, last - first};
    for (nat::Newcomer& n : all) engine.ask_subscriber(policy, n);
    for (nat::Newcomer& n : all) engine.pass_on(policy, n);
    for (nat::Newcomer& n : all) engine.ask_ports(policy, n);
    for (nat::Newcomer& n : all) engine.foresee_port(policy, n);
}

}  // namespace isthmus::pipeline
