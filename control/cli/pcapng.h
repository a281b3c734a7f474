// SPDX-License-Identifier: Apache-2.0
// Writes pcapng (draft-ietf-opsawg-pcapng): one section; an interface description for each name
// when it is first used; packets with nanoseconds, direction and a comment. Little-endian.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <span>
#include <string>

namespace isthmus::cli {

enum class LinkType : std::uint16_t { ethernet = 1, ip = 101 };  // LINKTYPE_ETHERNET, LINKTYPE_RAW
enum class Direction : std::uint32_t { unknown = 0, received = 1, sent = 2 };

class Pcapng {
public:
    struct Packet {
        std::string interface;
        LinkType link = LinkType::ethernet;
        std::uint64_t unix_ns = 0;
        Direction direction = Direction::unknown;
        std::span<const std::uint8_t> bytes;
        std::uint32_t original_bytes = 0;  // before it was cut
        std::string comment;
    };

    /// Writes the section's header. `out` outlives it.
    Pcapng(std::ostream& out, const std::string& application);
    void add(const Packet& packet);

private:
    std::uint32_t interface(const std::string& name, LinkType link);
    void block(std::uint32_t type, const std::string& body);

    std::ostream& out_;
    std::map<std::string, std::uint32_t> interfaces_;
};

}  // namespace isthmus::cli
