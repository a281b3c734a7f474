// SPDX-License-Identifier: Apache-2.0
#include "common/api/event.h"

#include <array>

#include "common/base/byte_cursor.h"

namespace isthmus::api {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> kDigits = [] {
    std::array<std::uint8_t, 256> out{};
    out.fill(kNoDigit);
    for (std::size_t i = 0; i < kAlphabet.size(); i++)
        out[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    return out;
}();

template <typename T>
void put(std::string& out, T v) {
    for (std::size_t i = sizeof(T); i-- > 0;)
        out.push_back(static_cast<char>((v >> (8 * i)) & 0xff));
}

std::uint64_t u64(ByteCursor& in) {
    const std::uint64_t high = in.u32();
    return (high << 32) | in.u32();
}

}  // namespace

void append(std::string& out, const Event& e) {
    const std::size_t begin = out.size();
    put(out, e.sequence);
    put(out, e.unix_ns);
    put(out, e.worker);
    put(out, static_cast<std::uint8_t>(e.kind));
    put(out, static_cast<std::uint8_t>(e.proto));
    put(out, static_cast<std::uint8_t>(e.why));
    put(out, e.group);
    put(out, e.x_bits);
    for (const std::uint8_t b : e.x.octet) put(out, b);
    put(out, e.t.host());
    put(out, e.z.host());
    put(out, e.x_id);
    put(out, e.t_id);
    put(out, e.z_id);
    put(out, e.t_last);
    put(out, e.limit);
    put(out, e.suppressed);
    out.resize(begin + kEventBytes, '\0');
}

std::optional<Event> read_event(std::string_view bytes) {
    if (bytes.size() != kEventBytes) return std::nullopt;
    ByteCursor in({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    Event e;
    e.sequence = u64(in);
    e.unix_ns = u64(in);
    e.worker = in.u16();
    const std::uint8_t kind = in.u8(), proto = in.u8(), why = in.u8();
    if (kind >= kEventCount || proto >= kProtos || why >= kDropCount) return std::nullopt;
    e.kind = static_cast<EventKind>(kind);
    e.proto = static_cast<Proto>(proto);
    e.why = static_cast<Drop>(why);
    e.group = in.u8();
    e.x_bits = in.u8();
    if (e.x_bits > 128) return std::nullopt;
    for (std::uint8_t& b : e.x.octet) b = in.u8();
    e.t = Ipv4Addr::from_host(in.u32());
    e.z = Ipv4Addr::from_host(in.u32());
    e.x_id = in.u16();
    e.t_id = in.u16();
    e.z_id = in.u16();
    e.t_last = in.u16();
    e.limit = in.u32();
    e.suppressed = in.u32();
    return e;
}

std::string base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t v = 0;
        for (std::size_t k = 0; k < 3; k++)
            v = (v << 8) | (i + k < bytes.size() ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; k++) {
            const bool there = i + k <= bytes.size();
            out.push_back(there ? kAlphabet[(v >> (18 - 6 * k)) & 63] : '=');
        }
    }
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        std::uint32_t v = 0;
        unsigned pads = 0;
        for (std::size_t k = 0; k < 4; k++) {
            const char c = text[i + k];
            const std::uint8_t digit = kDigits[static_cast<std::uint8_t>(c)];
            const bool pad = c == '=' && i + 4 == text.size() && k >= 2;
            if (pad) pads++;
            if ((digit == kNoDigit || pads > 0) && !pad) return std::nullopt;
            v = (v << 6) | (pad ? 0U : digit);
        }
        for (unsigned k = 0; k < 3 - pads; k++)
            out.push_back(static_cast<char>((v >> (16 - 8 * k)) & 0xff));
    }
    return out;
}

}  // namespace isthmus::api
