// SPDX-License-Identifier: Apache-2.0
// `isthmusctl show workers`: what each worker has and did, and where its cycles go.
#pragma once

#include <ostream>

#include "common/api/json.h"

namespace isthmus::cli {

void print_workers(std::ostream& out, const api::Json& workers);

}  // namespace isthmus::cli
