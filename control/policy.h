// SPDX-License-Identifier: Apache-2.0
// The running policy: what was last applied, kept on disk while control runs (docs/decisions/0001).
//
// After a crash the next control finds the file and goes on with it, changes made live included; a
// clean stop removes it, and the configuration file rules again. Except when the configuration file
// holds what was rolled back: then the clean stop keeps the running policy, and the next start goes
// on with it for as long as the file has not been edited. Writing is atomic (control/files.h).
#pragma once

#include <string>

#include "common/base/expected.h"
#include "common/config/parse.h"
#include "control/files.h"

namespace isthmus::control {

class RunningPolicy {
public:
    /// `from_file`: what the configuration file says.
    RunningPolicy(const std::string& state_dir, config::Nat64Config from_file);

    /// Takes over what an earlier control left to be gone on with; true when there was something.
    bool recover();
    [[nodiscard]] const config::Nat64Config& nat64() const { return nat64_; }
    [[nodiscard]] std::string text() const { return config::to_text(nat64_); }

    /// `next` on the disk, but not yet in force: an error when there is no room for it.
    [[nodiscard]] Expected<NextFile> prepare(const config::Nat64Config& next) const;
    Status run(NextFile& prepared, const config::Nat64Config& next);
    Status set(const config::Nat64Config& next);
    /// As set(), but `next` is in force whatever the disk says.
    void set_anyway(const config::Nat64Config& next);

    /// `refused`: the policy that was rolled back, in force no more.
    void note_rollback(const config::Nat64Config& refused);
    /// A clean stop. `keep`: the next start must go on with it whatever the file says. False: the
    /// next start takes the file.
    bool stop(const config::Nat64Config& in_file, bool keep);

private:
    std::string path_, refused_path_, kept_path_;
    config::Nat64Config nat64_;
};

/// `nat64` with `addresses` added to the pool.
[[nodiscard]] Expected<config::Nat64Config> with_pool(const config::Nat64Config& nat64,
                                                      const std::string& addresses,
                                                      const std::string& ports);

}  // namespace isthmus::control
