// SPDX-License-Identifier: Apache-2.0
// Messages written, and their TTLs changed in place. Reading: wire.cc.
#include <algorithm>
#include <array>

#include "dns64/wire.h"
#include "dns64/wire_shapes.h"

namespace isthmus::dns64 {

void Writer::rewind(std::size_t size) noexcept {
    at_ = size;
    ok_ = true;
    while (n_targets_ > 0 && targets_[n_targets_ - 1].at >= size) n_targets_--;
}

bool Writer::room(std::size_t n) noexcept {
    if (!ok_ || out_.size() - at_ < n) ok_ = false;
    return ok_;
}
void Writer::u8(unsigned v) noexcept {
    if (room(1)) out_[at_++] = static_cast<std::uint8_t>(v);
}
void Writer::u16(unsigned v) noexcept {
    if (!room(2)) return;
    out_[at_++] = static_cast<std::uint8_t>(v >> 8);
    out_[at_++] = static_cast<std::uint8_t>(v);
}
void Writer::u32(std::uint32_t v) noexcept {
    u16(v >> 16);
    u16(v & 0xffff);
}
void Writer::bytes(Bytes b) noexcept {
    if (!room(b.size()) || b.empty()) return;
    std::memcpy(&out_[at_], b.data(), b.size());
    at_ += b.size();
}
void Writer::patch16(std::size_t at, unsigned v) noexcept {
    if (at + 2 > at_) return;
    out_[at] = static_cast<std::uint8_t>(v >> 8);
    out_[at + 1] = static_cast<std::uint8_t>(v);
}

void Writer::header(std::uint16_t id, std::uint16_t flags) noexcept {
    u16(id);
    u16(flags);
    for (unsigned i = 0; i < 4; i++) u16(0);
}

void Writer::question(NameView n, RrType type, RrClass cls) noexcept {
    name(n);
    u16(type);
    u16(cls);
    if (ok_) patch16(4, 1);
}

bool Writer::written_name_is(std::size_t at, NameView n) const noexcept {
    for (;;) {
        const std::uint8_t len = out_[at];
        if (len >= 0xc0) {
            at = (static_cast<std::size_t>(len & 0x3f) << 8) | out_[at + 1];
            continue;
        }
        if (len != n[0]) return false;
        if (len == 0) return true;
        // Octet by octet with case: an owner keeps the case in which it was given.
        if (std::memcmp(&out_[at + 1], &n[1], len) != 0) return false;
        at += 1U + len;
        n = n.subspan(1U + len);
    }
}

void Writer::name(NameView n) noexcept {
    NameView rest = n;
    while (rest.size() > 1) {
        const auto hash = static_cast<std::uint16_t>(name_hash(rest, 0));
        for (unsigned i = 0; i < n_targets_; i++) {
            if (targets_[i].hash == hash && written_name_is(targets_[i].at, rest))
                return u16(0xc000U | targets_[i].at);
        }
        if (!room(1U + rest[0])) return;
        if (n_targets_ < kTargets && at_ < 0x4000)
            targets_[n_targets_++] = {static_cast<std::uint16_t>(at_), hash};
        bytes(rest.first(1U + rest[0]));
        rest = rest.subspan(1U + rest[0]);
    }
    u8(0);
}

std::size_t Writer::begin_record(NameView owner, RrType type, RrClass cls,
                                 std::uint32_t ttl) noexcept {
    name(owner);
    u16(type);
    u16(cls);
    u32(ttl);
    u16(0);
    return at_ - 2;
}

void Writer::end_record(std::size_t rdlength_at) noexcept {
    if (ok_) patch16(rdlength_at, static_cast<unsigned>(at_ - rdlength_at - 2));
}

void Writer::count(Section s) noexcept {
    const std::size_t at = 4U + 2U * static_cast<unsigned>(s);
    if (!ok_) return;
    const unsigned high = out_[at], low = out_[at + 1];
    patch16(at, 1U + (high << 8U | low));
}

void Writer::copy(const Message& from, const Record& r, NameView owner,
                  std::uint32_t ttl) noexcept {
    const std::size_t mark = begin_record(owner, r.type, r.cls, ttl);
    copy_rdata(from, r);
    end_record(mark);
}

void Writer::copy_rdata(const Message& from, const Record& r) noexcept {
    const Shape* shape = shape_of(r.type, r.cls);
    if (shape == nullptr) return bytes(from.rdata(r));
    const Bytes in = from.bytes();
    unsigned at = r.rdata_at;
    for (const char* p = shape->parts; *p != 0; p++) {
        if (*p == 'n') {
            const Name n = from.name_at(static_cast<std::uint16_t>(at));
            shape->compress ? name(n) : plain_name(n);
            while (in[at] != 0 && in[at] < 0xc0) at += 1U + in[at];
            at += in[at] == 0 ? 1 : 2;
        } else {
            const unsigned n = *p == '*'   ? r.rdata_at + r.rdata_len - at
                               : *p == 's' ? 1U + in[at]
                                           : octets_of(*p);
            bytes(in.subspan(at, n));
            at += n;
        }
    }
}

namespace {

void put_ttl(std::span<std::uint8_t> bytes, unsigned at, std::uint32_t v) noexcept {
    for (unsigned i = 0; i < 4; i++) bytes[at + i] = static_cast<std::uint8_t>(v >> (24 - 8 * i));
}

}  // namespace

void age_ttls(std::span<std::uint8_t> bytes, const Message& m, std::uint32_t age) noexcept {
    each_ttl(m, [&](std::uint16_t at) {
        if (at + 4U > bytes.size()) return;
        const std::uint32_t ttl = capped_ttl(m.u32(at));
        put_ttl(bytes, at, ttl > age ? ttl - age : 0);
    });
}

void clamp_ttls(std::span<std::uint8_t> bytes, const Message& m, std::uint32_t most) noexcept {
    each_ttl(m, [&](std::uint16_t at) { put_ttl(bytes, at, std::min(m.u32(at), most)); });
}

namespace {

std::uint32_t soa_ttl(const Message& m, const Record& r) noexcept {
    return std::min(capped_ttl(r.ttl), m.u32(r.end_at - 4U));
}

/// What a record's TTL may be by itself.
std::uint32_t own_ttl(const Message& m, Section s, const Record& r) noexcept {
    return s == Section::authority && r.type == rr::soa ? soa_ttl(m, r) : capped_ttl(r.ttl);
}

/// The sets of a section: by owner, class, and the type that they hold or sign.
class Sets {
public:
    Sets(const Message& m, Section s) noexcept : m_(m) {
        m.each(s, [&](const Record& r) {
            std::uint32_t& of_set = of(r);
            of_set = std::min(of_set, own_ttl(m, s, r));
        });
    }
    /// The lowest TTL. Of the sets that are too many to be told apart, one for all of them.
    std::uint32_t& of(const Record& r) noexcept {
        const RrType type = r.type == rr::rrsig && r.rdata_len >= 2 ? m_.u16(r.rdata_at) : r.type;
        for (unsigned i = 0; i < n_; i++) {
            Set& s = set_[i];
            if (s.type == type && s.cls == r.cls && m_.name_is(r.owner_at, s.owner)) return s.ttl;
        }
        if (n_ == set_.size()) return rest_;
        set_[n_] = {m_.name_at(r.owner_at), type, r.cls, ~0U};
        return set_[n_++].ttl;
    }

private:
    struct Set {
        Name owner;
        RrType type = 0;
        RrClass cls = 0;
        std::uint32_t ttl = ~0U;  // seconds
    };
    static constexpr std::size_t kSets = 16;
    const Message& m_;
    std::array<Set, kSets> set_;
    unsigned n_ = 0;
    std::uint32_t rest_ = ~0U;
};

}  // namespace

bool has_long_soa(const Message& m) noexcept {
    bool found = false;
    m.each(Section::authority, [&](const Record& r) {
        found |= r.type == rr::soa && r.cls == kClassIn && soa_ttl(m, r) < r.ttl;
    });
    return found;
}

void settle_ttls(std::span<std::uint8_t> bytes, const Message& m) noexcept {
    for (const Section s : {Section::answer, Section::authority, Section::additional}) {
        if (m.count(s) > 1) {
            Sets sets(m, s);
            m.each(s, [&](const Record& r) { put_ttl(bytes, r.rdata_at - 6U, sets.of(r)); });
        } else {
            m.each(s, [&](const Record& r) { put_ttl(bytes, r.rdata_at - 6U, own_ttl(m, s, r)); });
        }
    }
}

std::uint32_t lifetime(const Message& m, RrType qtype, std::uint32_t negative_most) noexcept {
    std::uint32_t least = kTtlMost;
    bool data = false, soa = false;
    m.each(Section::answer, [&](const Record& r) {
        least = std::min(least, capped_ttl(r.ttl));
        data = data || r.type == qtype || qtype == rr::any;
    });
    if (data && m.rcode() == Rcode::noerror) return least;
    m.each(Section::authority, [&](const Record& r) {
        if (r.type != rr::soa) return;
        soa = true;
        least = std::min(least, soa_ttl(m, r));
    });
    return soa ? std::min(least, negative_most) : 0;
}

}  // namespace isthmus::dns64
