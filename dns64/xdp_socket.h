// SPDX-License-Identifier: Apache-2.0
// One AF_XDP socket: its memory, cut into frames, and the four rings between us and the kernel.
//
// Half of the frames are the kernel's to receive into and circulate through the fill and receive
// rings; the other half are ours to send from, a stack of free ones, so that the one used last is
// used next.
#pragma once

#include <xdp/xsk.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/expected.h"
#include "dns64/wire.h"

namespace isthmus::dns64 {

class XdpSocket {
public:
    static constexpr unsigned kBurst = 64;

    [[nodiscard]] static Expected<std::unique_ptr<XdpSocket>> open(const std::string& interface,
                                                                   unsigned queue, int sockets_fd);
    ~XdpSocket();
    XdpSocket(const XdpSocket&) = delete;
    XdpSocket& operator=(const XdpSocket&) = delete;
    [[nodiscard]] int fd() const { return xsk_socket__fd(socket_); }

    /// Up to kBurst frames, which stay valid until release().
    [[nodiscard]] unsigned receive();
    [[nodiscard]] Bytes received(unsigned i) const { return frames_[i]; }
    /// The kernel may use them again.
    void release();

    /// Room for one frame to send; its bytes are empty when all are on their way. It goes to
    /// queue() or back.
    struct Room {
        std::uint64_t at = 0;  // in the socket's memory
        std::span<std::uint8_t> bytes;
    };
    [[nodiscard]] Room room();
    void queue(const Room& r, std::size_t size);
    void give_back(const Room& r) { free_.push_back(place_of(r.at)); }
    /// Hands over what is queued. False: something still waits; call it again a little later.
    bool flush();

    /// Frames that the kernel has dropped before they came to us.
    [[nodiscard]] std::uint64_t dropped() const;

private:
    static constexpr unsigned kFrames = 2048;  // in each direction
    static constexpr std::size_t kFrameBytes = 2048;
    /// Where the frame begins in whose place an address lies.
    [[nodiscard]] static std::uint64_t place_of(std::uint64_t at) {
        return at / kFrameBytes * kFrameBytes;
    }
    XdpSocket() = default;
    [[nodiscard]] int open_rings(const std::string& interface, unsigned queue, int sockets_fd);
    void reclaim();

    std::uint8_t* memory_ = nullptr;
    xsk_umem* umem_ = nullptr;
    xsk_socket* socket_ = nullptr;
    xsk_ring_prod fill_{}, send_{};
    xsk_ring_cons receive_{}, sent_{};
    unsigned n_received_ = 0, n_queued_ = 0;
    std::array<Bytes, kBurst> frames_;
    std::array<std::uint64_t, kBurst> addresses_{};
    std::vector<std::uint64_t> free_;
};

}  // namespace isthmus::dns64
