// SPDX-License-Identifier: Apache-2.0
// Between messages and cache entries: what is kept of a message, and the two ways out of the cache,
// to a client (the hot path: no allocation, no parsing) and into a resolution.
#pragma once

#include <span>
#include <vector>

#include "dns64/cache.h"
#include "dns64/request.h"
#include "dns64/upstream.h"

namespace isthmus::dns64 {

/// Records of a message without question and OPT, as NewEntry wants them. Refers to the message,
/// or to its own copy when OPT stood in the middle, or a SOA's TTL was longer than what it says
/// holds.
struct Records {
    std::vector<std::uint16_t> ttl_offsets;
    std::vector<std::uint8_t> rewritten;
    Bytes body;
    std::uint16_t n_answer = 0, n_authority = 0, n_additional = 0;

    /// False: too odd to be kept.
    [[nodiscard]] bool take(const Message& m);
    void put_into(NewEntry& e) const;
};

/// Flags of the header that an entry keeps besides the RCODE.
inline constexpr std::uint16_t kKeptFlags = flag::aa | flag::ad;

/// The message that an entry was made from, aged: ID 0, QR and RA set, question (name, type, IN)
/// as asked for. `out`: kMessageMost octets. The entry's name must be `name`, or above it: then the
/// records are written anew. Empty: impossible.
[[nodiscard]] Bytes rebuild(const CacheEntry& e, NameView name, RrType type, std::uint32_t now_s,
                            std::span<std::uint8_t> out);

/// A client's answer from a fresh entry; 0: it needs the long way (rebuild() and write_reply()).
[[nodiscard]] std::size_t write_hit(const Request& q, const CacheEntry& e, std::uint32_t now_s,
                                    const ReplyExtras& extras,
                                    std::span<std::uint8_t> out) noexcept;

}  // namespace isthmus::dns64
