// SPDX-License-Identifier: Apache-2.0
// isthmusctl dns64: what isthmus-dns64 does, asked on its own socket: it depends neither on
// isthmus-control nor on the dataplane.
#pragma once

#include <memory>

#include "common/args/command.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

void add_dns64_commands(args::Command& app, Asker& ask, int& rc);

/// Whom these commands ask: the socket of isthmus-dns64.
struct Dns64Caller {
    Asker* ask;  // whose --json counts
    int* rc;
    std::shared_ptr<std::string> socket;
    [[nodiscard]] Asker there() const;
};
/// dns64 cache show and flush.
void add_dns64_cache_commands(args::Command& dns64, const Dns64Caller& caller);

}  // namespace isthmus::cli
