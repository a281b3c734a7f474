// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/port.h"

#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "common/log/log.h"
#include "dataplane/dpdk/kernel_link.h"

namespace isthmus::dpdk {
namespace {

std::string reason(int rc) { return rte_strerror(rc < 0 ? -rc : rc); }

/// "rx-TCP_LRO, rx-SCATTER" as "rx-tcp-lro, rx-scatter".
template <typename NameOf>
std::string names_of(std::uint64_t offloads, const char* prefix, NameOf name_of) {
    std::string out;
    for (unsigned bit = 0; bit < 64; bit++) {
        const std::uint64_t one = std::uint64_t{1} << bit;
        if ((offloads & one) == 0) continue;
        out += (out.empty() ? "" : ", ") + std::string(prefix);
        for (const char* c = name_of(one); *c != '\0'; c++)
            out +=
                *c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(*c)));
    }
    return out;
}

}  // namespace

std::uint64_t harmful_rx_offloads(std::uint64_t in_use) noexcept {
    return in_use & (RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_BUFFER_SPLIT |
                     RTE_ETH_RX_OFFLOAD_KEEP_CRC | RTE_ETH_RX_OFFLOAD_SECURITY |
                     RTE_ETH_RX_OFFLOAD_MACSEC_STRIP | RTE_ETH_RX_OFFLOAD_QINQ_STRIP);
}

Expected<RssAbility> Port::rss_of(const config::PortConfig& cfg, const DeviceSpec& spec) {
    std::uint16_t id = 0;
    rte_eth_dev_info info;
    RssAbility none;
    none.why_not = "unknown";
    if (rte_eth_dev_get_port_by_name(spec.name.c_str(), &id) != 0) return none;  // open() says so
    if (const int rc = rte_eth_dev_info_get(id, &info); rc != 0)
        return Error{"port " + cfg.name, "does not answer: " + reason(rc)};
    return rss_ability(info);
}

Expected<Port> Port::open(const config::PortConfig& cfg, const DeviceSpec& spec, unsigned n_workers,
                          const Buffers& buffers, const nat::Steering& steering) {
    Port p;
    p.steering_ = &steering;
    p.n_workers_ = n_workers;
    p.name_ = cfg.name;
    p.spec_ = spec;
    p.mtu_ = cfg.mtu;
    if (rte_eth_dev_get_port_by_name(spec.name.c_str(), &p.id_) != 0) {
        return Error{"port " + cfg.name, "DPDK has no device \"" + spec.name +
                                             "\"; check dataplane.ports[].device, and that the "
                                             "device is bound to a DPDK driver"};
    }
    const auto done = p.configure(cfg, n_workers, buffers);
    if (!done) return done.error();
    return p;
}

Status Port::configure(const config::PortConfig& cfg, unsigned n_workers, const Buffers& buffers) {
    promiscuous_ = cfg.promiscuous;
    const Status agreed = negotiate(n_workers, cfg.rx_queues);
    if (!agreed) return agreed.error();
    const Status queues = set_up_queues(cfg.descriptors, buffers);
    if (!queues) return queues.error();
    const Status harmless = refuse_harmful();
    if (!harmless) return harmless.error();
    if (const int rc = rte_eth_dev_set_mtu(id_, mtu_); rc != 0 && rc != -ENOTSUP)
        return Error{"port " + name_, "MTU " + std::to_string(mtu_) + " is refused: " + reason(rc)};
    return Done{};
}

