// SPDX-License-Identifier: Apache-2.0
#include "control/logs/outlet.h"

#include <algorithm>

#include "common/log/log.h"

namespace isthmus::control {

namespace {

constexpr std::uint64_t kFirstWait = kNanosPerSecond / 4, kLongestWait = 4 * kNanosPerSecond;

}  // namespace

void Outlet::failed(const Error& why) {
    facts_.failures++;
    facts_.error = why.text();
    if (facts_.up) log::warn("log " + facts_.name + " takes no records: " + facts_.error);
    facts_.up = false;
    wait_ns_ = std::clamp(2 * wait_ns_, kFirstWait, kLongestWait);
    next_try_ns_ = unix_now_ns() + wait_ns_;
}

bool Outlet::deliver(const LogBatch& batch) {
    if (const Status done = sink_->deliver(batch); !done) {
        failed(done.error());
        return false;
    }
    if (!facts_.up) log::info("log " + facts_.name + " (" + facts_.to + ") takes records again");
    facts_.up = true;
    facts_.error.clear();
    facts_.delivered += batch.records.size();
    wait_ns_ = 0;
    return true;
}

/// What was given up is said before anything follows it.
bool Outlet::deliver_gap() {
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
    if (!deliver(gap)) return false;
    lost_now_ = 0;
    lost_of_.clear();
    return true;
}

bool Outlet::take(const LogBatch& batch) {
    const std::uint64_t now = unix_now_ns();
    // A clock that was set back delays nothing.
    const bool may_try = facts_.up || now >= next_try_ns_ || next_try_ns_ > now + kLongestWait;
    return may_try && deliver_gap() && deliver(batch);
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
    if (const Status done = sink_->tick(); !done && facts_.up) failed(done.error());
}

}  // namespace isthmus::control
