// SPDX-License-Identifier: Apache-2.0
// Capabilities: what root could do and the dataplane need not, once its devices are open.
//
// Linux keeps capabilities for each thread. DPDK's threads exist by the time when ours are no
// longer needed, so that each thread is asked, by a signal, to drop its own.
#pragma once

#include <string>
#include <vector>

#include "common/base/expected.h"

namespace isthmus::agent {

/// In all threads: everything but `keep` (CAP_*) goes, for good; new programs gain nothing either.
/// Returns the names of those that are left.
[[nodiscard]] Expected<std::string> keep_capabilities(const std::vector<int>& keep);

}  // namespace isthmus::agent
