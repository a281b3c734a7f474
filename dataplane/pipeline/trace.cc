// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/trace.h"

namespace isthmus::pipeline {

bool Trace::start(const TraceFilter& filter, std::uint64_t count) noexcept {
    if (!is_idle()) return false;
    filter_ = filter;
    left_ = count;
    lost_.store(0, std::memory_order_relaxed);
    tail_.store(head_.load(std::memory_order_acquire), std::memory_order_release);
    state_.store(State::on, std::memory_order_release);
    return true;
}

void Trace::stop() noexcept {
    State was = State::on;
    (void)state_.compare_exchange_strong(was, State::stopping);
}

const TraceRecord* Trace::front() const noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return nullptr;
    return &ring_[tail % kTraceRing];
}

void Trace::pop() noexcept {
    tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

bool Trace::goes_on() noexcept {
    if (state_.load(std::memory_order_acquire) != State::stopping) return true;
    state_.store(State::idle, std::memory_order_release);
    return false;
}

TraceRecord* Trace::slot(unsigned i) noexcept {
    const std::uint64_t at = head_.load(std::memory_order_relaxed) + i;
    if (at - tail_.load(std::memory_order_acquire) >= kTraceRing) return nullptr;
    return &ring_[at % kTraceRing];
}

void Trace::commit(unsigned n_records, unsigned arrivals) noexcept {
    left_ -= arrivals;
    head_.store(head_.load(std::memory_order_relaxed) + n_records, std::memory_order_release);
}

void Trace::lose() noexcept {
    lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace isthmus::pipeline
