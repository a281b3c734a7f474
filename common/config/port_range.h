// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace isthmus::config {

struct PortRange {
    std::uint16_t first = 1024;
    std::uint16_t last = 65535;  // inclusive
    friend bool operator==(const PortRange&, const PortRange&) = default;
};

}  // namespace isthmus::config
