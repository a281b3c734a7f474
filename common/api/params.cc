// SPDX-License-Identifier: Apache-2.0
#include "common/api/params.h"

#include <algorithm>
#include <string>

namespace isthmus::api {

namespace {

bool fits(const Json& v, Param::Is is) {
    switch (is) {
        case Param::Is::text:
            return v.is_string();
        case Param::Is::number:
            return v.is_number_integer() && v >= 0;
        default:
            return v.is_boolean();
    }
}

constexpr const char* kWants[] = {"is a text", "is a whole number", "is true or false"};

}  // namespace

Status only_these(const Json& params, std::initializer_list<Param> known) {
    for (const auto& [name, value] : params.items()) {
        const auto at = std::find_if(known.begin(), known.end(),
                                     [&name = name](const Param& p) { return name == p.name; });
        if (at == known.end()) {
            std::string all;
            for (const Param& p : known) all += std::string(all.empty() ? "" : ", ") + p.name;
            return Error{name, "is no parameter here; there are: " + all, code::kParams};
        }
        if (!value.is_null() && !fits(value, at->is))
            return Error{name, kWants[static_cast<std::size_t>(at->is)], code::kParams};
    }
    return Done{};
}

}  // namespace isthmus::api
