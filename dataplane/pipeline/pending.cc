// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/pending.h"

namespace isthmus::pipeline {

Pending::Pending() noexcept {
    bucket_.fill(kNone);
    for (unsigned i = 0; i < kMax; i++) {
        const auto next = static_cast<Index>(i + 1 == kMax ? kNone : i + 1);
        item_[i].later = next;
        queue_[i].next = next;
    }
}

Pending::Index Pending::find(const Waiting& w) const noexcept {
    Index q = bucket_[w.key % kMax];
    while (q != kNone && !(queue_[q].key == w.key && queue_[q].hop == w.hop)) q = queue_[q].next;
    return q;
}

/// There is a free one: as many as packets, and each holds one.
Pending::Index Pending::open_queue(const Waiting& w) noexcept {
    const Index q = free_queue_;
    free_queue_ = queue_[q].next;
    Index& bucket = bucket_[w.key % kMax];
    queue_[q] = Queue{};
    queue_[q].hop = w.hop;
    queue_[q].key = w.key;
    queue_[q].next = bucket;
    bucket = q;
    return q;
}

void Pending::close_queue(Index q) noexcept {
    Index* at = &bucket_[queue_[q].key % kMax];
    while (*at != q) at = &queue_[*at].next;
    *at = queue_[q].next;
    queue_[q].next = free_queue_;
    free_queue_ = q;
}

void Pending::take_first(Index q) noexcept {
    Queue& queue = queue_[q];
    const Index i = queue.first;
    Item& item = item_[i];
    (item.older == kNone ? oldest_ : item_[item.older].newer) = item.newer;
    (item.newer == kNone ? newest_ : item_[item.newer].older) = item.older;
    queue.first = item.later;
    if (--queue.n == 0) close_queue(q);
    item.later = free_item_;
    free_item_ = i;
    n_--;
}

bool Pending::hold(const Waiting& w, ResolveRing& ask, Packet& victim) noexcept {
    Index q = find(w);
    const bool queue_full = q != kNone && queue_[q].n == kPerHop;
    const bool full = queue_full || n_ == kMax;
    if (full) {
        const Index from = queue_full ? q : item_[oldest_].queue;
        victim = item_[queue_[from].first].packet;
        take_first(from);
        q = find(w);  // it may have been the only one of its queue
    }
    if (q == kNone) q = open_queue(w);
    Queue& queue = queue_[q];
    if (!queue.is_asked || w.since.v - queue.asked.v >= kAskAgain.v) {
        queue.is_asked = ask.push(w.hop);
        queue.asked = w.since;
    }
    const Index i = free_item_;
    Item& item = item_[i];
    free_item_ = item.later;
    static_cast<Waiting&>(item) = w;
    item.queue = q;
    item.later = item.newer = kNone;
    item.older = newest_;
    (newest_ == kNone ? oldest_ : item_[newest_].newer) = i;
    newest_ = i;
    (queue.n == 0 ? queue.first : item_[queue.last].later) = i;
    queue.last = i;
    queue.n++;
    n_++;
    return !full;
}

}  // namespace isthmus::pipeline
