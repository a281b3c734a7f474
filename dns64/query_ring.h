// SPDX-License-Identifier: Apache-2.0
// From one worker to the writer of the query log: a ring of records, without a lock. The worker
// never waits: what finds no place is lost, and counted by the number that each record carries.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string_view>

#include "dns64/codes.h"
#include "dns64/counters.h"
#include "dns64/name.h"
#include "dns64/socket.h"
#include "dns64/why.h"

namespace isthmus::dns64 {

/// One query, as it is told to the log.
struct LoggedQuery {
    static constexpr std::size_t kViewMost = 32;  // octets of a view's name that are kept
    std::uint64_t seq = 0;                        // of its worker; those that were lost count too
    std::uint64_t time_us = 0;                    // since 1970, when it was answered
    std::uint64_t us = 0;                         // from query to answer
    SocketAddress client;
    RrType type = 0;
    Rcode rcode = Rcode::noerror;
    Why why = Why::none;
    Via via = Via::udp;
    bool cached = false;  // the answer lay ready
    std::uint8_t name_len = 0, view_len = 0;
    char view[kViewMost] = {};
    std::uint8_t name[kNameMost + 1];  // wire form; not set beyond name_len

    void set_name(NameView n) {
        name_len = static_cast<std::uint8_t>(n.size());
        std::copy(n.begin(), n.end(), name);
    }
    void set_view(std::string_view v) {
        view_len = static_cast<std::uint8_t>(std::min(v.size(), kViewMost));
        std::copy_n(v.begin(), view_len, view);
    }
};

class QueryRing {
public:
    static constexpr std::uint32_t kPlaces = 8192;  // a power of two; memory is used as it fills

    /// The worker's: a place to write to; nullptr: the ring is full, and the record is lost.
    [[nodiscard]] LoggedQuery* claim() {
        const std::uint64_t seq = ++seq_;
        const std::uint32_t head = head_.load(std::memory_order_relaxed);
        if (head - tail_.load(std::memory_order_acquire) == kPlaces) return nullptr;
        LoggedQuery& q = place_[head % kPlaces];
        q.seq = seq;
        return &q;
    }
    /// The claimed place is written.
    void publish() {
        head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    /// The log's: the oldest record; nullptr: there is none.
    [[nodiscard]] const LoggedQuery* front() const {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        return tail == head_.load(std::memory_order_acquire) ? nullptr : &place_[tail % kPlaces];
    }
    void pop() {
        tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    std::uint64_t told = 0;  // the log's: number of the last record that it has seen

private:
    std::unique_ptr<LoggedQuery[]> place_{new LoggedQuery[kPlaces]};
    std::uint64_t seq_ = 0;
    alignas(64) std::atomic<std::uint32_t> head_{0};
    alignas(64) std::atomic<std::uint32_t> tail_{0};
};

}  // namespace isthmus::dns64
