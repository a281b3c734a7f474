// SPDX-License-Identifier: Apache-2.0
#include "control/logs/outlet.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>

#include "common/log/log.h"

namespace isthmus::control {

namespace {

constexpr std::int64_t kSecond = static_cast<std::int64_t>(kNanosPerSecond);
constexpr std::int64_t kFirstWait = kSecond / 4, kLongestWait = 4 * kSecond;
constexpr std::int64_t kLong = kSecond / 4;  // for a collector to acknowledge
constexpr std::int64_t kRecent = 2 * kSecond;
constexpr std::size_t kRecentMost = 50'000;  // records
constexpr unsigned kDrainMost = 32;          // batches in one go
constexpr int kIdleMs = 100;

}  // namespace

Outlet::Outlet(Facts facts, std::unique_ptr<LogSink> sink, std::shared_ptr<LogQueue> queue,
               std::size_t i, std::unique_ptr<Spool> spool)
    : sink_(std::move(sink)),
      queue_(std::move(queue)),
      i_(i),
      spool_(std::move(spool)),
      facts_(std::move(facts)) {
    sink_->set_patience([this] { return relieve(); });
    tell_bytes();
}

Outlet::Facts Outlet::facts() const {
    const std::lock_guard guard(mutex_);
    return facts_;
}

void Outlet::tell_bytes() {
    const std::uint64_t bytes = spool_ ? spool_->bytes() : 0;
    const std::lock_guard guard(mutex_);
    facts_.spooled_bytes = bytes;
}

/// What it may have taken to its grave comes once more, before all that is newer; what comes twice
/// has the same numbers.
void Outlet::once_more() {
    if (recent_.empty()) return;
    std::vector<BatchPtr> again;
    for (auto& [when, batch] : recent_) again.push_back(std::move(batch));
    recent_.clear();
    n_recent_ = 0;
    if (const Status kept = spool_->put_first(again); !kept)
        log::warn("log " + facts_.name +
                  ": what a broken connection took is not sent again: " + kept.error().text());
}

void Outlet::failed(const Error& why) {
    if (facts_.up) log::warn("log " + facts_.name + " takes no records: " + why.text());
    once_more();
    wait_ns_ = std::clamp(2 * wait_ns_, kFirstWait, kLongestWait);
    next_try_ns_ = steady_now_ns() + wait_ns_;
    const std::lock_guard guard(mutex_);
    facts_.failures++;
    facts_.error = why.text();
    facts_.up = false;
}

void Outlet::remember(const BatchPtr& batch) {
    if (!spool_ || !sink_->may_forget()) return;
    const std::int64_t now = steady_now_ns();
    recent_.emplace_back(now, batch);
    n_recent_ += batch->records.size();
    forget_old(now);
}

void Outlet::forget_old(std::int64_t now) {
    while (!recent_.empty() && (recent_.front().first + kRecent < now || n_recent_ > kRecentMost)) {
        n_recent_ -= recent_.front().second->records.size();
        recent_.pop_front();
    }
}

bool Outlet::may_try() const { return facts_.up || steady_now_ns() >= next_try_ns_; }

bool Outlet::deliver(const BatchPtr& batch) {
    if (!may_try()) return false;
    begun_ns_ = steady_now_ns();
    if (const Status done = sink_->deliver(*batch); !done) {
        failed(done.error());
        return false;
    }
    if (!facts_.up) log::info("log " + facts_.name + " (" + facts_.to + ") takes records again");
    remember(batch);
    wait_ns_ = 0;
    const std::lock_guard guard(mutex_);
    facts_.up = true;
    facts_.error.clear();
    facts_.delivered += batch->records.size();
    return true;
}

Status Outlet::keep(const LogBatch& batch) {
    Status kept = spool_->append(batch);
    tell_bytes();
    if (kept) return kept;
    if (facts_.takes) log::warn("log " + facts_.name + ": " + kept.error().text());
    const std::lock_guard guard(mutex_);
    facts_.error = kept.error().text();
    return kept;
}

/// From the spool to the sink. True: there is more, and it is taken.
bool Outlet::drain() {
    if (!spool_ || spool_->empty()) return false;
    for (unsigned n = 0; n < kDrainMost; n++) {
        const BatchPtr oldest = spool_->front();
        if (oldest == nullptr || !deliver(oldest)) break;
        spool_->pop();
    }
    tell_bytes();
    return !spool_->empty() && facts_.up;
}

/// To the sink, when nothing older waits in the spool; else to the spool.
bool Outlet::put(const BatchPtr& batch) {
    if (!spool_) return deliver(batch);
    if (!spool_->empty()) return keep(*batch).ok();
    under_way_ = batch;
    relieved_ = false;
    const bool delivered = deliver(batch);
    under_way_.reset();
    if (!relieved_) return delivered || keep(*batch).ok();
    if (delivered && spool_->front() != nullptr) spool_->pop();
    tell_bytes();
    return true;
}

/// While the sink waits for long: what has come meanwhile goes to the spool, behind what the sink
/// has. False: it should wait no more.
bool Outlet::relieve() {
    queue_->alive(i_);
    if (queue_->is_stopped()) return false;
    const bool long_now = steady_now_ns() - begun_ns_ > kLong;
    if (!spool_ || !(long_now || queue_->is_pressed(i_))) return true;
    if (under_way_ && !relieved_) {
        if (!keep(*under_way_)) return true;
        queue_->taken(i_);
        relieved_ = true;
    }
    for (LogQueue::Next next = queue_->next(i_, 0); next.batch; next = queue_->next(i_, 0)) {
        if (keep(*next.batch)) {
            queue_->taken(i_);
            continue;
        }
        queue_->refused(i_);
        break;
    }
    return true;
}

/// What is forced to a disk, and the like. A collector that closes a connection on which nothing
/// was under way may do so.
void Outlet::tick() {
    if (spool_) spool_->tick();
    const Status done = sink_->tick();
    if (done || !facts_.up) return;
    forget_old(steady_now_ns());
    if (!sink_->may_forget() || !recent_.empty()) failed(done.error());
}

bool Outlet::step(int wait_ms) {
    const bool more = drain();
    const LogQueue::Next next = queue_->next(i_, more ? 0 : wait_ms);
    bool kept = true;
    if (next.batch) {
        kept = put(next.batch);
        // What went to the spool while the sink had it is not the queue's any more.
        if (kept && !relieved_) queue_->taken(i_);
        if (!kept) queue_->refused(i_);
        relieved_ = false;
        const std::lock_guard guard(mutex_);
        facts_.takes = kept;
    }
    tick();
    return kept && (more || next.batch != nullptr);
}

void Outlet::run() {
    while (!queue_->is_stopped()) {
        if (!step(kIdleMs) && !queue_->pause(facts_.takes ? 0 : kIdleMs)) return;
    }
}

struct OutletThread::End {
    std::mutex mutex;
    std::condition_variable came;
    bool over = false;
};

OutletThread::OutletThread(std::shared_ptr<Outlet> outlet)
    : outlet_(std::move(outlet)),
      end_(std::make_shared<End>()),
      thread_([o = outlet_, e = end_]() mutable {
          o->run();
          o.reset();
          const std::lock_guard guard(e->mutex);
          e->over = true;
          e->came.notify_all();
      }) {}

OutletThread::~OutletThread() {
    if (thread_.joinable()) thread_.join();
}

bool OutletThread::join_before(std::int64_t steady_ns) {
    if (!thread_.joinable()) return true;
    std::unique_lock lock(end_->mutex);
    const std::int64_t left = std::max<std::int64_t>(0, steady_ns - steady_now_ns());
    const bool over =
        end_->came.wait_for(lock, std::chrono::nanoseconds(left), [this] { return end_->over; });
    lock.unlock();
    if (over) {
        thread_.join();
    } else {
        thread_.detach();
    }
    return over;
}

}  // namespace isthmus::control
