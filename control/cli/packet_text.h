// SPDX-License-Identifier: Apache-2.0
// A packet in one line, for people: "2001:db8::5 -> 64:ff9b::c000:201 udp 1234 -> 53".
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace isthmus::cli {

/// `at_link`: the bytes begin with an Ethernet header, else with the IP header. Cut short is fine.
[[nodiscard]] std::string packet_text(std::span<const std::uint8_t> bytes, bool at_link);

/// "2026-11-25T06:57:15.123456789Z"
[[nodiscard]] std::string precise_time_text(std::int64_t unix_ns);

}  // namespace isthmus::cli
