// SPDX-License-Identifier: Apache-2.0
// The keys that a golden case may set: fields of the snapshot by name.
#pragma once

#include <string>

#include "dataplane/pipeline/snapshot.h"

namespace golden {

/// `set KEY VALUE` of a case; a Fault when there is no such key.
void apply_setting(isthmus::pipeline::Snapshot& cfg, const std::string& key,
                   const std::string& value);

}  // namespace golden
