// SPDX-License-Identifier: Apache-2.0
#include "test/golden/settings.h"

#include <functional>
#include <map>

#include "test/golden/packet_text.h"

namespace golden {

using namespace isthmus;

void apply_setting(pipeline::Snapshot& cfg, const std::string& key, const std::string& value) {
    const auto n = [&] { return number(value); };
    const std::map<std::string, std::function<void()>> keys = {
        {"lowest_ipv6_mtu", [&] { cfg.xlat.lowest_ipv6_mtu = static_cast<unsigned>(n()); }},
        {"mss_clamp_ipv4", [&] { cfg.xlat.mss_clamp_64 = static_cast<std::uint16_t>(n()); }},
        {"mss_clamp_ipv6", [&] { cfg.xlat.mss_clamp_46 = static_cast<std::uint16_t>(n()); }},
        {"copy_traffic_class", [&] { cfg.xlat.copy_traffic_class = n() != 0; }},
        {"override_tos", [&] { cfg.xlat.override_tos = static_cast<std::uint8_t>(n()); }},
        {"reset_traffic_class", [&] { cfg.xlat.reset_traffic_class = n() != 0; }},
        {"ipv6_zero_checksum", [&] { cfg.xlat.ipv6_zero_checksum = n() != 0; }},
        {"remap_frag_id", [&] { cfg.xlat.remap_frag_id = n() != 0; }},
        {"wkp_allow_non_global", [&] { cfg.wkp_allow_non_global = n() != 0; }},
        {"errors_from_router", [&] { cfg.errors_from_router = n() != 0; }},
        {"drop_icmpv6_info", [&] { cfg.drop_icmpv6_info = n() != 0; }},
        {"has_policy", [&] { cfg.has_policy = n() != 0; }},
        {"address_dependent_filtering", [&] { cfg.nat.address_dependent_filtering = n() != 0; }},
        {"drop_external_tcp", [&] { cfg.nat.drop_external_tcp = n() != 0; }},
        {"last_port", [&] { cfg.nat.slot[0].last_port = static_cast<std::uint16_t>(n()); }},
        {"other_last_port", [&] { cfg.nat.slot[1].last_port = static_cast<std::uint16_t>(n()); }},
        {"ports_per_subscriber",
         [&] { cfg.nat.limits.ports_per_subscriber = static_cast<unsigned>(n()); }},
        {"sessions_per_subscriber",
         [&] { cfg.nat.limits.sessions_per_subscriber = static_cast<unsigned>(n()); }},
        {"sessions_per_binding",
         [&] { cfg.nat.limits.sessions_per_binding = static_cast<unsigned>(n()); }},
        {"new_sessions_per_second",
         [&] { cfg.nat.limits.new_sessions_per_second = static_cast<unsigned>(n()); }},
        {"v4_refresh", [&] { cfg.nat.v4_refresh = n() != 0; }},
        {"pooling_soft", [&] { cfg.nat.pooling_soft = n() != 0; }},
        {"preserve_parity", [&] { cfg.nat.preserve_parity = n() != 0; }},
        {"rst_in_fin", [&] { cfg.nat.rst_in_fin = n() != 0; }},
        {"tcp_probes", [&] { cfg.nat.tcp_probes = n() != 0; }},
        {"drop_tcp_without_session", [&] { cfg.nat.drop_tcp_strays = n() != 0; }},
        {"tcp_half_open",
         [&] { cfg.nat.lifetimes.tcp_half_open = ticks_of_seconds(static_cast<unsigned>(n())); }},
        {"fragment_hold",
         [&] { cfg.fragment_hold = ticks_of_seconds(static_cast<unsigned>(n())); }},
        {"first_port", [&] { cfg.nat.slot[0].first_port = static_cast<std::uint16_t>(n()); }},
        {"stored_syns_per_source",
         [&] { cfg.nat.stored_syns.per_source = static_cast<unsigned>(n()); }},
        {"stored_syns", [&] { cfg.nat.stored_syns.all = static_cast<unsigned>(n()); }},
        {"block_bits", [&] { cfg.nat.blocks.bits = static_cast<std::uint8_t>(n()); }},
        {"blocks_most", [&] { cfg.nat.blocks.most = static_cast<std::uint8_t>(n()); }},
        {"exclude",
         [&] { cfg.nat.excluded[cfg.nat.n_excluded++].destination = *Prefix4::parse(value); }},
        {"non_global", [&] { cfg.non_global.add(*Prefix4::parse(value)); }},
        {"udp_zero_checksum", [&] { cfg.stateless.drop_zero_checksum = value == "drop"; }},
        {"name_routers", [&] { cfg.stateless.name_routers = n() != 0; }},
        {"tell_refusals", [&] { cfg.nat.log.refusals = n() != 0; }},
        {"hairpin",
         [&] {
             using Hairpin = pipeline::Stateless::Hairpin;
             cfg.stateless.hairpin = value == "off"      ? Hairpin::off
                                     : value == "simple" ? Hairpin::simple
                                                         : Hairpin::intrinsic;
         }},
        {"icmp_errors",
         [&] {
             using Mode = pipeline::ErrorPolicy::Mode;
             const Mode mode = value == "off"          ? Mode::off
                               : value == "rate-limit" ? Mode::rate_limit
                                                       : Mode::send;
             cfg.to_ipv4.mode = cfg.to_ipv6.mode = mode;
         }},
    };
    const auto row = keys.find(key);
    if (row == keys.end()) throw Fault("no such key: " + key);
    row->second();
}

}  // namespace golden
