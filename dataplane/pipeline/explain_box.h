// SPDX-License-Identifier: Apache-2.0
// A question about a packet, its answer (explain.h), and the mailbox in which they lie: one for
// each worker. The worker looks into it once a turn, which costs a load.
#pragma once

#include <atomic>
#include <cstdint>

#include "common/net/tuple.h"
#include "dataplane/nat/forecast.h"
#include "dataplane/pipeline/fib.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::pipeline {

/// What a packet is to us. d64, d46: translated with state; s64, s46: without.
enum class Path : std::uint8_t { drop, punt, handover, d64, d46, s64, s46 };

/// A packet in question. Of the addresses those of its family count.
struct ExplainQuery {
    bool v6 = true;
    Ipv6Addr src6, dst6;
    Ipv4Addr src4, dst4;
    Be16 src_id, dst_id;  // of ICMP both are the identifier
    Proto proto = Proto::udp;
    TcpFlags flags;           // TCP
    std::uint32_t bytes = 0;  // of the IP packet; 0: headers only
    bool hairpin = false;     // an IPv4 packet from a subscriber of ours
};

struct Explanation {
    Path path = Path::drop;
    Drop why = Drop::none;     // of d64 and d46 too
    bool is_answered = false;  // the sender would get an ICMP error (rate limits aside)
    std::uint32_t bytes = 0;   // of the packet
    int prefix = -1;           // d64: id of the Pref64
    Ipv4Addr z;                // d64
    int slot = -1;             // d46: of the pool
    unsigned worker = 0;
    bool is_hairpin = false;  // d64: the packet comes back to us as an IPv4 packet
    bool has_way = false;     // route and size were asked
    Way way;
    xlat::Fit fit;
    bool has_forecast = false;  // state was asked
    nat::Forecast nat;
};

/// One question and its answer, between the agent and one worker.
class ExplainBox {
public:
    /// The agent's thread. One question at a time: the answer must have been taken, or given up.
    void ask(const ExplainQuery& q) noexcept {
        query_ = q;
        asked_.store(asked_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    [[nodiscard]] bool is_answered() const noexcept {
        return answered_.load(std::memory_order_acquire) == asked_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] const Explanation& answer() const noexcept { return answer_; }

    // The worker's.
    [[nodiscard]] bool is_asked() const noexcept {
        return asked_.load(std::memory_order_relaxed) != answered_.load(std::memory_order_relaxed);
    }
    template <typename Fn>
    void reply(Fn&& explain) noexcept {
        const std::uint32_t ticket = asked_.load(std::memory_order_acquire);
        answer_ = explain(query_);
        answered_.store(ticket, std::memory_order_release);
    }

private:
    ExplainQuery query_;
    Explanation answer_;
    std::atomic<std::uint32_t> asked_{0}, answered_{0};
};

}  // namespace isthmus::pipeline
