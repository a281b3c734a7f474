// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/explain_desk.h"

#include <algorithm>
#include <memory>

#include "common/api/params.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::agent {

using api::Json;
using api::text_of;
using pipeline::ExplainQuery;
using pipeline::Explanation;
using pipeline::Path;

namespace {

constexpr std::uint8_t kSyn = 0x02, kAck = 0x10;
constexpr std::uint16_t kSomePort = 49152;  // when the question names none
constexpr std::chrono::milliseconds kPatience{1000};

Expected<Be16> id_of(const Json& p, const char* name, std::uint16_t otherwise) {
    const auto n = api::number_of(p, name, otherwise);
    if (n < 0 || n > 65535) return Error{name, "is a port from 0 to 65535", api::code::kParams};
    return Be16{static_cast<std::uint16_t>(n)};
}

Status take_addresses(const Json& p, ExplainQuery& q) {
    const std::string from = text_of(p, "source"), to = text_of(p, "destination");
    const auto from6 = Ipv6Addr::parse(from), to6 = Ipv6Addr::parse(to);
    const auto from4 = Ipv4Addr::parse(from), to4 = Ipv4Addr::parse(to);
    if (!from6 && !from4) return Error{"source", "is not an address", api::code::kParams};
    if (!to6 && !to4) return Error{"destination", "is not an address", api::code::kParams};
    if (from6.has_value() != to6.has_value())
        return Error{"destination",
                     "and source are of two families; from IPv6 write the destination behind its "
                     "prefix, as in 64:ff9b::203.0.113.7; from IPv4 it is a pool address",
                     api::code::kParams};
    q.v6 = from6.has_value();
    if (q.v6) {
        q.src6 = *from6;
        q.dst6 = *to6;
    } else {
        q.src4 = *from4;
        q.dst4 = *to4;
    }
    return Done{};
}

Expected<ExplainQuery> query_of(const Json& p) {
    using Is = api::Param::Is;
    const Status known = api::only_these(p, {{"source"},
                                             {"source_id", Is::number},
                                             {"destination"},
                                             {"destination_id", Is::number},
                                             {"protocol"},
                                             {"tcp"},
                                             {"bytes", Is::number}});
    if (!known) return known.error();
    ExplainQuery q;
    if (const Status good = take_addresses(p, q); !good) return good.error();
    const std::string protocol = text_of(p, "protocol");
    const auto proto = proto_named(protocol.empty() ? "tcp" : protocol);
    if (!proto) return Error{"protocol", "is tcp, udp or icmp", api::code::kParams};
    q.proto = *proto;
    const bool needs_port = q.proto != Proto::icmp;
    if (needs_port && !p.contains("destination_id"))
        return Error{"destination_id", "is missing: the port that the packet goes to",
                     api::code::kParams};
    const auto from = id_of(p, "source_id", kSomePort), to = id_of(p, "destination_id", 0);
    if (!from) return from.error();
    if (!to) return to.error();
    q.src_id = *from;
    q.dst_id = *to;
    if (!needs_port) {  // there is one identifier; from IPv4 it is the pool's
        if (!q.v6 && p.contains("destination_id")) q.src_id = q.dst_id;
        q.dst_id = q.src_id;
    }
    const std::string tcp = text_of(p, "tcp");
    if (!tcp.empty() && tcp != "syn" && tcp != "data")
        return Error{"tcp", "is syn (opens a connection) or data (belongs to one)",
                     api::code::kParams};
    const bool syn = tcp.empty() ? q.v6 : tcp == "syn";
    q.flags.bits = syn ? kSyn : kAck;
    const auto bytes = api::number_of(p, "bytes", 0);
    if (bytes < 0 || bytes > 65535)
        return Error{"bytes", "is the length of the IP packet, up to 65535", api::code::kParams};
    q.bytes = static_cast<std::uint32_t>(bytes);
    return q;
}

/// The second half of a hairpinned packet: what the first one becomes, arriving from IPv4.
ExplainQuery hairpinned(const ExplainQuery& q, const Explanation& e) {
    ExplainQuery back = q;
    back.v6 = false;
    back.hairpin = true;
    back.src4 = e.nat.t.addr;
    back.src_id = e.nat.t.id;
    back.dst4 = e.z;
    back.bytes = e.bytes - 20;  // the headers' difference
    if (q.proto == Proto::icmp) back.dst_id = back.src_id;
    return back;
}

Json packet_json(const ExplainQuery& q, const Explanation& e) {
    Json p{{"source", q.v6 ? q.src6.text() : q.src4.text()},
           {"source_id", q.src_id.host()},
           {"destination", q.v6 ? q.dst6.text() : q.dst4.text()},
           {"protocol", name_of(q.proto)},
           {"bytes", e.bytes}};
    if (q.proto != Proto::icmp) p["destination_id"] = q.dst_id.host();
    if (q.proto == Proto::tcp) p["tcp"] = q.flags.syn() ? "syn" : "data";
    return p;
}

Json range_json(const nat::PortRange& r) {
    return std::to_string(r.first) + "-" + std::to_string(r.last);
}

bool is_resolved(const Explanation& e) {
    return e.way.adjacency.state == pipeline::Adjacency::State::resolved;
}

const char* verdict_of(const Explanation& e) {
    if (e.path == Path::punt) return "kernel";
    if (e.path == Path::s64 || e.path == Path::s46) return "without state";
    if (e.why != Drop::none || e.path == Path::drop) return "dropped";
    return e.has_way && !is_resolved(e) ? "waits" : "passes";
}

std::string address_text(std::uint8_t family, const Ipv6Addr& a) {
    return family == 6 ? a.text()
                       : Ipv4Addr::of(a.octet[0], a.octet[1], a.octet[2], a.octet[3]).text();
}

}  // namespace

