// SPDX-License-Identifier: Apache-2.0
// Types and RCODEs as text, for logs and explanations; and back, for command lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dns64/codes.h"

namespace isthmus::dns64 {

/// "AAAA", or "TYPE65280" (RFC 3597 s5).
[[nodiscard]] std::string type_text(RrType type);
[[nodiscard]] std::optional<RrType> type_of(std::string_view text);
/// "NOERROR", or "RCODE11".
[[nodiscard]] std::string rcode_text(Rcode rcode);
[[nodiscard]] std::optional<Rcode> rcode_of(std::string_view text);

}  // namespace isthmus::dns64
