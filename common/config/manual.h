// SPDX-License-Identifier: Apache-2.0
// What is written about the keys: isthmus.conf(5) and the commented sample, both made from the rows
// that the parser uses (schema.h) and from one row for each list.
#pragma once

#include <string>
#include <vector>

namespace isthmus::config {

struct ListKey {
    std::string path;  // "nat64.pool"
    bool start_only = false;
    std::string help;
    std::string example;  // the value, in libconfig's notation
    bool in_use = false;  // the sample has it switched on: without it nothing would run
};

[[nodiscard]] const std::vector<ListKey>& list_keys();

/// isthmus.conf(5), in man format.
[[nodiscard]] std::string manual();

/// A file that can be taken as it is once addresses and devices are the operator's own. A line
/// "#key = value;" is a default that may be switched on and changed, "# words" is a comment.
[[nodiscard]] std::string sample();

}  // namespace isthmus::config