struct ExplainDesk::Asking {
    api::Reply reply;
    ExplainQuery query, second;
    Explanation first;
    std::optional<Explanation> back;  // the second half of a hairpinned packet
    bool has_first = false, posted = false;
    Clock::time_point deadline;
};

unsigned ExplainDesk::owner(const ExplainQuery& q) const {
    const nat::Policy& p = world_.cfg.nat;
    if (q.v6) return nat::owner_of_subscriber(p, q.src6);
    const int slot = p.slot_of(q.dst4);
    return slot < 0 ? 0 : p.owner_of(static_cast<unsigned>(slot), q.dst_id.host(), q.proto);
}

void ExplainDesk::begin(const Json& params, api::Reply reply) {
    const auto query = query_of(params);
    if (!query) return reply(query.error());
    auto a = std::make_shared<Asking>();
    a->reply = std::move(reply);
    a->query = *query;
    jobs_.add([this, a] { return step(*a); });
}

/// True: the answer, or why there is none, has been told.
bool ExplainDesk::step(Asking& a) {
    const ExplainQuery& q = a.has_first ? a.second : a.query;
    pipeline::ExplainBox& box = world_.workers.state(owner(q)).explain;
    if (!a.posted) {
        a.deadline = Clock::now() + kPatience;
        if (box.is_answered()) {
            box.ask(q);
            a.posted = true;
        }
    }
    if (!a.posted || !box.is_answered()) {
        if (Clock::now() < a.deadline) return false;
        a.reply(Error{"worker " + std::to_string(owner(q)), "does not answer: is it stuck?"});
        return true;
    }
    if (a.has_first) {
        a.back = box.answer();
    } else {
        a.first = box.answer();
        a.has_first = true;
        const bool asks_more = a.first.is_hairpin && a.first.why == Drop::none &&
                               (a.query.proto != Proto::icmp || a.first.nat.t.id != Be16{});
        if (asks_more) {
            a.second = hairpinned(a.query, a.first);
            a.posted = false;
            return false;
        }
    }
    a.reply(told(a));
    return true;
}

std::string ExplainDesk::pool_name(const nat::PoolSlot& slot) const {
    if (slot.group == nat::kStaticGroup) return "static";
    for (const auto& e : world_.policy.pool) {
        if (e.addresses.contains(slot.addr)) return e.name.empty() ? "default" : e.name;
    }
    return "default";
}

