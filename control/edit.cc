// SPDX-License-Identifier: Apache-2.0
#include "control/edit.h"

#include <algorithm>

namespace isthmus::control {

namespace {

/// Reads words of an operator as the file would have them; nothing but harmless characters passes.
Expected<Policy> read(const std::string& text, const std::string& words) {
    if (words.find_first_of("\"\\;{}\n") != std::string::npos)
        return Error{words, "has characters that no address or port has"};
    const auto loaded = config::load_text("nat64: { " + text + " };", "command");
    for (const auto& e : loaded.errors) return Error{"", e.what};
    return loaded.config.nat64;
}

/// Appends `e` to `out`, in halves as often as it takes until each piece is wholly among `named`
/// or not at all. Those that are stay where fn(piece) is true. Counts these.
template <typename Fn>
unsigned split(const config::PoolEntry& e, const std::vector<Prefix4>& named, Fn& fn,
               std::vector<config::PoolEntry>& out) {
    const auto holds = [&](const Prefix4& g) {
        return g.len_bits <= e.addresses.len_bits && g.contains(e.addresses.addr);
    };
    const auto touches = [&](const Prefix4& g) { return g.overlaps(e.addresses); };
    if (std::any_of(named.begin(), named.end(), holds)) {
        out.push_back(e);
        if (!fn(out.back())) out.pop_back();
        return 1;
    }
    if (std::none_of(named.begin(), named.end(), touches)) {
        out.push_back(e);
        return 0;
    }
    // Not a /32: one that is touched is held.
    config::PoolEntry half = e;
    half.addresses.len_bits++;
    const unsigned low = split(half, named, fn, out);
    half.addresses.addr = Ipv4Addr::from_host(e.addresses.addr.host() +
                                              static_cast<std::uint32_t>(half.addresses.size()));
    return low + split(half, named, fn, out);
}

/// Two halves of a prefix that differ in nothing else.
bool are_halves(const config::PoolEntry& low, const config::PoolEntry& high) {
    const std::uint8_t len = low.addresses.len_bits;
    if (len == 0 || len != high.addresses.len_bits || low.name != high.name ||
        low.ports != high.ports || low.drain != high.drain || low.drain_until != high.drain_until)
        return false;
    const Prefix4 both{low.addresses.addr, static_cast<std::uint8_t>(len - 1)};
    return (low.addresses.addr.host() & ~both.mask()) == 0 &&
           low.addresses.addr.host() + low.addresses.size() == high.addresses.addr.host();
}

/// What an earlier change took apart becomes whole again.
void join(std::vector<config::PoolEntry>& pool) {
    std::vector<config::PoolEntry> out;
    for (const config::PoolEntry& e : pool) {
        out.push_back(e);
        while (out.size() >= 2 && are_halves(out[out.size() - 2], out.back())) {
            out.pop_back();
            out.back().addresses.len_bits--;
        }
    }
    pool = std::move(out);
}

/// `p` with every pool entry that `addresses` touch split; those named stay where fn(entry) is
/// true.
template <typename Fn>
Expected<Policy> for_addresses(const Policy& p, const std::string& addresses, Fn&& fn) {
    std::string why;
    const auto named = config::parse_addresses(addresses, why);
    if (named.empty()) return Error{addresses, why};
    Policy next = p;
    next.pool.clear();
    unsigned found = 0;
    for (const auto& e : p.pool) found += split(e, named, fn, next.pool);
    if (found == 0) return Error{addresses, "is not in the pool; see isthmusctl show pools"};
    join(next.pool);
    return next;
}

bool matches(const config::StaticEntry& e, const config::StaticEntry& w, bool by_ports) {
    return e.ipv4 == w.ipv4 && (!by_ports || (e.protocol == w.protocol && e.ports == w.ports));
}

}  // namespace

Expected<Policy> with_drain(const Policy& p, const std::string& addresses, std::time_t until) {
    auto next = for_addresses(p, addresses, [&](config::PoolEntry& e) {
        e.drain = true;
        e.drain_until = until;
        return true;
    });
    if (!next) return next;
    const bool all = std::all_of(next->pool.begin(), next->pool.end(),
                                 [](const config::PoolEntry& e) { return e.drain; });
    if (all) return Error{addresses, "is all that is left of the pool; add other addresses first"};
    return next;
}

Expected<Policy> without_drain(const Policy& p, const std::string& addresses) {
    unsigned n = 0;
    auto next = for_addresses(p, addresses, [&](config::PoolEntry& e) {
        n += e.drain ? 1U : 0U;
        e.drain = false;
        e.drain_until = 0;
        return true;
    });
    if (next && n == 0) return Error{addresses, "is not being drained; see isthmusctl show pools"};
    return next;
}

Expected<Policy> without_pool(const Policy& p, const std::string& addresses) {
    auto next = for_addresses(p, addresses, [](const config::PoolEntry&) { return false; });
    if (next && next->pool.empty())
        return Error{addresses, "is the whole pool; add other addresses first"};
    return next;
}

Expected<Policy> with_prefix(const Policy& p, const std::string& prefix) {
    const auto read_back = read("prefixes = (\"" + prefix + "\");", prefix);
    if (!read_back) return read_back.error();
    Policy next = p;
    // An empty list means the well-known prefix; it stays when another comes beside it.
    if (next.prefixes.empty())
        next.prefixes.push_back({Pref64{kWellKnownPrefix.addr, kWellKnownPrefix.len_bits}, {}});
    for (const auto& e : next.prefixes) {
        if (e.prefix == read_back->prefixes.front().prefix)
            return Error{prefix, "is a prefix already; see isthmusctl show prefixes"};
    }
    next.prefixes.push_back(read_back->prefixes.front());
    return next;
}

Expected<Policy> without_prefix(const Policy& p, const std::string& prefix) {
    const auto read_back = read("prefixes = (\"" + prefix + "\");", prefix);
    if (!read_back) return read_back.error();
    Policy next = p;
    const auto gone = std::remove_if(
        next.prefixes.begin(), next.prefixes.end(),
        [&](const auto& e) { return e.prefix == read_back->prefixes.front().prefix; });
    if (gone == next.prefixes.end())
        return Error{prefix, "is no prefix of ours; see isthmusctl show prefixes"};
    next.prefixes.erase(gone, next.prefixes.end());
    if (next.prefixes.empty()) return Error{prefix, "is the only prefix; add another one first"};
    return next;
}

Expected<Policy> with_static(const Policy& p, const StaticWords& w) {
    std::string text = "static = ( { protocol = \"" + w.protocol + "\"; ipv4 = \"" + w.ipv4 +
                       "\"; ports = \"" + w.ports + "\"; ipv6 = \"" + w.ipv6 + "\"; ";
    if (!w.ipv6_ports.empty()) text += "ipv6_ports = \"" + w.ipv6_ports + "\"; ";
    // Whether the address is in the pool is seen below, with the pool.
    const auto read_back = read(text + "outside_pool = true; } );",
                                w.protocol + w.ipv4 + w.ports + w.ipv6 + w.ipv6_ports);
    if (!read_back) return read_back.error();
    Policy next = p;
    next.fixed.push_back(read_back->fixed.front());
    next.fixed.back().outside_pool = w.outside_pool;
    next.fixed.back().origin = {};
    const auto whole = config::load_text(config::to_text(next), "");
    for (const auto& e : whole.errors) return Error{"", e.what};
    return next;
}

Expected<Policy> without_static(const Policy& p, const StaticWords& w) {
    config::StaticEntry wanted;
    const auto a = Ipv4Addr::parse(w.ipv4);
    if (!a) return Error{w.ipv4, "is not an IPv4 address"};
    wanted.ipv4 = *a;
    const bool by_ports = !w.ports.empty();
    if (by_ports) {
        const auto read_back = read("static = ( { protocol = \"" + w.protocol + "\"; ipv4 = \"" +
                                        w.ipv4 + "\"; ports = \"" + w.ports +
                                        "\"; ipv6 = \"2001:db8::1\"; outside_pool = true; } );",
                                    w.protocol + w.ipv4 + w.ports);
        if (!read_back) return read_back.error();
        wanted = read_back->fixed.front();
    }
    Policy next = p;
    const auto gone = std::remove_if(next.fixed.begin(), next.fixed.end(),
                                     [&](const auto& e) { return matches(e, wanted, by_ports); });
    if (gone == next.fixed.end())
        return Error{w.ipv4, "has no such static binding; see isthmusctl show config"};
    next.fixed.erase(gone, next.fixed.end());
    return next;
}

Expected<Policy> with_eam(const Policy& p, const std::string& ipv4, const std::string& ipv6) {
    const auto read_back =
        read("stateless: { eam = ( { ipv4 = \"" + ipv4 + "\"; ipv6 = \"" + ipv6 + "\"; } ); };",
             ipv4 + ipv6);
    if (!read_back) return read_back.error();
    Policy next = p;
    next.stateless.eam.push_back(read_back->stateless.eam.front());
    next.stateless.eam.back().origin = {};
    const auto whole = config::load_text(config::to_text(next), "");
    for (const auto& e : whole.errors) return Error{"", e.what};
    return next;
}

Expected<Policy> without_eam(const Policy& p, const std::string& prefix) {
    const auto v4 = Prefix4::parse(prefix, Prefix4::Bare::allow);
    const auto v6 = Prefix6::parse(prefix, Prefix6::Bare::allow);
    Policy next = p;
    std::erase_if(next.stateless.eam,
                  [&](const auto& e) { return (v4 && e.ipv4 == *v4) || (v6 && e.ipv6 == *v6); });
    if (next.stateless.eam.size() == p.stateless.eam.size())
        return Error{prefix, "is no side of an EAM entry; see isthmusctl show stateless"};
    if (const std::string why = config::why_unusable(next); !why.empty())
        return Error{prefix, "is all that is translated; add another entry first"};
    return next;
}

Expected<std::time_t> parse_duration(const std::string& text) {
    const std::size_t digits = text.find_first_not_of("0123456789");
    const std::string number = text.substr(0, digits);
    const std::string unit = digits == std::string::npos ? "s" : text.substr(digits);
    const std::time_t each = unit == "s"   ? 1
                             : unit == "m" ? 60
                             : unit == "h" ? 3600
                             : unit == "d" ? 86400
                                           : 0;
    if (number.empty() || number.size() > 7 || each == 0)
        return Error{text, "is no length of time; write 90s, 30m, 2h or 1d"};
    if (number.find_first_not_of('0') == std::string::npos)
        return Error{text, "is no time at all; isthmusctl pool remove takes an address at once"};
    return static_cast<std::time_t>(std::stol(number)) * each;
}

api::Json with_deadlines(api::Json rows, const config::Nat64Config& nat64) {
    for (const config::PoolEntry& e : nat64.pool) {
        if (!e.drain || e.drain_until == 0) continue;
        for (api::Json& row : rows) {
            const auto a = Ipv4Addr::parse(api::text_of(row, "address"));
            if (a && e.addresses.contains(*a)) row["drain_until_unix_seconds"] = e.drain_until;
        }
    }
    return rows;
}

}  // namespace isthmus::control
