// SPDX-License-Identifier: Apache-2.0
#include "common/api/json.h"

namespace isthmus::api {

std::string to_text(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json from_text(std::string_view text) {
    return Json::parse(text.begin(), text.end(), nullptr, false);
}

Json list_in(const Json& object, const char* name) {
    const Json out = object.is_object() ? object.value(name, Json()) : Json();
    return out.is_array() ? out : Json::array();
}

}  // namespace isthmus::api
