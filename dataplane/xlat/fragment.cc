// SPDX-License-Identifier: Apache-2.0
#include "dataplane/xlat/fragment.h"

#include <algorithm>
#include <cstring>

#include "common/net/headers.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::xlat {

Cutter::Cutter(const Frame& whole, std::uint32_t mtu) noexcept
    : whole_(whole),
      v6_((whole.data[0] >> 4) == 6),
      header_(v6_ ? kIpv6Bytes + kFragmentBytes : kIpv4Bytes),
      payload_(whole.len_bytes - header_),
      step_((mtu - header_) & ~7U) {}

std::uint32_t Cutter::next_bytes() const noexcept {
    const std::uint32_t left = payload_ - at_;
    // What is left may be carried whole when it fits, also if it is no multiple of 8.
    return header_ + std::min(left, step_);
}

bool Cutter::next(Frame& into) noexcept {
    const std::uint32_t bytes = next_bytes();
    if (bytes > into.room_bytes - into.headroom) return false;
    into.set_length(bytes);
    std::memcpy(into.data, whole_.data, header_);
    std::memcpy(into.data + header_, whole_.data + header_ + at_, bytes - header_);
    const bool last = at_ + (bytes - header_) >= payload_;
    if (v6_) {
        std::uint8_t* const f = into.data + kIpv6Bytes;
        const std::uint32_t word = load_be16(f + 2).host();
        const std::uint32_t offset = (word & 0xfff8U) + at_;
        const std::uint32_t more = last ? word & 1U : 1U;
        store(f + 2, Be16{static_cast<std::uint16_t>(offset | more)});
        store(into.data + ipv6_at::kPayloadLength,
              Be16{static_cast<std::uint16_t>(bytes - kIpv6Bytes)});
    } else {
        std::uint8_t* const h = into.data;
        const std::uint32_t word = load_be16(h + ipv4_at::kFragment).host();
        const std::uint32_t offset = (word & ipv4_at::kOffsetMask) + at_ / 8;
        const std::uint32_t more = last ? word & ipv4_at::kMf : ipv4_at::kMf;
        store(h + ipv4_at::kFragment, Be16{static_cast<std::uint16_t>(offset | more)});
        store(h + ipv4_at::kTotalLength, Be16{static_cast<std::uint16_t>(bytes)});
        write_ipv4_checksum(h);
    }
    at_ += bytes - header_;
    return true;
}

}  // namespace isthmus::xlat
