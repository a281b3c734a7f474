// SPDX-License-Identifier: Apache-2.0
// Live changes by command: draining, prefixes, static bindings; and what is passed on to the
// dataplane: clear, check, deterministic NAT.
#include <algorithm>

#include "common/log/log.h"
#include "control/control.h"
#include "control/edit.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kLongMs = 600'000;  // clearing, checking or sorting tables of many millions
constexpr int kLookMs = 5000;     // a page of a list; isthmusctl waits longer (cli/ask.cc)

bool drains(const config::Nat64Config& policy) {
    return std::any_of(policy.pool.begin(), policy.pool.end(),
                       [](const config::PoolEntry& e) { return e.drain; });
}

/// How many ports are in use on the addresses of an entry, by the rows of show.pools.
std::uint64_t in_use(const config::PoolEntry& e, const Json& rows) {
    std::uint64_t n = 0;
    for (const Json& row : rows) {
        const auto a = Ipv4Addr::parse(api::text_of(row, "address"));
        if (!a || !e.addresses.contains(*a)) continue;
        for (const char* key : {"udp_in_use", "tcp_in_use", "icmp_in_use"})
            n += row.value(key, std::uint64_t{0});
    }
    return n;
}

/// The policy without the entries whose draining is over; `gone` names them.
config::Nat64Config without_drained(config::Nat64Config policy, const Json& rows,
                                    std::string& gone) {
    const std::time_t now = std::time(nullptr);
    std::erase_if(policy.pool, [&](const config::PoolEntry& e) {
        const bool late = e.drain_until != 0 && e.drain_until <= now;
        if (!e.drain || (!late && in_use(e, rows) != 0)) return false;
        gone += (gone.empty() ? "" : ", ") + e.addresses.text();
        return true;
    });
    return policy;
}

StaticWords words_of(const Json& p) {
    return {api::text_of(p, "protocol"),   api::text_of(p, "ipv4"),
            api::text_of(p, "ports"),      api::text_of(p, "ipv6"),
            api::text_of(p, "ipv6_ports"), api::truth_of(p, "outside_pool")};
}

}  // namespace

void Control::serve_live() {
    using Running = const config::Nat64Config&;
    serve_edit("pool.drain", [](const Json& p, Order& order) -> Expected<Edit> {
        std::time_t until = 0;
        if (const std::string text = api::text_of(p, "deadline"); !text.empty()) {
            const auto seconds = parse_duration(text);
            if (!seconds) return seconds.error();
            until = std::time(nullptr) + *seconds;
        }
        const std::string addresses = api::text_of(p, "addresses");
        order.what += " " + addresses;
        return Edit([=](Running now) { return with_drain(now, addresses, until); });
    });
    const auto of_word = [this](const char* method, const char* key, auto edit) {
        serve_edit(method, [key, edit](const Json& p, Order& order) -> Expected<Edit> {
            const std::string word = api::text_of(p, key);
            order.what += " " + word;
            return Edit([word, edit](Running now) { return edit(now, word); });
        });
    };
    of_word("pool.undrain", "addresses", without_drain);
    of_word("prefix.add", "prefix", with_prefix);
    of_word("prefix.remove", "prefix", without_prefix);
    serve_edit("eam.add", [](const Json& p, Order& order) -> Expected<Edit> {
        const std::string ipv4 = api::text_of(p, "ipv4"), ipv6 = api::text_of(p, "ipv6");
        order.what += " " + ipv4 + " " + ipv6;
        return Edit([=](Running now) { return with_eam(now, ipv4, ipv6); });
    });
    of_word("eam.remove", "prefix", without_eam);
    const auto of_static = [this](const char* method, auto edit) {
        serve_edit(method, [edit](const Json& p, Order& order) -> Expected<Edit> {
            const StaticWords words = words_of(p);
            order.what += " " + words.protocol + " " + words.ipv4 + ":" + words.ports;
            return Edit([words, edit](Running now) { return edit(now, words); });
        });
    };
    of_static("static.add", with_static);
    of_static("static.remove", without_static);
    const auto pass_on = [this](const char* name, api::Right right) {
        server_->on_deferred(name, right, [this, name](const Json& p, api::Reply reply) {
            const bool works = p.contains("sort") || name == std::string_view("clear") ||
                               name == std::string_view("check");
            dataplane_.ask(name, p, works ? kLongMs : kLookMs, std::move(reply));
        });
    };
    pass_on("clear", api::Right::admin);
    pass_on("check", api::Right::read);
    pass_on("deterministic", api::Right::read);
    pass_on("explain", api::Right::read);
    for (const char* list : {"show.bindings", "show.sessions", "show.blocks"})
        pass_on(list, api::Right::read);
    pass_on("show.subscribers", api::Right::read);
    pass_on("show.stateless", api::Right::read);
}

/// Once a second: addresses that were drained and are empty now, or whose deadline has passed,
/// leave the pool.
void Control::keep_drains() {
    const std::time_t now = std::time(nullptr);
    if (now < next_drains_ || commits_.busy() || !trouble_.empty()) return;
    next_drains_ = now + 1;
    if (!drains(commits_.running().nat64())) return;
    ask("show.pools", Json::object(), [this](const Expected<Json>& answer) {
        if (!answer) return;
        std::string gone;
        (void)without_drained(commits_.running().nat64(), *answer, gone);
        if (gone.empty()) return;
        Order order;
        order.what = "drained " + gone;
        order.user = "isthmus-control";
        order.force = true;
        const auto edit =
            [rows = *answer](const config::Nat64Config& running) -> Expected<config::Nat64Config> {
            std::string ended;
            return without_drained(running, rows, ended);
        };
        commits_.change(order, edit, [this, gone](const Expected<Json>& done) {
            if (done) return log::info("drained, and removed from the pool: " + gone);
            log::warn("cannot remove what was drained (" + gone + "): " + done.error().text());
            next_drains_ = std::time(nullptr) + 10;
        });
    });
}

}  // namespace isthmus::control
