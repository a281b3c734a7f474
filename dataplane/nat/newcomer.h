// SPDX-License-Identifier: Apache-2.0
// A flow without a binding, while its burst is looked up. Making a binding touches four lines that
// are in no cache (bucket, subscriber, words of free ports, the port's cell; and with port blocks
// the subscriber's second one and the block's record), each found by way of the one before. So
// newcomers of a burst go step by step together: each step asks for the memory of the next one, for
// all of them, before the first one needs it.
//
// What is found on the way is kept, and no more than a guess: flows of one burst may be one flow,
// or want the same port. Engine::outbound() tries it first and does without where it was wrong.
#pragma once

#include "common/net/addr.h"
#include "common/net/tuple.h"
#include "dataplane/nat/policy.h"
#include "dataplane/nat/records.h"

namespace isthmus::nat {

struct Newcomer {
    Endpoint6 x;
    Proto proto = Proto::udp;
    std::uint64_t hash = 0;             // of x and proto
    std::uint64_t subscriber_hash = 0;  // of his prefix
    Ipv6Addr prefix;                    // the subscriber's
    Index subscriber = kNone;           // probably
    std::uint64_t number = 0;           // of the choice of a port
    /// Where the port will come from: the subscriber's address, his range, his blocks; not known.
    enum class From : std::uint8_t { unknown, pool, range, blocks } from = From::unknown;
    PortRange range;                   // `pool`: the slot only; `blocks`: nothing
    std::uint16_t slot = 0, port = 0;  // probably; port 0: none was found
    bool parity_kept = true;
    // Of somebody new: range.slot will be his address, and range the block `block` of it.
    bool pairs = false;
    std::uint16_t block = 0;
    std::uint64_t pairing = 0;  // the number of these choices
};

/// What a burst has found out about a packet before outbound() decides; a guess.
struct Hint {
    Index binding = kNone;
    const Newcomer* newcomer = nullptr;

    Hint(Index i) noexcept : binding(i) {}  // NOLINT(google-explicit-constructor): most are that
    explicit Hint(const Newcomer& n) noexcept : newcomer(&n) {}
};

}  // namespace isthmus::nat