void ExplainDesk::tell_subscriber(Json& out, const Explanation& e, Proto proto) const {
    const nat::Forecast& f = e.nat;
    const nat::Policy& p = world_.cfg.nat;
    const auto left = [](std::uint32_t limit, std::uint32_t used) {
        return limit > used ? limit - used : 0;
    };
    const nat::SubscriberView& s = f.subscriber;
    Json quota{
        {"ports", left(p.limits.ports_per_subscriber, s.n_ports[static_cast<unsigned>(proto)])},
        {"sessions", left(p.limits.sessions_per_subscriber, s.n_sessions)}};
    if (p.limits.new_sessions_per_second != 0) quota["new_sessions_this_second"] = f.rate_left;
    if (p.blocks.on()) quota["blocks"] = left(p.blocks.most, s.n_blocks);
    const bool paired = f.knows_subscriber && s.slot < p.n_slots;
    out["subscriber"] = {{"prefix", Prefix6{s.prefix, p.subscriber_bits}.text()},
                         {"known", f.knows_subscriber},
                         {"worker", e.worker},
                         {"address", paired ? p.slot[s.slot].addr.text() : ""},
                         {"bindings", s.n_bindings},
                         {"sessions", s.n_sessions},
                         {"left", quota}};
    // The rule that chose the pool: the longest source prefix.
    for (unsigned i = 0; i < p.n_rules; i++) {
        if (!p.rule[i].source.contains(s.prefix)) continue;
        out["rule"] = {{"source", p.rule[i].source.text()}};
        for (const auto& r : world_.policy.rules) {
            if (r.source == p.rule[i].source) out["rule"]["pool"] = r.pool;
        }
        return;
    }
    out["rule"] = {{"source", "any"}, {"pool", "default"}};
}

void ExplainDesk::tell_binding(Json& out, const Explanation& e) const {
    const nat::Forecast& f = e.nat;
    if (!f.has_binding && e.path == Path::d46) {
        out["binding"] = {{"state", "none"}};
        return;
    }
    Json b{{"x", f.x.addr.text()}, {"x_id", f.x.id.host()}};
    if (f.slot >= 0) b["t"] = f.t.addr.text();
    if (f.has_binding) {
        b["state"] = "there";
        b["kind"] = f.is_fixed ? "static" : "dynamic";
        b["t_id"] = f.t.id.host();
        b["sessions"] = f.n_sessions;
    } else {
        b["state"] = f.makes_session && f.why == Drop::none ? "would be made" : "none";
        using From = nat::Forecast::From;
        if (f.from == From::pool) b["port_from"] = "the address, at random";
        if (f.from == From::own_range)
            b["port_from"] = "the subscriber's range " + range_json(f.range).get<std::string>();
        if (f.from == From::own_block)
            b["port_from"] = "his block " + range_json(f.range).get<std::string>();
        if (f.from == From::new_block) b["port_from"] = "a new block";
        if (f.from != From::none) b["ports_free"] = f.ports_free;
    }
    out["binding"] = b;
}

void ExplainDesk::tell_session(Json& out, const Explanation& e, Proto proto) const {
    const nat::Forecast& f = e.nat;
    if (!f.has_session) {
        const bool made = f.makes_session && f.why == Drop::none;
        out["session"] = {{"state", made ? "would be made" : "none"}};
        return;
    }
    const Tick now = world_.workers.now().tick;
    const std::uint32_t idle = now.v > f.last_seen.v ? now.v - f.last_seen.v : 0;
    out["session"] = {{"state", proto == Proto::tcp ? nat::name_of(f.tcp) : "open"},
                      {"idle_seconds", idle / ticks_of_seconds(1).v}};
}

void ExplainDesk::tell_pool(Json& out, unsigned slot, Proto proto) const {
    const nat::PoolSlot& s = world_.cfg.nat.slot[slot];
    std::uint64_t used = 0, free = 0;
    for (unsigned w = 0; w < world_.workers.n_workers(); w++) {
        used += world_.workers.state(w).engine.ports_in_use(slot, proto);
        free += world_.workers.state(w).engine.ports_free(slot, proto);
    }
    out["pool"] = {{"address", s.addr.text()},
                   {"pool", pool_name(s)},
                   {"state", s.state == nat::PoolSlot::State::draining ? "draining" : "active"},
                   {"in_use", used},
                   {"free", free}};
}

