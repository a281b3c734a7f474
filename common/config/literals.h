// SPDX-License-Identifier: Apache-2.0
// What libconfig 1.5 reads without a word and wrongly: numbers above 31 bits without an L (they
// wrap), numbers with a leading zero (010 is read as 10), texts beside each other (they become
// one), comments that are never closed; where it only says "syntax error": brackets, quotes, bare
// words; and what it would act upon: includes, and braces enough to exhaust it. Found by a scan of
// the text.
#pragma once

#include <string>
#include <vector>

#include "common/config/parse.h"

namespace isthmus::config {

/// False: do not parse it.
[[nodiscard]] bool check_literals(const std::string& text, const std::string& name,
                                  std::vector<Problem>& errors);

}  // namespace isthmus::config
