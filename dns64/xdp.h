// SPDX-License-Identifier: Apache-2.0
// `listen = [ "xdp:eth0" ]`: queries that arrive on an interface are taken from its driver, before
// the kernel's IP and UDP, and answered there (docs/decisions/0032). It stands in front of the
// sockets, which stay: TCP, fragments, and all else that the filter does not know come to them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dns64/worker.h"

namespace isthmus::dns64 {

/// One interface; made before privileges are dropped, ended after the workers' threads.
class XdpInterface {
public:
    virtual ~XdpInterface() = default;
    /// The worker gets the next of the interface's queues, if there is one left.
    [[nodiscard]] virtual Status serve(Worker& w) = 0;
    /// After all have been served: from now on frames come.
    [[nodiscard]] virtual Status attach() = 0;
};

/// False: this program was built without libxdp.
[[nodiscard]] bool has_xdp();

/// `addresses`: of UDP sockets; those that cannot be meant by a frame are left out.
[[nodiscard]] Expected<std::unique_ptr<XdpInterface>> open_xdp(
    const std::string& interface, const std::vector<config::Endpoint>& addresses,
    unsigned n_workers);

/// What "xdp:eth0" alone listens on: the addresses that the interface has now.
[[nodiscard]] Expected<std::vector<config::Endpoint>> addresses_of(const std::string& interface);

/// What no worker needs any more goes, where we are not root: it was given for the start.
[[nodiscard]] Status drop_xdp_capabilities();

}  // namespace isthmus::dns64
