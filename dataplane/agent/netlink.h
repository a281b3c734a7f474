// SPDX-License-Identifier: Apache-2.0
// What the kernel knows of the punt interfaces, followed: links, addresses, neighbours, routes ->
// FibWriter.
//
// Neighbours are taken over message by message. Everything else marks the picture as old, and a
// moment later all of it is read again and what was not named any more is swept (FibWriter's
// resync): the same path that lost messages take, so that there is one. Only what leaves by punt
// interfaces is ours; the management's default route is not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
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
    /// Opens its sockets in the current namespace.
    [[nodiscard]] static Expected<std::unique_ptr<KernelWatch>> open(pipeline::Fib& fib);
    ~KernelWatch();
    KernelWatch(const KernelWatch&) = delete;
    KernelWatch& operator=(const KernelWatch&) = delete;

    /// A punt interface of ours, before the first resync.
    void add_interface(unsigned ifindex, std::uint16_t port, const std::string& name);
    [[nodiscard]] int fd() const;
    /// Reads what has come. True: something else than neighbours changed, resync() is due.
    bool read_events();
    /// Reads everything anew.
    Status resync();
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

private:
    struct Link {
        std::uint16_t port = 0, vlan = 0, mtu = 1500;
        MacAddr mac;
        bool up = true;
        std::string name;
    };
    explicit KernelWatch(pipeline::Fib& fib) : writer_(fib) {}
    Status dump(int type, int family);
    Status request(void* message, const std::string& what);
    static int on_message(const nlmsghdr* message, void* self);
    void handle(const nlmsghdr* message);
    void on_link(const nlmsghdr* message);
    void on_address(const nlmsghdr* message);
    void on_route(const nlmsghdr* message);
    void on_neighbour(const nlmsghdr* message);
    pipeline::Interface& interface_of(const Link& l);

    pipeline::FibWriter writer_;
    mnl_socket* events_ = nullptr;
    mnl_socket* ask_ = nullptr;
    unsigned sequence_ = 1;
    bool dumping_ = false, changed_ = false;
    std::map<unsigned, Link> links_;
    std::vector<pipeline::Interface> interfaces_;
    std::set<std::uint32_t> own_ipv4_;
    std::vector<Prefix4> pool_routes_;
};

}  // namespace isthmus::agent
