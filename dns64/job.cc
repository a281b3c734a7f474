// SPDX-License-Identifier: Apache-2.0
#include "dns64/job.h"

#include <algorithm>

namespace isthmus::dns64 {

Job::Job(Worker& worker, Purpose purpose, const View& view, Bytes datagram, const Origin& origin)
    : worker_(worker),
      rules_(worker.rules_),
      view_(view),
      purpose_(purpose),
      datagram_(datagram.begin(), datagram.end()),
      origin_(origin),
      began_ns_(worker.loop_->now_ns()) {
    (void)read_request(datagram_, origin.via != Via::udp, request_);
    name_ = Name(request_.qname);
    name_.fold();
    resolution_ = std::make_unique<Resolution>(*worker.rules().policy, view, request_);
    if (purpose == Purpose::explain) resolution_->trace_to(&steps);
    const config::Dns64Cache& c = worker.config().cache;
    if (c.serve_stale && purpose == Purpose::client) worker.loop_->arm(*this, c.stale_wait_ms);
}

Job::~Job() = default;

void Job::step(const std::string& text) {
    if (is_explained()) steps.push_back(text);
}

Security Job::security_of(bool secure, bool bogus) const {
    if (bogus) return Security::bogus;
    if (worker_.config().validation == config::Validation::none) return Security::unknown;
    return secure ? Security::secure : Security::insecure;
}

/// What is left for one question: AAAA shorter, so that A still has time (RFC 6147 s5.1.3).
std::uint64_t Job::budget_ms(const Ask& a) const {
    const config::Dns64Limits& l = worker_.config().limits;
    const std::uint64_t spent = (worker_.loop_->now_ns() - began_ns_) / 1'000'000U;
    const std::uint64_t left = l.total_timeout_ms > spent ? l.total_timeout_ms - spent : 1;
    return a.type == rr::aaaa ? std::min<std::uint64_t>(left, l.aaaa_timeout_ms) : left;
}

/// Feeding may make new questions at once, and their answers may come at once: one loop for all.
void Job::pump() {
    if (pumping_ || finished_) return;
    pumping_ = true;
    for (Ask a; !resolution_->done() && resolution_->next(a);) serve(a);
    pumping_ = false;
    if (resolution_->done()) finish();
}

bool Job::feed_entry(unsigned id, const CacheEntry& e, NameView name, RrType type, bool stale) {
    Message m;
    const Bytes bytes = rebuild(e, name, type, worker_.now_s(), worker_.scratch_);
    if (bytes.empty() || Message::parse(bytes, m) != Fault::none) return false;
    const std::uint32_t age = e.age(worker_.now_s());
    if (age < e.ttl_s) keep_most_s_ = std::min(keep_most_s_, e.ttl_s - age);
    const bool bogus = e.why == static_cast<std::uint8_t>(Why::bogus);
    resolution_->feed(id, m, security_of((e.flags_rcode & flag::ad) != 0, bogus), stale);
    return true;
}

/// An answer that has expired, where the operator allows it and nothing better is to be had.
bool Job::feed_stale(unsigned id, NameView name, RrType type, bool cd) {
    const config::Dns64Cache& c = worker_.config().cache;
    if (!c.serve_stale) return false;
    const CacheEntry* e =
        worker_.find_upstream({id, name, type, kClassIn, cd}, true, !is_explained());
    if (e == nullptr || e->age(worker_.now_s()) > e->ttl_s + c.stale_most) return false;
    if (!feed_entry(id, *e, name, type, true)) return false;
    used_stale_ = true;
    step("upstream gave nothing: an expired answer is used");
    return true;
}

void Job::serve(const Ask& a) {
    Asked& asked = asked_[a.id];
    asked.job = this;
    asked.id = a.id;
    asked.name = Name(a.name);
    asked.name.fold();
    asked.type = a.type;
    asked.cd = a.cd;
    const Ask folded_ask{a.id, asked.name, a.type, a.cls, a.cd};
    if (a.cls == kClassIn && purpose_ != Purpose::refresh) {
        const CacheEntry* e = worker_.find_upstream(folded_ask, false, !is_explained());
        if (e != nullptr) {
            step("upstream's answer is in the cache");
            if (feed_entry(a.id, *e, asked.name, a.type, false)) return;
        }
        if (const CacheEntry* failure = worker_.find_failure(folded_ask)) {
            step("the question failed a moment ago (RFC 9520)");
            if (feed_stale(a.id, asked.name, a.type, a.cd)) return;
            const bool silent = failure->body_bytes == 0 && failure->flags_rcode == 0;
            if (silent || !feed_entry(a.id, *failure, asked.name, a.type, false))
                resolution_->fail(a.id, Failure::remembered);
            return;
        }
    }
    step("upstream is asked");
    Upstream* u = worker_.upstream();
    if (u == nullptr) return resolution_->fail(a.id, Failure::network);
    u->ask({asked.name, a.type, a.cls, a.cd}, budget_ms(a), asked, !is_explained());
}

void Job::fail(const Asked& asked, Failure f) {
    if (!feed_stale(asked.id, asked.name, asked.type, asked.cd)) resolution_->fail(asked.id, f);
}

void Job::on_fetched(Asked& asked, const Fetched& f) {
    if (finished_) return;
    switch (f.outcome) {
        case Fetched::Outcome::answer: {
            const Rcode rcode = f.message->rcode();
            const bool error = rcode != Rcode::noerror && rcode != Rcode::nxdomain;
            const std::uint32_t kept = worker_.kept_for(*f.message, asked.type);
            if (!error && kept > 0) keep_most_s_ = std::min(keep_most_s_, kept);
            if (!error || !feed_stale(asked.id, asked.name, asked.type, asked.cd))
                resolution_->feed(asked.id, *f.message, security_of(f.secure, f.bogus));
            break;
        }
        case Fetched::Outcome::timeout:
            fail(asked, Failure::timeout);
            break;
        case Fetched::Outcome::unreachable:
            fail(asked, Failure::network);
            break;
    }
    pump();
}

void Job::on_timer() {
    for (Asked& a : asked_) {
        if (finished_ || !a.is_waiting()) continue;
        if (!feed_stale(a.id, a.name, a.type, a.cd)) continue;
        a.forget();  // the answer still comes into the cache
        pump();
    }
}

void Job::finish() {
    finished_ = true;
    disarm();
    for (Asked& a : asked_) a.forget();
    Answer a = resolution_->finish(worker_.scratch_);
    a.ttl = std::min(a.ttl, keep_most_s_);
    const Bytes body(worker_.scratch_.data(), a.size);
    if (!used_stale_ && !a.stale && !is_explained()) worker_.store_body(*this, a, body);
    answer(a, body);
    worker_.bury(*this);
}

void Job::answer(const Answer& a, Bytes body) {
    if (is_explained()) {
        if (on_explained) on_explained({a, view_.name, steps, {body.begin(), body.end()}});
        return;
    }
    if (purpose_ == Purpose::refresh || origin_.transport == nullptr) return;
    Worker::Exchange x(origin_);
    x.q = request_;
    x.view = &view_;
    worker_.fill_extras(x);
    x.extras.ede = a.ede;
    x.extras.ede_text = a.ede_text;
    std::size_t n = 0;
    if (a.size > 0) n = write_reply(request_, body, 0, x.extras, worker_.scratch2_);
    if (n == 0) n = write_error(request_, Rcode::servfail, x.extras, worker_.scratch2_);
    if (a.stale || used_stale_) worker_.counters_.cache_stale += 1;
    worker_.note(x, a.why, a.rcode, (worker_.loop_->now_ns() - began_ns_) / 1000);
    origin_.transport->reply(origin_, {worker_.scratch2_.data(), n});
}

}  // namespace isthmus::dns64
