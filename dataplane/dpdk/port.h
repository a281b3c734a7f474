// SPDX-License-Identifier: Apache-2.0
// One Ethernet device as a port of ours: configured by what it says that it can do, reported, and
// refused with a sentence where it would break us.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/expected.h"
#include "common/config/config.h"
#include "common/net/addr.h"
#include "dataplane/agent/workers.h"
#include "dataplane/dpdk/device.h"
#include "dataplane/dpdk/mbuf_frame.h"
#include "dataplane/dpdk/rss.h"

namespace isthmus::dpdk {

/// Of the offloads that a device works with (RTE_ETH_RX_OFFLOAD_*), those that would break us.
[[nodiscard]] std::uint64_t harmful_rx_offloads(std::uint64_t in_use) noexcept;

class Port {
public:
    /// Configures the device of `cfg` (EAL has it already); it is stopped afterwards.
    [[nodiscard]] static Expected<Port> open(const config::PortConfig& cfg, const DeviceSpec& spec,
                                             unsigned n_workers, const Buffers& buffers,
                                             const nat::Steering& steering);
    /// What the device of a port can do about steering, before it is opened.
    [[nodiscard]] static Expected<RssAbility> rss_of(const config::PortConfig& cfg,
                                                     const DeviceSpec& spec);
    [[nodiscard]] Status start();
    void stop() noexcept;
    void close() noexcept;
    [[nodiscard]] bool link_up() const;
    [[nodiscard]] Status set_mtu(std::uint16_t mtu);
    [[nodiscard]] Status add_mac(MacAddr mac);
    [[nodiscard]] Status remove_mac(MacAddr mac);
    [[nodiscard]] agent::PortFacts facts() const;

    [[nodiscard]] std::uint16_t dpdk_id() const { return id_; }
    [[nodiscard]] std::uint16_t rx_queues() const { return rx_queues_; }
    [[nodiscard]] std::uint16_t tx_queues() const { return tx_queues_; }
    [[nodiscard]] std::uint16_t mtu() const { return mtu_; }
    [[nodiscard]] bool is_virtual() const { return !spec_.is_pci; }

private:
    Status configure(const config::PortConfig& cfg, unsigned n_workers, const Buffers& buffers);
    Status negotiate(unsigned n_workers, unsigned wished_queues);
    Status refuse_harmful() const;
    Status set_up_queues(std::uint16_t descriptors, const Buffers& buffers);
    void steer();

    std::uint16_t id_ = 0, rx_queues_ = 1, tx_queues_ = 1, mtu_ = 1500;
    bool promiscuous_ = false;
    unsigned n_workers_ = 1;
    RssAbility rss_;
    bool rss_asked_ = false;
    const nat::Steering* steering_ = nullptr;
    std::string name_, offloads_, unused_offloads_, steering_text_ = "one worker";
    DeviceSpec spec_;
};

}  // namespace isthmus::dpdk
