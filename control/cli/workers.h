// SPDX-License-Identifier: Apache-2.0
// `isthmusctl show workers`: what each worker has and did, and where its cycles go.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>

namespace isthmus::cli {

void print_workers(std::ostream& out, const nlohmann::json& workers);

}  // namespace isthmus::cli
