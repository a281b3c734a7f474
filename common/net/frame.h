// SPDX-License-Identifier: Apache-2.0
// One packet's bytes plus the room around them; not owned, never allocated here. The dataplane's
// edge makes one from an mbuf (or a test from an array) and takes data, len_bytes back afterwards.
//
// Contract: the `room_bytes` from data - headroom on are writable memory of this packet alone.
#pragma once

#include <cassert>
#include <cstdint>
#include <span>

namespace isthmus {

struct Frame {
    std::uint8_t* data = nullptr;
    std::uint32_t len_bytes = 0;
    std::uint32_t headroom = 0;
    std::uint32_t room_bytes = 0;  // headroom, frame and tailroom: moving the frame leaves it be

    Frame() = default;  // and no other way but between(): what is room must be said
    /// A frame at `data` with room on both sides.
    [[nodiscard]] static Frame between(std::uint32_t headroom, std::uint8_t* data,
                                       std::uint32_t len_bytes, std::uint32_t tailroom) noexcept {
        Frame f;
        f.data = data;
        f.len_bytes = len_bytes;
        f.headroom = headroom;
        f.room_bytes = headroom + len_bytes + tailroom;
        return f;
    }
    [[nodiscard]] std::uint32_t tailroom() const noexcept {
        return room_bytes - headroom - len_bytes;
    }

    [[nodiscard]] std::span<std::uint8_t> bytes() const { return {data, len_bytes}; }

    /// Gives `n` bytes more at the front; the caller has checked headroom.
    void push_front(std::uint32_t n) noexcept {
        assert(n <= headroom);
        data -= n;
        headroom -= n;
        len_bytes += n;
    }
    /// Takes `n` bytes off the front; the caller has checked len_bytes.
    void pull_front(std::uint32_t n) noexcept {
        assert(n <= len_bytes);
        data += n;
        headroom += n;
        len_bytes -= n;
    }
    /// Sets the length, cutting or growing at the tail; the caller has checked tailroom.
    void set_length(std::uint32_t n) noexcept {
        assert(n <= room_bytes - headroom);
        len_bytes = n;
    }
};

}  // namespace isthmus
