// SPDX-License-Identifier: Apache-2.0
// Port blocks: contiguous ports on one address, given to one subscriber as a whole, for all three
// protocols; the unit of logging (RFC 6888 REQ-14). Which blocks are free is a bitmap of each slot;
// one is chosen at random (REQ-15). A block goes back when its last binding does, and rests before
// the next subscriber may have it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/base/prefetch.h"
#include "dataplane/nat/arena.h"
#include "dataplane/nat/policy.h"
#include "dataplane/nat/ports.h"
#include "dataplane/nat/records.h"

namespace isthmus::nat {

class Blocks {
public:
    Blocks(Arena& arena, unsigned slots, const Seed& seed) noexcept;

    /// After Ports::open(): which blocks of the slot may be given out.
    void open(unsigned slot, const Policy& policy, const Ports& ports) noexcept;
    void close(unsigned slot) noexcept;

    /// A free block of the slot; the same `number` gives the same answer.
    [[nodiscard]] std::optional<std::uint16_t> choose(unsigned slot,
                                                      std::uint64_t number) const noexcept;
    [[nodiscard]] bool is_free(unsigned slot, unsigned number) const noexcept {
        return (map_[std::size_t{slot} * kMapWords + number / 64] >> (number % 64) & 1) != 0;
    }
    /// A free block is the subscriber's now.
    void take(unsigned slot, unsigned number, Index subscriber) noexcept;
    /// The subscriber whose block `number` is; kNone: nobody's.
    [[nodiscard]] Index owner(unsigned slot, unsigned number) const noexcept {
        return info_[slot * kMostOfSlot + number].subscriber - 1;  // stored plus one
    }
    /// Whether the block is one of those that the slot gives out.
    [[nodiscard]] bool gives(unsigned slot, unsigned number) const noexcept {
        return (owned_[slot * kMapWords + number / 64] >> (number % 64) & 1) != 0;
    }
    /// Asks for what use() and owner() touch.
    void prefetch_info(unsigned slot, unsigned number) const noexcept {
        prefetch_for_write(&info_[slot * kMostOfSlot + number]);
    }
    void use(unsigned slot, unsigned number) noexcept {
        info_[slot * kMostOfSlot + number].used += 1;
    }
    /// Any thread: as owner(), and how many bindings use the block.
    [[nodiscard]] Index read_owner(unsigned slot, unsigned number,
                                   std::uint32_t& used) const noexcept {
        const Info& i = info_[slot * kMostOfSlot + number];
        used = i.used.read();
        return i.subscriber.read() - 1;
    }
    /// One binding less; true when it was the last, and the block is nobody's any more.
    bool leave(unsigned slot, unsigned number, Tick now, Tick hold) noexcept;
    void end_holds(Tick now, Tick hold, unsigned budget) noexcept;
    /// end_holds() would find one.
    [[nodiscard]] bool has_rested(Tick now, Tick hold) const noexcept {
        return n_held_ > 0 && held_[held_first_].since + hold.v <= now.v;
    }
    [[nodiscard]] std::uint32_t free_count(unsigned slot) const noexcept { return free_[slot]; }
    /// The slots of which free_count() is not 0.
    [[nodiscard]] const SlotSet& with_room() const noexcept { return with_room_; }
    [[nodiscard]] std::uint32_t in_use() const noexcept { return n_used_; }

    /// nullptr: bitmap, owners and rest of the slot's blocks agree. `n_used` grows by those in use.
    [[nodiscard]] const char* check(unsigned slot, std::uint32_t& n_used) const noexcept;

    /// Blocks of 64 ports are the smallest.
    static constexpr unsigned kMostOfSlot = kPorts / 64;

private:
    struct Info {
        Shared<Index> subscriber = 0;  // plus one
        Shared<std::uint32_t> used = 0;
    };
    struct Held {
        std::uint32_t since = 0;  // Tick
        std::uint32_t block = 0;  // slot << 16 | number
    };
    static constexpr unsigned kMapWords = kMostOfSlot / 64;
    void set_free(unsigned slot, unsigned number) noexcept;
    void set_free_count(unsigned slot, std::uint32_t n) noexcept {
        free_[slot] = n;
        with_room_.set(slot, n != 0);
    }

    std::span<Info> info_;
    std::span<std::uint64_t> map_, owned_;
    std::span<std::uint8_t> resting_;
    std::span<Shared<std::uint32_t>> free_;
    std::span<Held> held_;
    SlotSet with_room_;
    std::uint32_t held_first_ = 0, n_held_ = 0, n_used_ = 0;
    unsigned n_words_ = kMapWords;  // of a slot's map that hold blocks of the size in force
    Seed seed_;
};

}  // namespace isthmus::nat
