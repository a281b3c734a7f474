// SPDX-License-Identifier: Apache-2.0
#include "control/logs/queue.h"

#include <algorithm>
#include <chrono>

namespace isthmus::control {

namespace {

/// A write that takes longer is none that one may wait for.
constexpr std::int64_t kStuckNs = 2 * static_cast<std::int64_t>(kNanosPerSecond);

}  // namespace

void LogQueue::push(LogBatch batch) {
    if (batch.records.empty()) return;
    {
        const std::lock_guard guard(mutex_);
        pushed_ += batch.records.size();
        waiting_ += batch.records.size();
        batches_.push_back(std::make_shared<const LogBatch>(std::move(batch)));
    }
    came_.notify_all();
}

std::uint64_t LogQueue::waiting() const {
    const std::lock_guard guard(mutex_);
    return waiting_;
}

bool LogQueue::is_stuck(const Place& p) const {
    return p.under_way && steady_now_ns() - p.alive_ns > kStuckNs;
}

/// Those that take nothing do not count: they would hold up the others.
bool LogQueue::is_outrun() const {
    const std::lock_guard guard(mutex_);
    std::uint64_t least = most_, worst = 0;
    bool any = false;
    for (const Place& p : places_) {
        if (p.refused || is_stuck(p)) continue;
        any = true;
        least = std::min(least, behind(p));
        worst = std::max(worst, behind(p));
    }
    return any && (4 * least > most_ || 4 * worst > 3 * most_);
}

void LogQueue::pass(Place& p, const LogBatch& b) {
    p.next++;
    p.passed += b.records.size();
}

void LogQueue::lose(Place& p, const LogBatch& b) {
    p.n_lost += b.records.size();
    const bool joins =
        p.lost.size() > (p.telling ? 1U : 0U) && p.lost.back().instance == b.instance;
    if (!joins) p.lost.emplace_back();
    p.lost.back().add(b);
}

/// An outlet that works has not begun with it.
bool LogQueue::is_wanted(const BatchPtr& oldest) const {
    return std::any_of(places_.begin(), places_.end(), [&](const Place& p) {
        return p.next <= first_ && p.under_way != oldest && !p.refused && !is_stuck(p);
    });
}

std::vector<std::size_t> LogQueue::give_up(bool all) {
    const std::lock_guard guard(mutex_);
    std::vector<std::size_t> begin;
    while (waiting_ >= most_ && !batches_.empty()) {
        const BatchPtr oldest = batches_.front();
        if (!all && is_wanted(oldest)) break;
        for (std::size_t i = 0; i < places_.size(); i++) {
            Place& p = places_[i];
            if (p.next > first_) continue;
            if (p.under_way == oldest) {
                p.orphan = true;
            } else {
                if (p.lost.empty()) begin.push_back(i);
                lose(p, *oldest);
            }
            pass(p, *oldest);
        }
        forget();
    }
    return begin;
}

void LogQueue::forget() {
    const auto done = [this] {
        return std::all_of(places_.begin(), places_.end(),
                           [this](const Place& p) { return p.next > first_; });
    };
    while (!batches_.empty() && done()) {
        waiting_ -= batches_.front()->records.size();
        acked_ = {batches_.front()->instance, batches_.front()->upto};
        batches_.pop_front();
        first_++;
    }
}

LogQueue::Acked LogQueue::acked() const {
    const std::lock_guard guard(mutex_);
    return acked_;
}

void LogQueue::set_acked(Acked a) {
    const std::lock_guard guard(mutex_);
    acked_ = std::move(a);
}

Losses LogQueue::untold(std::size_t outlet) const {
    const std::lock_guard guard(mutex_);
    const Place& p = places_[outlet];
    Losses out = p.lost;
    if (p.orphan) {
        Loss l;
        l.add(*p.under_way);
        out.insert(out.begin(), std::move(l));
    }
    return out;
}

void LogQueue::set_untold(std::size_t outlet, Losses losses) {
    const std::lock_guard guard(mutex_);
    places_[outlet].lost = std::move(losses);
}

LogQueue::State LogQueue::state(std::size_t outlet) const {
    const std::lock_guard guard(mutex_);
    const Place& p = places_[outlet];
    const bool stuck = is_stuck(p);
    return {!p.refused && !stuck, behind(p) != 0 || p.under_way != nullptr, p.n_lost,
            stuck ? static_cast<std::uint64_t>(steady_now_ns() - p.alive_ns) : 0};
}

bool LogQueue::is_settled() const {
    const std::lock_guard guard(mutex_);
    return std::all_of(places_.begin(), places_.end(), [this](const Place& p) {
        return p.refused || is_stuck(p) || (!p.under_way && p.lost.empty() && behind(p) == 0);
    });
}

void LogQueue::hurry() {
    const std::lock_guard guard(mutex_);
    hurry_ = true;
}

void LogQueue::stop() {
    {
        const std::lock_guard guard(mutex_);
        stop_ = true;
    }
    came_.notify_all();
}

bool LogQueue::is_stopped() const {
    const std::lock_guard guard(mutex_);
    return stop_;
}

LogQueue::Next LogQueue::next(std::size_t outlet, int wait_ms) {
    std::unique_lock lock(mutex_);
    Place& p = places_[outlet];
    const auto any = [&] { return stop_ || !p.lost.empty() || p.next < first_ + batches_.size(); };
    if (!any()) came_.wait_for(lock, std::chrono::milliseconds(wait_ms), any);
    if (stop_ || !any()) return {};
    p.telling = !p.lost.empty();
    p.under_way = p.telling ? std::make_shared<const LogBatch>(p.lost.front().gap())
                            : batches_[p.next - first_];
    p.alive_ns = steady_now_ns();
    return {p.under_way, p.telling};
}

void LogQueue::taken(std::size_t outlet) {
    const std::lock_guard guard(mutex_);
    Place& p = places_[outlet];
    if (!p.under_way) return;
    if (p.telling) {
        p.lost.erase(p.lost.begin());
    } else if (!p.orphan) {
        pass(p, *p.under_way);
    }
    p.under_way.reset();
    p.telling = p.orphan = p.refused = false;
    forget();
}

void LogQueue::refused(std::size_t outlet) {
    const std::lock_guard guard(mutex_);
    Place& p = places_[outlet];
    if (p.orphan) {  // older than all that was lost meanwhile
        p.n_lost += p.under_way->records.size();
        Loss l;
        l.add(*p.under_way);
        const bool joins = !p.lost.empty() && p.lost.front().instance == l.instance;
        if (joins) {
            l.add(p.lost.front());
            p.lost.front() = std::move(l);
        } else {
            p.lost.insert(p.lost.begin(), std::move(l));
        }
    }
    p.under_way.reset();
    p.telling = p.orphan = false;
    p.refused = true;
}

void LogQueue::alive(std::size_t outlet) {
    const std::lock_guard guard(mutex_);
    places_[outlet].alive_ns = steady_now_ns();
}

bool LogQueue::is_pressed(std::size_t outlet) const {
    const std::lock_guard guard(mutex_);
    return hurry_ || 4 * behind(places_[outlet]) > most_;
}

bool LogQueue::pause(int ms) {
    std::unique_lock lock(mutex_);
    return !came_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stop_; });
}

}  // namespace isthmus::control
