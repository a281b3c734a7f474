// SPDX-License-Identifier: Apache-2.0
// DNS messages: a reader that checks a whole datagram once, and a writer with name compression.
//
// Message::parse() walks every record: names (backward pointers only, so no loop is possible),
// lengths, the RDATA of the types whose shape it must know, the OPT record. What passed may be
// iterated afterwards without a check. Nothing is allocated; a Message is offsets into the bytes
// that it was given, which must outlive it.
//
// Names inside RDATA are expanded when a record is copied to another message, for the types of
// RFC 1035 and of RFC 3597 s4; the RDATA of every other type (SVCB and HTTPS among them) is opaque.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/net/addr.h"
#include "dns64/codes.h"
#include "dns64/name.h"

namespace isthmus::dns64 {

using Bytes = std::span<const std::uint8_t>;

inline constexpr unsigned kHeaderBytes = 12;
inline constexpr unsigned kMessageMost = 65535;
inline constexpr std::size_t kOptFixed =
    11;  // OPT without options: root, type, class, TTL, RDLENGTH
/// Our own EDNS payload size, advertised and never exceeded over UDP (RFC 6891 s6.2.5).
inline constexpr std::uint16_t kUdpMost = 1232;
inline constexpr std::uint16_t kUdpLeast = 512;

/// Why a message is malformed.
enum class Fault : std::uint8_t {
    none,
    header,       // shorter than twelve octets
    counts,       // fewer records than the header says
    name,         // label type, pointer or length
    record,       // a record's fixed part or RDATA passes the end
    rdata,        // RDATA is not of its type's shape
    opt_twice,    // RFC 6891 s6.1.1
    opt_owner,    // owner of OPT is not the root
    opt_place,    // OPT outside the additional section
    opt_options,  // options pass the end of OPT
    count_,
};
[[nodiscard]] std::string_view text_of(Fault f) noexcept;

enum class Section : std::uint8_t { answer = 1, authority = 2, additional = 3 };

struct Record {
    std::uint16_t owner_at = 0;  // of the (compressed) owner name
    RrType type = 0;
    RrClass cls = 0;
    std::uint32_t ttl = 0;  // seconds, as it came
    std::uint16_t rdata_at = 0;
    std::uint16_t rdata_len = 0;
    std::uint16_t end_at = 0;  // behind the record
};

struct Edns {
    bool present = false;
    bool dnssec_ok = false;
    std::uint8_t version = 0;
    std::uint8_t extended_rcode = 0;  // upper eight bits
    std::uint16_t udp_size = 0;       // as it came
    std::uint16_t options_at = 0, options_len = 0;
};

class Message {
public:
    /// Checks `bytes` and fills `out`. `out.header_ok()` holds for every fault but Fault::header.
    [[nodiscard]] static Fault parse(Bytes bytes, Message& out) noexcept;

    [[nodiscard]] Bytes bytes() const noexcept { return bytes_; }
    [[nodiscard]] bool header_ok() const noexcept { return bytes_.size() >= kHeaderBytes; }
    [[nodiscard]] std::uint16_t id() const noexcept { return u16(0); }
    [[nodiscard]] std::uint16_t flags() const noexcept { return u16(2); }
    [[nodiscard]] bool has(std::uint16_t flag) const noexcept { return (flags() & flag) != 0; }
    /// With the upper bits of OPT.
    [[nodiscard]] Rcode rcode() const noexcept {
        return static_cast<Rcode>((flags() & flag::rcode_mask) | (edns_.extended_rcode << 4));
    }
    [[nodiscard]] std::uint16_t questions() const noexcept { return u16(4); }
    [[nodiscard]] std::uint16_t count(Section s) const noexcept {
        return u16(4U + 2U * static_cast<unsigned>(s));
    }
    /// The first question, when questions() > 0. Its name is never compressed in what we accept.
    [[nodiscard]] NameView qname() const noexcept { return bytes_.subspan(12, qname_len_); }
    [[nodiscard]] RrType qtype() const noexcept { return u16(12U + qname_len_); }
    [[nodiscard]] RrClass qclass() const noexcept { return u16(14U + qname_len_); }
    [[nodiscard]] const Edns& edns() const noexcept { return edns_; }
    /// Offset of a section's first record.
    [[nodiscard]] std::uint16_t begin_of(Section s) const noexcept {
        return begin_[static_cast<unsigned>(s) - 1];
    }
    [[nodiscard]] std::uint16_t end() const noexcept { return end_; }

    /// Calls fn(const Record&) for each record of a section, OPT left out. fn may return false to
    /// stop.
    template <typename Fn>
    void each(Section s, Fn&& fn) const noexcept {
        std::uint16_t at = begin_of(s);
        for (unsigned n = count(s); n > 0; n--) {
            const Record r = record_at(at);
            at = r.end_at;
            if (r.type == rr::opt) continue;
            if constexpr (std::is_same_v<decltype(fn(r)), bool>) {
                if (!fn(r)) return;
            } else {
                fn(r);
            }
        }
    }
    [[nodiscard]] Bytes rdata(const Record& r) const noexcept {
        return bytes_.subspan(r.rdata_at, r.rdata_len);
    }
    /// The name at an offset that parse() has seen (owner, or a name in known RDATA), expanded.
    [[nodiscard]] Name name_at(std::uint16_t at) const noexcept;
    /// Same as same_name(name_at(at), name), without the copy.
    [[nodiscard]] bool name_is(std::uint16_t at, NameView name) const noexcept;
    [[nodiscard]] std::uint16_t u16(unsigned at) const noexcept {
        return static_cast<std::uint16_t>((bytes_[at] << 8) | bytes_[at + 1]);
    }
    [[nodiscard]] std::uint32_t u32(unsigned at) const noexcept {
        return (std::uint32_t{u16(at)} << 16) | u16(at + 2);
    }
    /// Options of OPT: fn(code, bytes); fn may return false to stop.
    template <typename Fn>
    void each_option(Fn&& fn) const noexcept {
        unsigned at = edns_.options_at;
        const unsigned end = at + edns_.options_len;
        while (at < end) {
            const std::uint16_t len = u16(at + 2);
            if (!fn(u16(at), bytes_.subspan(at + 4U, len))) return;
            at += 4U + len;
        }
    }

private:
    [[nodiscard]] Record record_at(std::uint16_t at) const noexcept;
    friend class Checker;

