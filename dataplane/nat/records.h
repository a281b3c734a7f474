// SPDX-License-Identifier: Apache-2.0
// The records that tables are made of: indices, never pointers, so that the memory can be mapped by
// a successor process. One writer (the worker); readers use the read_* functions of the engine.
//
// A binding with its first session is one cache line: what a steady packet touches. Fields that
// change with traffic (last_seen, tcp) are single words: a reader sees an old value, never a torn
// one. The identity (addresses, ids) is guarded by `generation`: odd while it is being written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/base/shared.h"
#include "common/base/units.h"
#include "common/net/addr.h"
#include "common/net/shared_addr.h"
#include "common/net/tuple.h"
#include "dataplane/nat/policy.h"
#include "dataplane/nat/tcp_state.h"

namespace isthmus::nat {

using Index = std::uint32_t;
inline constexpr Index kNone = 0xffffffff;

/// A binding's `live`: none, made by a packet, or by the operator.
enum class Life : std::uint8_t { none, dynamic, fixed };

/// (X',x) <-> (T,t) and the first session, to (Z,z).
struct alignas(kCacheLine) Binding {
    SharedIpv6Addr x_addr;
    Shared<Ipv4Addr> z_addr;  // with the next two one word: flow()
    Shared<Be16> x_id, z_id;
    Shared<Ipv4Addr> t_addr;
    Shared<Be16> t_id;
    Shared<std::uint16_t> slot = 0;
    Shared<Proto> proto = Proto::udp;
    Shared<TcpState> tcp = TcpState::closed;
    Shared<std::uint8_t> prefix = 0;       // of the first session
    Shared<std::uint8_t> has_session = 0;  // the first session exists
    Shared<std::uint32_t> n_more = 0;      // further sessions
    Shared<std::uint32_t> last_seen = 0;   // Tick, of the first session
    Index subscriber = kNone;              // of a free record: the next free one
    std::uint32_t steady = 0;  // stamp of the policy that found it so | steady_kind(); 0: not
    Shared<std::uint32_t> generation = 0;  // even: stable; 0: never used
    std::uint32_t epoch = 0;               // of the last `clear` before it was made
    Shared<Life> live = Life::none;
    std::uint16_t sum_64 = 0;  // what 6->4 adds to a transport checksum, when steady
    [[nodiscard]] bool is_live() const noexcept { return live.get() != Life::none; }
    /// flow_word() of Z, x and z: what the first session's packets are known by, besides X'.
    /// Writer's thread.
    [[nodiscard]] std::uint64_t flow() const noexcept {
        std::uint64_t word;
        std::memcpy(&word, reinterpret_cast<const std::byte*>(this) + kFlowAt, sizeof word);
        return word;
    }
    static constexpr std::size_t kFlowAt = 16;
};
static_assert(sizeof(Binding) == 64);
static_assert(offsetof(Binding, z_addr) == Binding::kFlowAt &&
              offsetof(Binding, x_id) == Binding::kFlowAt + 4 &&
              offsetof(Binding, z_id) == Binding::kFlowAt + 6);

/// Z and, as they lie in the packet from IPv6, both ids.
[[nodiscard]] constexpr std::uint64_t flow_word(Ipv4Addr z, std::uint32_t ids) noexcept {
    return std::uint64_t{ids} << 32 | z.be.wire();
}

/// Of a flow_word(), the bits of x.
inline constexpr std::uint64_t kFlowX = 0x0000ffff00000000;

/// Stamps of policies, for flows that were found to be steady: the low octet is free for what kind
/// of flow it is, so that one comparison tells both.
using SteadyStamp = std::uint32_t;
inline constexpr SteadyStamp kKindMask = 0xff;
[[nodiscard]] constexpr SteadyStamp steady_kind(Proto proto, unsigned prefix) noexcept {
    return prefix << 2 | static_cast<SteadyStamp>(proto);
}
[[nodiscard]] constexpr std::uint8_t prefix_of_kind(SteadyStamp kind) noexcept {
    return static_cast<std::uint8_t>(kind >> 2);
}
static_assert(kProtos <= 4 && steady_kind(Proto{3}, kPrefixesMax - 1) <= kKindMask);

/// Marks the identity of a record as being written for as long as it lives.
class Writing {
public:
    explicit Writing(Shared<std::uint32_t>& generation) noexcept : generation_(generation) {
        generation_ += 1;
    }
    ~Writing() { generation_ += 1; }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

private:
    Shared<std::uint32_t>& generation_;
};

/// A further session of a binding; or, for address-dependent filtering, that there are such with Z
/// (any z): then last_seen is how many.
struct Session {
    Shared<Index> binding = kNone;
    Shared<Ipv4Addr> z_addr;
    Shared<Be16> z_id;
    Shared<TcpState> tcp = TcpState::closed;
    Shared<std::uint8_t> prefix = 0;
    Shared<std::uint32_t> last_seen = 0;           // Tick
    Index next = kNone;                            // in its hash chain, or free list
    Shared<std::uint32_t> binding_generation = 0;  // of the binding it belongs to: else an orphan
    std::uint32_t epoch = 0;
    Shared<std::uint32_t> live = 0;
    [[nodiscard]] bool is_remote() const noexcept { return tcp.get() == TcpState::count_; }
};
static_assert(sizeof(Session) == 32);
inline constexpr std::uint32_t kRemoteMark = 0x10000;  // above any port: hashed in place of z

/// A subscriber: what limits are counted against, and the paired address. Two cache lines: what a
/// new binding touches, and the port blocks.
struct alignas(kCacheLine) Subscriber {
    SharedIpv6Addr prefix;
    std::array<Shared<std::uint32_t>, kProtos> n_ports{};  // dynamic bindings
    Shared<std::uint32_t> n_sessions = 0;
    Shared<std::uint32_t> n_bindings = 0;
    Shared<std::uint16_t> slot = 0xffff;  // paired
    std::uint8_t group = 0;               // the pool, by the rules of policy `seen`
    Shared<std::uint8_t> n_blocks = 0;
    Index next = kNone;
    std::uint32_t rate_second = 0;  // the second that rate_count belongs to
    std::uint32_t rate_count = 0;
    Shared<std::uint32_t> live = 0;
    std::uint32_t seen = 0;     // stamp of the policy that decided `group`; 0: none
    std::uint32_t counted = 0;  // Engine::check() only
    std::array<std::uint32_t, kBlocksMost> block{};  // slot << 16 | number of the block
};
static_assert(sizeof(Subscriber) == 128 && offsetof(Subscriber, block) == kCacheLine);

}  // namespace isthmus::nat
