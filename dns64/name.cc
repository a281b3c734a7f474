// SPDX-License-Identifier: Apache-2.0
#include "dns64/name.h"

#include <algorithm>

namespace isthmus::dns64 {

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHigh = 0x8080808080808080;

/// Eight octets at once: those from 'A' to 'Z' get bit 5 set.
constexpr std::uint64_t folded8(std::uint64_t v) noexcept {
    const std::uint64_t low7 = v & ~kHigh;
    const std::uint64_t ge_a = low7 + kOnes * (0x80 - 'A');
    const std::uint64_t gt_z = low7 + kOnes * (0x80 - 'Z' - 1);
    const std::uint64_t is_letter = (ge_a & ~gt_z) & ~v & kHigh;
    return v | (is_letter >> 2);
}
static_assert(folded8(0x40'41'5a'5b'61'7a'c1'00) == 0x40'61'7a'5b'61'7a'c1'00);

std::uint64_t load8(const std::uint8_t* p, std::size_t n) noexcept {
    std::uint64_t v = 0;
    if (n >= 8) {
        std::memcpy(&v, p, 8);
    } else {
        std::memcpy(&v, p, n);
    }
    return v;
}

constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

bool same_name(NameView a, NameView b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); i += 8) {
        const std::size_t n = a.size() - i;
        if (folded8(load8(&a[i], n)) != folded8(load8(&b[i], n))) return false;
    }
    return true;
}

void fold_into(NameView name, std::span<std::uint8_t> out) noexcept {
    const std::size_t n = name.size();
    const std::uint8_t* from = name.data();
    std::uint8_t* to = out.data();
    const auto eight_at = [from, to](std::size_t i) {
        std::uint64_t v;
        std::memcpy(&v, from + i, 8);
        v = folded8(v);
        std::memcpy(to + i, &v, 8);
    };
    if (n < 8) {
        for (std::size_t i = 0; i < n; i++) to[i] = folded(from[i]);
        return;
    }
    for (std::size_t i = 0; i + 8 < n; i += 8) eight_at(i);
    eight_at(n - 8);  // some octets twice
}

bool at_or_below(NameView name, NameView zone) noexcept {
    if (name.size() < zone.size()) return false;
    NameView rest = name;
    while (rest.size() > zone.size()) rest = rest.subspan(1U + rest[0]);
    return same_name(rest, zone);
}

unsigned label_count(NameView name) noexcept {
    unsigned n = 0;
    for (std::size_t at = 0; name[at] != 0; at += 1U + name[at]) n++;
    return n;
}

NameView without_labels(NameView name, unsigned n) noexcept {
    while (n-- > 0 && name[0] != 0) name = name.subspan(1U + name[0]);
    return name;
}

std::uint64_t name_hash(NameView name, std::uint64_t seed) noexcept {
    std::uint64_t h = seed ^ (name.size() * 0x9e3779b97f4a7c15);
    for (std::size_t i = 0; i < name.size(); i += 8) {
        h = mix(h ^ folded8(load8(&name[i], name.size() - i)), 0xa0761d6478bd642f ^ seed);
    }
    return mix(h, 0xe7037ed1a0b428db);
}

std::string name_text(NameView name) {
    if (name.size() <= 1) return ".";
    std::string out;
    for (; name[0] != 0; name = name.subspan(1U + name[0])) {
        for (const std::uint8_t c : first_label(name)) {
            if (c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' ||
                c == '$') {
                out += '\\';
                out += static_cast<char>(c);
            } else if (c > ' ' && c < 0x7f) {
                out += static_cast<char>(c);
            } else {
                out += '\\';
                for (const unsigned digit : {c / 100U, c / 10U % 10U, c % 10U})
                    out += static_cast<char>('0' + digit);
            }
        }
        out += '.';
    }
    return out;
}

std::optional<Name> Name::parse(std::string_view text) noexcept {
    Name out;
    if (text.empty()) return std::nullopt;
    if (text == ".") return out;
    std::array<std::uint8_t, kLabelMost> label{};
    std::size_t n = 0;
    for (std::size_t i = 0; i < text.size(); i++) {
        auto c = static_cast<std::uint8_t>(text[i]);
        if (c == '.') {
            if (n == 0 || !out.append_label({label.data(), n})) return std::nullopt;
            n = 0;
            continue;
        }
        if (c == '\\') {
            const auto digit = [&](std::size_t k) {
                return k < text.size() && text[k] >= '0' && text[k] <= '9';
            };
            if (digit(i + 1) && digit(i + 2) && digit(i + 3)) {
                const int v =
                    (text[i + 1] - '0') * 100 + (text[i + 2] - '0') * 10 + (text[i + 3] - '0');
                if (v > 255) return std::nullopt;
                c = static_cast<std::uint8_t>(v);
                i += 3;
            } else if (i + 1 < text.size() && !digit(i + 1)) {
                c = static_cast<std::uint8_t>(text[++i]);
            } else {
                return std::nullopt;
            }
        }
        if (n == kLabelMost) return std::nullopt;
        label[n++] = c;
    }
    if (n > 0 && !out.append_label({label.data(), n})) return std::nullopt;
    return out;
}

bool Name::append_label(NameView label) noexcept {
    if (label.empty() || label.size() > kLabelMost || len_ + 1U + label.size() > kNameMost)
        return false;
    octets_[len_ - 1U] = static_cast<std::uint8_t>(label.size());
    std::memcpy(&octets_[len_], label.data(), label.size());
    len_ = static_cast<std::uint8_t>(len_ + 1U + label.size());
    octets_[len_ - 1U] = 0;
    return true;
}

bool Name::append(NameView tail) noexcept {
    if (len_ - 1U + tail.size() > kNameMost) return false;
    std::memcpy(&octets_[len_ - 1U], tail.data(), tail.size());
    len_ = static_cast<std::uint8_t>(len_ - 1U + tail.size());
    return true;
}

void Name::fold() noexcept {
    for (unsigned i = 0; i < len_; i++) octets_[i] = folded(octets_[i]);
}

}  // namespace isthmus::dns64
