// SPDX-License-Identifier: Apache-2.0
// The cache for an operator's eyes: entries as rows of `cache.show`. Called in the worker's thread.
#pragma once

#include <optional>

#include "common/api/rpc.h"
#include "dns64/worker.h"

namespace isthmus::dns64 {

/// Which entries. Without name and zone: all.
struct CacheFilter {
    std::optional<Name> name;  // this one; lower case
    std::optional<Name> zone;  // this one and all below; lower case
    std::optional<RrType> type;
    [[nodiscard]] bool matches(const CacheEntry& e) const;
};

/// One entry: name, type, what it answers, seconds left (0: expired, kept for RFC 8767), size.
[[nodiscard]] api::Json row_of(const CacheEntry& e, const Rules& rules, std::uint32_t now_s);
/// Its records as text.
[[nodiscard]] api::Json records_of(const CacheEntry& e, std::uint32_t now_s);

}  // namespace isthmus::dns64
