// SPDX-License-Identifier: Apache-2.0
// A flow as an operator writes it: "2001:db8::5 -> 64:ff9b::203.0.113.7 tcp 443", in words.
#pragma once

#include <string>
#include <vector>

#include "control/cli/ask.h"

namespace isthmus::cli {

/// SOURCE [->|to] DESTINATION [PROTOCOL [PORT]] as parameters of `explain`. An endpoint is ADDRESS,
/// ADDRESS:PORT (IPv4) or [ADDRESS]:PORT.
[[nodiscard]] Expected<Json> flow_of(const std::vector<std::string>& words);

/// One endpoint into `params`, as KEY and KEY_id.
[[nodiscard]] Status take_endpoint(const std::string& text, const std::string& key, Json& params);

/// Before the options are parsed: "->" reads like an option, so it becomes "to".
void replace_arrows(std::vector<std::string>& arguments);

}  // namespace isthmus::cli
