// SPDX-License-Identifier: Apache-2.0
#include "dns64/request.h"

#include <algorithm>

namespace isthmus::dns64 {

namespace {

constexpr std::size_t kPadBlock = 468;    // octets, RFC 8467 s4.1
constexpr std::size_t kClientCookie = 8;  // octets, RFC 7873 s4.1
constexpr std::size_t kServerCookieLeast = 8, kServerCookieMost = 32;

Checked refuse(Why why, Rcode rcode, Fault fault = Fault::none) noexcept {
    return {Action::error, why, rcode, fault};
}

/// False: a COOKIE option of an impossible length (RFC 7873 s5.2.2). The first one counts.
bool read_options(Request& q) noexcept {
    bool good = true, seen = false;
    q.message.each_option([&](std::uint16_t code, Bytes value) {
        if (code == option::cookie && !seen) {
            seen = true;
            const std::size_t server = value.size() - std::min(value.size(), kClientCookie);
            good = value.size() == kClientCookie ||
                   (server >= kServerCookieLeast && server <= kServerCookieMost);
            if (good) q.cookie = value;
        } else if (code == option::tcp_keepalive) {
            q.keepalive = q.stream;  // over UDP it is ignored (RFC 7828 s3.3)
        } else if (code == option::padding) {
            q.padding = true;
        }
        return true;
    });
    return good;
}

/// Types that are no data but verbs, or live in messages only.
Checked check_type(RrType type) noexcept {
    if (type == rr::axfr || type == rr::ixfr) return refuse(Why::transfer, Rcode::notauth);
    if (type == rr::tkey || type == rr::maila || type == rr::mailb)
        return refuse(Why::not_implemented, Rcode::notimp);
    if (type == rr::opt || type == rr::tsig || type == 0)
        return refuse(Why::malformed, Rcode::formerr);
    return {Action::resolve, Why::none, Rcode::noerror, Fault::none};
}

class OptWriter {
public:
    OptWriter(const Request& q, Rcode rcode, const ReplyExtras& x) noexcept
        : q_(q), rcode_(rcode), x_(x) {}

    [[nodiscard]] bool wanted() const noexcept { return q_.message.edns().present; }
    [[nodiscard]] bool has_ede() const noexcept { return wanted() && x_.ede != Ede::none; }
    [[nodiscard]] std::size_t size(bool with_ede) const noexcept {
        if (!wanted()) return 0;
        std::size_t n = kOptFixed;
        if (!x_.cookie.empty()) n += 4 + x_.cookie.size();
        if (x_.keepalive) n += 6;
        if (with_ede && has_ede()) n += 6 + x_.ede_text.size();
        return n;
    }
    void write(Writer& w, bool with_ede, std::size_t limit) const noexcept {
        if (!wanted()) return;
        w.u8(0);
        w.u16(rr::opt);
        w.u16(kUdpMost);
        w.u8(static_cast<unsigned>(rcode_) >> 4);
        w.u8(0);  // our version
        w.u16(q_.dnssec_ok() ? 0x8000 : 0);
        w.u16(0);
        const std::size_t mark = w.size() - 2;
        if (!x_.cookie.empty()) {
            option_head(w, option::cookie, x_.cookie.size());
            w.bytes(x_.cookie);
        }
        if (x_.keepalive) {
            option_head(w, option::tcp_keepalive, 2);
            w.u16(x_.keepalive_100ms);
        }
        if (with_ede && has_ede()) {
            option_head(w, option::ede, 2 + x_.ede_text.size());
            w.u16(static_cast<unsigned>(x_.ede));
            for (const char c : x_.ede_text) w.u8(static_cast<std::uint8_t>(c));
        }
        if (x_.pad) pad(w, limit);
        w.end_record(mark);
        w.count(Section::additional);
    }

private:
    static void option_head(Writer& w, unsigned code, std::size_t len) noexcept {
        w.u16(code);
        w.u16(static_cast<unsigned>(len));
    }
    static void pad(Writer& w, std::size_t limit) noexcept {
        const std::size_t bare = w.size() + 4;
        if (bare > limit) return;
        const std::size_t want = std::min((bare + kPadBlock - 1) / kPadBlock * kPadBlock, limit);
        option_head(w, option::padding, want - bare);
        for (std::size_t i = bare; i < want; i++) w.u8(0);
    }

