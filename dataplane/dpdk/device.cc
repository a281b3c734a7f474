// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/device.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>

#include "dataplane/dpdk/device_socket.h"

namespace isthmus::dpdk {
namespace {

/// af_packet's header before each frame in its ring (TPACKET2_HDRLEN, aligned, and room for the
/// link header), rounded up. A frame that is larger than framesz less this is cut by the kernel.
constexpr std::uint32_t kTpacketBytes = 80;
constexpr std::uint32_t kBlockBytes = 65536;
/// Of each ring. Frames of 2 KiB give 4,096 of them.
constexpr std::uint32_t kRingBytes = 8U << 20;

struct KernelDriver {
    std::string_view driver, iface_key;
    bool is_far_end = false;
};
constexpr auto kKernelDrivers = std::to_array<KernelDriver>({
    {"net_af_packet", "iface"},
    {"net_af_xdp", "iface"},
    {"net_tap", "iface", true},
    {"net_pcap", "iface"},
    {"net_virtio_user", "iface", true},
});

bool is_hex(std::string_view s, std::size_t n) {
    return s.size() == n && std::all_of(s.begin(), s.end(), [](char c) {
               return std::isxdigit(static_cast<unsigned char>(c)) != 0;
           });
}

/// "01:00.0" or "0000:01:00.0" to the long form; empty when it is not a PCI address.
std::string pci_address(std::string_view s) {
    std::string_view domain = "0000";
    const std::size_t first = s.find(':');
    if (first == std::string_view::npos) return {};
    const std::size_t second = s.find(':', first + 1);
    if (second != std::string_view::npos) {
        domain = s.substr(0, first);
        s.remove_prefix(first + 1);
    }
    const std::size_t colon = s.find(':');
    const std::size_t dot = s.find('.');
    if (dot == std::string_view::npos || dot < colon) return {};
    const std::string_view bus = s.substr(0, colon), dev = s.substr(colon + 1, dot - colon - 1),
                           function = s.substr(dot + 1);
    if (!is_hex(domain, 4) || !is_hex(bus, 2) || !is_hex(dev, 2)) return {};
    if (function.size() != 1 || function[0] < '0' || function[0] > '7') return {};
    std::string out;
    out.append(domain).append(":").append(bus).append(":").append(dev).append(".").append(function);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// "net_tap0": DPDK's drivers for networks are named so.
bool is_vdev_name(std::string_view s) {
    return (s.starts_with("net_") || s.starts_with("eth_")) && s.size() > 4 && s.size() < 64 &&
           std::all_of(s.begin(), s.end(), [](char c) {
               return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
           });
}

void add_default(DeviceSpec& spec, std::string_view key, std::uint32_t value) {
    if (!devarg(spec.devargs, key).empty()) return;
    spec.devargs.append(",").append(key).append("=").append(std::to_string(value));
}

bool number(std::string_view text, std::uint32_t& out) {
    const auto r = std::from_chars(text.data(), text.data() + text.size(), out);
    return r.ec == std::errc{} && r.ptr == text.data() + text.size();
}

/// Ring geometry. The driver places frame i at i * framesz, so blocks must hold whole frames.
Status complete_af_packet(DeviceSpec& spec, const config::PortConfig& port, unsigned n_workers) {
    const std::string where = "port " + port.name;
    if (spec.iface.empty()) {
        return Error{
            where, "device \"" + spec.devargs + "\" names no kernel device; add \",iface=<name>\""};
    }
    const std::uint32_t need = std::uint32_t{port.mtu} + 18 + 4 + kTpacketBytes;
    std::uint32_t framesz = std::max(2048U, std::bit_ceil(need));
    const std::string_view wished = devarg(spec.devargs, "framesz");
    if (!wished.empty() && (!number(wished, framesz) || framesz % 16 != 0 || framesz < 128)) {
        return Error{where, "framesz must be a multiple of 16, at least 128"};
    }
    if (framesz < need) {
        return Error{where, "framesz=" + std::to_string(framesz) + " cuts frames of MTU " +
                                std::to_string(port.mtu) + "; at least " + std::to_string(need) +
                                " is needed (a power of two is best), or leave it out"};
    }
    std::uint32_t blocksz = std::max(kBlockBytes, std::bit_ceil(framesz));
    const std::string_view block = devarg(spec.devargs, "blocksz");
    if (!block.empty() && (!number(block, blocksz) || blocksz % framesz != 0 || blocksz == 0)) {
        return Error{where,
                     "blocksz must be a multiple of framesz (" + std::to_string(framesz) + ")"};
    }
    add_default(spec, "blocksz", blocksz);
    add_default(spec, "framesz", framesz);
    add_default(spec, "framecnt", std::max(kRingBytes / framesz, 512U));
    add_default(spec, "qpairs", std::max(n_workers, 1U));
    add_default(spec, "qdisc_bypass", 1);
    spec.frame_room_bytes = framesz;
    return Done{};
}

}  // namespace

std::string_view devarg(std::string_view devargs, std::string_view key) {
    std::size_t at = devargs.find(',');
    while (at != std::string_view::npos) {
        const std::size_t next = devargs.find(',', at + 1);
        const std::string_view pair = devargs.substr(
            at + 1, next == std::string_view::npos ? std::string_view::npos : next - at - 1);
        if (pair.starts_with(key) && pair.size() > key.size() && pair[key.size()] == '=') {
            return pair.substr(key.size() + 1);
        }
        at = next;
    }
    return {};
}

Expected<DeviceSpec> parse_device(const config::PortConfig& port, unsigned n_workers) {
    DeviceSpec spec;
    const std::string_view text = port.device;
    const std::string_view name = text.substr(0, text.find(','));
    const std::string_view args = text.substr(name.size());
    if (name.empty()) {
        return Error{"port " + port.name,
                     "no device; write a PCI address (\"0000:01:00.0\") or a DPDK virtual device "
                     "(\"net_af_packet0,iface=eth1\")"};
    }
    const std::string pci = pci_address(name.starts_with("pci:") ? name.substr(4) : name);
    if (!pci.empty()) {
        spec.is_pci = true;
        spec.name = pci;
        spec.devargs = pci + std::string(args);
        return spec;
    }
    spec.name = name.starts_with("vdev:") ? name.substr(5) : name;
    if (!is_vdev_name(spec.name)) {
        return Error{"port " + port.name,
                     "device \"" + std::string(name) +
                         "\" is neither a PCI address (\"0000:01:00.0\") nor a DPDK virtual device "
                         "(\"net_af_packet0,iface=eth1\", \"net_memif0,socket=...\")"};
    }
    spec.devargs = spec.name + std::string(args);
    const std::size_t stem = spec.name.find_last_not_of("0123456789");
    spec.driver = spec.name.substr(0, stem == std::string::npos ? 0 : stem + 1);
    if (spec.driver.starts_with("eth_")) spec.driver.replace(0, 3, "net");
    for (const KernelDriver& k : kKernelDrivers) {
        if (spec.driver != k.driver) continue;
        spec.iface = devarg(spec.devargs, k.iface_key);
        spec.is_far_end = k.is_far_end;
        // pcap on files and vhost on a socket have no kernel device.
        spec.is_kernel_device =
            !spec.iface.empty() || spec.driver == "net_tap" || spec.driver == "net_af_packet";
    }
    if (spec.driver == "net_af_packet") {
        const Status s = complete_af_packet(spec, port, n_workers);
        if (!s.ok()) return s.error();
    }
    const Status s = complete_socket(spec, "port " + port.name, n_workers);
    if (!s) return s.error();
    return spec;
}

}  // namespace isthmus::dpdk
