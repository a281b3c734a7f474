// SPDX-License-Identifier: Apache-2.0
#include "test/golden/settings.h"

#include <functional>
#include <map>

#include "test/golden/packet_text.h"

namespace golden {

using namespace isthmus;

namespace {

using Keys = std::map<std::string, std::function<void()>>;

Keys keys_of_state(nat::Policy& p, const std::string& value) {
    const auto n = [&value] { return number(value); };
    return {
        {"address_dependent_filtering", [&p, n] { p.address_dependent_filtering = n() != 0; }},
        {"drop_external_tcp", [&p, n] { p.drop_external_tcp = n() != 0; }},
        {"last_port", [&p, n] { p.slot[0].last_port = static_cast<std::uint16_t>(n()); }},
        {"other_last_port", [&p, n] { p.slot[1].last_port = static_cast<std::uint16_t>(n()); }},
        {"ports_per_subscriber",
         [&p, n] { p.limits.ports_per_subscriber = static_cast<unsigned>(n()); }},
        {"sessions_per_subscriber",
         [&p, n] { p.limits.sessions_per_subscriber = static_cast<unsigned>(n()); }},
        {"sessions_per_binding",
         [&p, n] { p.limits.sessions_per_binding = static_cast<unsigned>(n()); }},
        {"new_sessions_per_second",
         [&p, n] { p.limits.new_sessions_per_second = static_cast<unsigned>(n()); }},
        {"v4_refresh", [&p, n] { p.v4_refresh = n() != 0; }},
        {"pooling_soft", [&p, n] { p.pooling_soft = n() != 0; }},
        {"preserve_parity", [&p, n] { p.preserve_parity = n() != 0; }},
        {"rst_in_fin", [&p, n] { p.rst_in_fin = n() != 0; }},
        {"tcp_probes", [&p, n] { p.tcp_probes = n() != 0; }},
        {"drop_tcp_without_session", [&p, n] { p.drop_tcp_strays = n() != 0; }},
        {"tcp_half_open",
         [&p, n] { p.lifetimes.tcp_half_open = ticks_of_seconds(static_cast<unsigned>(n())); }},
        {"first_port", [&p, n] { p.slot[0].first_port = static_cast<std::uint16_t>(n()); }},
        {"stored_syns_per_source",
         [&p, n] { p.stored_syns.per_source = static_cast<unsigned>(n()); }},
        {"stored_syns", [&p, n] { p.stored_syns.all = static_cast<unsigned>(n()); }},
        {"block_bits", [&p, n] { p.blocks.bits = static_cast<std::uint8_t>(n()); }},
        {"blocks_most", [&p, n] { p.blocks.most = static_cast<std::uint8_t>(n()); }},
        {"exclude",
         [&p, &value] { p.excluded[p.n_excluded++].destination = *Prefix4::parse(value); }},
        {"tell_refusals", [&p, n] { p.log.refusals = n() != 0; }},
    };
}

Keys keys_of_translation(pipeline::Snapshot& cfg, const std::string& value) {
    const auto n = [&value] { return number(value); };
    return {
        {"lowest_ipv6_mtu", [&cfg, n] { cfg.xlat.lowest_ipv6_mtu = static_cast<unsigned>(n()); }},
        {"mss_clamp_ipv4", [&cfg, n] { cfg.xlat.mss_clamp_64 = static_cast<std::uint16_t>(n()); }},
        {"mss_clamp_ipv6", [&cfg, n] { cfg.xlat.mss_clamp_46 = static_cast<std::uint16_t>(n()); }},
        {"copy_traffic_class", [&cfg, n] { cfg.xlat.copy_traffic_class = n() != 0; }},
        {"override_tos", [&cfg, n] { cfg.xlat.override_tos = static_cast<std::uint8_t>(n()); }},
        {"reset_traffic_class", [&cfg, n] { cfg.xlat.reset_traffic_class = n() != 0; }},
        {"ipv6_zero_checksum", [&cfg, n] { cfg.xlat.ipv6_zero_checksum = n() != 0; }},
        {"remap_frag_id", [&cfg, n] { cfg.xlat.remap_frag_id = n() != 0; }},
        {"wkp_allow_non_global", [&cfg, n] { cfg.wkp_allow_non_global = n() != 0; }},
        {"errors_from_router", [&cfg, n] { cfg.errors_from_router = n() != 0; }},
        {"drop_icmpv6_info", [&cfg, n] { cfg.drop_icmpv6_info = n() != 0; }},
        {"has_policy", [&cfg, n] { cfg.has_policy = n() != 0; }},
        {"fragment_hold",
         [&cfg, n] { cfg.fragment_hold = ticks_of_seconds(static_cast<unsigned>(n())); }},
        {"non_global", [&cfg, &value] { cfg.non_global.add(*Prefix4::parse(value)); }},
        {"udp_zero_checksum",
         [&cfg, &value] { cfg.stateless.drop_zero_checksum = value == "drop"; }},
        {"name_routers", [&cfg, n] { cfg.stateless.name_routers = n() != 0; }},
        {"hairpin",
         [&cfg, &value] {
             using Hairpin = pipeline::Stateless::Hairpin;
             cfg.stateless.hairpin = value == "off"      ? Hairpin::off
                                     : value == "simple" ? Hairpin::simple
                                                         : Hairpin::intrinsic;
         }},
        {"icmp_errors",
         [&cfg, &value] {
             using Mode = pipeline::ErrorPolicy::Mode;
             const Mode mode = value == "off"          ? Mode::off
                               : value == "rate-limit" ? Mode::rate_limit
                                                       : Mode::send;
             cfg.to_ipv4.mode = cfg.to_ipv6.mode = mode;
         }},
    };
}

}  // namespace

void apply_setting(pipeline::Snapshot& cfg, const std::string& key, const std::string& value) {
    Keys keys = keys_of_translation(cfg, value);
    keys.merge(keys_of_state(cfg.nat, value));
    const auto row = keys.find(key);
    if (row == keys.end()) throw Fault("no such key: " + key);
    row->second();
}

}  // namespace golden
