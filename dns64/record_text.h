// SPDX-License-Identifier: Apache-2.0
// Records as text, for explanations and the listing of the cache; as zone files write them.
#pragma once

#include <string>
#include <vector>

#include "dns64/wire.h"

namespace isthmus::dns64 {

/// "www.example. 60 IN AAAA 2001:db8::1". RDATA of types without a text of their own here is
/// written as RFC 3597 s5 has it: \# 4 0a000001.
[[nodiscard]] std::string record_text(const Message& m, const Record& r);
/// All records of a message, those of the answer section first.
[[nodiscard]] std::vector<std::string> record_texts(const Message& m);

}  // namespace isthmus::dns64
