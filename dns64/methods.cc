// SPDX-License-Identifier: Apache-2.0
// The methods of the operator's socket: what runs, what was counted, why an answer is what it is.
// Those of the cache: methods_cache.cc.
#include "common/api/params.h"
#include "common/net/pref64_option.h"
#include "dns64/count_rows.h"
#include "dns64/names_of_codes.h"
#include "dns64/operator.h"
#include "dns64/record_text.h"
#include "dns64/upstream_table.h"

namespace isthmus::dns64 {

using api::Json;
using api::Param;
using api::Right;

namespace {

template <typename T>
Json texts_of(const std::vector<T>& list) {
    Json out = Json::array();
    for (const T& e : list) out.push_back(e.text());
    return out;
}

Json views_of(const Rules& rules) {
    Json out = Json::array();
    for (const View& v : rules.policy->views()) {
        Json prefixes = Json::array();
        for (const Pref64& p : v.announced) prefixes.push_back(p.text());
        out.push_back({{"view", v.name}, {"synthesis", v.synthesis}, {"prefixes", prefixes}});
    }
    return out;
}

/// Sums of all workers, in the order of the tables.
Json counters_of(const std::vector<std::unique_ptr<Worker>>& workers) {
    Json out = Json::object();
    const auto add = [&](const std::string& name, std::string_view help, const auto& read) {
        std::uint64_t sum = 0;
        for (const auto& w : workers) sum += read(w->counters()).read();
        out[name] = {{"value", sum}, {"help", help}};
    };
    for (std::size_t i = 0; i < kViaNames.size(); i++)
        add("queries_" + std::string(kViaNames[i]), "queries that came by this protocol",
            [i](const Counters& c) { return c.queries[i]; });
    for (const WhyInfo& w : kWhys) {
        if (w.id == Why::none) continue;
        add("answers_" + std::string(w.name), w.help,
            [&w](const Counters& c) { return c.answers[static_cast<std::size_t>(w.id)]; });
    }
    for (const Rcode r : {Rcode::noerror, Rcode::formerr, Rcode::servfail, Rcode::nxdomain,
                          Rcode::notimp, Rcode::refused, Rcode::badvers, Rcode::badcookie})
        add("rcode_" + rcode_text(r), "answers with this RCODE",
            [r](const Counters& c) { return c.rcodes[static_cast<std::size_t>(r)]; });
    std::string_view help;
    for (const CountRow& row : kCountRows) {
        if (!row.help.empty()) help = row.help;
        const std::string name =
            std::string(row.name) + (row.value.empty() ? "" : "_" + std::string(row.value));
        add(name, help, [&row](const Counters& c) { return c.*row.field; });
    }
    for (std::size_t i = 0; i < kUpstreamFaults.size(); i++)
        add("upstream_faults_" + std::string(kUpstreamFaults[i].name), kUpstreamFaults[i].help,
            [i](const Counters& c) { return c.upstream_fault[i]; });
    return out;
}

/// "2001:db8::1" as the name of its PTR record.
std::optional<Name> reverse_name(const std::string& text) {
    std::string out;
    if (const auto v4 = Ipv4Addr::parse(text)) {
        for (const std::uint8_t octet : v4->octets()) out = std::to_string(octet) + "." + out;
        return Name::parse(out + "in-addr.arpa");
    }
    const auto v6 = Ipv6Addr::parse(text);
    if (!v6) return std::nullopt;
    static constexpr char kDigits[] = "0123456789abcdef";
    for (const std::uint8_t octet : v6->octet)
        out = std::string{kDigits[octet & 15], '.', kDigits[octet >> 4], '.'} + out;
    return Name::parse(out + "ip6.arpa");
}

std::string hex(const std::array<std::uint8_t, 16>& bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t b : bytes) out += {kDigits[b >> 4], kDigits[b & 15]};
    return out;
}

/// What router advertisements should say of a view's prefixes (RFC 8781).
Expected<Json> pref64_of(const Rules& rules, const Json& p) {
    if (const Status s = api::only_these(p, {{"view"},
                                             {"lifetime_seconds", Param::Is::number},
                                             {"max_interval_seconds", Param::Is::number}});
        !s)
        return s.error();
    const std::string name = api::text_of(p, "view").empty() ? "default" : api::text_of(p, "view");
    const auto interval = api::number_of(p, "max_interval_seconds", 600);
    if (interval < 4 || interval > 65535)
        return Error{"max_interval_seconds", "is from 4 to 65535", api::code::kParams};
    const auto seconds = api::number_of(
        p, "lifetime_seconds", default_pref64_lifetime(static_cast<std::uint32_t>(interval)));
    if (seconds > kPref64LifetimeMost)
        return Error{"lifetime_seconds", "is at most 65528 (RFC 8781 section 4.1)",
                     api::code::kParams};
    const auto lifetime = static_cast<std::uint32_t>(seconds);
    for (const View& v : rules.policy->views()) {
        if (v.name != name) continue;
        Json options = Json::array();
        for (const Pref64& pref : v.announced) {
            options.push_back({{"prefix", pref.text()},
                               {"lifetime_seconds", scaled_lifetime(lifetime) * 8U},
                               {"option", hex(pref64_option(pref, lifetime))}});
        }
        return Json{{"view", name}, {"synthesis", v.synthesis}, {"options", options}};
    }
    return Error{"view", "there is no view \"" + name + "\"; see isthmusctl dns64 status"};
}

Expected<ToExplain> question_of(const Json& p) {
    if (const Status s = api::only_these(
            p,
            {{"name"}, {"type"}, {"client"}, {"do", Param::Is::truth}, {"cd", Param::Is::truth}});
        !s)
        return s.error();
    ToExplain q;
    const std::string text = api::text_of(p, "name"), type = api::text_of(p, "type"),
                      client = api::text_of(p, "client");
    const auto reverse = reverse_name(text);
    const auto name = reverse ? reverse : Name::parse(text);
    if (!name) return Error{"name", "\"" + text + "\" is no domain name", api::code::kParams};
    q.name = *name;
    q.name.fold();
    const auto known = type_of(type.empty() ? (reverse ? "PTR" : "AAAA") : type);
    if (!known) return Error{"type", "\"" + type + "\" is no record type", api::code::kParams};
    q.type = *known;
    if (const auto v6 = Ipv6Addr::parse(client)) {
        q.client = SocketAddress::of(*v6, 0);
    } else if (const auto v4 = Ipv4Addr::parse(client)) {
        q.client = SocketAddress::of(*v4, 0);
    } else if (!client.empty()) {
        return Error{"client", "\"" + client + "\" is no address", api::code::kParams};
    }
    q.dnssec_ok = api::truth_of(p, "do");
    q.checking_disabled = api::truth_of(p, "cd");
    return q;
}

Json explanation(const ToExplain& q, const Explained& e, const Json& ready) {
    const WhyInfo& why = info_of(e.answer.why);
    Json records = Json::array();
    Message m;
    if (!e.body.empty() && Message::parse(e.body, m) == Fault::none) records = record_texts(m);
    return {{"question",
             {{"name", name_text(q.name)},
              {"type", type_text(q.type)},
              {"client", q.client ? Json(q.client->host_text()) : Json()},
              {"view", e.view.empty() ? Json() : Json(e.view)},
              {"do", q.dnssec_ok},
              {"cd", q.checking_disabled}}},
            {"ready", ready},
            {"steps", e.steps},
            {"answer",
             {{"rcode", rcode_text(e.answer.rcode)},
              {"why", why.name},
              {"help", why.help},
              {"source", why.source},
              {"cached_seconds", e.answer.ttl},
              {"records", records}}}};
}

}  // namespace

