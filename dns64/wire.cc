// SPDX-License-Identifier: Apache-2.0
#include "dns64/wire.h"

#include <algorithm>

#include "dns64/wire_shapes.h"

namespace isthmus::dns64 {

namespace {

/// Pointers that one name may follow. A pointer needs a label before it to make sense, so a name
/// has fewer than this many; and a message made of pointers only stays cheap to refuse.
constexpr unsigned kJumpsMost = 127;

}  // namespace

std::string_view text_of(Fault f) noexcept {
    switch (f) {
        case Fault::none:
            return "well-formed";
        case Fault::header:
            return "shorter than a header";
        case Fault::counts:
            return "fewer records than the header says";
        case Fault::name:
            return "malformed name";
        case Fault::record:
            return "record passes the end";
        case Fault::rdata:
            return "RDATA not of its type's shape";
        case Fault::opt_twice:
            return "two OPT records";
        case Fault::opt_owner:
            return "OPT not owned by the root";
        case Fault::opt_place:
            return "OPT outside the additional section";
        case Fault::opt_options:
            return "EDNS options pass the end of OPT";
        case Fault::count_:
            break;
    }
    return "?";
}

/// One walk over a message. `at_` is where it reads.
class Checker {
public:
    Checker(Bytes bytes, Message& out) noexcept : b_(bytes), m_(out) {}

    Fault run() noexcept {
        m_ = Message{};
        // Offsets are 16 bits, and no message is longer than TCP's length field can say.
        m_.bytes_ = b_ = b_.first(std::min<std::size_t>(b_.size(), kMessageMost));
        if (b_.size() < kHeaderBytes) return Fault::header;
        at_ = kHeaderBytes;
        if (const Fault f = questions(); f != Fault::none) return f;
        for (const Section s : {Section::answer, Section::authority, Section::additional}) {
            m_.begin_[static_cast<unsigned>(s) - 1] = static_cast<std::uint16_t>(at_);
            for (unsigned n = m_.count(s); n > 0; n--) {
                if (at_ == b_.size()) return Fault::counts;
                if (const Fault f = record(s); f != Fault::none) return f;
            }
        }
        m_.end_ = static_cast<std::uint16_t>(at_);
        return fault_;
    }

private:
    Fault questions() noexcept {
        for (unsigned i = 0; i < m_.questions(); i++) {
            if (at_ == b_.size()) return Fault::counts;
            const std::size_t from = at_;
            if (!name()) return Fault::name;
            // A pointer in the first question could only point into the header.
            if (i == 0) m_.qname_len_ = static_cast<std::uint16_t>(at_ - from);
            if (b_.size() - at_ < 4) return Fault::counts;
            at_ += 4;
        }
        return Fault::none;
    }

    /// Skips a name from at_, following its pointers: each goes further back than the piece of the
    /// name that it ends, so the walk is finite. Pointers into the header are refused.
    bool name() noexcept {
        std::size_t at = at_, piece = at_, length = 0;
        unsigned jumps = 0;
        for (;;) {
            if (at >= b_.size()) return false;
            const unsigned len = b_[at];
            if (len == 0) {
                if (jumps == 0) at_ = at + 1;
                return length + 1 <= kNameMost;
            }
            if (len <= kLabelMost) {
                length += len + 1;
                at += len + 1;
                if (length >= kNameMost) return false;
                continue;
            }
            if (len < 0xc0 || at + 1 >= b_.size()) return false;
            const std::size_t to = ((len & 0x3fU) << 8) | b_[at + 1];
            if (jumps == 0) at_ = at + 2;
            if (to >= piece || to < kHeaderBytes || ++jumps > kJumpsMost) return false;
            at = piece = to;
        }
    }

    Fault record(Section s) noexcept {
        const std::size_t owner_at = at_;
        if (!name()) return Fault::name;
        if (b_.size() - at_ < 10) return Fault::record;
        const auto type = m_.u16(static_cast<unsigned>(at_));
        const std::size_t len = m_.u16(static_cast<unsigned>(at_ + 8));
        const std::size_t fixed = at_;
        at_ += 10;
        if (b_.size() - at_ < len) return Fault::record;
        const std::size_t end = at_ + len;
        if (type == rr::opt) {
            opt(s, owner_at, fixed, end);
            at_ = end;
            return Fault::none;
        }
        if (!rdata(type, m_.u16(static_cast<unsigned>(fixed + 2)), end)) return Fault::rdata;
        at_ = end;
        return Fault::none;
    }

