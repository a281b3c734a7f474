// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/lists.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <span>
#include <utility>

#include "common/api/params.h"
#include "common/net/rfc6052.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::agent {

using api::Json;
using api::text_of;
using nat::BindingView;
using nat::SessionView;
using nat::SubscriberView;

/// What is asked for; empty fields match all.
struct Lists::Query {
    What what = What::bindings;
    std::optional<Prefix6> subscriber;
    std::optional<Ipv4Addr> remote, local;
    std::optional<Proto> proto;
    int port = -1, remote_port = -1;
    std::string state, sort;
    bool count = false;
    unsigned limit = 0;  // 0: none
    Tick now;
};

namespace {

std::string lower(std::string s) {
    for (char& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return s;
}

std::string state_of(const SessionView& s) {
    return s.binding.proto == Proto::tcp ? lower(nat::name_of(s.tcp)) : "open";
}

constexpr const char* kSortBindings[] = {"sessions"};
constexpr const char* kSortSessions[] = {"idle_seconds"};
constexpr const char* kSortSubscribers[] = {"bindings",  "sessions", "udp_ports",
                                            "tcp_ports", "icmp_ids", "blocks"};
constexpr const char* kSortBlocks[] = {"bindings"};

std::span<const char* const> sort_keys(Lists::What what) {
    if (what == Lists::What::sessions) return kSortSessions;
    if (what == Lists::What::subscribers) return kSortSubscribers;
    return what == Lists::What::blocks ? std::span(kSortBlocks) : std::span(kSortBindings);
}

Status known_keys(Lists::What what, const Json& p) {
    using Is = api::Param::Is;
    const api::Param cursor{"cursor"}, subscriber{"subscriber"}, protocol{"protocol"},
        remote{"remote"}, remote_port{"remote_port", Is::number}, local{"local"},
        port{"port", Is::number}, state{"state"}, count{"count", Is::truth},
        limit{"limit", Is::number}, sort{"sort"};
    switch (what) {
        case Lists::What::bindings:
            return api::only_these(p,
                                   {cursor, subscriber, protocol, local, port, count, limit, sort});
        case Lists::What::sessions:
            return api::only_these(p, {cursor, subscriber, protocol, remote, remote_port, local,
                                       port, state, count, limit, sort});
        case Lists::What::subscribers:
            return api::only_these(p, {cursor, subscriber, local, count, limit, sort});
        default:
            return api::only_these(p, {cursor, subscriber, local, port, count, limit, sort});
    }
}

Expected<int> port_of(const Json& p, const char* name) {
    const auto n = api::number_of(p, name, -1);
    if (n > 65535) return Error{name, "is a port or identifier up to 65535", api::code::kParams};
    return static_cast<int>(n);
}

Status take_address(const Json& p, const char* name, std::optional<Ipv4Addr>& out) {
    const std::string text = text_of(p, name);
    if (text.empty()) return Done{};
    out = Ipv4Addr::parse(text);
    if (!out) return Error{name, "is not an IPv4 address", api::code::kParams};
    return Done{};
}

Json binding_json(const BindingView& b, unsigned worker) {
    return {{"protocol", name_of(b.proto)}, {"x", b.x.addr.text()},  {"x_id", b.x.id.host()},
            {"t", b.t.addr.text()},         {"t_id", b.t.id.host()}, {"worker", worker}};
}

}  // namespace

Expected<Lists::Query> Lists::query_of(What what, const Json& p) const {
    if (const Status known = known_keys(what, p); !known) return known.error();
    Query q;
    q.what = what;
    q.now = workers_.now().tick;
    q.count = api::truth_of(p, "count");
    if (const std::string text = text_of(p, "subscriber"); !text.empty()) {
        const auto prefix = Prefix6::parse(text, Prefix6::Bare::allow);
        if (!prefix) return prefix.error();
        q.subscriber = *prefix;
    }
    if (const Status good = take_address(p, "remote", q.remote); !good) return good.error();
    if (const Status good = take_address(p, "local", q.local); !good) return good.error();
    if (const std::string text = text_of(p, "protocol"); !text.empty()) {
        q.proto = proto_named(text);
        if (!q.proto) return Error{"protocol", "is tcp, udp or icmp", api::code::kParams};
    }
    const auto port = port_of(p, "port"), remote_port = port_of(p, "remote_port");
    if (!port) return port.error();
    if (!remote_port) return remote_port.error();
    q.port = *port;
    q.remote_port = *remote_port;
    q.state = lower(text_of(p, "state"));
    if (!q.state.empty() && q.state != "open") {
        std::string all = "open";
        bool known = false;
        for (unsigned i = 1; i < static_cast<unsigned>(nat::TcpState::count_); i++) {
            const std::string name = lower(nat::name_of(static_cast<nat::TcpState>(i)));
            known = known || name == q.state;
            all += ", " + name;
        }
        if (!known) return Error{"state", "is one of: " + all, api::code::kParams};
    }
    q.sort = text_of(p, "sort");
    const auto keys = sort_keys(what);
    if (!q.sort.empty() && std::find(keys.begin(), keys.end(), q.sort) == keys.end()) {
        std::string all;
        for (const char* k : keys) all += std::string(all.empty() ? "" : ", ") + k;
        return Error{"sort", "is one of: " + all, api::code::kParams};
    }
    const auto limit = api::number_of(p, "limit", 0);
    if (!q.sort.empty() && limit > std::int64_t{kSortedMost})
        return Error{"limit", "of a sorted list is at most " + std::to_string(kSortedMost),
                     api::code::kParams};
    q.limit = static_cast<unsigned>(std::min<std::int64_t>(limit, 0xffffffff));
    return q;
}

bool Lists::matches(const Query& q, const BindingView& b) const {
    return (!q.subscriber || q.subscriber->contains(b.x.addr)) &&
           (!q.proto || *q.proto == b.proto) && (!q.local || *q.local == b.t.addr) &&
           (q.port < 0 || b.t.id.host() == q.port);
}

bool Lists::matches(const Query& q, const SessionView& s) const {
    if (!matches(q, s.binding) || (q.remote && *q.remote != s.z.addr)) return false;
    if (q.remote_port >= 0 && s.z.id.host() != q.remote_port) return false;
    return q.state.empty() || state_of(s) == q.state;
}

bool Lists::matches(const Query& q, const SubscriberView& s) const {
    if (q.subscriber && !q.subscriber->overlaps({s.prefix, cfg_.nat.subscriber_bits})) return false;
    return !q.local || (s.slot < cfg_.nat.n_slots && cfg_.nat.slot[s.slot].addr == *q.local);
}

bool Lists::matches(const Query& q, const Block& b) const {
    if (q.subscriber && !q.subscriber->overlaps({b.view.subscriber, cfg_.nat.subscriber_bits}))
        return false;
    if (q.local && cfg_.nat.slot[b.slot].addr != *q.local) return false;
    return q.port < 0 || static_cast<unsigned>(q.port) >> cfg_.nat.blocks.bits == b.number;
}

Json Lists::row(const BindingView& b, unsigned worker) const {
    Json r = binding_json(b, worker);
    r["sessions"] = b.n_sessions;
    r["kind"] = b.fixed ? "static" : "dynamic";
    return r;
}

Json Lists::row(const SessionView& s, unsigned worker) const {
    Json r = binding_json(s.binding, worker);
    r["z"] = s.z.addr.text();
    r["z_id"] = s.binding.proto == Proto::icmp ? s.binding.t.id.host() : s.z.id.host();
    r["y"] = embed(cfg_.nat.prefix[s.prefix % nat::kPrefixesMax].pref, s.z.addr).text();
    r["state"] = state_of(s);
    const Tick now = workers_.now().tick;
    r["idle_seconds"] = (now.v > s.last_seen.v ? now.v - s.last_seen.v : 0) / ticks_of_seconds(1).v;
    return r;
}

Json Lists::row(const SubscriberView& s, unsigned worker) const {
    const bool paired = s.slot < cfg_.nat.n_slots;
    return {{"subscriber", Prefix6{s.prefix, cfg_.nat.subscriber_bits}.text()},
            {"address", paired ? cfg_.nat.slot[s.slot].addr.text() : ""},
            {"bindings", s.n_bindings},
            {"sessions", s.n_sessions},
            {"udp_ports", s.n_ports[static_cast<unsigned>(Proto::udp)]},
            {"tcp_ports", s.n_ports[static_cast<unsigned>(Proto::tcp)]},
            {"icmp_ids", s.n_ports[static_cast<unsigned>(Proto::icmp)]},
            {"blocks", s.n_blocks},
            {"worker", worker}};
}

Json Lists::row(const Block& b, unsigned worker) const {
    const std::uint32_t size = std::uint32_t{1} << cfg_.nat.blocks.bits;
    return {{"address", cfg_.nat.slot[b.slot].addr.text()},
            {"ports",
             std::to_string(b.number * size) + "-" + std::to_string(b.number * size + size - 1)},
            {"subscriber", Prefix6{b.view.subscriber, cfg_.nat.subscriber_bits}.text()},
            {"bindings", b.view.n_bindings},
            {"worker", worker}};
}

/// Of sessions the first ones of bindings, then the further ones; of blocks an address each.
unsigned Lists::tables(const Query& q) const {
    if (q.what == What::blocks) return cfg_.nat.blocks.on() ? cfg_.nat.n_slots : 0;
    return q.what == What::sessions ? 2 : 1;
}

std::uint32_t Lists::end_of(const Query& q, const Cursor& at) const {
    const nat::Engine& e = workers_.state(at.worker).engine;
    switch (q.what) {
        case What::bindings:
            return e.binding_high_water();
        case What::sessions:
            return at.table == 0 ? e.binding_high_water() : e.session_high_water();
        case What::subscribers:
            return e.subscriber_high_water();
        default:
            return cfg_.nat.slot[at.table].state == nat::PoolSlot::State::unused
                       ? 0
                       : nat::kPorts >> cfg_.nat.blocks.bits;
    }
}

/// One record. False: hit() wants no more.
template <typename Hit>
bool Lists::visit(const Query& q, const Cursor& at, Hit&& hit) const {
    const nat::Engine& e = workers_.state(at.worker).engine;
    const auto give = [&](const auto& view) {
        return !view || !matches(q, *view) || hit(*view, at.worker);
    };
    switch (q.what) {
        case What::bindings:
            return give(e.read_binding(at.index));
        case What::sessions:
            return give(at.table == 0 ? e.read_first_session(at.index)
                                      : e.read_more_session(at.index));
        case What::subscribers:
            return give(e.read_subscriber(at.index));
        default:
            break;
    }
    std::optional<Block> block;
    if (const auto view = e.read_block(at.table, at.index)) block = {*view, at.table, at.index};
    return give(block);
}

template <typename Hit>
bool Lists::walk(const Query& q, Cursor& at, unsigned visits, Hit&& hit) const {
    for (; at.worker < workers_.n_workers(); at.worker++, at.table = at.index = 0) {
        for (; at.table < tables(q); at.table++, at.index = 0) {
            const std::uint32_t end = end_of(q, at);
            for (; at.index < end; at.index++) {
                if (visits-- == 0) return false;
                if (visit(q, at, hit)) continue;
                at.index++;
                return false;
            }
        }
    }
    return true;
}

Json Lists::page(const Query& q, Cursor at) const {
    Json out = Json::object(), rows = Json::array();
    std::uint64_t n = 0;
    const std::uint64_t most = q.limit == 0 ? api::kPage : std::min(q.limit, api::kPage);
    const bool end = walk(q, at, kVisits, [&](const auto& view, unsigned worker) {
        n++;
        if (q.count) return true;
        rows.push_back(row(view, worker));
        return n < most;
    });
    if (q.count) {
        out["count"] = n;
    } else {
        out["rows"] = std::move(rows);
    }
    const bool enough = !q.count && q.limit != 0 && n >= q.limit;
    if (!end && !enough)
        out["next"] = std::to_string(at.worker) + "." + std::to_string(at.table) + "." +
                      std::to_string(at.index);
    return out;
}

/// The `limit` rows of the whole table with the largest keys: a heap, its smallest on top.
struct Lists::Best {
    struct Entry {
        std::uint64_t key = 0;
        Json row;
    };
    static bool larger(const Entry& a, const Entry& b) { return a.key > b.key; }
    Query query;
    Cursor at;
    std::vector<Entry> heap;
};

/// True: all has been looked at.
bool Lists::sort_some(Best& b) const {
    const std::size_t most = b.query.limit == 0 ? 100 : b.query.limit;
    return walk(b.query, b.at, kVisits, [&](const auto& view, unsigned worker) {
        using View = std::decay_t<decltype(view)>;
        // The key alone first: a row is made only for what stays.
        std::uint64_t key = 0;
        if constexpr (std::is_same_v<View, BindingView>) key = view.n_sessions;
        if constexpr (std::is_same_v<View, Block>) key = view.view.n_bindings;
        if constexpr (std::is_same_v<View, SessionView>)
            key = b.query.now.v > view.last_seen.v ? b.query.now.v - view.last_seen.v : 0;
        if constexpr (std::is_same_v<View, SubscriberView>) {
            const std::uint64_t by[] = {view.n_bindings, view.n_sessions, view.n_ports[0],
                                        view.n_ports[1], view.n_ports[2], view.n_blocks};
            for (std::size_t i = 0; i < std::size(by); i++) {
                if (b.query.sort == kSortSubscribers[i]) key = by[i];
            }
        }
        if (b.heap.size() == most && key <= b.heap.front().key) return true;
        if (b.heap.size() == most) {
            std::pop_heap(b.heap.begin(), b.heap.end(), Best::larger);
            b.heap.pop_back();
        }
        b.heap.push_back({key, row(view, worker)});
        std::push_heap(b.heap.begin(), b.heap.end(), Best::larger);
        return true;
    });
}

/// "worker.table.index", as page() says it; empty: the beginning.
Expected<Lists::Cursor> Lists::Cursor::from(const std::string& text) {
    Cursor out;
    if (text.empty()) return out;
    const char* at = text.c_str();
    const char* const end = at + text.size();
    for (unsigned* part : {&out.worker, &out.table, &out.index}) {
        const auto [behind, fault] = std::from_chars(at, end, *part);
        if (fault != std::errc() || *behind != (part == &out.index ? '\0' : '.'))
            return Error{"cursor", "is none of ours", api::code::kParams};
        at = behind + 1;
    }
    return out;
}

void Lists::answer(What what, const Json& params, const api::Reply& reply) {
    const auto q = query_of(what, params);
    if (!q) return reply(q.error());
    if (what == What::blocks && !cfg_.nat.blocks.on())
        return reply(Error{"", "port blocks are off; see nat64.port_blocks in isthmus.conf(5)"});
    const auto at = Cursor::from(text_of(params, "cursor"));
    if (!at) return reply(at.error());
    if (q->sort.empty() || q->count) return reply(page(*q, *at));
    const auto best = std::make_shared<Best>();
    best->query = *q;
    jobs_.add([this, best, reply] {
        if (!sort_some(*best)) return false;
        std::sort_heap(best->heap.begin(), best->heap.end(), Best::larger);
        Json rows = Json::array();
        for (auto& e : best->heap) rows.push_back(std::move(e.row));
        reply(Json{{"rows", std::move(rows)}});
        return true;
    });
}

void Lists::serve(api::RpcServer& server) {
    for (const auto& [name, what] :
         {std::pair{"show.bindings", What::bindings}, std::pair{"show.sessions", What::sessions},
          std::pair{"show.subscribers", What::subscribers},
          std::pair{"show.blocks", What::blocks}}) {
        server.on_deferred(
            name, api::Right::read,
            [this, what = what](const Json& p, const api::Reply& r) { answer(what, p, r); });
    }
}

}  // namespace isthmus::agent