    Bytes bytes_;
    std::uint16_t qname_len_ = 0;
    std::array<std::uint16_t, 3> begin_{};
    std::uint16_t end_ = 0;
    Edns edns_;
};

/// The address of an A or AAAA record.
[[nodiscard]] inline Ipv4Addr ipv4_of(const Message& m, const Record& r) noexcept {
    return Ipv4Addr::from_host(m.u32(r.rdata_at));
}
[[nodiscard]] inline Ipv6Addr ipv6_of(const Message& m, const Record& r) noexcept {
    Ipv6Addr a;
    std::memcpy(a.octet.data(), m.rdata(r).data(), a.octet.size());
    return a;
}

/// Response to the question (name without case, type, class): RFC 5452 s9.1. A response without a
/// question section answers nothing.
[[nodiscard]] bool answers(const Message& m, NameView qname, RrType type, RrClass cls) noexcept;

/// Writes a message. When something does not fit, ok() turns false and nothing past that point is
/// written; rewind() goes back to an earlier size().
class Writer {
public:
    explicit Writer(std::span<std::uint8_t> out) noexcept : out_(out) {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] std::size_t size() const noexcept { return at_; }
    [[nodiscard]] std::span<std::uint8_t> written() const noexcept { return out_.first(at_); }
    void rewind(std::size_t size) noexcept;

    void u8(unsigned v) noexcept;
    void u16(unsigned v) noexcept;
    void u32(std::uint32_t v) noexcept;
    void bytes(Bytes b) noexcept;
    /// Overwrites what was written before.
    void patch16(std::size_t at, unsigned v) noexcept;

    /// Header with zero counts.
    void header(std::uint16_t id, std::uint16_t flags) noexcept;
    void question(NameView name, RrType type, RrClass cls) noexcept;
    /// Compressed against the names written before.
    void name(NameView n) noexcept;
    /// Not compressed, and no target for later names (RDATA of types newer than RFC 1035).
    void plain_name(NameView n) noexcept { bytes(n); }

    /// Owner to RDLENGTH; returns where RDLENGTH stands, for end_record().
    std::size_t begin_record(NameView owner, RrType type, RrClass cls, std::uint32_t ttl) noexcept;
    void end_record(std::size_t rdlength_at) noexcept;
    /// A whole record of another message, its RDATA's names expanded and compressed anew.
    void copy(const Message& from, const Record& r, NameView owner, std::uint32_t ttl) noexcept;
    /// Counts the record into a section of the header.
    void count(Section s) noexcept;

private:
    static constexpr unsigned kTargets = 64;
    struct Target {
        std::uint16_t at;
        std::uint16_t hash;
    };
    [[nodiscard]] bool room(std::size_t n) noexcept;
    [[nodiscard]] bool written_name_is(std::size_t at, NameView n) const noexcept;
    void copy_rdata(const Message& from, const Record& r) noexcept;

    std::span<std::uint8_t> out_;
    std::size_t at_ = 0;
    bool ok_ = true;
    unsigned n_targets_ = 0;
    std::array<Target, kTargets> targets_;
};

/// Visits the offset of each TTL field of a parsed message: fn(offset). For entries of a cache,
/// which count down in place.
template <typename Fn>
void each_ttl(const Message& m, Fn&& fn) noexcept {
    for (const Section s : {Section::answer, Section::authority, Section::additional})
        m.each(s, [&](const Record& r) { fn(static_cast<std::uint16_t>(r.rdata_at - 6)); });
}

/// Takes `age` seconds off every TTL (not below 0) of `bytes`, a message that parse() has accepted
/// or a copy of its beginning.
void age_ttls(std::span<std::uint8_t> bytes, const Message& m, std::uint32_t age) noexcept;
/// Sets every TTL that is greater to `most` (stale answers, RFC 8767 s4).
void clamp_ttls(std::span<std::uint8_t> bytes, const Message& m, std::uint32_t most) noexcept;

/// Whether a SOA says less by its MINIMUM than by its TTL: it is to be counted down from the
/// lesser.
[[nodiscard]] bool has_long_soa(const Message& m) noexcept;
/// Makes the TTLs of `bytes`, which `m` was parsed from, such as may be sent: one for a set of
/// records and its signatures, the lowest (RFC 2181 s5.2), and for a SOA in the authority section
/// no more than its MINIMUM: what it says is absent may be there then (RFC 2308 s3).
void settle_ttls(std::span<std::uint8_t> bytes, const Message& m) noexcept;

/// Cache lifetime of a response by its records (RFC 2308 s5): the least TTL of the answer section,
/// for negative ones min(SOA TTL, SOA MINIMUM) too, at most `negative_most`; 0: not to be cached (a
/// negative answer without SOA, or a TTL of 0).
[[nodiscard]] std::uint32_t lifetime(const Message& m, RrType qtype,
                                     std::uint32_t negative_most) noexcept;

}  // namespace isthmus::dns64
