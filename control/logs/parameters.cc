// SPDX-License-Identifier: Apache-2.0
#include "control/logs/parameters.h"

#include "common/api/json.h"

namespace isthmus::control {

using json = isthmus::api::Json;

namespace {

constexpr std::uint64_t kDay = 86400 * kNanosPerSecond;

/// What RFC 7422 s3 wants to have logged; null: deterministic NAT is off.
json parameters_of(const config::Nat64Config& c) {
    if (c.deterministic.source.empty()) return nullptr;
    json pool = json::array();
    for (const auto& e : c.pool) {
        if (e.name == c.deterministic.pool)
            pool.push_back(e.addresses.text() + " ports " + std::to_string(e.ports.first) + "-" +
                           std::to_string(e.ports.last));
    }
    return {{"algorithm", 0},
            {"source", c.deterministic.source},
            {"subscriber_prefix_length", c.subscriber_prefix_len},
            {"pool", pool},
            {"subscribers_per_address", c.deterministic.subscribers_per_address},
            {"dynamic", c.deterministic.dynamic},
            {"blocks_per_subscriber", c.deterministic.blocks_per_subscriber},
            {"reserved_ports", "0-1023"}};
}

}  // namespace

std::optional<Note> ParameterRecord::look(const config::Nat64Config& running,
                                          std::uint64_t unix_ns) {
    const json parameters = parameters_of(running);
    if (parameters.is_null() && newest_.empty()) return std::nullopt;
    std::string text = api::to_text(parameters);
    if (text == newest_ && unix_ns < next_ns_) return std::nullopt;
    newest_ = std::move(text);
    next_ns_ = unix_ns + kDay;
    return Note{unix_ns, "deterministic", {{"parameters", parameters}}};
}

}  // namespace isthmus::control
