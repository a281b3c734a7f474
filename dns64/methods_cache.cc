// SPDX-License-Identifier: Apache-2.0
// cache.show and cache.flush. A page of the listing is at most kPiece entries of one worker's
// cache; its cursor names the worker and the place where to go on, with a check that only we can
// compute: a made-up place would be read as an entry.
#include <charconv>

#include "common/api/params.h"
#include "dns64/cache_list.h"
#include "dns64/names_of_codes.h"
#include "dns64/operator.h"

namespace isthmus::dns64 {

using api::Json;
using api::Param;
using api::Right;

namespace {

/// Entries that a worker looks at before it serves clients again: some hundred microseconds.
constexpr unsigned kPiece = 2048;

struct Cursor {
    std::size_t worker = 0;
    std::uint64_t at = 0;
};

std::uint32_t check_of(const Worker& w, const Cursor& c) {
    std::array<std::uint8_t, 8> bytes{};
    std::memcpy(bytes.data(), &c.at, bytes.size());
    return w.cache().hash(bytes, static_cast<std::uint16_t>(c.worker));
}

std::string text_of(const Worker& w, const Cursor& c) {
    return std::to_string(c.worker) + ":" + std::to_string(c.at) + ":" +
           std::to_string(check_of(w, c));
}

template <typename T>
bool take_number(std::string_view& text, T& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && text[0] == ':') text.remove_prefix(1);
    return true;
}

std::optional<Cursor> cursor_of(std::string_view text,
                                const std::vector<std::unique_ptr<Worker>>& workers) {
    Cursor c;
    if (text.empty()) return c;
    std::uint32_t check = 0;
    const bool good = take_number(text, c.worker) && take_number(text, c.at) &&
                      take_number(text, check) && text.empty() && c.worker < workers.size() &&
                      check == check_of(*workers[c.worker], c);
    return good ? std::optional(c) : std::nullopt;
}

Expected<CacheFilter> filter_of(const Json& p) {
    CacheFilter f;
    for (const auto& [key, to] : {std::pair{"name", &f.name}, std::pair{"zone", &f.zone}}) {
        const std::string text = api::text_of(p, key);
        if (text.empty()) continue;
        *to = Name::parse(text);
        if (!*to) return Error{key, "\"" + text + "\" is no domain name", api::code::kParams};
        (*to)->fold();
    }
    const std::string type = api::text_of(p, "type");
    if (!type.empty()) {
        f.type = type_of(type);
        if (!f.type) return Error{"type", "\"" + type + "\" is no record type", api::code::kParams};
    }
    return f;
}

/// One worker's part of a flush, piece by piece.
struct Flush {
    CacheFilter filter;
    std::uint64_t at = 0;
    std::size_t n = 0;
    std::function<void(std::size_t)> done;
};

void flush_on(Worker& w, const std::shared_ptr<Flush>& f) {
    const bool more = w.cache().flush(
        f->at, kPiece, [&](const CacheEntry& e) { return f->filter.matches(e); }, f->n);
    if (!more) return f->done(f->n);
    w.loop().post([&w, f] { flush_on(w, f); });
}

}  // namespace

void Operator::cache_show(const Json& p, const api::Reply& reply) {
    if (const Status s = api::only_these(p, {{"name"},
                                             {"zone"},
                                             {"type"},
                                             {"cursor"},
                                             {"limit", Param::Is::number},
                                             {"count", Param::Is::truth},
                                             {"records", Param::Is::truth}});
        !s)
        return reply(s.error());
    const auto filter = filter_of(p);
    if (!filter) return reply(filter.error());
    const auto& workers = service_.workers();
    const auto begin = cursor_of(api::text_of(p, "cursor"), workers);
    if (!begin)
        return reply(Error{"cursor", "is none of this server; begin anew", api::code::kParams});
    const auto limit = std::min<std::int64_t>(api::number_of(p, "limit", api::kPage), api::kPage);
    Worker& w = *workers[begin->worker];
    const bool last = begin->worker + 1 == workers.size();
    w.loop().post([this, &w, c = *begin, f = *filter, limit, last, reply,
                   records = api::truth_of(p, "records"),
                   count = api::truth_of(p, "count")]() mutable {
        Json rows = Json::array();
        std::uint64_t n = 0;
        const bool more = w.cache().walk(c.at, kPiece, [&](const CacheEntry& e) {
            if (!f.matches(e)) return true;
            n++;
            if (count) return true;
            rows.push_back(row_of(e, w.rules(), w.now_s()));
            rows.back()["thread"] = c.worker;
            if (records) rows.back()["records"] = records_of(e, w.now_s());
            return static_cast<std::int64_t>(rows.size()) < limit;
        });
        if (!more) c = {c.worker + 1, 0};
        Json page = count ? Json{{"count", n}} : Json{{"rows", rows}};
        if (more || !last) page["next"] = text_of(w, c);
        mailbox_.post([reply, page] { reply(page); });
    });
}

void Operator::cache_flush(const Json& p, const api::Reply& reply) {
    if (const Status s = api::only_these(p, {{"name"}, {"zone"}, {"all", Param::Is::truth}}); !s)
        return reply(s.error());
    const auto filter = filter_of(p);
    if (!filter) return reply(filter.error());
    const bool all = api::truth_of(p, "all");
    if ((all ? 1 : 0) + (filter->name ? 1 : 0) + (filter->zone ? 1 : 0) != 1)
        return reply(Error{"", "say what to flush: one of name, zone and all", api::code::kParams});
    const auto& workers = service_.workers();
    struct Round {
        std::size_t missing, n = 0;
    };
    const auto round = std::make_shared<Round>(Round{workers.size()});
    for (const auto& w : workers) {
        w->loop().post([this, &worker = *w, round, filter = *filter, all, reply] {
            const auto done = [this, round, reply](std::size_t n) {
                mailbox_.post([round, reply, n] {
                    round->n += n;
                    if (--round->missing == 0) reply(Json{{"entries", round->n}});
                });
            };
            if (all) return done(worker.cache().flush_all());
            flush_on(worker, std::make_shared<Flush>(Flush{filter, 0, 0, done}));
        });
    }
}

void Operator::serve_cache() {
    server_->on_deferred("cache.show", Right::admin,
                         [this](const Json& p, const api::Reply& reply) { cache_show(p, reply); });
    server_->on_deferred("cache.flush", Right::admin,
                         [this](const Json& p, const api::Reply& reply) { cache_flush(p, reply); });
}

}  // namespace isthmus::dns64
