// SPDX-License-Identifier: Apache-2.0
// The running policy: what was last applied, kept on disk while control runs (docs/decisions/0001).
//
// After a crash the next control finds the file and goes on with it, changes made live included; a
// clean stop removes it, and the configuration file rules again. Writing is atomic: a temporary
// file, fsync, rename.
#pragma once

#include <string>

#include "common/base/expected.h"
#include "common/config/parse.h"

namespace isthmus::control {

class RunningPolicy {
public:
    RunningPolicy(std::string state_dir, config::Nat64Config from_file);

    /// Takes over what a control that died left; true when there was something.
    bool recover();
    [[nodiscard]] const config::Nat64Config& nat64() const { return nat64_; }
    [[nodiscard]] std::string text() const { return config::to_text(nat64_); }
    /// Makes `next` the running policy; an error when it cannot be kept.
    Status set(const config::Nat64Config& next);
    void forget();

private:
    std::string path_;
    config::Nat64Config nat64_;
};

/// `nat64` with `addresses` added to the pool, or without them: whole entries, or addresses inside
/// one.
[[nodiscard]] Expected<config::Nat64Config> with_pool(const config::Nat64Config& nat64,
                                                      const std::string& addresses,
                                                      const std::string& ports);
[[nodiscard]] Expected<config::Nat64Config> without_pool(const config::Nat64Config& nat64,
                                                         const std::string& addresses);

}  // namespace isthmus::control
