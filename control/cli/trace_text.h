// SPDX-License-Identifier: Apache-2.0
// A traced packet (trace.read) for people: a block of lines, and the comment in a capture.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "control/cli/ask.h"

namespace isthmus::cli {

using Bytes = std::vector<std::uint8_t>;

/// The "data" of a frame, which is hexadecimal.
[[nodiscard]] Bytes bytes_of(const Json& frame);
/// A text as it is, anything else as JSON.
[[nodiscard]] std::string words(const Json& v);

void print_packet(std::ostream& out, const Json& packet);
/// `arrived`: the frame is the packet as it came.
[[nodiscard]] std::string comment_of(const Json& packet, const Json& frame, bool arrived);

}  // namespace isthmus::cli
