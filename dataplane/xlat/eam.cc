// SPDX-License-Identifier: Apache-2.0
#include "dataplane/xlat/eam.h"

#include <algorithm>
#include <span>

namespace isthmus::xlat {

namespace {

Wide number(const Ipv6Addr& a) noexcept {
    const auto w = a.words();
    return {Be<std::uint64_t>::from_wire(w[0]).host(), Be<std::uint64_t>::from_wire(w[1]).host()};
}

Ipv6Addr address(Wide n) noexcept {
    return Ipv6Addr{std::bit_cast<std::array<std::uint8_t, 16>>(std::array<std::uint64_t, 2>{
        Be<std::uint64_t>{n.high}.wire(), Be<std::uint64_t>{n.low}.wire()})};
}

/// `bits` from 0 to 128.
Wide shifted_left(std::uint32_t v, unsigned bits) noexcept {
    if (bits >= 128) return {};
    if (bits >= 64) return {std::uint64_t{v} << (bits - 64), 0};
    return {bits == 0 ? 0 : std::uint64_t{v} >> (64 - bits), std::uint64_t{v} << bits};
}

std::uint32_t shifted_right(Wide v, unsigned bits) noexcept {
    if (bits >= 128) return 0;
    if (bits >= 64) return static_cast<std::uint32_t>(v.high >> (bits - 64));
    const std::uint64_t from_high = bits == 0 ? 0 : v.high << (64 - bits);
    return static_cast<std::uint32_t>(from_high | (v.low >> bits));
}

/// Bits of the IPv6 address behind the suffix that is copied.
unsigned padding(const Eam& e) noexcept { return 128U - e.ipv6.len_bits - (32U - e.ipv4.len_bits); }

// What the sweep below needs of a family.
std::uint32_t first_of(const Prefix4& p) noexcept { return p.addr.host() & p.mask(); }
std::uint32_t last_of(const Prefix4& p) noexcept { return p.addr.host() | ~p.mask(); }
Wide first_of(const Prefix6& p) noexcept { return number(masked(p.addr, p.len_bits)); }
Wide last_of(const Prefix6& p) noexcept {
    const Wide first = first_of(p),
               mask =
                   number(Ipv6Addr{std::bit_cast<std::array<std::uint8_t, 16>>(mask6(p.len_bits))});
    return {first.high | ~mask.high, first.low | ~mask.low};
}
std::uint32_t after(std::uint32_t v) noexcept { return v + 1; }
Wide after(Wide v) noexcept { return {v.high + (v.low + 1 == 0 ? 1 : 0), v.low + 1}; }

/// Ranges of one family, from its prefixes in order of address, shorter before longer.
template <typename Key>
class Sweep {
public:
    explicit Sweep(std::span<EamRange<Key>> out) noexcept : out_(out) { put({}, 0); }