    const Request& q_;
    Rcode rcode_;
    const ReplyExtras& x_;
};

/// Flags of every answer: QR, RA, and what is the client's own: opcode, RD, CD.
std::uint16_t flags_for(const Request& q, Rcode rcode) noexcept {
    return static_cast<std::uint16_t>(flag::qr | flag::ra |
                                      (q.flags & (flag::opcode_mask | flag::rd | flag::cd)) |
                                      (static_cast<unsigned>(rcode) & flag::rcode_mask));
}

void write_question(Writer& w, const Request& q) noexcept {
    if (!q.qname.empty()) w.question(q.qname, q.qtype, q.qclass);
}

std::size_t write_bare(const Request& q, unsigned flags, Rcode rcode, const ReplyExtras& x,
                       std::span<std::uint8_t> out) noexcept {
    Writer w(out);
    w.header(q.id, static_cast<std::uint16_t>(flags));
    write_question(w, q);
    const OptWriter opt(q, rcode, x);
    const bool fits = w.size() + opt.size(true) <= q.limit();
    opt.write(w, fits, q.limit());
    return w.ok() ? w.size() : 0;
}

/// How much of a body goes out.
struct Cut {
    std::size_t end = 0;
    std::uint16_t authority = 0, additional = 0;  // counts that remain
    bool whole = true;
};

/// The largest part of `body` that may stand without TC: all, all but additional, or, in a positive
/// answer, the answer section alone (RFC 2181 s9).
Cut cut_to(const Message& body, std::size_t most) noexcept {
    Cut c{body.end(), body.count(Section::authority), body.count(Section::additional), true};
    if (c.end <= most) return c;
    c.end = body.begin_of(Section::additional);
    c.additional = 0;
    if (c.end <= most) return c;
    if (body.rcode() == Rcode::noerror && body.count(Section::answer) > 0) {
        // A chain that ends in nothing keeps its SOA: that is the answer.
        bool negative = false;
        body.each(Section::authority, [&](const Record& r) { negative |= r.type == rr::soa; });
        c.end = body.begin_of(Section::authority);
        c.authority = 0;
        if (c.end <= most && !negative) return c;
    }
    c.whole = false;
    return c;
}

void put16(std::span<std::uint8_t> out, std::size_t at, unsigned v) noexcept {
    out[at] = static_cast<std::uint8_t>(v >> 8);
    out[at + 1] = static_cast<std::uint8_t>(v);
}

}  // namespace

std::size_t Request::limit() const noexcept {
    if (stream) return kMessageMost;
    if (!message.edns().present) return kUdpLeast;
    return std::clamp(message.edns().udp_size, kUdpLeast, kUdpMost);
}

Checked read_request(Bytes datagram, bool stream, Request& q) noexcept {
    q = Request{};
    q.stream = stream;
    const Fault fault = Message::parse(datagram, q.message);
    const Message& m = q.message;
    // A response is never answered: two servers could go on for ever.
    if (!m.header_ok() || m.has(flag::qr)) return {Action::drop, Why::malformed, {}, fault};
    q.id = m.id();
    q.flags = m.flags();
    if (opcode_of(q.flags) != Opcode::query) {
        q.message = Message{};  // the body is of a shape unknown to us (RFC 8906 s3.1.4)
        return refuse(Why::not_implemented, Rcode::notimp);
    }
    const std::size_t qname_len = m.qname().size();  // 0: malformed
    if (m.questions() == 1 && qname_len > 0 && datagram.size() >= kHeaderBytes + qname_len + 4) {
        q.qname = m.qname();
        q.qtype = m.qtype();
        q.qclass = m.qclass();
    }
    if (fault != Fault::none) return refuse(Why::malformed, Rcode::formerr, fault);
    if (m.questions() > 1) return refuse(Why::malformed, Rcode::formerr);  // RFC 9619 s4
    if (m.edns().present) {
        if (m.edns().version > 0) return refuse(Why::bad_version, Rcode::badvers);
        if (!read_options(q)) return refuse(Why::malformed, Rcode::formerr);
    }
    if (m.questions() == 0) {
        return q.cookie.empty() ? refuse(Why::malformed, Rcode::formerr)
                                : refuse(Why::cookie_only, Rcode::noerror);
    }
    const Checked type = check_type(q.qtype);
    if (type.action != Action::resolve) return type;
    if (!q.has(flag::rd)) return refuse(Why::no_recursion_wanted, Rcode::refused);
    return type;
}

std::size_t write_error(const Request& q, Rcode rcode, const ReplyExtras& extras,
                        std::span<std::uint8_t> out) noexcept {
    return write_bare(q, flags_for(q, rcode), rcode, extras, out);
}

std::size_t write_truncated(const Request& q, const ReplyExtras& extras,
                            std::span<std::uint8_t> out) noexcept {
    return write_bare(q, flags_for(q, Rcode::noerror) | flag::tc, Rcode::noerror, extras, out);
}

std::size_t write_reply(const Request& q, Bytes body, std::uint32_t age, const ReplyExtras& extras,
                        std::span<std::uint8_t> out) noexcept {
    Message m;
    if (Message::parse(body, m) != Fault::none || m.qname().size() != q.qname.size()) return 0;
    const Rcode rcode = m.rcode();
    unsigned flags = flags_for(q, rcode);
    flags |= m.flags() & unsigned{flag::aa};
    // AD for who can make use of it (RFC 6840 s5.8).
    if (q.dnssec_ok() || q.has(flag::ad)) flags |= m.flags() & unsigned{flag::ad};

    const OptWriter opt(q, rcode, extras);
    const std::size_t limit = std::min(q.limit(), out.size());
    bool with_ede = opt.has_ede();
    if (with_ede && m.end() + opt.size(true) > limit) {
        with_ede = false;
        flags |= flag::tc;
    }
    if (limit < opt.size(with_ede)) return 0;
    const Cut cut = cut_to(m, limit - opt.size(with_ede));
    if (!cut.whole) return write_bare(q, flags | flag::tc, rcode, extras, out);

    Writer w(out);
    w.bytes(body.first(cut.end));
    const auto sent = w.written();
    put16(sent, 0, q.id);
    put16(sent, 2, flags);
    put16(sent, 8, cut.authority);
    put16(sent, 10, cut.additional);
    std::copy(q.qname.begin(), q.qname.end(), sent.begin() + kHeaderBytes);
    if (age > 0) age_ttls(sent, m, age);
    opt.write(w, with_ede, limit);
    return w.ok() ? w.size() : 0;
}

}  // namespace isthmus::dns64
