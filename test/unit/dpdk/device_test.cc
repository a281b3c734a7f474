// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/device.h"

#include <rte_ethdev.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>

#include "dataplane/dpdk/device_socket.h"
#include "dataplane/dpdk/drivers.h"
#include "dataplane/dpdk/port.h"

using namespace isthmus;
using namespace isthmus::dpdk;

namespace {

Expected<DeviceSpec> parse(const std::string& device) {
    config::PortConfig port;
    port.name = "p";
    port.device = device;
    return parse_device(port, 2);
}

/// A bound socket; its file stays when it is closed.
class BoundSocket {
public:
    explicit BoundSocket(const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        std::memcpy(a.sun_path, path.c_str(), path.size() + 1);
        REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
    }
    ~BoundSocket() { (void)::close(fd_); }
    BoundSocket(const BoundSocket&) = delete;
    BoundSocket& operator=(const BoundSocket&) = delete;
    void listen() const { REQUIRE(::listen(fd_, 1) == 0); }

private:
    int fd_;
};

}  // namespace

TEST_CASE("a device is a PCI address or a virtual device") {
    REQUIRE(parse("01:00.0")->name == "0000:01:00.0");
    REQUIRE(parse("0000:AB:00.1,x=1")->devargs == "0000:ab:00.1,x=1");
    REQUIRE(parse("net_tap0,iface=t0")->is_kernel_device);
    REQUIRE_FALSE(parse("net_null0")->is_kernel_device);
    REQUIRE_FALSE(parse("").ok());
    for (const char* bad :
         {"garbage", "net_", "net_null0;x", "net null0", "0000:01:00", "crypto_null0"}) {
        INFO(bad);
        REQUIRE_FALSE(parse(bad).ok());
    }
    REQUIRE(parse("net_tap0,iface=t0")->is_far_end);
    REQUIRE_FALSE(parse("net_af_xdp0,iface=t0")->is_far_end);
    REQUIRE_FALSE(parse("net_af_packet0").ok());
}

TEST_CASE("a memif device is a server with a socket file, unless it says otherwise") {
    const auto plain = parse("net_memif0,socket=/run/x.sock");
    REQUIRE(devarg(plain->devargs, "role") == "server");
    REQUIRE(devarg(plain->devargs, "socket-abstract") == "no");
    REQUIRE(devarg(parse("net_memif0,role=client,socket=/run/x.sock")->devargs, "role") ==
            "client");
    REQUIRE_FALSE(parse("net_memif0").ok());
    REQUIRE_FALSE(parse("net_memif0,socket=relative.sock").ok());
    REQUIRE_FALSE(parse("net_memif0,socket=/run/x.sock,socket-abstract=yes").ok());
    REQUIRE_FALSE(parse("net_memif0,socket=/" + std::string(120, 'x')).ok());
}

TEST_CASE("a vhost device has a queue for each worker, unless it says otherwise") {
    const auto plain = parse("net_vhost0,iface=/run/x.sock");
    REQUIRE(devarg(plain->devargs, "queues") == "2");
    REQUIRE_FALSE(plain->is_kernel_device);
    REQUIRE(devarg(parse("net_vhost0,iface=/run/x.sock,queues=1")->devargs, "queues") == "1");
    REQUIRE_FALSE(parse("net_vhost0").ok());
    REQUIRE_FALSE(parse("net_vhost0,iface=relative.sock").ok());
}

TEST_CASE("only the socket of a dead memif server is removed") {
    const std::string path = "/tmp/isthmus-memif-test." + std::to_string(::getpid());
    const auto spec = parse("net_memif0,socket=" + path);
    REQUIRE(clear_socket(*spec).ok());
    { const BoundSocket dead(path); }
    REQUIRE(clear_socket(*spec).ok());
    REQUIRE(::access(path.c_str(), F_OK) != 0);
    {
        const BoundSocket living(path);
        living.listen();
        REQUIRE_FALSE(clear_socket(*spec).ok());
        REQUIRE(::access(path.c_str(), F_OK) == 0);
    }
    (void)::unlink(path.c_str());
    std::ofstream(path) << "a file of somebody else's";
    REQUIRE_FALSE(clear_socket(*spec).ok());
    REQUIRE(::access(path.c_str(), F_OK) == 0);
    (void)::unlink(path.c_str());
}

TEST_CASE("port: what a driver may not do to packets") {
    REQUIRE(harmful_rx_offloads(RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) ==
            RTE_ETH_RX_OFFLOAD_TCP_LRO);
    REQUIRE(harmful_rx_offloads(RTE_ETH_RX_OFFLOAD_BUFFER_SPLIT) != 0);
    REQUIRE(harmful_rx_offloads(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_SCATTER) == 0);
}

TEST_CASE("a virtual device that no driver takes is found without starting DPDK") {
    config::Config cfg;
    const auto add = [&](const char* device) {
        config::PortConfig port;
        port.name = "p" + std::to_string(cfg.dataplane.ports.size());
        port.device = device;
        port.origin.line = static_cast<unsigned>(cfg.dataplane.ports.size()) + 1;
        cfg.dataplane.ports.push_back(port);
    };
    for (const char* good : {"net_null0", "net_af_packet0,iface=x"}) add(good);
    CHECK(missing_drivers(cfg).empty());
    add("ffff:ff:1f.7");
    add("net_nonsense1,x=y");
    const auto missing = missing_drivers(cfg);
    REQUIRE(missing.size() == 2);
    CHECK(missing[0].first == 3);
    CHECK(missing[0].second.text().find("p2: there is no PCI device ffff:ff:1f.7") !=
          std::string::npos);
    CHECK(missing[1].first == 4);
    CHECK(missing[1].second.text().find("p3: DPDK has no driver for device \"net_nonsense1\"") !=
          std::string::npos);
    cfg.dataplane.eal_args = {"-d", "/opt/driver.so"};  // may bring it
    CHECK(missing_drivers(cfg).empty());
}
