// SPDX-License-Identifier: Apache-2.0
// A worker explains what it would answer.
#include "dns64/job.h"
#include "dns64/worker.h"

namespace isthmus::dns64 {

namespace {

/// The query that such a client would send.
Bytes query_of(const ToExplain& q, std::span<std::uint8_t> room) {
    Writer w(room);
    w.header(0, q.checking_disabled ? flag::rd | flag::cd : flag::rd);
    w.question(q.name, q.type, kClassIn);
    if (q.dnssec_ok) {
        const std::uint8_t root[1] = {0};
        constexpr std::uint32_t kDo = 0x8000;  // in the TTL field (RFC 6891 s6.1.3)
        w.end_record(w.begin_record(root, rr::opt, kUdpMost, kDo));
        w.count(Section::additional);
    }
    return w.written();
}

}  // namespace

const View* Worker::view_of(const ToExplain& q) const {
    return q.client ? view_of(*q.client) : &rules().policy->views().front();
}

const CacheEntry* Worker::ready_answer(const ToExplain& q) const {
    const View* view = view_of(q);
    if (view == nullptr) return nullptr;
    const CacheEntry* e =
        cache_->peek(cache_->hash(q.name, q.type), q.name, q.type, rules().view_tags[view->id],
                     variant_bit(q.dnssec_ok, q.checking_disabled));
    return e != nullptr && e->is_fresh(now_s()) ? e : nullptr;
}

void Worker::explain(const ToExplain& q, std::function<void(const Explained&)> done) {
    const std::string who = q.client ? "client " + q.client->host_text() : "a client of no view";
    const View* view = view_of(q);
    if (view == nullptr) {
        Explained e;
        e.answer.why = Why::not_allowed;
        e.answer.rcode = Rcode::refused;
        e.steps.push_back(who + " may not ask: it is in no network of dns64.allow, nor in a view");
        return done(e);
    }
    std::array<std::uint8_t, kHeaderBytes + kNameMost + 4 + 11> room{};
    Origin from;
    if (q.client) from.peer = *q.client;
    auto* j = new Job(*this, Job::Purpose::explain, *view, query_of(q, room), from);
    jobs_.insert(j);
    j->steps.insert(j->steps.begin(), who + " may ask");
    j->on_explained = std::move(done);
    j->run();
}

}  // namespace isthmus::dns64
