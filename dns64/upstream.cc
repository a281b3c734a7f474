// SPDX-License-Identifier: Apache-2.0
#include "dns64/upstream.h"

namespace isthmus::dns64 {

void Waiter::forget() {
    if (fetch_ == nullptr) return;
    if (prev_ != nullptr) {
        prev_->next_ = next_;
    } else {
        fetch_->first_ = next_;
    }
    if (next_ != nullptr) next_->prev_ = prev_;
    fetch_ = nullptr;
    next_ = prev_ = nullptr;
}

Fetch::~Fetch() {
    while (first_ != nullptr) first_->forget();
}

Upstream::Upstream(Loop& loop, std::uint64_t seed, std::size_t fetches_most)
    : loop_(loop), bucket_(kBuckets), fetches_most_(fetches_most), seed_(seed) {}

Upstream::~Upstream() = default;

Fetch* Upstream::find(const Question& q, std::uint64_t hash) const {
    for (Fetch* f = bucket_[hash % kBuckets]; f != nullptr; f = f->next_in_bucket_) {
        const bool same = f->hash_ == hash && f->type == q.type && f->cls == q.cls &&
                          f->checking_disabled == q.checking_disabled && same_name(f->name, q.name);
        if (same) return f;
    }
    return nullptr;
}

void Upstream::ask(const Question& q, std::uint64_t budget_ms, Waiter& w, bool observed) {
    w.forget();
    const std::uint64_t hash = name_hash(q.name, seed_ ^ q.type);
    Fetch* f = find(q, hash);
    const bool is_new = f == nullptr;
    if (is_new) {
        if (n_fetches_ >= fetches_most_) {
            count(UpstreamFault::crowded);
            return w.on_fetched({Fetched::Outcome::unreachable, nullptr, false, false});
        }
        f = make_fetch();
        f->name = Name(q.name);
        f->type = q.type;
        f->cls = q.cls;
        f->checking_disabled = q.checking_disabled;
        f->deadline_ms = loop_.now_ms() + budget_ms;
        f->hash_ = hash;
        f->next_in_bucket_ = bucket_[hash % kBuckets];
        bucket_[hash % kBuckets] = f;
        n_fetches_++;
        f->observed_ = observed;
    } else {
        stats_.joined++;
        f->observed_ = f->observed_ || observed;
    }
    w.fetch_ = f;
    w.prev_ = nullptr;
    w.next_ = f->first_;
    if (w.next_ != nullptr) w.next_->prev_ = &w;
    f->first_ = &w;
    if (is_new) start(*f);
}

void Upstream::remove(Fetch& f) {
    Fetch** at = &bucket_[f.hash_ % kBuckets];
    while (*at != &f) at = &(*at)->next_in_bucket_;
    *at = f.next_in_bucket_;
    f.next_in_bucket_ = nullptr;
    n_fetches_--;
}

/// The question is out of the table before anybody is told: who asks it again starts anew.
void Upstream::finish(Fetch& f, const Fetched& result) {
    remove(f);
    f.disarm();
    if (observer_ && f.observed_) observer_(f.question(), result);
    while (Waiter* w = f.first_) {
        w->forget();
        w->on_fetched(result);
    }
    recycle(f);
}

}  // namespace isthmus::dns64