void Operator::status(const api::Reply& reply) {
    ask_workers(
        [](Worker& w) {
            w.publish_counts();
            return upstreams_json(w);
        },
        [this, reply](const Answers& answers) {
            const Rules& rules = service_.rules();
            const config::Dns64Config& c = rules.config.dns64;
            const Json counters = counters_of(service_.workers());
            const auto count = [&](const char* name) { return counters[name]["value"]; };
            unsigned up = 0;
            const Json upstreams = merged_upstreams(answers);
            for (const Json& u : upstreams) up += u["healthy_threads"] == 0 ? 0 : 1;
            reply(Json{{"version", ISTHMUS_VERSION},
                       {"protocol", api::kProtocolVersion},
                       {"uptime_seconds", std::time(nullptr) - started_},
                       {"file", service_.file()},
                       {"file_state", service_.file_state()},
                       {"threads", service_.workers().size()},
                       {"listen", texts_of(listen_on(c))},
                       {"views", views_of(rules)},
                       {"avoided_prefixes", texts_of(service_.avoided())},
                       {"upstreams", {{"healthy", up}, {"known", upstreams.size()}}},
                       {"queries", count("queries_udp").get<std::uint64_t>() +
                                       count("queries_tcp").get<std::uint64_t>() +
                                       count("queries_tls").get<std::uint64_t>()},
                       {"resolutions", count("resolutions")},
                       {"connections", count("connections")},
                       {"cache",
                        {{"entries", count("cache_entries")},
                         {"used_bytes", count("cache_used_bytes")},
                         {"limit_bytes", std::uint64_t{c.cache.memory_mib} << 20},
                         {"hits", count("cache_hits")},
                         {"misses", count("cache_misses")}}},
                       {"query_log", c.query_log.file.empty() ? Json() : Json(c.query_log.file)}});
        });
}

