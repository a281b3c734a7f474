// SPDX-License-Identifier: Apache-2.0
// The client's side of one exchange: check a query, and send an answer that fits.
//
// A *body* is a whole answer as it may be cached and given to many: header (ID 0; AA, AD and RCODE
// set), question, sections; no OPT. write_reply() makes from it what one client gets: his ID, his
// flags, his spelling of the name, TTLs counted down, an OPT if he sent one, and no more octets
// than he can take.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dns64/why.h"
#include "dns64/wire.h"

namespace isthmus::dns64 {

/// What a client sent. Spans and `message` refer to its datagram.
struct Request {
    Message message;
    bool stream = false;  // TCP or TLS
    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    NameView qname;  // as spelled
    RrType qtype = 0;
    RrClass qclass = 0;
    Bytes cookie;            // 8 or 16 to 40 octets; empty: none (RFC 7873 s4)
    bool padding = false;    // RFC 7830: wants padded answers
    bool keepalive = false;  // RFC 7828: asked for the idle timeout

    [[nodiscard]] bool has(std::uint16_t flag) const noexcept { return (flags & flag) != 0; }
    [[nodiscard]] bool dnssec_ok() const noexcept { return message.edns().dnssec_ok; }
    [[nodiscard]] bool checking_disabled() const noexcept { return has(flag::cd); }
    /// The most that may be sent back in one message.
    [[nodiscard]] std::size_t limit() const noexcept;
};

enum class Action : std::uint8_t {
    drop,     // say nothing
    error,    // write_error() with the RCODE
    resolve,  // ask the cache, or a Resolution
};
struct Checked {
    Action action = Action::drop;
    Why why = Why::malformed;
    Rcode rcode = Rcode::formerr;
    Fault fault = Fault::none;
};

/// The rules of RFC 1035, 6891, 7873, 8906 and 9619 for queries, before any policy.
[[nodiscard]] Checked read_request(Bytes datagram, bool stream, Request& out) noexcept;

/// What goes into the answer's OPT beside the fixed part.
struct ReplyExtras {
    Bytes cookie;            // client and server cookie; empty: no option
    bool keepalive = false;  // over streams, to who asked
    std::uint16_t keepalive_100ms = 0;
    Ede ede = Ede::none;
    std::string_view ede_text;
    bool pad = false;  // to a multiple of 468 octets (RFC 8467), over TLS to who pads himself
};

/// Octets written to `out` (at least kMessageMost long, or the client's limit); 0: no room.
[[nodiscard]] std::size_t write_error(const Request& q, Rcode rcode, const ReplyExtras& extras,
                                      std::span<std::uint8_t> out) noexcept;

/// `age`: seconds since the body was made. Truncates by the rules of RFC 2181 s9: additional and,
/// in a positive answer, authority records are left out silently; anything else sets TC and leaves
/// question and OPT. EDE goes first of all (RFC 8914 s3).
[[nodiscard]] std::size_t write_reply(const Request& q, Bytes body, std::uint32_t age,
                                      const ReplyExtras& extras,
                                      std::span<std::uint8_t> out) noexcept;

/// An answer without records and with TC, for rate limiting: the client may come back by TCP.
[[nodiscard]] std::size_t write_truncated(const Request& q, const ReplyExtras& extras,
                                          std::span<std::uint8_t> out) noexcept;

}  // namespace isthmus::dns64
