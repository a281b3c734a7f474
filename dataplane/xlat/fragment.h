// SPDX-License-Identifier: Apache-2.0
// Cutting a translated packet into fragments that fit a link (RFC 791 s3.2, RFC 8200 s4.5).
//
// The packet to be cut is already in its new family. An IPv6 one carries a Fragment Header right
// behind the base header (Rewrite::fragment_header); an IPv4 one has 20 bytes of header. What is
// itself a fragment is cut further: offsets go on from its own, the last piece keeps its "more"
// bit. The caller allocates each piece.
#pragma once

#include <cstdint>

#include "common/net/frame.h"

namespace isthmus::xlat {

class Cutter {
public:
    /// `whole` stays valid and unchanged while pieces are taken. `mtu` >= 68 (IPv4) or 1280 (IPv6).
    Cutter(const Frame& whole, std::uint32_t mtu) noexcept;

    [[nodiscard]] bool done() const noexcept { return at_ >= payload_; }
    /// Bytes of the next piece, headers and all.
    [[nodiscard]] std::uint32_t next_bytes() const noexcept;
    /// Writes the next piece into `into`, whose length is set; false when it has no room.
    bool next(Frame& into) noexcept;

private:
    Frame whole_;
    bool v6_;
    std::uint32_t header_;   // bytes in front of the payload
    std::uint32_t payload_;  // bytes to be spread
    std::uint32_t step_;     // payload bytes of a piece that is not the last; a multiple of 8
    std::uint32_t at_ = 0;
};

}  // namespace isthmus::xlat
