// SPDX-License-Identifier: Apache-2.0
// isthmusctl show pools, prefixes, counters, drops, ports, workers, neighbours: lists that come
// whole.
#pragma once

#include "common/args/command.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

void add_plain_lists(args::Command& show, Asker& ask, int& rc);

}  // namespace isthmus::cli