/// One worker decides; of the others too it is said what lies ready in their caches.
void Operator::explain(const Json& params, const api::Reply& reply) {
    const auto q = question_of(params);
    if (!q) return reply(q.error());
    ask_workers(
        [q = *q](Worker& w) -> Json {
            const CacheEntry* e = w.ready_answer(q);
            if (e == nullptr) return nullptr;
            return {{"why", info_of(static_cast<Why>(e->why)).name},
                    {"seconds_left", e->ttl_s - e->age(w.now_s())}};
        },
        [this, q = *q, reply](const Answers& answers) {
            Json ready = Json::array();
            for (std::size_t i = 0; i < answers.size(); i++) {
                if (answers[i].is_null()) continue;
                ready.push_back(answers[i]);
                ready.back()["thread"] = i;
            }
            Worker& w = *service_.workers().front();
            w.loop().post([this, &w, q, ready, reply] {
                w.explain(q, [this, q, ready, reply](const Explained& e) {
                    mailbox_.post([reply, said = explanation(q, e, ready)] { reply(said); });
                });
            });
        });
}

Expected<Json> Operator::reload_asked(const Json& params) {
    if (const Status s = api::only_these(params, {{"dry_run", Param::Is::truth}}); !s)
        return s.error();
    const bool dry_run = api::truth_of(params, "dry_run");
    if (const Status s = dry_run ? service_.would_reload() : reload(); !s) return s.error();
    return Json{{"reloaded", !dry_run}};
}

void Operator::serve_methods() {
    server_->on("version", Right::read, [](const Json&) -> Expected<Json> {
        return Json{{"program", "isthmus-dns64"},
                    {"version", ISTHMUS_VERSION},
                    {"protocol", api::kProtocolVersion}};
    });
    server_->on_deferred("status", Right::read,
                         [this](const Json&, const api::Reply& reply) { status(reply); });
    server_->on_deferred("counters", Right::read, [this](const Json&, const api::Reply& reply) {
        ask_workers(
            [](Worker& w) {
                w.publish_counts();
                return Json();
            },
            [this, reply](const Answers&) { reply(counters_of(service_.workers())); });
    });
    server_->on_deferred("upstreams", Right::read, [this](const Json&, const api::Reply& reply) {
        ask_workers(upstreams_json,
                    [reply](const Answers& answers) { reply(merged_upstreams(answers)); });
    });
    server_->on_deferred("explain", Right::read,
                         [this](const Json& p, const api::Reply& reply) { explain(p, reply); });
    server_->on("pref64", Right::read,
                [this](const Json& p) { return pref64_of(service_.rules(), p); });
    server_->on("reload", Right::admin, [this](const Json& p) { return reload_asked(p); });
    server_->on("follow", Right::admin, [this](const Json& p) -> Expected<Json> {
        if (const Status s = api::only_these(p, {{"policy"}}); !s) return s.error();
        if (const Status s = service_.follow(api::text_of(p, "policy")); !s) return s.error();
        return Json{{"follows", true}};
    });
}

}  // namespace isthmus::dns64
