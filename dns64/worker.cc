// SPDX-License-Identifier: Apache-2.0
// A query's way through one thread. What is remembered: worker_cache.cc.
#include "dns64/worker.h"

#include <ctime>

#include "dns64/job.h"

namespace isthmus::dns64 {

namespace {

/// Keepalive is told in units of 100 ms (RFC 7828 s3.1).
constexpr std::uint32_t kKeepaliveUnits = 10;
/// How often is looked whether a retired upstream may go.
constexpr std::uint64_t kRetiredMs = 1000;

std::uint64_t nanoseconds(clockid_t clock) {
    timespec t{};
    ::clock_gettime(clock, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(t.tv_nsec);
}

Bytes address_bytes(const SocketAddress& a, std::array<std::uint8_t, 16>& room) {
    if (a.is_v6()) {
        room = a.v6().octet;
        return room;
    }
    const auto octets = a.v4().octets();
    std::copy(octets.begin(), octets.end(), room.begin());
    return {room.data(), 4};
}

}  // namespace

Worker::Worker(std::unique_ptr<Loop> loop, const Site& site, std::shared_ptr<const Rules> rules,
               std::unique_ptr<Cache> cache, QueryRing* log)
    : loop_(std::move(loop)),
      site_(site),
      cache_(std::move(cache)),
      log_(log),
      scratch_(kMessageMost),
      scratch2_(kMessageMost) {
    replace_rules(std::move(rules));
    loop_->before_sleep([this] { dead_jobs_.clear(); });
}

Worker::~Worker() {
    for (Job* j : jobs_) delete j;
}

void Worker::set_upstream(std::unique_ptr<Upstream> u) {
    if (upstream_) {
        retired_.list.push_back(std::move(upstream_));
        loop_->arm(retired_, kRetiredMs);
    }
    upstream_ = std::move(u);
    if (upstream_)
        upstream_->observe([this](const Question& q, const Fetched& f) { remember(q, f); });
}

void Worker::replace_rules(std::shared_ptr<const Rules> rules) {
    rules_ = std::make_shared<const std::shared_ptr<const Rules>>(std::move(rules));
    const config::Dns64Limits& l = config().limits;
    const std::uint32_t rate = (l.rate + site_.n_workers - 1) / site_.n_workers;
    limiter_.configure(rate, l.rate_slip, site_.seed);
    log_countdown_ = 1;
}

void Worker::Retired::on_timer() {
    std::erase_if(list, [](const auto& u) { return u->in_flight() == 0; });
    if (!list.empty()) worker.loop_->arm(*this, kRetiredMs);
}

const View* Worker::view_of(const SocketAddress& client) const {
    const Policy& p = *rules().policy;
    return client.is_v6() ? p.view_of(client.v6()) : p.view_of(client.v4());
}

void Worker::read_wall_clock() {
    if (wall_read_ms_ == loop_->now_ms() && wall_s_ != 0) return;
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &t);
    wall_s_ = static_cast<std::uint32_t>(t.tv_sec);
    wall_read_ms_ = loop_->now_ms();
}

/// The options of the answer that do not depend on what the answer is.
void Worker::fill_extras(Exchange& x) {
    const config::Dns64Config& c = config();
    if (!x.q.message.edns().present) return;
    if (x.from.via != Via::udp) {
        x.extras.keepalive = true;
        x.extras.keepalive_100ms = static_cast<std::uint16_t>(
            std::min<std::uint32_t>(c.limits.tcp_idle * kKeepaliveUnits, 0xffff));
        x.extras.pad = x.q.padding && x.from.via == Via::tls;
    }
    if (x.q.cookie.empty() || c.cookies == config::CookieMode::off) return;
    std::array<std::uint8_t, 16> room{};
    const Bytes address = address_bytes(x.from.peer, room);
    read_wall_clock();
    const CookieSecret& secret =
        rules().cookie_secret ? *rules().cookie_secret : site_.cookie_secret;
    const auto& previous = rules().cookie_secret_previous;
    x.cookie_good = check_cookie(x.q.cookie, address, wall_s_, secret,
                                 previous ? &*previous : nullptr) == CookieVerdict::good;
    x.cookie = answer_cookie(x.q.cookie, address, wall_s_, secret);
    x.extras.cookie = x.cookie;
    if (x.cookie_good) counters_.cookies_good += 1;
}

void Worker::note(const Exchange& x, Why why, Rcode rcode, std::uint64_t us) {
    counters_.answers[static_cast<std::size_t>(why)] += 1;
    const auto r = static_cast<std::size_t>(rcode);
    counters_.rcodes[std::min(r, counters_.rcodes.size() - 1)] += 1;
    counters_.note_latency(us);
    if (log_ == nullptr || config().query_log.file.empty() || --log_countdown_ != 0) return;
    log_countdown_ = std::max(config().query_log.sample, 1U);
    log_query(x, why, rcode, us);
}

/// `us`: 0 for what was answered in the turn in which it came: then the clock is read.
void Worker::log_query(const Exchange& x, Why why, Rcode rcode, std::uint64_t us) {
    counters_.log_records += 1;
    LoggedQuery* q = log_->claim();
    if (q == nullptr) {
        counters_.log_lost += 1;
        return;
    }
    q->time_us = nanoseconds(CLOCK_REALTIME) / 1000;
    q->us = us != 0 ? us : (nanoseconds(CLOCK_MONOTONIC) - loop_->now_ns()) / 1000;
    q->client = x.from.peer;
    q->type = x.q.qtype;
    q->rcode = rcode;
    q->why = why;
    q->via = x.from.via;
    q->cached = x.cached;
    const std::uint8_t root[1] = {0};
    q->set_name(x.q.qname.empty() ? NameView(root) : x.q.qname);
    q->set_view(x.view == nullptr ? "" : x.view->name);
    log_->publish();
}

std::size_t Worker::refuse(const Exchange& x, Why why, Rcode rcode, std::span<std::uint8_t> out) {
    note(x, why, rcode, 0);
    ReplyExtras extras = x.extras;
    if (config().ede != config::EdeMode::off) extras.ede = info_of(why).ede;
    return write_error(x.q, rcode, extras, out);
}

/// Answers over the rate of the client's network are not given; by TCP or with a cookie of ours he
/// has shown that he is where he says.
bool Worker::is_limited(const Exchange& x, std::span<std::uint8_t> out, std::size_t& n) {
    if (x.from.via != Via::udp || x.cookie_good) return false;
    switch (limiter_.check(x.from.peer, loop_->now_ms())) {
        case Limiter::Verdict::answer:
            return false;
        case Limiter::Verdict::truncate:
            counters_.rate_slipped += 1;
            n = write_truncated(x.q, x.extras, out);
            return true;
        case Limiter::Verdict::drop:
            break;
    }
    counters_.rate_dropped += 1;
    n = 0;
    return true;
}

std::uint32_t Worker::foresee(Bytes datagram) const {
    if (datagram.size() < kHeaderBytes + 5U) return 0;
    std::size_t end = kHeaderBytes;
    while (end < datagram.size() && datagram[end] != 0) end += 1U + datagram[end];
    const std::size_t len = end + 1 - kHeaderBytes;
    if (end + 5 > datagram.size() || len > kNameMost) return 0;
    std::array<std::uint8_t, kNameMost + 1> name;
    fold_into(datagram.subspan(kHeaderBytes, len), name);
    const auto type = static_cast<RrType>((datagram[end + 1] << 8) | datagram[end + 2]);
    const std::uint32_t h = cache_->hash({name.data(), len}, type);
    cache_->prefetch_index(h);
    return h;
}

/// Who wants no recursion still gets what we are the authority of (RFC 8880 s7.1: "all queries"): a
/// resolution that needs nobody is done as soon as it is made.
bool Worker::is_own(const Checked& c, const View& view, const Request& q) const {
    return c.why == Why::no_recursion_wanted && q.qclass == kClassIn &&
           Resolution(*rules().policy, view, q).done();
}

std::size_t Worker::query(Bytes datagram, const Origin& from, std::span<std::uint8_t> out,
                          std::uint32_t hash) {
    counters_.queries[static_cast<std::size_t>(from.via)] += 1;
    Exchange x(from);
    x.hash = hash;
    const Checked c = read_request(datagram, from.via != Via::udp, x.q);
    if (c.action == Action::drop) {
        counters_.dropped += 1;
        return 0;
    }
    fill_extras(x);
    std::size_t n = 0;
    if (is_limited(x, out, n)) return n;
    const View* view = x.view = view_of(from.peer);
    if (view == nullptr) return refuse(x, Why::not_allowed, Rcode::refused, out);
    if (c.why == Why::cookie_only) {
        const bool wrong = x.q.cookie.size() > kClientCookie && !x.cookie_good;
        return refuse(x, c.why, wrong ? Rcode::badcookie : Rcode::noerror, out);
    }
    if (c.action == Action::error && !is_own(c, *view, x.q)) return refuse(x, c.why, c.rcode, out);
    const bool must_show = config().cookies == config::CookieMode::required &&
                           from.via == Via::udp && !x.q.cookie.empty() && !x.cookie_good;
    if (must_show) return refuse(x, Why::bad_cookie, Rcode::badcookie, out);
    if (x.q.qclass == kClassIn) {
        n = answer_from_cache(x, *view, out);
        if (n > 0) return n;
    }
    counters_.cache_misses += 1;
    if (jobs_.size() >= config().limits.queries_in_flight) {
        counters_.refused_overload += 1;
        return refuse(x, Why::overload, Rcode::servfail, out);
    }
    start_job(x, *view, datagram);
    return 0;
}

std::size_t Worker::answer_from_cache(Exchange& x, const View& view, std::span<std::uint8_t> out) {
    std::array<std::uint8_t, kNameMost + 1> name;
    fold_into(x.q.qname, name);
    const NameView lower(name.data(), x.q.qname.size());
    const std::uint8_t variant = variant_bit(x.q.dnssec_ok(), x.q.checking_disabled());
    const std::uint32_t h = x.hash != 0 ? x.hash : cache_->hash(lower, x.q.qtype);
    CacheEntry* e = cache_->find(h, lower, x.q.qtype, rules().view_tags[view.id], variant);
    const std::uint32_t now = now_s();
    if (e == nullptr || !e->is_fresh(now)) return 0;
    const auto why = static_cast<Why>(e->why);
    if ((e->state & CacheEntry::with_ede) != 0) {
        const bool all = config().ede == config::EdeMode::all;
        x.extras.ede = info_of(why).ede;
        if (all && x.extras.ede == Ede::none) x.extras.ede = Ede::other;
        if (all) x.extras.ede_text = info_of(why).name;
    }
    std::size_t n = write_hit(x.q, *e, now, x.extras, out);
    if (n == 0) {  // too long for this client, or padded
        const Bytes body = rebuild(*e, lower, x.q.qtype, now, scratch_);
        if (!body.empty()) n = write_reply(x.q, body, 0, x.extras, out);
        if (n > 0 && (out[2] & (flag::tc >> 8)) != 0) counters_.truncated += 1;
    }
    if (n == 0) return 0;
    counters_.cache_hits += 1;
    x.cached = true;
    note(x, why, static_cast<Rcode>(e->flags_rcode & flag::rcode_mask), 0);
    if (e->ttl_s - e->age(now) <= e->ttl_s / 10) prefetch_maybe(*e, x, view);
    return n;
}

/// An answer that was asked for again and again is made anew before it expires, while the old one
/// is still given: its clients never wait.
void Worker::prefetch_maybe(CacheEntry& e, const Exchange& x, const View& view) {
    if (!config().cache.prefetch || e.ttl_s < 10 || (e.state & CacheEntry::refreshing) != 0) return;
    if ((e.state & CacheEntry::often) == 0) {
        e.state |= CacheEntry::often;
        return;
    }
    e.state |= CacheEntry::refreshing;
    counters_.prefetches += 1;
    auto* j = new Job(*this, Job::Purpose::refresh, view, x.q.message.bytes(), Origin{});
    jobs_.insert(j);
    j->run();
}

void Worker::start_job(const Exchange& x, const View& view, Bytes datagram) {
    auto* j = new Job(*this, Job::Purpose::client, view, datagram, x.from);
    jobs_.insert(j);
    j->run();
}

void Worker::bury(Job& j) {
    jobs_.erase(&j);
    dead_jobs_.emplace_back(&j);
}

}  // namespace isthmus::dns64
