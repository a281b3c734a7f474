// SPDX-License-Identifier: Apache-2.0
// What the kernel knows of the punt interfaces, followed: links, addresses, neighbours, routes ->
// FibWriter.
//
// Neighbours and routes are taken over message by message: the price of a change is its own, not
// that of the table. A link that goes down and an address that is removed take routes with them
// without a message for each, and a full socket loses messages: then all is read again (resync),
// in slices of some milliseconds between the agent's other work, and what was not named any more
// is swept. Events that come meanwhile wait in their socket and are replayed after it, so that the
// last word is the kernel's; neighbours have a socket of their own and never wait.
//
// Only what leaves by punt interfaces is ours, from the main table, or from any table where the
// interface belongs to a VRF; the management's default route is not.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/expected.h"
#include "common/net/prefix.h"
#include "dataplane/pipeline/fib_writer.h"
#include "dataplane/pipeline/interface.h"

struct mnl_socket;
struct nlmsghdr;

namespace isthmus::agent {

class KernelWatch {
public:
    /// Opens its sockets in the current namespace. `grace` outlives it.
    [[nodiscard]] static Expected<std::unique_ptr<KernelWatch>> open(pipeline::Fib& fib,
                                                                     pipeline::Grace* grace);
    ~KernelWatch();
    KernelWatch(const KernelWatch&) = delete;
    KernelWatch& operator=(const KernelWatch&) = delete;

    /// A punt interface of ours, before the first resync. `vlan` 0: the port itself.
    void add_interface(unsigned ifindex, std::uint16_t port, std::uint16_t vlan,
                       const std::string& name);
    /// Some milliseconds of what has come. True: there is more to do at once.
    bool follow();
    /// Descriptors on which what it follows arrives.
    void wait_for(std::vector<pollfd>& fds) const;
    /// Reads everything anew, and returns when it is done.
    Status resync();
    /// Interfaces have changed since this was last asked.
    [[nodiscard]] bool take_interfaces_changed() {
        return std::exchange(interfaces_changed_, false);
    }
    /// Asks the kernel to resolve a next hop.
    void resolve(const pipeline::ResolveRequest& r);

    // Changes of ours; all with our own protocol number where the kernel keeps one.
    Status add_address(unsigned ifindex, const std::string& address_and_length);
    Status add_route(unsigned ifindex, const std::string& to, const std::string& via);
    Status set_pool_routes(unsigned ifindex, const std::vector<Prefix4>& pool);

    /// Interfaces as the kernel has them now: link addresses stay the ports'.
    [[nodiscard]] const std::vector<pipeline::Interface>& interfaces() const { return interfaces_; }
    [[nodiscard]] const std::set<std::uint32_t>& own_ipv4() const { return own_ipv4_; }
    [[nodiscard]] pipeline::FibWriter& writer() { return writer_; }
    [[nodiscard]] std::uint64_t resyncs() const { return n_resyncs_; }

private:
    using Clock = std::chrono::steady_clock;
    struct Link {
        std::uint16_t port = 0, vlan = 0, mtu = 1500;
        MacAddr mac;
        bool up = true, made_by_us = false, seen = false;
        std::uint32_t master = 0;  // a VRF, a bridge
        std::string name;
        friend bool operator==(const Link&, const Link&) = default;
    };
    struct CloseSocket {
        void operator()(mnl_socket* s) const noexcept;
    };
    using Socket = std::unique_ptr<mnl_socket, CloseSocket>;
    /// What is being read from `ask_` in a resync.
    enum class Dump : std::uint8_t { none, routes4, routes6, neighbours };

    KernelWatch(pipeline::Fib& fib, pipeline::Grace* grace) : writer_(fib, grace) {}
    [[nodiscard]] static Expected<Socket> subscribe(unsigned groups);
    bool read_events(mnl_socket* from);
    Status begin_resync();
    Status ask_for(int type, int family);
    /// One buffer of the dump that was asked for; false: that was the last one.
    Expected<bool> read_dump();
    Status dump(int type, int family);
    Status next_dump();
    Status read_later();
    bool resync_slice();
    void resync_failed(const Error& e);
    Status request(void* message, const std::string& what);
    static int on_message(const nlmsghdr* message, void* self);
    void handle(const nlmsghdr* message);
    void on_link(const nlmsghdr* message);
    Link* new_vlan(unsigned index, const nlmsghdr* message);
    void on_address(const nlmsghdr* message);
    void on_route(const nlmsghdr* message);
    void on_neighbour(const nlmsghdr* message);
    void add_hop(unsigned oif, unsigned flags, const void* gateway, std::uint8_t family,
                 std::vector<pipeline::NextHop>& out) const;
    void forget_unseen_links();
    pipeline::Interface& interface_of(const Link& l);
    /// Asks for a neighbour; the kernel goes on asking by itself, or no longer.
    void use_neighbour(const pipeline::ResolveRequest& r, bool keep);
    /// Gateways that no route leads to any more are neighbours like any other.
    void let_unused_go();

    pipeline::FibWriter writer_;
    Socket events_, neighbours_, ask_ /* of dumps */, set_ /* of changes */;
    unsigned sequence_ = 1, dump_sequence_ = 0;
    Dump dump_ = Dump::none;
    bool dumping_ = false;  // messages are answers to ask_for()
    bool interrupted_ = false;
    bool stale_ = false, interfaces_changed_ = false;
    Clock::time_point retry_at_, ask_again_at_;
    std::uint64_t n_resyncs_ = 0;
    std::map<unsigned, Link> links_;
    std::vector<pipeline::Interface> interfaces_;
    std::set<std::uint32_t> own_ipv4_;
    std::vector<Prefix4> pool_routes_;
    std::vector<pipeline::ResolveRequest> kept_;  // neighbours that the kernel keeps alive for us
};

}  // namespace isthmus::agent
