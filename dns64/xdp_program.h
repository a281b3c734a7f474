// SPDX-License-Identifier: Apache-2.0
// The filter that an interface runs on every frame that it receives (docs/decisions/0032). What is
// surely a DNS query to one of our addresses goes to the AF_XDP socket of the queue that it came
// on; everything else, and what came on a queue without a socket, goes to the kernel as before.
//
// It is put together for the addresses that are known at the start, some ten instructions for each:
// no compiler for BPF is needed, on no machine. The kernel takes it off the interface when the last
// descriptor of it closes, so also when we are killed.
#pragma once

#include <linux/bpf.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/expected.h"
#include "dns64/xdp_frame.h"

namespace isthmus::dns64 {

/// Longer frames than that are left to the kernel; they fit into what a socket has for a frame.
inline constexpr unsigned kFrameMost = 1514;

/// What the filter looks for: frames to this MAC address, for UDP to one of these.
struct XdpMatch {
    Mac mac{};
    std::vector<config::Endpoint> addresses;
};

/// `sockets_fd`: the map from queue to socket.
[[nodiscard]] std::vector<bpf_insn> xdp_filter(const XdpMatch& m, int sockets_fd);

class XdpProgram {
public:
    /// `n_queues`: sockets that it may have.
    [[nodiscard]] static Expected<std::unique_ptr<XdpProgram>> load(const std::string& interface,
                                                                    const XdpMatch& m,
                                                                    unsigned n_queues);
    ~XdpProgram();
    XdpProgram(const XdpProgram&) = delete;
    XdpProgram& operator=(const XdpProgram&) = delete;

    [[nodiscard]] int sockets_fd() const { return sockets_fd_; }
    /// From now on frames come: in the driver, or, where it knows no XDP, behind it.
    [[nodiscard]] Status attach(unsigned ifindex);
    [[nodiscard]] bool is_in_driver() const { return in_driver_; }

private:
    explicit XdpProgram(std::string interface) : interface_(std::move(interface)) {}
    std::string interface_;
    int sockets_fd_ = -1, program_fd_ = -1, link_fd_ = -1;
    bool in_driver_ = true;
};

}  // namespace isthmus::dns64
