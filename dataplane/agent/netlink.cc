// SPDX-License-Identifier: Apache-2.0
// The sockets of KernelWatch: events as they come, and the resync.
#include "dataplane/agent/netlink.h"

#include <cerrno>
#include <chrono>
#include <cstring>

#include "common/log/log.h"
#include "dataplane/agent/rtnetlink.h"

namespace isthmus::agent {

using namespace nl;

namespace {

/// Room for events that come while the agent is busy or a resync runs: about 100,000 routes.
constexpr int kEventBytes = 64 << 20;
constexpr auto kSlice = std::chrono::milliseconds(5);
/// Gateways that the kernel is asked for in one turn, before anybody sends to them.
constexpr std::size_t kAskAhead = 64;
constexpr auto kAskAgain = std::chrono::seconds(1);

}  // namespace

void KernelWatch::CloseSocket::operator()(mnl_socket* s) const noexcept {
    (void)mnl_socket_close(s);
}

Expected<KernelWatch::Socket> KernelWatch::subscribe(unsigned groups) {
    Socket s(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | (groups != 0 ? SOCK_NONBLOCK : 0)));
    if (s == nullptr || mnl_socket_bind(s.get(), groups, MNL_SOCKET_AUTOPID) != 0)
        return Error{"netlink", std::strerror(errno)};
    const int fd = mnl_socket_get_fd(s.get()), room = kEventBytes;
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
        (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    return s;
}

Expected<std::unique_ptr<KernelWatch>> KernelWatch::open(pipeline::Fib& fib,
                                                         pipeline::Grace* grace) {
    std::unique_ptr<KernelWatch> w(new KernelWatch(fib, grace));
    for (const auto& [into, groups] :
         {std::pair<Socket*, unsigned>{&w->events_, RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
                                                        RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                                                        RTMGRP_IPV6_ROUTE},
          std::pair<Socket*, unsigned>{&w->neighbours_, RTMGRP_NEIGH},
          std::pair<Socket*, unsigned>{&w->ask_, 0}, std::pair<Socket*, unsigned>{&w->set_, 0}}) {
        auto s = subscribe(groups);
        if (!s) return s.error();
        *into = std::move(*s);
    }
    return w;
}

KernelWatch::~KernelWatch() = default;

void KernelWatch::add_interface(unsigned ifindex, std::uint16_t port, std::uint16_t vlan,
                                const std::string& name) {
    Link l;
    l.port = port;
    l.vlan = vlan;
    l.made_by_us = true;
    l.name = name;
    links_[ifindex] = l;
}

void KernelWatch::handle(const nlmsghdr* m) {
    switch (m->nlmsg_type) {
        case RTM_NEWNEIGH:
        case RTM_DELNEIGH:
            return on_neighbour(m);
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            return on_route(m);
        case RTM_NEWADDR:
        case RTM_DELADDR:
            return on_address(m);
        case RTM_NEWLINK:
        case RTM_DELLINK:
            return on_link(m);
        default:
            return;
    }
}

int KernelWatch::on_message(const nlmsghdr* m, void* self) {
    static_cast<KernelWatch*>(self)->handle(m);
    return MNL_CB_OK;
}

/// One slice; true: there may be more.
bool KernelWatch::read_events(mnl_socket* from) {
    Buffer buffer;
    const auto end = Clock::now() + kSlice;
    while (Clock::now() < end) {
        const ssize_t n = mnl_socket_recvfrom(from, buffer.data(), buffer.size());
        if (n < 0) {
            if (errno == ENOBUFS) stale_ = true;  // messages were lost
            if (errno == ENOBUFS || errno == EINTR) continue;
            return false;
        }
        (void)mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), 0, 0, on_message, this);
    }
    return true;
}

void KernelWatch::wait_for(std::vector<pollfd>& fds) const {
    for (const Socket* s : {&events_, &neighbours_})
        fds.push_back({mnl_socket_get_fd(s->get()), POLLIN, 0});
}

bool KernelWatch::follow() {
    bool more = read_events(neighbours_.get());
    if (dump_ != Dump::none) {
        more = resync_slice() || more;
    } else {
        more = read_events(events_.get()) || more;
        if (stale_ && Clock::now() >= retry_at_) {
            const Status begun = begin_resync();
            if (!begun) resync_failed(begun.error());
            more = true;
        }
    }
    writer_.reclaim();
    if (dump_ == Dump::none) {
        if (const auto now = Clock::now(); now >= ask_again_at_) {
            ask_again_at_ = now + kAskAgain;
            writer_.retry_unresolved();
            let_unused_go();
        }
        for (const pipeline::ResolveRequest& r : writer_.take_unresolved(kAskAhead)) resolve(r);
    }
    return more;
}

