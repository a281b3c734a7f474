// SPDX-License-Identifier: Apache-2.0
#include "dns64/record_text.h"

#include "dns64/names_of_codes.h"

namespace isthmus::dns64 {

namespace {

std::string hex(Bytes bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t b : bytes) {
        out += kDigits[b >> 4];
        out += kDigits[b & 15];
    }
    return out;
}

/// TXT: character strings in quotes.
std::string strings(Bytes data) {
    std::string out;
    while (!data.empty()) {
        const std::size_t n = std::min<std::size_t>(data[0], data.size() - 1);
        out += out.empty() ? "\"" : " \"";
        for (const std::uint8_t c : data.subspan(1, n)) {
            if (c == '"' || c == '\\') out += '\\';
            out += c >= ' ' && c < 0x7f ? static_cast<char>(c) : '?';
        }
        out += '"';
        data = data.subspan(1 + n);
    }
    return out;
}

/// Behind the (compressed) name at `at`, which parse() has seen.
unsigned end_of_name(const Message& m, unsigned at) {
    for (;; at += 1U + m.bytes()[at]) {
        if (m.bytes()[at] == 0) return at + 1;
        if (m.bytes()[at] >= 0xc0) return at + 2;
    }
}

std::string soa_text(const Message& m, const Record& r) {
    const unsigned mailbox = end_of_name(m, r.rdata_at);
    std::string out = name_text(m.name_at(r.rdata_at)) + " " +
                      name_text(m.name_at(static_cast<std::uint16_t>(mailbox)));
    for (unsigned left = 20; left > 0; left -= 4)
        out += " " + std::to_string(m.u32(r.end_at - left));
    return out;
}

std::string data_text(const Message& m, const Record& r) {
    const auto name = [&](unsigned at) {
        return name_text(m.name_at(static_cast<std::uint16_t>(r.rdata_at + at)));
    };
    const auto number = [&](unsigned at) { return std::to_string(m.u16(r.rdata_at + at)) + " "; };
    if (r.cls == kClassIn || (r.type != rr::a && r.type != rr::aaaa)) {
        switch (r.type) {
            case rr::a:
                return ipv4_of(m, r).text();
            case rr::aaaa:
                return ipv6_of(m, r).text();
            case rr::cname:
            case rr::dname:
            case rr::ns:
            case rr::ptr:
                return name(0);
            case rr::mx:
                return number(0) + name(2);
            case rr::srv:
                return number(0) + number(2) + number(4) + name(6);
            case rr::txt:
                return strings(m.rdata(r));
            case rr::soa:
                return soa_text(m, r);
            default:
                break;
        }
    }
    return "\\# " + std::to_string(r.rdata_len) + (r.rdata_len == 0 ? "" : " ") + hex(m.rdata(r));
}

}  // namespace

std::string record_text(const Message& m, const Record& r) {
    const std::string cls = r.cls == kClassIn ? "IN" : "CLASS" + std::to_string(r.cls);
    return name_text(m.name_at(r.owner_at)) + " " + std::to_string(r.ttl) + " " + cls + " " +
           type_text(r.type) + " " + data_text(m, r);
}

std::vector<std::string> record_texts(const Message& m) {
    std::vector<std::string> out;
    for (const Section s : {Section::answer, Section::authority, Section::additional})
        m.each(s, [&](const Record& r) { out.push_back(record_text(m, r)); });
    return out;
}

}  // namespace isthmus::dns64
