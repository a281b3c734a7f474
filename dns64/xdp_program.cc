// SPDX-License-Identifier: Apache-2.0
#include "dns64/xdp_program.h"

#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace isthmus::dns64 {

namespace {

constexpr std::uint8_t kMove = BPF_ALU64 | BPF_MOV, kAdd = BPF_ALU64 | BPF_ADD,
                       kAnd = BPF_ALU64 | BPF_AND;
/// The comparisons of 32 bits: an immediate is not extended by its sign.
constexpr std::uint8_t kIfEqual = BPF_JMP32 | BPF_JEQ, kIfNot = BPF_JMP32 | BPF_JNE,
                       kIfAny = BPF_JMP32 | BPF_JSET;

/// Instructions and places to jump to, whose distances are written when all is there.
class Assembler {
public:
    using Label = std::size_t;

    [[nodiscard]] Label label() {
        places_.push_back(0);
        return places_.size() - 1;
    }
    void here(Label l) { places_[l] = code_.size(); }
    void load(unsigned to, unsigned base, std::size_t at, std::size_t bytes) {
        const unsigned size = bytes == 1 ? BPF_B : bytes == 2 ? BPF_H : BPF_W;
        put(static_cast<std::uint8_t>(BPF_LDX | BPF_MEM | size), to, base, at, 0);
    }
    void move(unsigned to, unsigned from) { put(kMove | BPF_X, to, from, 0, 0); }
    void set(unsigned to, std::uint32_t v) { put(kMove | BPF_K, to, 0, 0, v); }
    void with(std::uint8_t operation, unsigned to, std::uint32_t v) {
        put(operation | BPF_K, to, 0, 0, v);
    }
    void jump_if(std::uint8_t test, unsigned reg, std::uint32_t v, Label to) {
        jumps_.push_back({code_.size(), to});
        put(test | BPF_K, reg, 0, 0, v);
    }
    void jump(Label to) {
        jumps_.push_back({code_.size(), to});
        put(BPF_JMP | BPF_JA, 0, 0, 0, 0);
    }
    void jump_if_greater(unsigned a, unsigned b, Label to) {
        jumps_.push_back({code_.size(), to});
        put(BPF_JMP | BPF_JGT | BPF_X, a, b, 0, 0);
    }
    void load_map(unsigned to, int fd) {
        put(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, static_cast<std::uint32_t>(fd));
        put(0, 0, 0, 0, 0);
    }
    void call(std::uint32_t helper) { put(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
    void leave() { put(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }
    [[nodiscard]] std::vector<bpf_insn> finish() {
        for (const auto& [from, to] : jumps_)
            code_[from].off = static_cast<std::int16_t>(places_[to] - from - 1);
        return std::move(code_);
    }

private:
    struct Jump {
        std::size_t from;
        Label to;
    };
    void put(std::uint8_t code, unsigned to, unsigned from, std::size_t off, std::uint32_t v) {
        bpf_insn i{};
        i.code = code;
        i.dst_reg = to & 0xf;
        i.src_reg = from & 0xf;
        i.off = static_cast<std::int16_t>(off);
        i.imm = static_cast<std::int32_t>(v);
        code_.push_back(i);
    }
    std::vector<bpf_insn> code_;
    std::vector<std::size_t> places_;
    std::vector<Jump> jumps_;
};

constexpr unsigned kContext = 6, kData = 2, kEnd = 3, kWork = 4, kPort = 9;
constexpr unsigned kIp = kEthernetBytes;
/// Of addresses: IPv4 has the first.
constexpr unsigned kWords[4] = {0, 5, 7, 8};
/// A shorter message than a header is no query: the kernel's socket counts it.
constexpr unsigned kLeast = kHeaderBytes;

class Filter {
public:
    Filter(const XdpMatch& m, int sockets_fd) : match_(m), sockets_fd_(sockets_fd) {}

    std::vector<bpf_insn> make() {
        a_.move(kContext, 1);
        a_.load(kData, kContext, offsetof(xdp_md, data), 4);
        a_.load(kEnd, kContext, offsetof(xdp_md, data_end), 4);
        a_.move(kWork, kData);
        a_.with(kAdd, kWork, kIp + kIpv4Bytes + kUdpBytes + kLeast);
        a_.jump_if_greater(kWork, kEnd, pass_);
        frame();
        ipv4();
        ipv6();
        a_.here(take_);
        a_.load_map(1, sockets_fd_);
        a_.load(2, kContext, offsetof(xdp_md, rx_queue_index), 4);
        a_.set(3, XDP_PASS);  // what is done when the queue has no socket
        a_.call(BPF_FUNC_redirect_map);
        a_.leave();
        a_.here(pass_);
        a_.set(0, XDP_PASS);
        a_.leave();
        return a_.finish();
    }

private:
    static std::uint32_t word(const std::uint8_t* p) { return raw32(p); }
    void require(std::size_t at, std::size_t bytes, std::uint32_t v) {
        a_.load(kWork, kData, at, bytes);
        a_.jump_if(kIfNot, kWork, v, pass_);
    }

    void frame() {
        require(0, 4, word(match_.mac.data()));
        require(4, 2, raw16(match_.mac.data() + 4));
        const auto fits = a_.label();
        a_.move(kWork, kData);
        a_.with(kAdd, kWork, kFrameMost + 1);
        a_.jump_if_greater(kWork, kEnd, fits);
        a_.jump(pass_);
        a_.here(fits);
    }

    void ipv4() {
        a_.load(kWork, kData, 12, 2);
        a_.jump_if(kIfNot, kWork, Be16{0x0800}.wire(), not_v4_);
        require(kIp, 1, 0x45);  // no options
        require(kIp + ipv4_at::kProtocol, 1, ip_proto::kUdp);
        a_.load(kWork, kData, kIp + ipv4_at::kFragment, 2);
        a_.jump_if(kIfAny, kWork, Be16{ipv4_at::kMf | ipv4_at::kOffsetMask}.wire(), pass_);
        a_.load(kWords[0], kData, kIp + ipv4_at::kDestination, 4);
        a_.load(kPort, kData, kIp + kIpv4Bytes + udp_at::kDestination, 2);
        for (const config::Endpoint& e : match_.addresses) {
            if (!e.is_v6) match({e.v4.be.wire(), 0, 0, 0}, 1, e.port);
        }
        a_.jump(pass_);
    }

    void ipv6() {
        a_.here(not_v4_);
        require(12, 2, Be16{0x86dd}.wire());
        a_.move(kWork, kData);
        a_.with(kAdd, kWork, kIp + kIpv6Bytes + kUdpBytes + kLeast);
        a_.jump_if_greater(kWork, kEnd, pass_);
        a_.load(kWork, kData, kIp, 1);
        a_.with(kAnd, kWork, 0xf0);
        a_.jump_if(kIfNot, kWork, 0x60, pass_);
        require(kIp + ipv6_at::kNextHeader, 1, ip_proto::kUdp);
        for (unsigned i = 0; i < 4; i++)
            a_.load(kWords[i], kData, kIp + ipv6_at::kDestination + std::size_t{4} * i, 4);
        a_.load(kPort, kData, kIp + kIpv6Bytes + udp_at::kDestination, 2);
        for (const config::Endpoint& e : match_.addresses) {
            if (!e.is_v6) continue;
            const std::uint8_t* p = e.v6.octet.data();
            match({word(p), word(p + 4), word(p + 8), word(p + 12)}, 4, e.port);
        }
        a_.jump(pass_);
    }

    void match(const std::array<std::uint32_t, 4>& words, unsigned n, std::uint16_t port) {
        const auto next = a_.label();
        for (unsigned i = 0; i < n; i++) a_.jump_if(kIfNot, kWords[i], words[i], next);
        a_.jump_if(kIfEqual, kPort, Be16{port}.wire(), take_);
        a_.here(next);
    }

    const XdpMatch& match_;
    int sockets_fd_;
    Assembler a_;
    Assembler::Label pass_ = a_.label(), take_ = a_.label(), not_v4_ = a_.label();
};

Error failed(const std::string& interface, const std::string& what) {
    std::string why = std::strerror(errno);
    if (errno == EPERM)
        why += ": XDP needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF at the start";
    if (errno == EBUSY) why += ": another XDP program is there; see ip link show " + interface;
    return Error{"dns64.listen xdp:" + interface, what + ": " + why};
}

}  // namespace

std::vector<bpf_insn> xdp_filter(const XdpMatch& m, int sockets_fd) {
    return Filter(m, sockets_fd).make();
}

Expected<std::unique_ptr<XdpProgram>> XdpProgram::load(const std::string& interface,
                                                       const XdpMatch& m, unsigned n_queues) {
    auto p = std::unique_ptr<XdpProgram>(new XdpProgram(interface));
    p->sockets_fd_ =
        ::bpf_map_create(BPF_MAP_TYPE_XSKMAP, "isthmus_dns64", 4, 4, n_queues, nullptr);
    if (p->sockets_fd_ < 0) return failed(interface, "no map of sockets");
    const std::vector<bpf_insn> code = xdp_filter(m, p->sockets_fd_);
    p->program_fd_ = ::bpf_prog_load(BPF_PROG_TYPE_XDP, "isthmus_dns64", "Apache-2.0", code.data(),
                                     code.size(), nullptr);
    if (p->program_fd_ < 0) return failed(interface, "the kernel refuses the filter");
    return p;
}

Status XdpProgram::attach(unsigned ifindex) {
    bpf_link_create_opts options{};
    options.sz = sizeof options;
    link_fd_ = ::bpf_link_create(program_fd_, static_cast<int>(ifindex), BPF_XDP, &options);
    if (link_fd_ < 0 && errno != EBUSY && errno != EPERM) {
        // A driver that has XDP but not for the interface as it is now.
        options.flags = XDP_FLAGS_SKB_MODE;
        in_driver_ = false;
        link_fd_ = ::bpf_link_create(program_fd_, static_cast<int>(ifindex), BPF_XDP, &options);
    }
    return link_fd_ >= 0 ? Status(Done{}) : Status(failed(interface_, "no filter on it"));
}

XdpProgram::~XdpProgram() {
    for (const int fd : {link_fd_, program_fd_, sockets_fd_}) {
        if (fd >= 0) ::close(fd);
    }
}

}  // namespace isthmus::dns64
