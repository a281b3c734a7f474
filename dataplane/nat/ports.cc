// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/ports.h"

#include <bit>

namespace isthmus::nat {

namespace {

constexpr unsigned kSummaryWords = kWords / 64;
constexpr unsigned kLowWords = 1024 / 64;  // ports 0-1023

constexpr std::uint64_t parity_mask(std::uint8_t parity) noexcept {
    return parity == 0 ? 0x5555555555555555 : parity == 1 ? 0xaaaaaaaaaaaaaaaa : ~std::uint64_t{0};
}

}  // namespace

Ports::Ports(Arena& arena, unsigned slots, std::uint32_t held, const Seed& seed) noexcept
    : users_(arena.take_zeroed<Index>(std::size_t{slots} * kProtos * kPorts)),
      words_(arena.take_zeroed<std::uint64_t>(std::size_t{slots} * kProtos * kWords)),
      summaries_(arena.take_zeroed<std::uint64_t>(std::size_t{slots} * kProtos * kSummaryWords)),
      owned_(arena.take_zeroed<std::uint64_t>(std::size_t{slots} * kWords)),
      used_(arena.take_zeroed<std::uint32_t>(std::size_t{slots} * kProtos)),
      free_(arena.take_zeroed<std::uint32_t>(std::size_t{slots} * kProtos)),
      open_(arena.take_zeroed<std::uint8_t>(slots)),
      held_(arena.take<Held>(held)),
      seed_(seed) {}

Ports::Map Ports::map_of(unsigned slot, Proto proto) noexcept {
    const std::size_t i = std::size_t{slot} * kProtos + static_cast<unsigned>(proto);
    return {&words_[i * kWords], &summaries_[i * kSummaryWords],
            &owned_[std::size_t{slot} * kWords]};
}

void Ports::set_free(unsigned slot, Proto proto, std::uint16_t port) noexcept {
    const Map m = map_of(slot, proto);
    const std::uint64_t bit = std::uint64_t{1} << (port % 64);
    if ((m.owned[port / 64] & bit) == 0 || (m.word[port / 64] & bit) != 0) return;
    m.word[port / 64] |= bit;
    m.summary[port / 4096] |= std::uint64_t{1} << ((port / 64) % 64);
    free_[slot * kProtos + static_cast<unsigned>(proto)]++;
}

void Ports::set_used(unsigned slot, Proto proto, std::uint16_t port, Index binding) noexcept {
    const Map m = map_of(slot, proto);
    const std::size_t i = std::size_t{slot} * kProtos + static_cast<unsigned>(proto);
    m.word[port / 64] &= ~(std::uint64_t{1} << (port % 64));
    if (m.word[port / 64] == 0) m.summary[port / 4096] &= ~(std::uint64_t{1} << ((port / 64) % 64));
    users_[i * kPorts + port] = binding + 1;
    used_[i]++;
    free_[i]--;
}

void Ports::open(unsigned slot, const Policy& policy, unsigned worker) noexcept {
    const PoolSlot& s = policy.slot[slot];
    const unsigned first = s.first_port == 0 ? 1U : s.first_port;  // port 0 is never given out
    std::uint64_t* const owned = &owned_[std::size_t{slot} * kWords];
    for (unsigned w = 0; w < kWords; w++) {
        std::uint64_t mask = 0;
        if (policy.owner_of(slot, static_cast<std::uint16_t>(w * 64)) == worker) {
            for (unsigned b = 0; b < 64; b++) {
                const unsigned port = w * 64 + b;
                if (port >= first && port <= s.last_port) mask |= std::uint64_t{1} << b;
            }
        }
        owned[w] = mask;
    }
    open_[slot] = 1;
    for (unsigned p = 0; p < kProtos; p++) {
        const Map m = map_of(slot, static_cast<Proto>(p));
        const std::size_t i = std::size_t{slot} * kProtos + p;
        free_[i] = 0;
        for (unsigned w = 0; w < kWords; w++) {
            std::uint64_t open_bits = owned[w];
            for (std::uint64_t left = open_bits; left != 0; left &= left - 1) {
                const unsigned b = static_cast<unsigned>(std::countr_zero(left));
                if (users_[i * kPorts + w * 64 + b] != 0) open_bits &= ~(std::uint64_t{1} << b);
            }
            m.word[w] = open_bits;
            const std::uint64_t bit = std::uint64_t{1} << (w % 64);
            m.summary[w / 64] = open_bits != 0 ? m.summary[w / 64] | bit : m.summary[w / 64] & ~bit;
            free_[i] += static_cast<std::uint32_t>(std::popcount(open_bits));
        }
    }
    // Ports that rest stay closed until their time.
    for (std::uint32_t n = 0; n < n_held_; n++) {
        const Held& h = held_[(held_first_ + n) % held_.size()];
        if (h.slot != slot) continue;
        const Map m = map_of(slot, static_cast<Proto>(h.proto));
        const std::uint64_t bit = std::uint64_t{1} << (h.port % 64);
        if ((m.word[h.port / 64] & bit) == 0) continue;
        m.word[h.port / 64] &= ~bit;
        if (m.word[h.port / 64] == 0)
            m.summary[h.port / 4096] &= ~(std::uint64_t{1} << ((h.port / 64) % 64));
        free_[std::size_t{slot} * kProtos + h.proto]--;
    }
}

void Ports::close(unsigned slot) noexcept {
    open_[slot] = 0;
    for (unsigned w = 0; w < kWords; w++) owned_[std::size_t{slot} * kWords + w] = 0;
    for (unsigned p = 0; p < kProtos; p++) {
        const Map m = map_of(slot, static_cast<Proto>(p));
        for (unsigned w = 0; w < kWords; w++) m.word[w] = 0;
        for (unsigned w = 0; w < kSummaryWords; w++) m.summary[w] = 0;
        free_[slot * kProtos + p] = 0;
    }
}

std::optional<std::uint16_t> Ports::pick(const Map& m, unsigned first_word, unsigned n_words,
                                         std::uint64_t mask) noexcept {
    const std::uint64_t r = random();
    const unsigned start = first_word + static_cast<unsigned>((r & 0xffffffff) * n_words >> 32);
    // From the random word to the end of the range, then from its beginning: by summary words.
    for (unsigned turn = 0; turn < 2; turn++) {
        const unsigned from = turn == 0 ? start : first_word;
        const unsigned to = turn == 0 ? first_word + n_words : start;
        for (unsigned w = from; w < to;) {
            const std::uint64_t summary = m.summary[w / 64] & (~std::uint64_t{0} << (w % 64));
            if (summary == 0) {
                w = (w / 64 + 1) * 64;
                continue;
            }
            w = w / 64 * 64 + static_cast<unsigned>(std::countr_zero(summary));
            if (w >= to) break;
            const std::uint64_t bits = m.word[w] & mask;
            if (bits != 0) {
                const int shift = static_cast<int>(r >> 58);
                const unsigned b =
                    (static_cast<unsigned>(std::countr_zero(std::rotr(bits, shift))) +
                     static_cast<unsigned>(shift)) %
                    64;
                return static_cast<std::uint16_t>(w * 64 + b);
            }
            // Only the other parity is free here: a few more words are worth a look, not all.
            if (mask != ~std::uint64_t{0} && (w - from) > 16) return std::nullopt;
            w++;
        }
    }
    return std::nullopt;
}

std::optional<std::uint16_t> Ports::take(unsigned slot, Proto proto, Wish wish, Index binding,
                                         bool& parity_kept) noexcept {
    parity_kept = true;
    if (free_count(slot, proto) == 0) return std::nullopt;
    const Map m = map_of(slot, proto);
    const std::uint64_t mask = parity_mask(wish.parity);
    for (unsigned attempt = 0; attempt < 4; attempt++) {
        const bool low = wish.low != (attempt >= 2);
        const bool any_parity = attempt % 2 == 1;
        if (attempt >= 2 && !wish.any_range) break;
        if (any_parity && wish.parity == 2) continue;
        const auto port =
            low ? pick(m, 0, kLowWords, any_parity ? ~std::uint64_t{0} : mask)
                : pick(m, kLowWords, kWords - kLowWords, any_parity ? ~std::uint64_t{0} : mask);
        if (!port) continue;
        parity_kept = wish.parity == 2 || *port % 2 == wish.parity;
        set_used(slot, proto, *port, binding);
        return port;
    }
    return std::nullopt;
}

bool Ports::take_exact(unsigned slot, Proto proto, std::uint16_t port, Index binding) noexcept {
    const Map m = map_of(slot, proto);
    if ((m.word[port / 64] & (std::uint64_t{1} << (port % 64))) == 0) return false;
    set_used(slot, proto, port, binding);
    return true;
}

void Ports::drop_oldest_held() noexcept {
    const Held h = held_[held_first_];
    held_first_ = static_cast<std::uint32_t>((held_first_ + 1) % held_.size());
    n_held_--;
    if (open_[h.slot] != 0) set_free(h.slot, static_cast<Proto>(h.proto), h.port);
}

void Ports::release(unsigned slot, Proto proto, std::uint16_t port, Tick now, Tick hold) noexcept {
    const std::size_t i = std::size_t{slot} * kProtos + static_cast<unsigned>(proto);
    users_[i * kPorts + port] = 0;
    used_[i]--;
    if (proto == Proto::tcp || hold.v == 0 || held_.empty()) {
        if (open_[slot] != 0) set_free(slot, proto, port);
        return;
    }
    if (n_held_ == held_.size()) drop_oldest_held();
    held_[(held_first_ + n_held_) % held_.size()] = Held{
        now.v + hold.v, static_cast<std::uint16_t>(slot), port, static_cast<std::uint8_t>(proto)};
    n_held_++;
}

void Ports::end_holds(Tick now, unsigned budget) noexcept {
    while (n_held_ > 0 && budget-- > 0 && held_[held_first_].until <= now.v) drop_oldest_held();
}

}  // namespace isthmus::nat
