// SPDX-License-Identifier: Apache-2.0
// The other end of a gateway's port, queue by queue: a test that talks to a Unix socket says on
// which queue of a DPDK device each frame leaves, and learns on which queue each one came.
//
//   queue_bridge NAME QUEUES SOCKET=DEVICE...
//
// A message on the socket (SOCK_SEQPACKET) is the queue's number in one octet, and a frame. DEVICE
// is as EAL takes it ("net_memif0,role=client,..."). Says "ready" when every link is up; frames are
// dropped while nobody listens, as on a wire. Idle, it naps: it shares its processor with the
// gateway.
#include <fcntl.h>
#include <poll.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint16_t kBurst = 64, kDescriptors = 512;
constexpr std::size_t kFrameMost = 2000;

volatile std::sig_atomic_t stopped = 0;

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "queue_bridge: %s\n", what.c_str());
    std::exit(1);
}

int listen_at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) fail("too long a path: " + path);
    path.copy(address.sun_path, path.size());
    (void)unlink(path.c_str());
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(fd, 1) != 0)
        fail(path + ": " + std::strerror(errno));
    return fd;
}

/// A device, and the socket whose frames it sends.
class Wire {
public:
    Wire(const std::string& socket_path, const std::string& device, std::uint16_t queues,
         rte_mempool* pool)
        : queues_(queues), pool_(pool), listener_(listen_at(socket_path)) {
        const std::string name = device.substr(0, device.find(','));
        const rte_eth_conf conf{};
        if (rte_eth_dev_get_port_by_name(name.c_str(), &id_) != 0) fail("no device " + name);
        if (const int rc = rte_eth_dev_configure(id_, queues, queues, &conf); rc != 0)
            fail(name + " refuses " + std::to_string(queues) + " queues: " + std::strerror(-rc));
        for (std::uint16_t q = 0; q < queues; q++) {
            if (rte_eth_rx_queue_setup(id_, q, kDescriptors, 0, nullptr, pool) != 0 ||
                rte_eth_tx_queue_setup(id_, q, kDescriptors, 0, nullptr) != 0)
                fail(name + ": queue " + std::to_string(q) + " cannot be had");
        }
        if (rte_eth_dev_start(id_) != 0) fail(name + " does not start");
        (void)rte_eth_promiscuous_enable(id_);
    }

    [[nodiscard]] bool is_up() const {
        rte_eth_link link{};
        return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
    }
    /// Frames moved.
    unsigned turn() { return from_test() + to_test(); }
    void close() {
        (void)rte_eth_dev_stop(id_);
        (void)rte_eth_dev_close(id_);
    }

private:
    unsigned from_test() {
        if (client_ < 0) client_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        unsigned n = 0;
        for (; client_ >= 0 && n < kBurst; n++) {
            std::array<std::uint8_t, 1 + kFrameMost> message;
            const ssize_t got = recv(client_, message.data(), message.size(), MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) break;
            if (got < 2) {
                leave();
                break;
            }
            send(message[0], &message[1], static_cast<std::uint16_t>(got - 1));
        }
        return n;
    }
    void send(unsigned queue, const std::uint8_t* frame, std::uint16_t bytes) {
        if (queue >= queues_) fail("no queue " + std::to_string(queue));
        rte_mbuf* m = rte_pktmbuf_alloc(pool_);
        if (m == nullptr) fail("no buffer is left");
        std::memcpy(rte_pktmbuf_append(m, bytes), frame, bytes);
        // The other side may be busy for a while; it is not waited for any longer than that.
        for (const std::uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 10; rte_rdtsc() < end;) {
            if (rte_eth_tx_burst(id_, static_cast<std::uint16_t>(queue), &m, 1) == 1) return;
        }
        rte_pktmbuf_free(m);
    }
    unsigned to_test() {
        unsigned n = 0;
        for (std::uint16_t q = 0; q < queues_; q++) {
            std::array<rte_mbuf*, kBurst> frames;
            const std::uint16_t got = rte_eth_rx_burst(id_, q, frames.data(), kBurst);
            for (unsigned i = 0; i < got; i++) give(q, *frames[i]);
            rte_pktmbuf_free_bulk(frames.data(), got);
            n += got;
        }
        return n;
    }
    void give(std::uint16_t queue, const rte_mbuf& m) {
        if (client_ < 0 || m.data_len > kFrameMost) return;
        std::array<std::uint8_t, 1 + kFrameMost> message;
        message[0] = static_cast<std::uint8_t>(queue);
        std::memcpy(&message[1], rte_pktmbuf_mtod(&m, const std::uint8_t*), m.data_len);
        if (::send(client_, message.data(), 1U + m.data_len, MSG_NOSIGNAL) < 0) leave();
    }
    void leave() {
        (void)::close(client_);
        client_ = -1;
    }

    std::uint16_t id_ = 0, queues_;
    rte_mempool* pool_;
    int listener_, client_ = -1;
};

std::vector<std::string> eal_arguments(const std::string& name,
                                       const std::vector<std::string>& devices) {
    std::vector<std::string> args{"queue_bridge",
                                  "--no-huge",
                                  "-m",
                                  "192",
                                  "--no-pci",
                                  "--lcores",
                                  "0",
                                  "--log-level",
                                  "lib.eal:error",
                                  "--no-shconf",
                                  "--no-telemetry",
                                  "--file-prefix",
                                  name};
    for (const std::string& d : devices) args.insert(args.end(), {"--vdev", d});
    return args;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) fail("usage: queue_bridge NAME QUEUES SOCKET=DEVICE...");
    const auto queues = static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10));
    std::vector<std::string> sockets, devices;
    for (int i = 3; i < argc; i++) {
        const std::string_view pair = argv[i];
        const std::size_t at = pair.find('=');
        if (at == std::string_view::npos || queues == 0)
            fail("what is \"" + std::string(pair) + "\"?");
        sockets.emplace_back(pair.substr(0, at));
        devices.emplace_back(pair.substr(at + 1));
    }
    std::vector<std::string> args = eal_arguments(argv[1], devices);
    std::vector<char*> raw;
    raw.reserve(args.size());
    for (std::string& a : args) raw.push_back(a.data());
    if (rte_eal_init(static_cast<int>(raw.size()), raw.data()) < 0) fail("EAL does not start");
    rte_mempool* const pool =
        rte_pktmbuf_pool_create("frames", 16383, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (pool == nullptr) fail("no memory for frames");
    for (const int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { stopped = 1; });

    std::vector<Wire> wires;
    for (std::size_t i = 0; i < sockets.size(); i++)
        wires.emplace_back(sockets[i], devices[i], queues, pool);
    bool told = false;
    while (stopped == 0) {
        unsigned n = 0;
        bool up = true;
        for (Wire& w : wires) n += w.turn();
        for (const Wire& w : wires) up = up && (told || w.is_up());
        if (up && !told) {
            std::puts("ready");
            std::fflush(stdout);
            told = true;
        }
        if (n == 0) rte_delay_us_sleep(50);
    }
    for (Wire& w : wires) w.close();
    for (const std::string& s : sockets) (void)unlink(s.c_str());
    (void)rte_eal_cleanup();
}