    template <typename Prefix>
    void enter(const Prefix& p, std::uint16_t entry) noexcept {
        while (depth_ > 0 && open_[depth_ - 1].last < first_of(p)) leave();
        // The same prefix again, which the configuration refuses: the later entry counts.
        const bool again =
            depth_ > 0 && open_[depth_ - 1].last == last_of(p) && out_[n_ - 1].first == first_of(p);
        if (again) depth_--;
        put(first_of(p), entry);
        open_[depth_++] = {last_of(p), entry};
    }
    unsigned finish() noexcept {
        while (depth_ > 0) leave();
        return n_;
    }

private:
    struct Open {
        Key last{};
        std::uint16_t entry = 0;
    };
    void leave() noexcept {
        const Open gone = open_[--depth_];
        const Key next = after(gone.last);
        // Behind the last address of all there is nothing.
        if (next != Key{}) put(next, depth_ == 0 ? std::uint16_t{0} : open_[depth_ - 1].entry);
    }
    /// A range that begins where another one does takes its place.
    void put(Key first, std::uint16_t entry) noexcept {
        if (n_ > 0 && out_[n_ - 1].first == first) n_--;
        out_[n_++] = {first, entry};
    }
    std::span<EamRange<Key>> out_;
    unsigned n_ = 0, depth_ = 0;
    std::array<Open, 129> open_{};  // one for each length of a prefix
};

/// Without a branch that depends on the address.
bool is_up_to(std::uint32_t a, std::uint32_t b) noexcept { return a <= b; }
bool is_up_to(const Wide& a, const Wide& b) noexcept {
    return (a.high < b.high) | ((a.high == b.high) & (a.low <= b.low));
}

__extension__ using Uint128 = unsigned __int128;
Uint128 wide(std::uint32_t v) noexcept { return v; }
Uint128 wide(const Wide& v) noexcept { return Uint128{v.high} << 64 | v.low; }

/// Cells for `ranges`, of the addresses from `low` to `high`.
template <typename Key>
void divide(EamCells& cells, std::span<const EamRange<Key>> ranges, const Key& low,
            const Key& high) noexcept {
    const Uint128 length = wide(high) - wide(low);
    cells.shift = 0;
    while ((length >> cells.shift) >= EamCells::kCells) cells.shift++;
    const auto last_cell = static_cast<unsigned>(length >> cells.shift);
    std::uint16_t at = 0;
    for (unsigned c = 0; c <= last_cell; c++) {
        const Uint128 begin = wide(low) + (Uint128{c} << cells.shift);
        while (at + 1U < ranges.size() && wide(ranges[at + 1U].first) <= begin) at++;
        cells.first[c] = at;
    }
    cells.first[last_cell + 1] = static_cast<std::uint16_t>(ranges.size() - 1);
}

/// The ranges that an address in cell `c` may lie in.
template <typename Key>
std::span<const EamRange<Key>> of_cell(const EamCells& cells, const EamRange<Key>* ranges,
                                       unsigned c) noexcept {
    const unsigned first = cells.first[c], last = cells.first[c + 1];
    return {ranges + first, last - first + 1};
}

template <typename Key>
std::uint16_t search(std::span<const EamRange<Key>> ranges, const Key& key) noexcept {
    const EamRange<Key>* at = ranges.data();
    for (std::size_t n = ranges.size(); n > 1;) {
        const std::size_t half = n / 2;
        at += is_up_to(at[half].first, key) ? half : 0;
        n -= half;
    }
    return at->entry;
}

}  // namespace

Ipv6Addr map_to6(const Eam& e, Ipv4Addr a) noexcept {
    const Wide suffix = shifted_left(a.host() & ~e.ipv4.mask(), padding(e));
    const Wide prefix = first_of(e.ipv6);
    return address({prefix.high | suffix.high, prefix.low | suffix.low});
}

Ipv4Addr map_to4(const Eam& e, const Ipv6Addr& a) noexcept {
    const std::uint32_t moved = shifted_right(number(a), padding(e));
    return Ipv4Addr::from_host(first_of(e.ipv4) | (moved & ~e.ipv4.mask()));
}

bool EamTable::add(const Eam& e) noexcept {
    if (n_ == kMost || 128U - e.ipv6.len_bits < 32U - e.ipv4.len_bits) return false;
    entry_[n_++] = e;
    return true;
}

void EamTable::finish() noexcept {
    std::array<std::uint16_t, kMost> order{};
    const auto sweep = [&](auto& ranges, auto prefix_of) {
        for (unsigned i = 0; i < n_; i++) order[i] = static_cast<std::uint16_t>(i);
        std::sort(order.begin(), order.begin() + n_, [&](std::uint16_t i, std::uint16_t j) {
            const auto &a = prefix_of(entry_[i]), &b = prefix_of(entry_[j]);
            const auto x = first_of(a), y = first_of(b);
            return x != y ? x < y : a.len_bits < b.len_bits;
        });
        using Key = decltype(ranges[0].first);
        Sweep<Key> s(std::span<EamRange<Key>>{ranges});
        for (unsigned i = 0; i < n_; i++)
            s.enter(prefix_of(entry_[order[i]]), static_cast<std::uint16_t>(order[i] + 1));
        return s.finish();
    };
    n4_ = sweep(range4_, [](const Eam& e) -> const Prefix4& { return e.ipv4; });
    n6_ = sweep(range6_, [](const Eam& e) -> const Prefix6& { return e.ipv6; });
    for (unsigned i = 0; i < n_; i++) {
        const Prefix4& p4 = entry_[i].ipv4;
        const Prefix6& p6 = entry_[i].ipv6;
        low4_ = i == 0 ? first_of(p4) : std::min(low4_, first_of(p4));
        high4_ = i == 0 ? last_of(p4) : std::max(high4_, last_of(p4));
        low6_ = i == 0 ? first_of(p6) : std::min(low6_, first_of(p6));
        high6_ = i == 0 ? last_of(p6) : std::max(high6_, last_of(p6));
    }
    if (n_ == 0) return;
    divide(cells4_, std::span<const EamRange<std::uint32_t>>{range4_.data(), n4_}, low4_, high4_);
    divide(cells6_, std::span<const EamRange<Wide>>{range6_.data(), n6_}, low6_, high6_);
}

const Eam* EamTable::find(Ipv4Addr a) const noexcept {
    const std::uint32_t key = a.host();
    if (key < low4_ || high4_ < key) return nullptr;
    const unsigned cell = (key - low4_) >> cells4_.shift;
    const std::uint16_t i = search(of_cell(cells4_, range4_.data(), cell), key);
    return i == 0 ? nullptr : &entry_[i - 1U];
}

const Eam* EamTable::find(const Ipv6Addr& a) const noexcept {
    const Wide key = number(a);
    if (!is_up_to(low6_, key) || !is_up_to(key, high6_)) return nullptr;
    const auto cell = static_cast<unsigned>((wide(key) - wide(low6_)) >> cells6_.shift);
    const std::uint16_t i = search(of_cell(cells6_, range6_.data(), cell), key);
    return i == 0 ? nullptr : &entry_[i - 1U];
}

}  // namespace isthmus::xlat
