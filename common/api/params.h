// SPDX-License-Identifier: Apache-2.0
// The parameters that a method takes. What it does not know is refused, never passed over: a filter
// that is misspelt would match everything.
#pragma once

#include <initializer_list>

#include "common/api/rpc.h"

namespace isthmus::api {

struct Param {
    enum class Is : unsigned char { text, number, truth };
    const char* name;
    Is is = Is::text;
};

/// An error when `params` has others than these, or values of other types. Numbers are whole and
/// not negative; null is as good as nothing.
[[nodiscard]] Status only_these(const Json& params, std::initializer_list<Param> known);

}  // namespace isthmus::api
