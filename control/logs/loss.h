// SPDX-License-Identifier: Apache-2.0
// Records that a log will never have: how many, of which workers and numbers, between which times.
// It is said in a gap record in their place, by a later control if need be.
#pragma once

#include <map>
#include <vector>

#include "control/logs/record.h"

namespace isthmus::control {

struct Loss {
    struct Range {
        std::uint64_t first = 0, last = 0, n = 0;
        friend bool operator==(const Range&, const Range&) = default;
    };
    std::string instance;  // of the dataplane
    std::uint64_t n = 0, from_ns = 0, to_ns = 0;
    std::map<unsigned, Range> of;  // by worker
    friend bool operator==(const Loss&, const Loss&) = default;

    /// Newer ones, of the same instance.
    void add(const LogBatch& batch);
    void add(const Loss& newer);
    [[nodiscard]] LogBatch gap() const;
    [[nodiscard]] api::Json json() const;
    [[nodiscard]] static std::optional<Loss> of_json(const api::Json& j);
};

/// In order; each its own instance.
using Losses = std::vector<Loss>;
[[nodiscard]] api::Json json_of(const Losses& losses);
[[nodiscard]] Losses losses_of(const api::Json& list);

}  // namespace isthmus::control