    bool rdata(RrType type, RrClass cls, std::size_t end) noexcept {
        const Shape* shape = shape_of(type, cls);
        if (shape == nullptr) return true;
        for (const char* p = shape->parts; *p != 0; p++) {
            if (*p == '*') return true;
            if (*p == 'n') {
                if (!name() || at_ > end) return false;
            } else {
                const std::size_t n = *p == 's' ? (at_ < end ? 1U + b_[at_] : 1U) : octets_of(*p);
                if (end - at_ < n) return false;
                at_ += n;
            }
        }
        return at_ == end;
    }

    /// Faults of OPT are noted, not returned at once: the rest must still be walked, because the
    /// answer to them carries an OPT of its own (RFC 6891 s7).
    void opt(Section s, std::size_t owner_at, std::size_t fixed, std::size_t end) noexcept {
        if (m_.edns_.present) return note(Fault::opt_twice);
        if (s != Section::additional) return note(Fault::opt_place);
        Edns& e = m_.edns_;
        e.present = true;
        const auto at = static_cast<unsigned>(fixed);
        e.udp_size = m_.u16(at + 2);
        e.extended_rcode = b_[at + 4];
        e.version = b_[at + 5];
        e.dnssec_ok = (b_[at + 6] & 0x80) != 0;
        if (b_[owner_at] != 0) note(Fault::opt_owner);
        for (std::size_t o = at_; o < end;) {
            if (end - o < 4) return note(Fault::opt_options);
            const std::size_t len = m_.u16(static_cast<unsigned>(o + 2));
            if (end - o - 4 < len) return note(Fault::opt_options);
            o += 4 + len;
        }
        e.options_at = static_cast<std::uint16_t>(at_);
        e.options_len = static_cast<std::uint16_t>(end - at_);
    }
    void note(Fault f) noexcept {
        if (fault_ == Fault::none) fault_ = f;
    }

    Bytes b_;
    Message& m_;
    std::size_t at_ = 0;
    Fault fault_ = Fault::none;
};

Fault Message::parse(Bytes bytes, Message& out) noexcept { return Checker(bytes, out).run(); }

Record Message::record_at(std::uint16_t at) const noexcept {
    Record r;
    r.owner_at = at;
    unsigned p = at;
    while (bytes_[p] != 0 && bytes_[p] < 0xc0) p += 1U + bytes_[p];
    p += bytes_[p] == 0 ? 1 : 2;
    r.type = u16(p);
    r.cls = u16(p + 2);
    r.ttl = u32(p + 4);
    r.rdata_len = u16(p + 8);
    r.rdata_at = static_cast<std::uint16_t>(p + 10);
    r.end_at = static_cast<std::uint16_t>(r.rdata_at + r.rdata_len);
    return r;
}

Name Message::name_at(std::uint16_t at) const noexcept {
    Name out;
    unsigned p = at;
    while (bytes_[p] != 0) {
        if (bytes_[p] >= 0xc0) {
            p = u16(p) & 0x3fffU;
            continue;
        }
        (void)out.append_label(bytes_.subspan(p + 1U, bytes_[p]));
        p += 1U + bytes_[p];
    }
    return out;
}

bool Message::name_is(std::uint16_t at, NameView name) const noexcept {
    unsigned p = at;
    for (;;) {
        if (p == kHeaderBytes && qname_len_ != 0) return same_name(qname(), name);
        const std::uint8_t len = bytes_[p];
        if (len >= 0xc0) {
            p = u16(p) & 0x3fffU;
            continue;
        }
        if (len != name[0]) return false;
        if (len == 0) return true;
        for (unsigned i = 1; i <= len; i++) {
            if (folded(bytes_[p + i]) != folded(name[i])) return false;
        }
        p += 1U + len;
        name = name.subspan(1U + len);
    }
}

bool answers(const Message& m, NameView qname, RrType type, RrClass cls) noexcept {
    return m.has(flag::qr) && opcode_of(m.flags()) == Opcode::query && m.questions() == 1 &&
           m.qtype() == type && m.qclass() == cls && same_name(m.qname(), qname);
}

}  // namespace isthmus::dns64
