// SPDX-License-Identifier: Apache-2.0
#include "dns64/store.h"

#include <algorithm>
#include <cstring>

namespace isthmus::dns64 {

namespace {

void put16(std::uint8_t* p, unsigned v) {
    p[0] = static_cast<std::uint8_t>(v >> 8);
    p[1] = static_cast<std::uint8_t>(v & 0xff);
}

std::uint32_t get32(const std::uint8_t* p) {
    std::uint32_t v;
    std::memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

void put32(std::uint8_t* p, std::uint32_t v) {
    v = __builtin_bswap32(v);
    std::memcpy(p, &v, sizeof v);
}

void count_down(std::uint8_t* body, const CacheEntry& e, std::uint32_t age) {
    const std::uint8_t* offsets = e.ttl_offsets();
    for (unsigned i = 0; i < e.n_ttl(); i++) {
        std::uint16_t at;
        std::memcpy(&at, offsets + std::size_t{2} * i, sizeof at);
        const std::uint32_t ttl = capped_ttl(get32(body + at));
        put32(body + at, ttl > age ? ttl - age : 0);
    }
}

/// The whole message of an entry with the entry's own name.
std::size_t put_message(const CacheEntry& e, RrType type, std::uint32_t age,
                        std::span<std::uint8_t> out) {
    const std::size_t begin = kHeaderBytes + e.name_bytes + 4U;
    if (begin + e.body_bytes > out.size()) return 0;
    put16(&out[0], 0);
    put16(&out[2], e.flags_rcode | flag::qr | flag::ra);
    put16(&out[4], 1);
    put16(&out[6], e.n_answer);
    put16(&out[8], e.n_authority);
    put16(&out[10], e.n_additional);
    std::memcpy(&out[kHeaderBytes], e.name().data(), e.name_bytes);
    put16(&out[begin - 4], type);
    put16(&out[begin - 2], kClassIn);
    std::memcpy(&out[begin], e.body().data(), e.body_bytes);
    count_down(&out[begin], e, age);
    return begin + e.body_bytes;
}

/// Records copied to a message with another question: names are compressed anew.
Bytes under_question(const Message& from, NameView name, RrType type, std::uint16_t flags,
                     std::span<std::uint8_t> out) {
    Writer w(out);
    w.header(0, flags);
    w.question(name, type, kClassIn);
    for (const Section s : {Section::answer, Section::authority, Section::additional}) {
        from.each(s, [&](const Record& r) {
            w.copy(from, r, from.name_at(r.owner_at), r.ttl);
            w.count(s);
        });
    }
    return w.ok() ? w.written() : Bytes{};
}

}  // namespace

bool Records::take(const Message& m) {
    ttl_offsets.clear();
    rewritten.clear();
    if (m.questions() != 1) return false;
    const Edns& edns = m.edns();
    const std::size_t begin = kHeaderBytes + m.qname().size() + 4;
    std::size_t end = m.end();
    Message copy;
    const Message* from = &m;
    if (edns.present) {
        if (edns.options_at + edns.options_len == m.end()) {
            end = edns.options_at - kOptFixed;
        } else {
            rewritten.resize(kMessageMost);
            const Bytes bytes = under_question(m, m.qname(), m.qtype(), m.flags(), rewritten);
            if (bytes.empty() || Message::parse(bytes, copy) != Fault::none) return false;
            from = &copy;
            end = bytes.size();
        }
    }
    if (has_long_soa(*from)) {
        if (from == &m) rewritten.assign(m.bytes().begin(), m.bytes().end());
        settle_ttls(rewritten, *from);
        body = Bytes(rewritten).subspan(begin, end - begin);
    } else {
        body = from->bytes().subspan(begin, end - begin);
    }
    n_answer = from->count(Section::answer);
    n_authority = from->count(Section::authority);
    n_additional = from->count(Section::additional);
    if (from == &m && edns.present) n_additional--;
    each_ttl(*from, [&](std::uint16_t at) {
        ttl_offsets.push_back(static_cast<std::uint16_t>(at - begin));
    });
    return true;
}

void Records::put_into(NewEntry& e) const {
    e.n_answer = n_answer;
    e.n_authority = n_authority;
    e.n_additional = n_additional;
    e.ttl_offsets = ttl_offsets;
    e.body = body;
}

Bytes rebuild(const CacheEntry& e, NameView name, RrType type, std::uint32_t now_s,
              std::span<std::uint8_t> out) {
    const std::size_t n = put_message(e, type, e.ttl_lost(now_s), out);
    if (n == 0 || e.name_bytes == name.size()) return out.first(n);
    std::vector<std::uint8_t> own(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
    Message m;
    if (Message::parse(own, m) != Fault::none) return {};
    return under_question(m, name, type, m.flags(), out);
}

std::size_t write_hit(const Request& q, const CacheEntry& e, std::uint32_t now_s,
                      const ReplyExtras& x, std::span<std::uint8_t> out) noexcept {
    const bool edns = q.message.edns().present;
    const bool ede = edns && x.ede != Ede::none;
    std::size_t options = 0;
    if (edns) {
        options = (x.cookie.empty() ? 0 : 4 + x.cookie.size()) + (x.keepalive ? 6U : 0U) +
                  (ede ? 6 + x.ede_text.size() : 0);
    }
    const std::size_t begin = kHeaderBytes + q.qname.size() + 4;
    const std::size_t size = begin + e.body_bytes + (edns ? kOptFixed + options : 0);
    if (size > q.limit() || size > out.size() || x.pad) return 0;
    std::uint8_t* p = out.data();
    unsigned flags = flag::qr | flag::ra | (q.flags & (flag::rd | flag::cd)) |
                     (e.flags_rcode & (flag::aa | flag::rcode_mask));
    if (q.dnssec_ok() || q.has(flag::ad)) flags |= e.flags_rcode & flag::ad;
    put16(p, q.id);
    put16(p + 2, flags);
    put16(p + 4, 1);
    put16(p + 6, e.n_answer);
    put16(p + 8, e.n_authority);
    put16(p + 10, e.n_additional + (edns ? 1U : 0U));
    std::memcpy(p + kHeaderBytes, q.qname.data(), q.qname.size());
    put16(p + begin - 4, q.qtype);
    put16(p + begin - 2, q.qclass);
    std::memcpy(p + begin, e.body().data(), e.body_bytes);
    count_down(p + begin, e, e.ttl_lost(now_s));
    if (!edns) return size;

    p += begin + e.body_bytes;
    *p++ = 0;
    put16(p, rr::opt);
    put16(p + 2, kUdpMost);
    put16(p + 4, 0);  // upper RCODE, version
    put16(p + 6, q.dnssec_ok() ? 0x8000 : 0);
    put16(p + 8, static_cast<unsigned>(options));
    p += 10;
    const auto head = [&p](unsigned code, std::size_t n) {
        put16(p, code);
        put16(p + 2, static_cast<unsigned>(n));
        p += 4;
    };
    if (!x.cookie.empty()) {
        head(option::cookie, x.cookie.size());
        std::memcpy(p, x.cookie.data(), x.cookie.size());
        p += x.cookie.size();
    }
    if (x.keepalive) {
        head(option::tcp_keepalive, 2);
        put16(p, x.keepalive_100ms);
        p += 2;
    }
    if (ede) {
        head(option::ede, 2 + x.ede_text.size());
        put16(p, static_cast<unsigned>(x.ede));
        std::memcpy(p + 2, x.ede_text.data(), x.ede_text.size());
    }
    return size;
}

}  // namespace isthmus::dns64
