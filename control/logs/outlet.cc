// SPDX-License-Identifier: Apache-2.0
#include "control/logs/outlet.h"

#include <algorithm>

#include "common/log/log.h"

namespace isthmus::control {

namespace {

constexpr std::uint64_t kFirstWait = kNanosPerSecond / 4, kLongestWait = 4 * kNanosPerSecond;
constexpr std::uint64_t kRecent = 2 * kNanosPerSecond;
constexpr std::size_t kRecentMost = 50'000;  // records
constexpr unsigned kDrainMost = 32;  // batches in one go, so that the other outlets have their turn

}  // namespace

void Outlet::failed(const Error& why) {
    facts_.failures++;
    facts_.error = why.text();
    if (facts_.up) log::warn("log " + facts_.name + " takes no records: " + facts_.error);
    // Once more what it may have taken to its grave; what comes twice has the same numbers.
    for (const auto& [when, batch] : recent_) (void)spool_->append(batch);
    recent_.clear();
    n_recent_ = 0;
    facts_.up = false;
    wait_ns_ = std::clamp(2 * wait_ns_, kFirstWait, kLongestWait);
    next_try_ns_ = unix_now_ns() + wait_ns_;
}

void Outlet::remember(const LogBatch& batch) {
    if (!spool_ || !sink_->may_forget()) return;
    const std::uint64_t now = unix_now_ns();
    recent_.emplace_back(now, batch);
    n_recent_ += batch.records.size();
    while (recent_.front().first + kRecent < now || n_recent_ > kRecentMost) {
        n_recent_ -= recent_.front().second.records.size();
        recent_.pop_front();
        if (recent_.empty()) break;
    }
}

bool Outlet::may_try() const {
    const std::uint64_t now = unix_now_ns();
    // A clock that was set back delays nothing.
    return facts_.up || now >= next_try_ns_ || next_try_ns_ > now + kLongestWait;
}

bool Outlet::deliver(const LogBatch& batch) {
    if (!may_try()) return false;
    if (const Status done = sink_->deliver(batch); !done) {
        failed(done.error());
        return false;
    }
    if (!facts_.up) log::info("log " + facts_.name + " (" + facts_.to + ") takes records again");
    facts_.up = true;
    facts_.error.clear();
    facts_.delivered += batch.records.size();
    remember(batch);
    wait_ns_ = 0;
    return true;
}

void Outlet::drain() {
    if (!spool_) return;
    for (unsigned i = 0; i < kDrainMost; i++) {
        const LogBatch* const oldest = spool_->front();
        if (oldest == nullptr || !deliver(*oldest)) break;
        spool_->pop();
    }
    facts_.spooled_bytes = spool_->bytes();
}

/// To the sink, when nothing older waits in the spool; else to the spool.
bool Outlet::put(const LogBatch& batch) {
    if (!spool_) return deliver(batch);
    drain();
    if (spool_->empty() && deliver(batch)) return true;
    const Status kept = spool_->append(batch);
    facts_.spooled_bytes = spool_->bytes();
    if (!kept && facts_.takes) log::warn("log " + facts_.name + ": " + kept.error().text());
    if (!kept) facts_.error = kept.error().text();
    return kept.ok();
}

/// What was given up is said before anything follows it.
bool Outlet::put_gap() {
    if (lost_now_ == 0) return true;
    nlohmann::json workers = nlohmann::json::array();
    for (const auto& [worker, l] : lost_of_) {
        workers.push_back(
            {{"worker", worker}, {"seq_first", l.first}, {"seq_last", l.last}, {"lost", l.n}});
    }
    LogBatch gap;
    gap.instance = lost_instance_;
    gap.records.emplace_back(make_note("gap", {{"where", "control"},
                                               {"lost", lost_now_},
                                               {"workers", workers},
                                               {"after", utc_text(lost_from_ns_)},
                                               {"before", utc_text(lost_to_ns_)}}));
    if (!put(gap)) return false;
    lost_now_ = 0;
    lost_of_.clear();
    return true;
}

bool Outlet::take(const LogBatch& batch) {
    facts_.takes = put_gap() && put(batch);
    return facts_.takes;
}

void Outlet::lose(const LogBatch& batch) {
    if (batch.records.empty()) return;
    if (lost_now_ != 0 && lost_instance_ != batch.instance) lost_of_.clear();
    if (lost_now_ == 0) {
        lost_from_ns_ = time_of(batch.records.front());
        lost_to_ns_ = 0;
        log::error("log " + facts_.name + " loses records: " + facts_.error);
    }
    lost_instance_ = batch.instance;
    for (const LogRecord& r : batch.records) {
        lost_from_ns_ = std::min(lost_from_ns_, time_of(r));
        lost_to_ns_ = std::max(lost_to_ns_, time_of(r));
        const api::Event* e = event_of(r);
        if (e == nullptr) continue;
        Lost& l = lost_of_[e->worker];
        if (l.n++ == 0) l.first = e->sequence;
        l.last = e->sequence;
    }
    lost_now_ += batch.records.size();
    facts_.lost += batch.records.size();
}

void Outlet::tick() {
    drain();
    if (const Status done = sink_->tick(); !done && facts_.up) failed(done.error());
}

}  // namespace isthmus::control
