// SPDX-License-Identifier: Apache-2.0
// isthmusctl trace, capture, show dropped: the same records of the dataplane (trace.start,
// trace.read, show.dropped), as text, as JSON, or as a pcapng file.
#pragma once

#include "common/args/command.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

/// `show` is the "show" command, which gets dropped.
void add_trace_commands(args::Command& app, args::Command& show, Asker& ask, int& rc);

}  // namespace isthmus::cli
