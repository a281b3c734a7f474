// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/ports.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>

#include "common/base/prefetch.h"

namespace isthmus::nat {

namespace {

constexpr std::uint16_t kLowest = 1024;  // of the ports that are not low

constexpr std::uint64_t parity_mask(std::uint8_t parity) noexcept {
    return parity == 0 ? 0x5555555555555555 : parity == 1 ? 0xaaaaaaaaaaaaaaaa : ~std::uint64_t{0};
}

/// The word of ports that the random number `r` names, of those from `first` to `last`.
constexpr unsigned word_at(unsigned first, unsigned last, std::uint64_t r) noexcept {
    const unsigned begin = first / 64, n = last / 64 + 1 - begin;
    return begin + static_cast<unsigned>((r >> 16 & 0xffffffff) * n >> 32);
}

/// Of ports 64 w to 64 w + 63, those within [first, last].
constexpr std::uint64_t word_of_range(unsigned w, unsigned first, unsigned last) noexcept {
    if (first > last || last < w * 64 || first > w * 64 + 63) return 0;
    std::uint64_t mask = ~std::uint64_t{0};
    if (first > w * 64) mask &= ~std::uint64_t{0} << (first - w * 64);
    if (last < w * 64 + 63) mask &= ~std::uint64_t{0} >> (63 - (last - w * 64));
    return mask;
}

/// Of 64 ports, those that have a user: 16 are packed into one move of a mask.
std::uint64_t users_of_word(const Index* user) noexcept {
    const __m128i none = _mm_setzero_si128();
    std::uint64_t free = 0;
    for (unsigned q = 0; q < 4; q++) {
        const auto* at = reinterpret_cast<const __m128i*>(user + std::size_t{q} * 16);
        const auto is_none = [&](unsigned k) {
            return _mm_cmpeq_epi32(_mm_loadu_si128(at + k), none);
        };
        const __m128i low = _mm_packs_epi32(is_none(0), is_none(1));
        const __m128i high = _mm_packs_epi32(is_none(2), is_none(3));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
        free |= std::uint64_t{mask} << (q * 16);
    }
    return ~free;
}

unsigned deterministic_owner(const Policy& policy, unsigned slot, unsigned port) noexcept {
    const auto id = static_cast<std::uint16_t>(port);
    const auto subscriber = deterministic_subscriber(policy, slot, id);
    return subscriber ? owner_of_subscriber(policy, *subscriber)
                      : policy.shared_owner(policy.slot[slot], id);
}

}  // namespace

Ports::Ports(Arena& arena, unsigned slots, std::uint32_t held, const Seed& seed,
             const PortRecord& record) noexcept
    : users_(arena.take_zeroed<Index>(std::size_t{slots} * kProtos * kPorts)),
      free_ports_(record.own.empty() ? arena.take_zeroed<FreePorts>(slots) : record.own),
      summaries_(arena.take_zeroed<std::uint64_t>(std::size_t{slots} * kProtos * kSummaryWords)),
      owned_(arena.take_zeroed<std::uint64_t>(std::size_t{slots} * kWords)),
      shut_(arena.take_zeroed<Shut>(std::size_t{slots} * kProtos * kWords)),
      used_(arena.take_zeroed<Shared<std::uint32_t>>(std::size_t{slots} * kProtos)),
      free_(arena.take_zeroed<Shared<std::uint32_t>>(std::size_t{slots} * kProtos)),
      open_(arena.take_zeroed<std::uint8_t>(slots)),
      held_(arena, held),
      brief_(arena, std::max<std::uint32_t>(held / 16, 64)),
      before_(record.before),
      before_of_(arena.take_zeroed<Before>(slots)),
      before_unknown_(record.unknown),
      before_age_(record.age),
      before_cursor_(record.unknown || !record.before.empty() ? 0 : slots),
      seed_(seed) {}

Ports::Map Ports::map_of(unsigned slot, Proto proto) noexcept {
    const std::size_t i = std::size_t{slot} * kProtos + static_cast<unsigned>(proto);
    return {free_ports_[slot].word[static_cast<unsigned>(proto)].data(),
            &summaries_[i * kSummaryWords], &owned_[std::size_t{slot} * kWords], &shut_[i * kWords],
            &users_[i * kPorts]};
}

/// Unless there is a reason why it is not: a port may be static, at rest and in use at one time, as
/// it was when the operator bound it, and each of these ends when it will.
void Ports::set_free(unsigned slot, Proto proto, std::uint16_t port) noexcept {
    const Map m = map_of(slot, proto);
    const unsigned w = port / 64;
    const std::uint64_t bit = std::uint64_t{1} << (port % 64);
    const std::uint64_t may =
        m.owned[w] & ~m.shut[w].all() & ~m.word[w] & awake(slot, static_cast<unsigned>(proto), w);
    if ((may & bit) == 0 || m.user[port] != 0) return;
    m.word[w] |= bit;
    m.summary[w / 64] |= std::uint64_t{1} << (w % 64);
    set_free_count(slot, static_cast<unsigned>(proto), free_count(slot, proto) + 1);
}

void Ports::set_used(unsigned slot, Proto proto, std::uint16_t port, Index binding) noexcept {
    const Map m = map_of(slot, proto);
    const std::size_t i = std::size_t{slot} * kProtos + static_cast<unsigned>(proto);
    m.word[port / 64] &= ~(std::uint64_t{1} << (port % 64));
    if (m.word[port / 64] == 0) m.summary[port / 4096] &= ~(std::uint64_t{1} << ((port / 64) % 64));
    users_[i * kPorts + port] = binding + 1;
    used_[i] += 1;
    free_[i] -= 1;
    if (is_unlikely(free_[i] == 0)) with_room_[static_cast<unsigned>(proto)].set(slot, false);
}

void Ports::open(unsigned slot, const Policy& policy, unsigned worker) noexcept {
    const PoolSlot& s = policy.slot[slot];
    const unsigned first = s.first_port == 0 ? 1U : s.first_port;  // port 0 is never given out
    std::uint64_t* const owned = &owned_[std::size_t{slot} * kWords];
    const bool uniform = s.det_order == 0;  // a whole word of ports has one owner
    for (unsigned w = 0; w < kWords; w++) {
        if (uniform) {
            const bool ours = policy.shared_owner(s, static_cast<std::uint16_t>(w * 64)) == worker;
            owned[w] = ours ? word_of_range(w, first, s.last_port) : 0;
            continue;
        }
        std::uint64_t mask = word_of_range(w, first, s.last_port);
        for (std::uint64_t left = mask; left != 0; left &= left - 1) {
            const auto b = static_cast<unsigned>(std::countr_zero(left));
            if (deterministic_owner(policy, slot, w * 64 + b) != worker)
                mask &= ~(std::uint64_t{1} << b);
        }
        owned[w] = mask;
    }
    open_[slot] = 1;
    adopt_before(slot, s.addr);
    reserve_static(slot, policy);
    fill_free(slot);
}

/// An address that is opened for the first time: which of its ports rest since before this process.
void Ports::adopt_before(unsigned slot, Ipv4Addr addr) noexcept {
    const bool known = free_ports_[slot].addr == addr;
    free_ports_[slot].addr = addr;
    if (known || before_cursor_ != 0) return;
    Before& b = before_of_[slot];
    b = Before{};
    for (std::uint16_t i = 0; i < before_.size() && b.record == 0; i++) {
        if (before_[i].addr == addr) b.record = static_cast<std::uint16_t>(i + 1);
    }
    if (b.record == 0 && !before_unknown_) return;
    // As many as may rest, like those of the queue.
    for (unsigned at = 0; at < kWordsOfAll; at++) {
        const std::uint64_t rest = owned_[std::size_t{slot} * kWords + at % kWords] &
                                   ~free_before(b, at / kWords, at % kWords);
        n_before_ += static_cast<std::uint32_t>(std::popcount(rest));
        if (most_held_ != 0 && n_before_ > most_held_) return;
        b.end = static_cast<std::uint16_t>(at + 1);
    }
}

/// Their rest is over.
void Ports::wake_before() noexcept {
    const unsigned slot = before_cursor_++;
    if (before_of_[slot].end == 0) return;
    before_of_[slot] = Before{};
    if (open_[slot] != 0) fill_free(slot);
}

void Ports::reserve_static(unsigned slot, const Policy& policy) noexcept {
    for (unsigned p = 0; p < kProtos; p++) {
        const Map m = map_of(slot, static_cast<Proto>(p));
        for (unsigned w = 0; w < kWords; w++) {
            if (m.shut[w].reserved != 0) m.shut[w].reserved = 0;  // zero pages stay untouched
        }
    }
    for (unsigned i = 0; i < policy.n_static; i++) {
        const StaticEntry& e = policy.fixed[i];
        if (e.slot != slot) continue;
        const unsigned port = e.t.id.host();
        map_of(slot, e.proto).shut[port / 64].reserved |= std::uint64_t{1} << (port % 64);
    }
}

/// The free bits of an open slot: owned, not reserved, not in use, not resting.
void Ports::fill_free(unsigned slot) noexcept {
    for (unsigned p = 0; p < kProtos; p++) {
        const Map m = map_of(slot, static_cast<Proto>(p));
        const std::size_t i = std::size_t{slot} * kProtos + p;
        std::uint32_t n_free = 0;
        for (unsigned w = 0; w < kWords; w++) {
            std::uint64_t open_bits = m.owned[w] & ~m.shut[w].all() & awake(slot, p, w);
            // The array of users is large: what was free before, or an address that nobody uses, is
            // not looked at.
            const std::uint64_t unsure = used_[i] != 0 ? open_bits & ~m.word[w] : 0;
            if (unsure != 0) open_bits &= ~(unsure & users_of_word(m.user + std::size_t{w} * 64));
            m.word[w] = open_bits;
            const std::uint64_t bit = std::uint64_t{1} << (w % 64);
            m.summary[w / 64] = open_bits != 0 ? m.summary[w / 64] | bit : m.summary[w / 64] & ~bit;
            n_free += static_cast<std::uint32_t>(std::popcount(open_bits));
        }
        set_free_count(slot, p, n_free);
    }
}

bool Ports::owns_all(unsigned slot, std::uint32_t first, std::uint32_t n) const noexcept {
    for (std::uint32_t w = first / 64; w < (first + n) / 64; w++) {
        if (~owned_[std::size_t{slot} * kWords + w] != 0) return false;
    }
    return true;
}

void Ports::close(unsigned slot) noexcept {
    open_[slot] = 0;
    for (unsigned w = 0; w < kWords; w++) owned_[std::size_t{slot} * kWords + w] = 0;
    for (unsigned p = 0; p < kProtos; p++) {
        const Map m = map_of(slot, static_cast<Proto>(p));
        for (unsigned w = 0; w < kWords; w++) m.word[w] = 0;
        for (unsigned w = 0; w < kSummaryWords; w++) m.summary[w] = 0;
        set_free_count(slot, p, 0);
    }
}

std::optional<std::uint16_t> Ports::pick(const View& v, Span of, std::uint64_t mask,
                                         std::uint64_t r) noexcept {
    const unsigned first_word = of.first / 64U, end_word = of.last / 64U + 1;
    const unsigned start = word_at(of.first, of.last, r);
    const auto port_in = [&](unsigned w, std::uint64_t bits) {
        const int shift = static_cast<int>(r >> 58);
        const auto b = static_cast<unsigned>(std::countr_zero(std::rotr(bits, shift)) + shift) % 64;
        return static_cast<std::uint16_t>(w * 64 + b);
    };
    const auto bits_in = [&](unsigned w) {
        std::uint64_t bits = v.word[w] & mask;
        if (is_unlikely(w == first_word)) bits &= ~std::uint64_t{0} << (of.first % 64);
        if (is_unlikely(w + 1 == end_word)) bits &= ~std::uint64_t{0} >> (63 - of.last % 64);
        return bits;
    };
    if (const std::uint64_t bits = bits_in(start); is_likely(bits != 0))
        return port_in(start, bits);
    // From the random word to the end of the range, then from its beginning: by summary words.
    for (unsigned turn = 0; turn < 2; turn++) {
        const unsigned from = turn == 0 ? start : first_word;
        const unsigned to = turn == 0 ? end_word : start;
        for (unsigned w = from; w < to;) {
            const std::uint64_t summary = v.summary[w / 64] & (~std::uint64_t{0} << (w % 64));
            if (summary == 0) {
                w = (w / 64 + 1) * 64;
                continue;
            }
            w = w / 64 * 64 + static_cast<unsigned>(std::countr_zero(summary));
            if (w >= to) break;
            if (const std::uint64_t bits = bits_in(w); bits != 0) return port_in(w, bits);
            // Only the other parity is free here: a few more words are worth a look, not all.
            if (mask != ~std::uint64_t{0} && (w - from) > 16) return std::nullopt;
            w++;
        }
    }
    return std::nullopt;
}

void Ports::prefetch_words(unsigned slot, Proto proto, Wish wish,
                           std::uint64_t number) const noexcept {
    const std::uint64_t r = random(number);
    const unsigned w = wish.low ? word_at(0, kLowest - 1, r) : word_at(kLowest, kPorts - 1, r);
    prefetch_for_write(&view_of(slot, proto).word[w]);
}

std::optional<std::uint16_t> Ports::choose(unsigned slot, Proto proto, Wish wish,
                                           std::uint64_t number, bool& parity_kept) const noexcept {
    parity_kept = true;
    const std::uint64_t r = random(number);
    if (free_count(slot, proto) == 0) return std::nullopt;
    const View v = view_of(slot, proto);
    const std::uint64_t mask = parity_mask(wish.parity);
    for (unsigned attempt = 0; attempt < 4; attempt++) {
        const bool low = wish.low != (attempt >= 2);
        const bool any_parity = attempt % 2 == 1;
        if (attempt >= 2 && !wish.any_range) break;
        if (any_parity && wish.parity == 2) continue;
        const Span of = low ? Span{0, kLowest - 1} : Span{kLowest, kPorts - 1};
        const auto port = pick(v, of, any_parity ? ~std::uint64_t{0} : mask, r);
        if (!port) continue;
        parity_kept = wish.parity == 2 || *port % 2 == wish.parity;
        return port;
    }
    return std::nullopt;
}

std::optional<std::uint16_t> Ports::take(unsigned slot, Proto proto, Wish wish, Index binding,
                                         bool& parity_kept) noexcept {
    const auto port = choose(slot, proto, wish, ++counter_, parity_kept);
    if (port) set_used(slot, proto, *port, binding);
    return port;
}

void Ports::prefetch_words_within(Proto proto, const PortRange& range,
                                  std::uint64_t number) const noexcept {
    const unsigned w = word_at(range.first, range.last, random(number));
    prefetch_for_write(&view_of(range.slot, proto).word[w]);
}

std::optional<std::uint16_t> Ports::choose_within(Proto proto, const PortRange& range,
                                                  std::uint8_t parity, std::uint64_t number,
                                                  bool& parity_kept) const noexcept {
    parity_kept = true;
    const View v = view_of(range.slot, proto);
    const Span of{range.first, range.last};
    const std::uint64_t r = random(number);
    auto port = pick(v, of, parity_mask(parity), r);
    if (!port && parity != 2) {
        port = pick(v, of, ~std::uint64_t{0}, r);
        parity_kept = false;
    }
    return port;
}

std::optional<std::uint16_t> Ports::take_within(Proto proto, const PortRange& range,
                                                std::uint8_t parity, Index binding,
                                                bool& parity_kept) noexcept {
    const auto port = choose_within(proto, range, parity, ++counter_, parity_kept);
    if (port) set_used(range.slot, proto, *port, binding);
    return port;
}

std::uint32_t Ports::free_within(Proto proto, const PortRange& range) const noexcept {
    const auto& word = free_ports_[range.slot].word[static_cast<unsigned>(proto)];
    int n = 0;
    for (unsigned w = range.first / 64U; w <= range.last / 64U; w++)
        n += std::popcount(word[w] & word_of_range(w, range.first, range.last));
    return static_cast<std::uint32_t>(n);
}

void Ports::take_static(unsigned slot, Proto proto, std::uint16_t port, Index binding) noexcept {
    const std::size_t i = std::size_t{slot} * kProtos + static_cast<unsigned>(proto);
    users_[i * kPorts + port] = binding + 1;
    used_[i] += 1;
}

bool Ports::take_exact(unsigned slot, Proto proto, std::uint16_t port, Index binding) noexcept {
    const Map m = map_of(slot, proto);
    if ((m.word[port / 64] & (std::uint64_t{1} << (port % 64))) == 0) return false;
    set_used(slot, proto, port, binding);
    return true;
}

void Ports::wake_oldest(RestQueue& queue) noexcept {
    const RestQueue::Port p = queue.pop();
    const auto proto = static_cast<Proto>(p.proto);
    map_of(p.slot, proto).shut[p.port / 64].resting &= ~(std::uint64_t{1} << (p.port % 64));
    if (open_[p.slot] != 0) set_free(p.slot, proto, p.port);
}

void Ports::release(unsigned slot, Proto proto, std::uint16_t port, Tick now, Rest rest) noexcept {
    const Map m = map_of(slot, proto);
    m.user[port] = 0;
    used_[slot * kProtos + static_cast<unsigned>(proto)] -= 1;
    RestQueue& queue = rest == Rest::full ? held_ : brief_;
    if (rest == Rest::none || hold_.v == 0 || queue.room() == 0) {
        if (open_[slot] != 0) set_free(slot, proto, port);
        return;
    }
    // One for one; two when the operator wants fewer to rest than do.
    const std::uint32_t most = holding_of(queue).most;
    for (unsigned n = 0; n < 2 && queue.size() >= most; n++) wake_oldest(queue);
    m.shut[port / 64].resting |= std::uint64_t{1} << (port % 64);
    queue.push({now.v, static_cast<std::uint16_t>(slot), port, static_cast<std::uint8_t>(proto)});
}

void Ports::end_holds(RestQueue& queue, Tick now, unsigned budget) noexcept {
    for (; budget > 0 && has_rested(queue, now); budget--) {
        if (constexpr std::uint32_t kAhead = 4; queue.size() > kAhead) {
            const RestQueue::Port& p = queue[kAhead];
            const Map m = map_of(p.slot, static_cast<Proto>(p.proto));
            prefetch_for_write(&m.shut[p.port / 64]);
            prefetch_for_write(&m.word[p.port / 64]);
            prefetch(&m.user[p.port]);
        }
        wake_oldest(queue);
    }
}

void Ports::end_holds(Tick now, unsigned budget) noexcept {
    end_holds(held_, now, budget);
    end_holds(brief_, now, budget);
}

}  // namespace isthmus::nat
