// SPDX-License-Identifier: Apache-2.0
// A UDP socket of one worker: bursts of queries in, bursts of answers out, one system call each.
//
// An answer leaves from the address and port that was asked (RFC 2181 s4.1): a socket bound to an
// address can do nothing else; one bound to the wildcard learns the address with each query and
// gives it back with the answer.
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <vector>

#include "dns64/worker.h"

namespace isthmus::dns64 {

class UdpListener final : public Watcher, public Transport {
public:
    [[nodiscard]] static Expected<std::unique_ptr<UdpListener>> open(Worker& worker,
                                                                     const config::Endpoint& e);
    ~UdpListener() override;
    void on_ready(std::uint32_t events) override;
    void reply(const Origin& to, Bytes message) override;

private:
    static constexpr unsigned kBurst = 64;
    static constexpr std::size_t kReceiveMost = 4096, kControlMost = 64;
    /// Not a multiple of a page: the first lines of all places would share one set of the L1 cache.
    static constexpr std::size_t kReceiveStride = kReceiveMost + 64;
    UdpListener(Worker& worker, int fd, bool wildcard);
    [[nodiscard]] unsigned receive();
    [[nodiscard]] Bytes received(unsigned i) const {
        return {static_cast<const std::uint8_t*>(in_part_[i].iov_base), in_message_[i].msg_len};
    }
    void foresee(unsigned n);
    void take(unsigned i);
    void queue(const SocketAddress& to, Bytes control, std::size_t size);
    void flush();
    [[nodiscard]] std::span<std::uint8_t> slot() {
        return {out_.data() + n_out_ * std::size_t{kUdpMost}, kUdpMost};
    }

    Worker& worker_;
    int fd_;
    BusyWatch watch_;
    bool wildcard_;
    unsigned hook_;
    std::vector<std::uint8_t> in_, out_;
    std::array<mmsghdr, kBurst> in_message_{}, out_message_{};
    std::array<iovec, kBurst> in_part_{}, out_part_{};
    std::array<SocketAddress, kBurst> in_peer_, out_peer_;
    std::array<std::array<std::uint8_t, kControlMost>, kBurst> in_control_{}, out_control_{};
    unsigned n_in_ = kBurst;  // places that the kernel has filled
    unsigned n_out_ = 0;
    std::array<std::uint32_t, kBurst> hash_{};  // of what was received
};

/// Is the address free? Asked once before the workers share it, because SO_REUSEPORT would share it
/// with another program of the same user too.
[[nodiscard]] Status check_free(const config::Endpoint& e, int type);

/// A bound socket with SO_REUSEPORT; `type`: SOCK_DGRAM or SOCK_STREAM.
[[nodiscard]] Expected<int> bind_socket(const config::Endpoint& e, int type);

}  // namespace isthmus::dns64
