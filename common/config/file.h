// SPDX-License-Identifier: Apache-2.0
// A configuration file as text: what it is on disk, and what its bytes are, before anybody parses
// it. A wrong path is a directory, a pipe, somebody's image or archive: each is said in one line.
#pragma once

#include <optional>
#include <string>

#include "common/config/parse.h"

namespace isthmus::config {

/// The text of a regular file, or what is wrong with it.
[[nodiscard]] std::optional<std::string> read_text_file(const std::string& path, Problem& wrong);

/// Bytes that no configuration has; the first one is reported. False: do not parse it.
[[nodiscard]] bool check_bytes(const std::string& text, const std::string& name,
                               std::vector<Problem>& errors);

}  // namespace isthmus::config
