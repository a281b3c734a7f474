// SPDX-License-Identifier: Apache-2.0
// JSON rows as aligned columns for people.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>

namespace isthmus::cli {

/// Columns are the keys of the first row; `header`: with their names.
void print_table(std::ostream& out, const nlohmann::json& rows, bool header);
/// Nested objects as indented "key: value" lines.
void print_object(std::ostream& out, const nlohmann::json& object, unsigned indent = 0);

}  // namespace isthmus::cli