/// Asks the device for what we can use of what it has, and nothing else.
Status Port::negotiate(unsigned n_workers, unsigned wished_queues) {
    const std::string where = "port " + name_;
    rte_eth_dev_info info;
    if (const int rc = rte_eth_dev_info_get(id_, &info); rc != 0)
        return Error{where, "does not answer: " + reason(rc)};
    if (mtu_ < info.min_mtu || mtu_ > info.max_mtu) {
        return Error{where, "MTU " + std::to_string(mtu_) + " is refused; this device takes " +
                                std::to_string(info.min_mtu) + " to " +
                                std::to_string(info.max_mtu)};
    }
    if (wished_queues > info.max_rx_queues) {
        return Error{where, "rx_queues = " + std::to_string(wished_queues) +
                                ", and the device has at most " +
                                std::to_string(info.max_rx_queues) + "; lower it, or leave it out"};
    }
    rx_queues_ = static_cast<std::uint16_t>(
        std::min<unsigned>(wished_queues != 0 ? wished_queues : n_workers, info.max_rx_queues));
    tx_queues_ = static_cast<std::uint16_t>(std::min<unsigned>(n_workers, info.max_tx_queues));
    rte_eth_conf conf;
    std::memset(&conf, 0, sizeof conf);
    // Checksums, segmentation and reassembly are ours: only the verdict on the IPv4 header is of
    // use.
    conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
    conf.rxmode.mtu = mtu_;
    offloads_ = conf.rxmode.offloads != 0 ? "rx-ipv4-checksum" : "none";
    unused_offloads_ =
        names_of(info.rx_offload_capa & ~conf.rxmode.offloads, "rx-", &rte_eth_dev_rx_offload_name);
    const std::string tx = names_of(info.tx_offload_capa, "tx-", &rte_eth_dev_tx_offload_name);
    if (!tx.empty()) unused_offloads_ += (unused_offloads_.empty() ? "" : ", ") + tx;
    rss_ = rss_ability(info);
    nat::RssKey key;
    rss_asked_ = rx_queues_ > 1 && n_workers > 1 && rss_.usable();
    if (rss_asked_) {
        key = steering_->key_for(rss_.bits());
        ask_for_rss(conf, rss_, key);
    }
    int rc = rte_eth_dev_configure(id_, rx_queues_, tx_queues_, &conf);
    if (rc != 0 && rss_asked_) {
        rss_asked_ = false;
        rss_.why_not = "the device refuses the key";
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
        conf.rx_adv_conf = {};
        rc = rte_eth_dev_configure(id_, rx_queues_, tx_queues_, &conf);
    }
    if (rc != 0) {
        return Error{where, "refuses " + std::to_string(rx_queues_) + " receive and " +
                                std::to_string(tx_queues_) + " transmit queues with MTU " +
                                std::to_string(mtu_) + ": " + reason(rc)};
    }
    if (rss_asked_) offloads_ += ", rss";
    return Done{};
}

/// What a driver switched on by itself, or by its arguments, and what would break us: packets
/// merged into larger ones (LRO), split into several buffers, or with a checksum behind them.
Status Port::refuse_harmful() const {
    rte_eth_rxq_info queue;
    if (rte_eth_rx_queue_info_get(id_, 0, &queue) != 0) return Done{};  // the driver does not say
    const std::uint64_t bad = harmful_rx_offloads(queue.conf.offloads);
    if (bad == 0) return Done{};
    return Error{"port " + name_,
                 "the device works with " + names_of(bad, "rx-", &rte_eth_dev_rx_offload_name) +
                     ", which a translator cannot have; switch it off in the device's arguments, "
                     "or use another driver"};
}

Status Port::set_up_queues(std::uint16_t descriptors, const Buffers& buffers) {
    const std::string where = "port " + name_;
    std::uint16_t n_rx = descriptors, n_tx = descriptors;
    (void)rte_eth_dev_adjust_nb_rx_tx_desc(id_, &n_rx, &n_tx);
    const int node = rte_eth_dev_socket_id(id_);
    for (std::uint16_t q = 0; q < rx_queues_; q++) {
        const int rc = rte_eth_rx_queue_setup(id_, q, n_rx, static_cast<unsigned>(node), nullptr,
                                              buffers.of_node(node));
        if (rc != 0)
            return Error{where, "receive queue " + std::to_string(q) + ": " + reason(rc) +
                                    "; try another number of descriptors, or MTU"};
    }
    for (std::uint16_t q = 0; q < tx_queues_; q++) {
        const int rc = rte_eth_tx_queue_setup(id_, q, n_tx, static_cast<unsigned>(node), nullptr);
        if (rc != 0) return Error{where, "transmit queue " + std::to_string(q) + ": " + reason(rc)};
    }
    return Done{};
}

Status Port::start() {
    if (const int rc = rte_eth_dev_start(id_); rc != 0)
        return Error{"port " + name_, "does not start: " + reason(rc)};
    if (promiscuous_ || rte_eth_allmulticast_enable(id_) != 0) {
        // Neighbour Discovery needs multicast: a device that cannot filter it shows us everything.
        (void)rte_eth_promiscuous_enable(id_);
        offloads_ += ", promiscuous";
    }
    steer();
    return Done{};
}

