// SPDX-License-Identifier: Apache-2.0
// Response rate limiting: so many UDP answers a second to one network (/24 or /56), because a
// source address may be forged and the answers then hit somebody who never asked. Who shows a
// cookie of ours, or comes by TCP, is who he says, and is not limited. Over the limit every n-th
// answer goes out truncated ("slip"): a client that is real comes back by TCP.
//
// A fixed table of token buckets, one thread's own. A place is taken over when its bucket is full
// again, or is the fuller one of two: a flood of forged networks makes limits looser for some, not
// the table larger.
#pragma once

#include <cstdint>
#include <vector>

#include "dns64/socket.h"

namespace isthmus::dns64 {

class Limiter {
public:
    enum class Verdict : std::uint8_t { answer, truncate, drop };
    /// `rate`: answers per second of one network; 0: everything is answered.
    void configure(std::uint32_t rate, std::uint32_t slip, std::uint64_t seed);
    [[nodiscard]] Verdict check(const SocketAddress& client, std::uint64_t now_ms) {
        return rate_ == 0 ? Verdict::answer : limited(client, now_ms);
    }

private:
    static constexpr std::size_t kPlaces = std::size_t{1} << 15;
    struct Bucket {
        std::uint64_t network = 0;
        std::uint32_t thousandths = 0;  // of answers that may still go
        std::uint32_t at_ms = 0;
        std::uint32_t over = 0;
    };
    [[nodiscard]] Verdict limited(const SocketAddress& client, std::uint64_t now_ms);
    [[nodiscard]] std::uint32_t level(const Bucket& b, std::uint32_t now_ms) const;

    std::uint32_t rate_ = 0, slip_ = 0;
    std::uint64_t seed_ = 0;
    std::vector<Bucket> bucket_;
};

}  // namespace isthmus::dns64
