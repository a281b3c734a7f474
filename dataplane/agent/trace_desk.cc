// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/trace_desk.h"

#include <algorithm>
#include <array>
#include <limits>
#include <thread>

#include "common/api/params.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::agent {

using api::Json;
using api::text_of;
using pipeline::TraceEnd;
using pipeline::TraceFilter;
using pipeline::TraceRecord;
using pipeline::TraceWay;

namespace {

constexpr std::uint64_t kCountMost = 1'000'000, kSecondsMost = 3600;
constexpr std::size_t kAnswerBytes = 512UL << 10;  // of packets in one answer

std::string hex(const std::uint8_t* bytes, std::size_t n) {
    constexpr std::string_view kDigit = "0123456789abcdef";
    std::string out(2 * n, '0');
    for (std::size_t i = 0; i < n; i++) {
        out[2 * i] = kDigit[bytes[i] >> 4];
        out[2 * i + 1] = kDigit[bytes[i] & 15];
    }
    return out;
}

std::string_view name_of(TraceWay w) {
    constexpr std::array<std::string_view, 7> kName{"dropped",
                                                    "kernel",
                                                    "other worker",
                                                    "6 to 4",
                                                    "4 to 6",
                                                    "6 to 4 without state",
                                                    "4 to 6 without state"};
    return kName[static_cast<std::size_t>(w)];
}

std::string_view name_of(TraceEnd e) {
    constexpr std::array<std::string_view, 5> kName{"dropped", "sent", "given to the kernel",
                                                    "handed over", "kept"};
    return kName[static_cast<std::size_t>(e)];
}

Expected<Drop> drop_of(const std::string& name) {
    for (const DropInfo& d : kDrops) {
        if (d.name == name && d.id != Drop::none) return d.id;
    }
    return Error{"drop",
                 "\"" + name + "\" is no drop reason; isthmusctl show drops --all has them"};
}

/// A whole number from 1 to `most`; `otherwise` when it is not there.
Expected<std::uint64_t> number_of(const Json& p, const char* key, std::uint64_t otherwise,
                                  std::uint64_t most) {
    if (!p.contains(key) || p[key].is_null()) return otherwise;
    if (p[key].is_number_unsigned()) {
        const auto n = p[key].get<std::uint64_t>();
        if (n >= 1 && n <= most) return n;
    }
    return Error{key, "is a whole number from 1 to " + std::to_string(most)};
}

Expected<TraceFilter> filter_of(const Json& p) {
    TraceFilter f;
    if (const std::string text = text_of(p, "subscriber"); !text.empty()) {
        const auto prefix = Prefix6::parse(text, Prefix6::Bare::allow);
        if (!prefix) return prefix.error();
        f.subscriber = *prefix;
    }
    if (const std::string text = text_of(p, "remote"); !text.empty()) {
        const auto remote = Ipv4Addr::parse(text);
        if (!remote) return Error{"remote", "is not an IPv4 address"};
        f.has_remote = true;
        f.remote = *remote;
    }
    if (const std::string text = text_of(p, "protocol"); !text.empty()) {
        const auto proto = proto_named(text);
        if (!proto) return Error{"protocol", "is tcp, udp or icmp"};
        f.proto = static_cast<int>(*proto);
    }
    if (const std::string text = text_of(p, "drop"); !text.empty()) {
        f.only_drops = true;
        if (text != "any") {
            const auto why = drop_of(text);
            if (!why) return why.error();
            f.why = *why;
        }
    }
    const auto bytes = number_of(p, "bytes", pipeline::kTraceKept, pipeline::kTraceKept);
    if (!bytes) return bytes.error();
    f.keep_bytes = static_cast<std::uint32_t>(*bytes);
    return f;
}

bool moved_by(const TraceRecord& r, Counter c) {
    return std::any_of(r.moved.begin(), r.moved.begin() + r.n_moved,
                       [c](const TraceRecord::Moved& m) { return m.counter == c; });
}

template <typename Address>
Json endpoint(const Address& addr, Be16 id) {
    return {{"address", addr.text()}, {"id", id.host()}};
}

}  // namespace

std::int64_t TraceDesk::wall_offset_ns() const {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count() -
           static_cast<std::int64_t>(workers_.now().ns.v);
}

bool TraceDesk::all_idle() const {
    for (unsigned w = 0; w < workers_.n_workers(); w++) {
        if (!workers_.state(w).trace.is_idle()) return false;
    }
    return true;
}

void TraceDesk::stop_all() {
    on_ = false;
    for (unsigned w = 0; w < workers_.n_workers(); w++) workers_.state(w).trace.stop();
}

void TraceDesk::tick() {
    if (!on_) return;
    const auto now = Clock::now();
    if (now - last_read_ > kLease || now > until_ + kLease) stop_all();
}

