// SPDX-License-Identifier: Apache-2.0
#include "dns64/changes.h"

namespace isthmus::dns64 {

namespace {

using config::Dns64Config;
using config::Endpoint;

std::string texts_of(const std::vector<Endpoint>& list) {
    std::string out;
    for (const Endpoint& e : list) out += e.text() + ' ';
    return out;
}

}  // namespace

std::string start_only_key(const Dns64Config& a, const Dns64Config& b) {
    if (texts_of(a.listen) != texts_of(b.listen)) return "listen";
    if (a.threads != b.threads) return "threads";
    if (a.cpus != b.cpus) return "cpus";
    if (a.user != b.user) return "user";
    if (a.socket != b.socket) return "socket";
    if (a.metrics != b.metrics) return "metrics";
    if (a.cache.memory_mib != b.cache.memory_mib) return "cache.memory_mib";
    return "";
}

bool changes_upstream(const Dns64Config& a, const Dns64Config& b) {
    return texts_of(a.upstreams) != texts_of(b.upstreams) || a.validation != b.validation ||
           a.trust_anchor != b.trust_anchor || a.case_0x20 != b.case_0x20 ||
           a.upstream_cookies != b.upstream_cookies || a.tls_ca != b.tls_ca ||
           texts_of(a.upstream_source) != texts_of(b.upstream_source) ||
           a.upstream_avoid_ports != b.upstream_avoid_ports ||
           a.limits.retransmit_ms != b.limits.retransmit_ms ||
           a.limits.queries_in_flight != b.limits.queries_in_flight;
}

}  // namespace isthmus::dns64
