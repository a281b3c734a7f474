// SPDX-License-Identifier: Apache-2.0
// One row for each scalar key: name, how to read and write it, bounds, unit, help. The parser,
// to_text(), changed_keys(), the manual and the sample (manual.h) are made from these rows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/config/config.h"

namespace isthmus::config {

struct Key {
    enum class Type : std::uint8_t { number, boolean, text, choice };
    std::string section;  // "nat64", "nat64.lifetimes", "dataplane", ...
    std::string name;
    Type type = Type::number;
    std::int64_t least = 0, most = 0;
    std::vector<std::string> choices;
    bool start_only = false;
    std::string unit, help;
    std::function<std::int64_t(const Config&)> get;  // number, boolean, choice (index)
    std::function<void(Config&, std::int64_t)> set;
    std::function<std::string(const Config&)> get_text;  // text
    std::function<void(Config&, const std::string&)> set_text;
};

[[nodiscard]] const std::vector<Key>& schema();

}  // namespace isthmus::config
