// SPDX-License-Identifier: Apache-2.0
// What a worker remembers: upstream's answers and failures, for resolutions; final answers, for
// clients.
#include <algorithm>

#include "dns64/job.h"
#include "dns64/worker.h"

namespace isthmus::dns64 {

namespace {

/// Key of NXDOMAIN: it holds for all types of a name (RFC 2308 s5).
constexpr RrType kAnyType = 0;
constexpr std::uint32_t kFailureMost = 30;  // seconds; RFC 9520 s3.2 allows 300

std::uint8_t resolution_bit(bool cd) { return cd ? serves_resolution_cd : serves_resolution; }
std::uint8_t failure_bit(bool cd) { return cd ? serves_failure_cd : serves_failure; }

bool is_nxdomain(const CacheEntry& e) {
    return static_cast<Rcode>(e.flags_rcode & flag::rcode_mask) == Rcode::nxdomain;
}

/// Below arpa, what is plain for one client may be answered by ourselves for another.
bool is_below_arpa(NameView name) {
    static constexpr std::uint8_t kArpa[] = {4, 'a', 'r', 'p', 'a', 0};
    return name.size() >= sizeof kArpa &&
           std::equal(std::begin(kArpa), std::end(kArpa), name.end() - sizeof kArpa);
}

}  // namespace

const CacheEntry* Worker::find_upstream(const Ask& a, bool stale_too, bool counts_as_use) {
    const std::uint8_t bit = resolution_bit(a.cd);
    const std::uint32_t now = now_s();
    const auto usable = [&](const CacheEntry* e) {
        return e != nullptr && (stale_too || e->is_fresh(now));
    };
    const auto find = [&](NameView name, RrType type) {
        const std::uint32_t h = cache_->hash(name, type);
        return counts_as_use ? cache_->find(h, name, type, 0, bit)
                             : cache_->peek(h, name, type, 0, bit);
    };
    const CacheEntry* e = find(a.name, a.type);
    if (usable(e)) return e;
    e = find(a.name, kAnyType);
    if (usable(e)) return e;
    if (!config().cache.nxdomain_cut || stale_too) return nullptr;
    // Nothing is below a name that does not exist (RFC 8020); DS is the parent's, and exists no
    // more than anything else there.
    for (NameView up = a.name; up.size() > 1;) {
        up = without_labels(up, 1);
        if (up.size() <= 1) break;
        e = find(up, kAnyType);
        if (e != nullptr && e->is_fresh(now) && is_nxdomain(*e)) return e;
    }
    return nullptr;
}

const CacheEntry* Worker::find_failure(const Ask& a) {
    CacheEntry* e =
        cache_->find(cache_->hash(a.name, a.type), a.name, a.type, 0, failure_bit(a.cd));
    return e != nullptr && e->is_fresh(now_s()) ? e : nullptr;
}

/// RFC 9520 s3.2: a failure is remembered, longer when it goes on.
void Worker::remember_failure(const Question& q, const Message* m, bool bogus) {
    NewEntry n;
    n.name = q.name;
    n.type = q.type;
    n.serves = failure_bit(q.checking_disabled);
    n.ttl_s = config().cache.failure;
    const std::uint32_t now = now_s();
    const CacheEntry* before =
        cache_->find(cache_->hash(q.name, q.type), q.name, q.type, 0, n.serves);
    if (before != nullptr) {
        const std::uint32_t twice = 2U * before->ttl_s;
        if (before->age(now) <= twice) n.ttl_s = std::max(n.ttl_s, std::min(twice, kFailureMost));
    }
    // While an expired answer is given, upstream is tried once in its TTL (RFC 8767 s5).
    if (config().cache.serve_stale &&
        find_upstream({0, q.name, q.type, q.cls, q.checking_disabled}, true))
        n.ttl_s = std::max(n.ttl_s, config().cache.stale_ttl);
    if (bogus) {
        // That it was validation that failed must not be forgotten: after a mere failure of AAAA
        // the A record is used (RFC 6147 s5.1.2), after this one never (s5.5).
        n.why = static_cast<std::uint8_t>(Why::bogus);
        n.flags_rcode = static_cast<std::uint16_t>(Rcode::servfail);
    } else if (m != nullptr && records_.take(*m)) {
        n.flags_rcode = m->flags() & (kKeptFlags | flag::rcode_mask);
        records_.put_into(n);
    }
    (void)cache_->insert(n, now);
}

/// A name that has become an alias has nothing else any more: what expired is not to be given in
/// its place (RFC 8767 s4).
void Worker::forget_beside_alias(const Question& q, const Message& m) {
    bool alias = false;
    m.each(Section::answer, [&](const Record& r) {
        alias = alias || (r.type == rr::cname && m.name_is(r.owner_at, q.name));
    });
    if (!alias) return;
    const std::uint8_t bit = resolution_bit(q.checking_disabled);
    for (const RrType type : {rr::a, rr::aaaa, rr::mx, rr::txt, rr::srv, rr::https, rr::svcb}) {
        CacheEntry* e = cache_->find(cache_->hash(q.name, type), q.name, type, 0, bit);
        if (e != nullptr && !e->is_fresh(now_s())) cache_->erase(*e);
    }
}

std::uint32_t Worker::kept_for(const Message& m, RrType type) const {
    const config::Dns64Cache& c = config().cache;
    return std::min(lifetime(m, type, c.negative_most), c.ttl_most);
}

void Worker::remember(const Question& q, const Fetched& f) {
    if (q.cls != kClassIn) return;
    if (f.outcome != Fetched::Outcome::answer || f.bogus)
        return remember_failure(q, nullptr, f.bogus);
    const Message& m = *f.message;
    if (m.rcode() != Rcode::noerror && m.rcode() != Rcode::nxdomain)
        return remember_failure(q, &m, false);
    if (config().cache.serve_stale) forget_beside_alias(q, m);
    const std::uint32_t ttl = kept_for(m, q.type);
    if (ttl == 0 || !records_.take(m)) return;
    NewEntry n;
    n.name = q.name;
    n.type = q.type;
    n.serves = resolution_bit(q.checking_disabled);
    n.ttl_s = ttl;
    n.flags_rcode = m.flags() & (kKeptFlags | flag::rcode_mask);
    if (!f.secure) n.flags_rcode &= static_cast<std::uint16_t>(~flag::ad);
    records_.put_into(n);
    const std::uint32_t now = now_s();
    const std::uint32_t any_hash = cache_->hash(q.name, kAnyType);
    if (m.rcode() == Rcode::noerror) {
        // The name exists, whatever was thought of it.
        if (CacheEntry* e = cache_->find(any_hash, q.name, kAnyType, 0, n.serves))
            cache_->erase(*e);
    } else if (records_.n_answer == 0) {
        // NXDOMAIN of the name itself, not of the end of a chain. Beside a fresh NODATA it is a
        // contradiction, and counts for its own type only.
        const RrType other = q.type == rr::a ? rr::aaaa : rr::a;
        const CacheEntry* e = cache_->find(cache_->hash(q.name, other), q.name, other, 0, n.serves);
        const bool exists = e != nullptr && e->is_fresh(now) && !is_nxdomain(*e);
        if (!exists) n.type = kAnyType;
    }
    (void)cache_->insert(n, now);
}

/// A final answer. Where it is what upstream said, to the octet, it is not kept twice: upstream's
/// entry serves the clients too.
void Worker::store_body(const Job& j, const Answer& a, Bytes body) {
    if (a.ttl == 0 || j.request_.qclass != kClassIn) return;
    Message m;
    if (Message::parse(body, m) != Fault::none || !records_.take(m)) return;
    NewEntry n;
    n.name = j.name_;
    n.type = j.request_.qtype;
    n.view_tag = (*j.rules_)->view_tags[j.view_.id];
    n.serves = variant_bit(j.request_.dnssec_ok(), j.request_.checking_disabled());
    n.ttl_s = a.ttl;
    n.why = static_cast<std::uint8_t>(a.why);
    n.flags_rcode = m.flags() & (kKeptFlags | flag::rcode_mask);
    records_.put_into(n);
    const std::uint32_t now = now_s();
    const bool for_all = a.why == Why::plain && !is_below_arpa(n.name);
    const std::uint32_t h = cache_->hash(n.name, n.type);
    CacheEntry* e = cache_->find(h, n.name, n.type, n.view_tag,
                                 kServesClients | serves_resolution | serves_resolution_cd);
    const bool same = e != nullptr && e->stored_s == now && e->ttl_s == n.ttl_s &&
                      e->flags_rcode == n.flags_rcode && e->n_answer == n.n_answer &&
                      e->n_authority == n.n_authority &&
                      std::equal(e->body().begin(), e->body().end(), n.body.begin(), n.body.end());
    const std::uint32_t tag = for_all ? kAllViews : n.view_tag;
    const bool free = same && ((e->serves & kServesClients) == 0 || e->view_tag == tag);
    if (free && a.ede == Ede::none) {
        e->serves |= n.serves;
        e->view_tag = tag;
        e->why = n.why;
        return;
    }
    if (for_all) n.view_tag = kAllViews;
    if (cache_->insert(n, now) && a.ede != Ede::none) {
        e = cache_->find(h, n.name, n.type, n.view_tag, n.serves);
        if (e != nullptr) e->state |= CacheEntry::with_ede;
    }
}

void Worker::publish_counts() {
    const CacheStats& s = cache_->stats();
    counters_.cache_entries = s.entries;
    counters_.cache_bytes = s.bytes;
    counters_.cache_evicted = s.evicted;
    counters_.cache_inserted = s.inserted;
    counters_.jobs = jobs_.size();
    if (!upstream_) return;
    const UpstreamStats& u = upstream_->stats();
    counters_.upstream_udp = u.queries_udp;
    counters_.upstream_tcp = u.queries_tcp;
    counters_.upstream_tls = u.queries_tls;
    counters_.upstream_answers = u.answers;
    counters_.upstream_joined = u.joined;
    for (std::size_t i = 0; i < u.fault.size(); i++) counters_.upstream_fault[i] = u.fault[i];
}

}  // namespace isthmus::dns64