Status TraceDesk::is_current(const Json& params) const {
    const auto id = number_of(params, "trace", 0, std::numeric_limits<std::uint64_t>::max());
    if (!id) return id.error();
    if (*id == 0 || *id != id_ || !on_)
        return Error{"trace", "this trace has ended (nobody read for 10 s, or it was stopped)"};
    return Done{};
}

Expected<Json> TraceDesk::start(const Json& params) {
    using Is = api::Param::Is;
    const Status known = api::only_these(params, {{"subscriber"},
                                                  {"remote"},
                                                  {"protocol"},
                                                  {"drop"},
                                                  {"count", Is::number},
                                                  {"seconds", Is::number},
                                                  {"bytes", Is::number}});
    if (!known) return known.error();
    // A trace that was just stopped ends at each worker's next turn.
    for (unsigned tries = 0; !on_ && !all_idle() && tries < 100; tries++)
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (on_ || !all_idle())
        return Error{"trace", "one is running already; it ends by itself when its reader goes"};
    auto filter = filter_of(params);
    if (!filter) return filter.error();
    const auto count = number_of(params, "count", 100, kCountMost);
    if (!count) return count.error();
    const auto seconds = number_of(params, "seconds", kSecondsMost, kSecondsMost);
    if (!seconds) return seconds.error();
    on_ = true;
    left_ = *count;
    last_read_ = Clock::now();
    until_ = last_read_ + std::chrono::seconds(*seconds);
    offset_ns_ = wall_offset_ns();
    port_names_.clear();
    Json ports = Json::array();
    for (const PortFacts& p : workers_.ports()) {
        port_names_.push_back(p.name);
        ports.push_back(p.name);
    }
    for (unsigned w = 0; w < workers_.n_workers(); w++) {
        (void)workers_.state(w).trace.start(*filter, *count);
    }
    return Json{{"trace", ++id_}, {"ports", ports}};
}

int TraceDesk::oldest() const {
    int found = -1;
    std::uint64_t at = 0;
    for (unsigned w = 0; w < workers_.n_workers(); w++) {
        const TraceRecord* r = workers_.state(w).trace.front();
        if (r == nullptr || (found >= 0 && r->at_ns >= at)) continue;
        found = static_cast<int>(w);
        at = r->at_ns;
    }
    return found;
}

Expected<Json> TraceDesk::read(const Json& params) {
    const Status current = is_current(params);
    if (!current) return current.error();
    last_read_ = Clock::now();
    const bool over = last_read_ > until_;
    Json packets = Json::array();
    std::size_t bytes = 0;
    int w = -1;
    while (left_ != 0 && bytes < kAnswerBytes && (w = oldest()) >= 0) {
        Json row = take_packet(static_cast<unsigned>(w));
        for (const Json& frame : row["frames"]) bytes += frame["data"].text().size();
        bytes += 1024;
        if (row.contains("decide")) left_--;
        packets.push_back(std::move(row));
    }
    std::uint64_t lost = 0;
    for (unsigned i = 0; i < workers_.n_workers(); i++) lost += workers_.state(i).trace.lost();
    const bool done = left_ == 0 || (over && oldest() < 0);
    if (done) stop_all();
    return Json{{"packets", packets}, {"lost", lost}, {"done", done}};
}

Expected<Json> TraceDesk::stop(const Json& params) {
    const Status current = is_current(params);
    if (!current) return current.error();
    stop_all();
    return Json{{"stopped", true}};
}

/// An arrival with what it became, or a packet that left late.
Json TraceDesk::take_packet(unsigned worker) {
    pipeline::Trace& trace = workers_.state(worker).trace;
    const TraceRecord& first = *trace.front();
    const auto frame = [this](const TraceRecord& r, std::string_view how) {
        Json out{{"how", how},
                 {"port", r.port < port_names_.size() ? port_names_[r.port] : "?"},
                 {"vlan", r.vlan},
                 {"bytes", r.len_bytes},
                 {"data", hex(r.bytes.data(), r.kept_bytes)}};
        if (how == name_of(TraceEnd::handed_over)) out["to_worker"] = r.to_worker;
        return out;
    };
    Json row{{"packet", first.serial},
             {"worker", worker},
             {"time_unix_ns", static_cast<std::int64_t>(first.at_ns) + offset_ns_}};
    if (first.kind == TraceRecord::Kind::left) {
        row["frames"] = Json::array({frame(first, "sent")});
        trace.pop();
        return row;
    }
    row.update(arrival(first));
    row["decide"] = decision(first);
    Json frames = Json::array({frame(first, "received")});
    const unsigned shown = first.n_shown;
    trace.pop();
    for (unsigned i = 0; i < shown; i++) {
        const TraceRecord& r = *trace.front();
        frames.push_back(frame(r, name_of(r.end)));
        trace.pop();
    }
    row["frames"] = std::move(frames);
    return row;
}