/// Once the device runs: some take the table only then.
void Port::steer() {
    if (n_workers_ == 1) return;
    steering_text_ = "handed over in software: " + rss_.why_not;
    if (rx_queues_ == 1 && rss_.usable()) steering_text_ = "handed over in software: one queue";
    if (!rss_asked_) return;
    const Status written = write_table(id_, rss_, *steering_, rx_queues_);
    const RssVerdict verdict = verify_rss(id_, rss_, *steering_, rx_queues_, n_workers_);
    steering_text_ = verdict.text;
    if (!written) steering_text_ += "; " + written.error().what;
    if (!verdict.ok) log::warn("port " + name_ + ": " + steering_text_);
}

void Port::stop() noexcept { (void)rte_eth_dev_stop(id_); }
void Port::close() noexcept { (void)rte_eth_dev_close(id_); }

bool Port::link_up() const {
    const bool in_kernel = spec_.is_kernel_device && !spec_.iface.empty();
    const KernelLink kernel = in_kernel ? kernel_link(spec_.iface) : KernelLink::up;
    // The far end of our wire was moved into its own namespace: the driver looks for it here.
    if (spec_.is_far_end && kernel == KernelLink::gone) return true;
    rte_eth_link link{};
    return kernel == KernelLink::up && rte_eth_link_get_nowait(id_, &link) == 0 &&
           link.link_status == RTE_ETH_LINK_UP;
}

Status Port::set_mtu(std::uint16_t mtu) {
    const int rc = rte_eth_dev_set_mtu(id_, mtu);
    if (rc != 0 && rc != -ENOTSUP)
        return Error{"port " + name_, "MTU " + std::to_string(mtu) + " is refused: " + reason(rc)};
    mtu_ = mtu;
    return Done{};
}

Status Port::add_mac(MacAddr mac) {
    rte_ether_addr a;
    std::memcpy(a.addr_bytes, mac.octet.data(), 6);
    const int rc = rte_eth_dev_mac_addr_add(id_, &a, 0);
    if (rc == 0) return Done{};
    if (rte_eth_promiscuous_enable(id_) == 0) return Done{};
    return Error{"port " + name_, "cannot take another link address: " + reason(rc)};
}

Status Port::remove_mac(MacAddr mac) {
    rte_ether_addr a;
    std::memcpy(a.addr_bytes, mac.octet.data(), 6);
    (void)rte_eth_dev_mac_addr_remove(id_, &a);
    return Done{};
}

agent::PortFacts Port::facts() const {
    agent::PortFacts f;
    f.name = name_;
    f.device = spec_.devargs;
    f.mtu = mtu_;
    f.kernel_device = spec_.is_kernel_device;
    f.kernel_device_name = spec_.iface;
    f.rx_queues = rx_queues_;
    f.tx_queues = tx_queues_;
    f.offloads = offloads_;
    f.unused_offloads = unused_offloads_;
    f.far_end = spec_.is_far_end;
    f.steering = steering_text_;
    rte_eth_dev_info info;
    if (rte_eth_dev_info_get(id_, &info) == 0 && info.driver_name != nullptr)
        f.driver = info.driver_name;
    rte_ether_addr mac;
    if (rte_eth_macaddr_get(id_, &mac) == 0) std::memcpy(f.mac.octet.data(), mac.addr_bytes, 6);
    rte_eth_link link{};
    if (rte_eth_link_get_nowait(id_, &link) == 0) {
        f.link_up = link_up();
        f.link_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
    }
    rte_eth_stats s{};
    if (rte_eth_stats_get(id_, &s) == 0) {
        f.rx_packets = s.ipackets;
        f.rx_bytes = s.ibytes;
        f.rx_missed = s.imissed;
        f.rx_errors = s.ierrors;
        f.rx_no_buffer = s.rx_nombuf;
        f.tx_packets = s.opackets;
        f.tx_bytes = s.obytes;
        f.tx_errors = s.oerrors;
    }
    return f;
}

}  // namespace isthmus::dpdk
