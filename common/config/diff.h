// SPDX-License-Identifier: Apache-2.0
// What differs between two policies, key by key, with both values. Made from their canonical texts,
// so that every key and every list is covered without another list of them here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/config/config.h"

namespace isthmus::config {

struct Change {
    std::string key;                          // "nat64.lifetimes.udp"
    std::string before, after;                // as written in the file; of a list both whole
    bool start_only = false;                  // takes effect when isthmus-dataplane starts
    std::vector<std::string> added, removed;  // of a list: its elements
};

[[nodiscard]] std::vector<Change> changes(const Nat64Config& before, const Nat64Config& after);

/// A name for a text: equal texts have equal ones. Not a secret, no defence against malice.
[[nodiscard]] std::string digest(const std::string& text);

}  // namespace isthmus::config