/// What the stages before the decision say.
Json TraceDesk::arrival(const TraceRecord& r) const {
    Json classify{{"way", name_of(r.way)}};
    if (r.way == TraceWay::six_to_four) {
        classify["prefix"] = cfg_.nat.prefix[r.prefix % nat::kPrefixesMax].pref.text();
    } else if (r.way == TraceWay::four_to_six && r.slot < cfg_.nat.n_slots) {
        classify["pool_address"] = cfg_.nat.slot[r.slot].addr.text();
    } else if (r.way == TraceWay::dropped && r.refused_by_stage != Drop::none) {
        classify["refused"] = info_of(r.refused_by_stage).name;
    }
    if (r.handed_in) classify["from"] = "another worker";
    if (r.hairpin) classify["from"] = "hairpin";
    Json out{{"classify", classify}};
    if (r.way < TraceWay::six_to_four) return out;
    if (!r.parsed) {
        out["parse"] = {{"refused", info_of(r.refused_by_stage).name}};
        return out;
    }
    Json parse{{"kind", r.payload}, {"protocol", r.protocol}, {"hop_limit", r.hop_limit}};
    if (r.is_icmp) {
        parse["icmp_type"] = r.icmp_type;
        parse["icmp_code"] = r.icmp_code;
    }
    if (r.has_ids) {
        parse["src_id"] = r.src_id.host();
        parse["dst_id"] = r.dst_id.host();
    }
    if (r.fragment) parse["fragment"] = {{"offset_bytes", r.frag_offset}, {"more", r.more}};
    out["parse"] = parse;
    out["lookup"] = {{"binding", !r.has_ids              ? "not asked"
                                 : r.found == nat::kNone ? "none"
                                                         : "found"}};
    return out;
}

Json TraceDesk::decision(const TraceRecord& r) const {
    Json d{{"end", name_of(r.end)}};
    if (r.end == TraceEnd::handed_over) d["to_worker"] = r.to_worker;
    if (r.end == TraceEnd::kept && moved_by(r, Counter::neighbour_held))
        d["waits_for"] = "the link address of its next hop";
    if (r.end == TraceEnd::kept && moved_by(r, Counter::fragments_held))
        d["waits_for"] = "other fragments of its datagram";
    if (r.why != Drop::none) {
        d["drop"] = info_of(r.why).name;
        d["help"] = info_of(r.why).help;
        d["source"] = info_of(r.why).source;
    }
    if (r.used != nat::kNone) {
        d["x"] = endpoint(r.x.addr, r.x.id);
        d["t"] = endpoint(r.t.addr, r.t.id);
    }
    Json moved = Json::object();
    for (unsigned i = 0; i < r.n_moved; i++) {
        moved[std::string(kCounters[static_cast<std::size_t>(r.moved[i].counter)].name)] =
            r.moved[i].by;
    }
    d["counters"] = moved;
    d["n_out"] = r.n_outputs;
    return d;
}

Expected<Json> TraceDesk::dropped(const Json& params) const {
    const Status known = api::only_these(params, {{"reason"}});
    if (!known) return known.error();
    Drop only = Drop::none;
    if (const std::string text = text_of(params, "reason"); !text.empty()) {
        const auto why = drop_of(text);
        if (!why) return why.error();
        only = *why;
    }
    const std::int64_t offset = wall_offset_ns();
    const auto ports = workers_.ports();
    Json out = Json::array();
    for (const DropInfo& d : kDrops) {
        if (d.id == Drop::none || (only != Drop::none && d.id != only)) continue;
        for (unsigned w = 0; w < workers_.n_workers(); w++) {
            for (unsigned i = 0; i < pipeline::kDroppedEach; i++) {
                const auto v = workers_.state(w).dropped.read(d.id, i);
                if (!v) continue;
                out.push_back({{"reason", d.name},
                               {"help", d.help},
                               {"worker", w},
                               {"time_unix_ns", static_cast<std::int64_t>(v->at.v) + offset},
                               {"port", v->port < ports.size() ? ports[v->port].name : "?"},
                               {"starts_at", v->starts == pipeline::Starts::at_ip ? "ip" : "link"},
                               {"bytes", v->len_bytes},
                               {"data", hex(v->bytes.data(), v->kept_bytes)}});
            }
        }
    }
    std::stable_sort(out.begin(), out.end(), [](const Json& a, const Json& b) {
        return a["time_unix_ns"].get<std::int64_t>() < b["time_unix_ns"].get<std::int64_t>();
    });
    return out;
}

void TraceDesk::serve(api::RpcServer& server) {
    using api::Right;  // packets are subscribers' data: administrators only
    server.on("trace.start", Right::admin, [this](const Json& p) { return start(p); });
    server.on("trace.read", Right::admin, [this](const Json& p) { return read(p); });
    server.on("trace.stop", Right::admin, [this](const Json& p) { return stop(p); });
    server.on("show.dropped", Right::admin, [this](const Json& p) { return dropped(p); });
}

}  // namespace isthmus::agent