Status KernelWatch::ask_for(int type, int family) {
    Buffer buffer;
    nlmsghdr* m = begin(buffer, type, NLM_F_DUMP);
    m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    m->nlmsg_seq = dump_sequence_ = ++sequence_;
    header<rtgenmsg>(m)->rtgen_family = static_cast<unsigned char>(family);
    if (mnl_socket_sendto(ask_.get(), m, m->nlmsg_len) < 0)
        return Error{"netlink", std::strerror(errno)};
    return Done{};
}

/// mnl_cb_run() would throw away the rest of a dump that the kernel marks as interrupted.
Expected<bool> KernelWatch::read_dump() {
    Buffer buffer;
    const ssize_t n = mnl_socket_recvfrom(ask_.get(), buffer.data(), buffer.size());
    if (n < 0) return Error{"netlink", std::strerror(errno)};
    int left = static_cast<int>(n);
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left);
         m = mnl_nlmsg_next(m, &left)) {
        if (m->nlmsg_seq != dump_sequence_) continue;
        if ((m->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
        if (m->nlmsg_type == NLMSG_DONE) return false;
        if (m->nlmsg_type == NLMSG_ERROR) {
            const auto* e = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(m));
            return Error{"netlink", std::strerror(-e->error)};
        }
        dumping_ = true;
        handle(m);
        dumping_ = false;
    }
    return true;
}

Status KernelWatch::dump(int type, int family) {
    const Status asked = ask_for(type, family);
    if (!asked) return asked.error();
    for (;;) {
        const auto more = read_dump();
        if (!more) return more.error();
        if (!*more) return Done{};
    }
}

/// Links and addresses are few and read at once; the rest follows in slices.
Status KernelWatch::begin_resync() {
    n_resyncs_++;
    stale_ = interrupted_ = false;
    interfaces_changed_ = true;
    interfaces_.clear();
    own_ipv4_.clear();
    writer_.begin_resync();
    for (auto& [index, link] : links_) link.seen = false;
    for (const int type : {RTM_GETLINK, RTM_GETADDR}) {
        const Status done = dump(type, AF_UNSPEC);
        if (!done) return done.error();
    }
    forget_unseen_links();
    dump_ = Dump::routes4;
    return ask_for(RTM_GETROUTE, AF_INET);
}

Status KernelWatch::next_dump() {
    switch (dump_) {
        case Dump::routes4:
            dump_ = Dump::routes6;
            return ask_for(RTM_GETROUTE, AF_INET6);
        case Dump::routes6:
            dump_ = Dump::neighbours;
            return ask_for(RTM_GETNEIGH, AF_UNSPEC);
        default:
            dump_ = Dump::none;
            // The table changed while it was read, and something may have been left out: nothing
            // is swept, and it is read again.
            if (interrupted_) return read_later();
            writer_.commit_resync();
            return Done{};
    }
}

bool KernelWatch::resync_slice() {
    const auto end = Clock::now() + kSlice;
    while (dump_ != Dump::none && Clock::now() < end) {
        const auto more = read_dump();
        Status done = more ? Status(Done{}) : Status(more.error());
        if (more && !*more) done = next_dump();
        if (done) continue;
        resync_failed(done.error());
        return true;
    }
    return true;
}

Status KernelWatch::read_later() {
    stale_ = true;
    retry_at_ = Clock::now() + std::chrono::seconds(1);
    return Done{};
}

/// The socket may hold the rest of an answer: a new one is opened, and all of it tried again.
void KernelWatch::resync_failed(const Error& e) {
    log::error("netlink: " + e.text());
    dump_ = Dump::none;
    (void)read_later();
    auto fresh = subscribe(0);
    if (fresh) ask_ = std::move(*fresh);
}

Status KernelWatch::resync() {
    const Status begun = begin_resync();
    if (!begun) return begun.error();
    while (dump_ != Dump::none) {
        const auto more = read_dump();
        if (!more) return more.error();
        if (*more) continue;
        const Status next = next_dump();
        if (!next) return next.error();
    }
    return Done{};
}

}  // namespace isthmus::agent
