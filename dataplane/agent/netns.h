// SPDX-License-Identifier: Apache-2.0
// Being in another network namespace for a while: sockets and TAPs opened meanwhile stay there.
#pragma once

#include <string>

#include "common/base/expected.h"

namespace isthmus::agent {

class InNetns {
public:
    /// `name` as of `ip netns`; empty: stay. Affects the calling thread only.
    [[nodiscard]] static Expected<InNetns> enter(const std::string& name);
    ~InNetns();
    InNetns(InNetns&& other) noexcept;
    InNetns& operator=(InNetns&&) = delete;
    InNetns(const InNetns&) = delete;
    InNetns& operator=(const InNetns&) = delete;

private:
    explicit InNetns(int back) : back_(back) {}
    int back_;
};

/// True when `name` is another namespace than the one we are in.
[[nodiscard]] bool is_other_netns(const std::string& name);

}  // namespace isthmus::agent
