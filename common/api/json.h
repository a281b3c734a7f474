// SPDX-License-Identifier: Apache-2.0
// JSON as the sockets and the logs carry it. nlohmann's reader and writer are templates that take
// the compiler more than a second in every file that calls them: json.cc alone does.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace isthmus::api {

using Json = nlohmann::json;

/// On one line, or with `indent` blanks a level. What is no UTF-8 is replaced, so this cannot
/// throw.
[[nodiscard]] std::string to_text(const Json& json, int indent = -1);
/// is_discarded() when `text` is no JSON.
[[nodiscard]] Json from_text(std::string_view text);
/// The array `name` of `object`; an empty one where there is none.
[[nodiscard]] Json list_in(const Json& object, const char* name);

}  // namespace isthmus::api
