// SPDX-License-Identifier: Apache-2.0
// How a message tells a place in the configuration. `file` is empty where the text is nobody's
// file: the policy that runs, with a command's change. Its lines mean nothing to an operator.
#pragma once

#include <string>

#include "common/config/config.h"

namespace isthmus::config {

/// "FILE:12".
[[nodiscard]] inline std::string place_of(Origin o, const std::string& file) {
    return o.line == 0 || file.empty() ? file : file + ":" + std::to_string(o.line);
}

/// " (line 12)", of something else that the message names.
[[nodiscard]] inline std::string line_beside(Origin o, const std::string& file) {
    return o.line == 0 || file.empty() ? "" : " (line " + std::to_string(o.line) + ")";
}

}  // namespace isthmus::config