void ExplainDesk::tell_way(Json& out, const ExplainQuery& q, const Explanation& e) const {
    // To Z, or to X'.
    Ipv6Addr to = e.nat.x.addr;
    if (q.v6) {
        const auto o = e.z.octets();
        to = Ipv6Addr{};
        std::copy(o.begin(), o.end(), to.octet.begin());
    }
    const std::uint8_t family = q.v6 ? 4 : 6;
    const pipeline::Adjacency& a = e.way.adjacency;
    if (q.v6 || e.has_forecast) {
        const auto route = world_.kernel->writer().route_of(family, to);
        out["route"] = {{"to", route ? address_text(family, route->prefix.addr) + "/" +
                                           std::to_string(route->prefix.len_bits)
                                     : "none"}};
    }
    if (e.way.why != Drop::none) return;
    const auto& ports = world_.config.dataplane.ports;
    out["route"]["port"] = a.port < ports.size() ? ports[a.port].name : "?";
    if (a.vlan != 0) out["route"]["vlan"] = a.vlan;
    const bool on_link = a.next_hop == Ipv6Addr{};
    out["neighbour"] = {{"address", address_text(a.family, on_link ? to : a.next_hop)},
                        {"state", is_resolved(e) ? "known" : "not known yet"}};
    if (is_resolved(e)) out["neighbour"]["mac"] = a.dst.text();
    using Do = xlat::Fit::Do;
    Json mtu{{"link_bytes", a.mtu}, {"result", "fits"}};
    if (e.fit.what == Do::cut) mtu["result"] = "is cut into fragments";
    if (e.fit.what == Do::refuse) {
        mtu["result"] = "too big";
        mtu["told_bytes"] = e.fit.mtu;
    }
    if (e.fit.what == Do::drop) mtu["result"] = "too big";
    out["mtu"] = mtu;
}

Json ExplainDesk::half(const ExplainQuery& q, const Explanation& e) const {
    const nat::Policy& p = world_.cfg.nat;
    Json out{{"packet", packet_json(q, e)}, {"verdict", verdict_of(e)}};
    const bool d64 = e.path == Path::d64, d46 = e.path == Path::d46;
    out["direction"] = d64 || e.path == Path::s64   ? "6 to 4"
                       : d46 || e.path == Path::s46 ? "4 to 6"
                                                    : "none";
    if (e.why != Drop::none && e.path != Path::punt) {
        const DropInfo& d = info_of(e.why);
        out["drop"] = {{"reason", d.name},
                       {"help", d.help},
                       {"source", d.source},
                       {"sender_is_told", e.is_answered}};
    }
    if (d64 && e.prefix >= 0)
        out["prefix"] = {{"prefix", p.prefix[static_cast<unsigned>(e.prefix)].pref.text()},
                         {"remote", e.z.text()}};
    if (e.has_forecast) {
        if (d64 || e.nat.has_binding) tell_subscriber(out, e, q.proto);
        tell_binding(out, e);
        tell_session(out, e, q.proto);
        if (e.nat.slot >= 0) tell_pool(out, static_cast<unsigned>(e.nat.slot), q.proto);
    }
    if (e.has_way) tell_way(out, q, e);
    return out;
}

Json ExplainDesk::told(const Asking& a) const {
    Json out = half(a.query, a.first);
    if (!a.first.is_hairpin || a.first.why != Drop::none) return out;
    out["hairpin"] = a.back ? half(a.second, *a.back)
                            : Json{{"verdict", "depends on the identifier that is chosen"}};
    out["verdict"] = out["hairpin"]["verdict"];
    if (out["hairpin"].contains("drop")) out["drop"] = out["hairpin"]["drop"];
    return out;
}

void ExplainDesk::serve(api::RpcServer& server) {
    server.on_deferred("explain", api::Right::read,
                       [this](const Json& p, api::Reply r) { begin(p, std::move(r)); });
}

}  // namespace isthmus::agent
