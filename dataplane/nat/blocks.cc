// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/blocks.h"

#include <bit>

namespace isthmus::nat {

Blocks::Blocks(Arena& arena, unsigned slots, const Seed& seed) noexcept
    : info_(arena.take_zeroed<Info>(std::size_t{slots} * kMostOfSlot)),
      map_(arena.take_zeroed<std::uint64_t>(std::size_t{slots} * kMapWords)),
      owned_(arena.take_zeroed<std::uint64_t>(std::size_t{slots} * kMapWords)),
      resting_(arena.take_zeroed<std::uint8_t>(std::size_t{slots} * kMostOfSlot)),
      free_(arena.take_zeroed<Shared<std::uint32_t>>(slots)),
      held_(arena.take_zeroed<Held>(std::size_t{slots} * kMostOfSlot)),
      seed_(seed) {}

void Blocks::set_free(unsigned slot, unsigned number) noexcept {
    const std::size_t w = std::size_t{slot} * kMapWords + number / 64;
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    if ((owned_[w] & bit) == 0 || (map_[w] & bit) != 0) return;
    map_[w] |= bit;
    set_free_count(slot, free_[slot] + 1);
}

void Blocks::open(unsigned slot, const Policy& policy, const Ports& ports) noexcept {
    close(slot);
    if (!policy.blocks.on()) return;
    const std::uint32_t size = std::uint32_t{1} << policy.blocks.bits;
    n_words_ = (kPorts / size + 63) / 64;
    // Of a deterministic address only the dynamic part is given out in blocks.
    const std::uint32_t from =
        policy.slot[slot].det_order != 0 ? dynamic_from(policy.deterministic) : 0;
    for (std::uint32_t n = 0; n < kPorts / size; n++) {
        if (n * size < from || !ports.owns_all(slot, n * size, size)) continue;
        owned_[std::size_t{slot} * kMapWords + n / 64] |= std::uint64_t{1} << (n % 64);
        const std::size_t i = std::size_t{slot} * kMostOfSlot + n;
        if (info_[i].subscriber == 0 && resting_[i] == 0) set_free(slot, n);
    }
}

void Blocks::close(unsigned slot) noexcept {
    for (unsigned w = 0; w < kMapWords; w++) {
        owned_[std::size_t{slot} * kMapWords + w] = 0;
        map_[std::size_t{slot} * kMapWords + w] = 0;
    }
    set_free_count(slot, 0);
}

std::optional<std::uint16_t> Blocks::choose(unsigned slot, std::uint64_t number) const noexcept {
    if (free_[slot] == 0) return std::nullopt;
    const std::uint64_t r = hash2(seed_, number, 0x626c6f636b73);
    const std::uint64_t* map = &map_[std::size_t{slot} * kMapWords];
    const int shift = static_cast<int>(r >> 58);
    for (unsigned k = 0; k < n_words_; k++) {
        const unsigned w = static_cast<unsigned>((r + k) % n_words_);
        if (map[w] == 0) continue;
        const unsigned b = (static_cast<unsigned>(std::countr_zero(std::rotr(map[w], shift))) +
                            static_cast<unsigned>(shift)) %
                           64;
        return static_cast<std::uint16_t>(w * 64 + b);
    }
    return std::nullopt;
}

void Blocks::take(unsigned slot, unsigned number, Index subscriber) noexcept {
    map_[std::size_t{slot} * kMapWords + number / 64] &= ~(std::uint64_t{1} << (number % 64));
    set_free_count(slot, free_[slot] - 1);
    n_used_++;
    info_[std::size_t{slot} * kMostOfSlot + number].used = 0;
    info_[std::size_t{slot} * kMostOfSlot + number].subscriber = subscriber + 1;
}

bool Blocks::leave(unsigned slot, unsigned number, Tick now, Tick hold) noexcept {
    const std::size_t i = std::size_t{slot} * kMostOfSlot + number;
    info_[i].used -= 1;
    if (info_[i].used != 0) return false;
    info_[i].subscriber = 0;
    n_used_--;
    if (hold.v == 0) {
        set_free(slot, number);
        return true;
    }
    // There is room for every block there is.
    resting_[i] = 1;
    held_[(held_first_ + n_held_) % held_.size()] = Held{now.v, (slot << 16) | number};
    n_held_++;
    return true;
}

void Blocks::end_holds(Tick now, Tick hold, unsigned budget) noexcept {
    while (budget-- > 0 && has_rested(now, hold)) {
        const std::uint32_t block = held_[held_first_].block;
        held_first_ = static_cast<std::uint32_t>((held_first_ + 1) % held_.size());
        n_held_--;
        resting_[std::size_t{block >> 16} * kMostOfSlot + (block & 0xffff)] = 0;
        set_free(block >> 16, block & 0xffff);
    }
}

const char* Blocks::check(unsigned slot, std::uint32_t& n_used) const noexcept {
    std::uint32_t n_free = 0;
    for (unsigned n = 0; n < kMostOfSlot; n++) {
        const std::size_t i = std::size_t{slot} * kMostOfSlot + n;
        const std::size_t w = std::size_t{slot} * kMapWords + n / 64;
        const bool is_free = (map_[w] >> (n % 64) & 1) != 0;
        const bool taken = info_[i].subscriber != 0;
        n_free += is_free ? 1U : 0U;
        n_used += taken ? 1U : 0U;
        if (is_free && (taken || resting_[i] != 0)) return "a block in use or at rest is free";
        if (taken && info_[i].used == 0) return "a block in use has no binding";
    }
    if (with_room_.has(slot) != (n_free != 0)) return "an address with free blocks is not known";
    return n_free == free_[slot] ? nullptr : "the number of free blocks is wrong";
}

}  // namespace isthmus::nat
