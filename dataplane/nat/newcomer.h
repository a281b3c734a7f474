// SPDX-License-Identifier: Apache-2.0
// A flow without a binding, while its burst is looked up. Making a binding touches four lines that
// are in no cache (bucket, subscriber, words of free ports, the port's cell), each found by way of
// the one before. So newcomers of a burst go step by step together: each step asks for the memory
// of the next one, for all of them, before the first one needs it.
//
// What is found on the way is kept, and no more than a guess: flows of one burst may be one flow,
// or want the same port. Engine::outbound() tries it first and does without where it was wrong.
#pragma once

#include "common/net/addr.h"
#include "common/net/tuple.h"
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
    std::uint16_t slot = 0, port = 0;   // probably; port 0: none was found
    bool has_slot = false, parity_kept = true;
};

/// What a burst has found out about a packet before outbound() decides; a guess.
struct Hint {
    Index binding = kNone;
    const Newcomer* newcomer = nullptr;

    Hint(Index i) noexcept : binding(i) {}  // NOLINT(google-explicit-constructor): most are that
    explicit Hint(const Newcomer& n) noexcept : newcomer(&n) {}
};

}  // namespace isthmus::nat
