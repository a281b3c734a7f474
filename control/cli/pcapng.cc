// SPDX-License-Identifier: Apache-2.0
#include "control/cli/pcapng.h"

namespace isthmus::cli {

namespace {

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a, kInterface = 1, kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint16_t kEnd = 0, kComment = 1, kEpbFlags = 2, kIfName = 2, kUserApplication = 4,
                        kIfTsResolution = 9;
constexpr char kNanoseconds = 9;  // 10^-9
constexpr std::size_t kOptionMost = 0xffff;

template <typename T>
void put(std::string& to, T v) {
    for (std::size_t i = 0; i < sizeof v; i++) to += static_cast<char>((v >> (8 * i)) & 0xff);
}

void pad(std::string& to) { to.append((4 - to.size() % 4) % 4, '\0'); }

void put_option(std::string& to, std::uint16_t code, const std::string& value) {
    const std::string kept = value.substr(0, kOptionMost);
    put(to, code);
    put(to, static_cast<std::uint16_t>(kept.size()));
    to += kept;
    pad(to);
}

}  // namespace

Pcapng::Pcapng(std::ostream& out, const std::string& application) : out_(out) {
    std::string body;
    put(body, kByteOrderMagic);
    put(body, std::uint16_t{1});  // version 1.0
    put(body, std::uint16_t{0});
    put(body, ~std::uint64_t{0});  // the section's length: not known yet
    put_option(body, kUserApplication, application);
    put_option(body, kEnd, "");
    block(kSectionHeader, body);
}

void Pcapng::block(std::uint32_t type, const std::string& body) {
    constexpr std::size_t kAround = 12;  // type, and the length twice
    std::string all;
    put(all, type);
    put(all, static_cast<std::uint32_t>(body.size() + kAround));
    all += body;
    put(all, static_cast<std::uint32_t>(body.size() + kAround));
    out_.write(all.data(), static_cast<std::streamsize>(all.size()));
}

std::uint32_t Pcapng::interface(const std::string& name, LinkType link) {
    const auto id = static_cast<std::uint32_t>(interfaces_.size());
    const auto [found, is_new] = interfaces_.try_emplace(name, id);
    if (!is_new) return found->second;
    std::string body;
    put(body, static_cast<std::uint16_t>(link));
    put(body, std::uint16_t{0});
    put(body, std::uint32_t{0});  // no limit of length
    put_option(body, kIfName, name);
    put_option(body, kIfTsResolution, std::string(1, kNanoseconds));
    put_option(body, kEnd, "");
    block(kInterface, body);
    return id;
}

void Pcapng::add(const Packet& packet) {
    std::string body;
    put(body, interface(packet.interface, packet.link));
    put(body, static_cast<std::uint32_t>(packet.unix_ns >> 32));
    put(body, static_cast<std::uint32_t>(packet.unix_ns));
    put(body, static_cast<std::uint32_t>(packet.bytes.size()));
    put(body, packet.original_bytes);
    body.append(reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size());
    pad(body);
    if (!packet.comment.empty()) put_option(body, kComment, packet.comment);
    if (packet.direction != Direction::unknown) {
        std::string flags;
        put(flags, static_cast<std::uint32_t>(packet.direction));
        put_option(body, kEpbFlags, flags);
    }
    put_option(body, kEnd, "");
    block(kEnhancedPacket, body);
}

}  // namespace isthmus::cli
