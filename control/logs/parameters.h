// SPDX-License-Identifier: Apache-2.0
// RFC 7422 s3: what deterministic NAT calculates with is recorded at each change and once a day, so
// that a log says at any time who had which ports.
#pragma once

#include <optional>
#include <string>

#include "common/config/config.h"
#include "control/logs/record.h"

namespace isthmus::control {

class ParameterRecord {
public:
    /// The note that is due under the policy that runs; none: nothing new, and no day is over.
    [[nodiscard]] std::optional<Note> look(const config::Nat64Config& running,
                                           std::uint64_t unix_ns);
    /// What was recorded last, as JSON; empty: deterministic NAT was never on.
    [[nodiscard]] const std::string& newest() const { return newest_; }

private:
    std::string newest_;
    std::uint64_t next_ns_ = 0;
};

}  // namespace isthmus::control
