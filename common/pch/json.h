// SPDX-License-Identifier: Apache-2.0
// Precompiled for the folders that speak JSON: reading nlohmann's header takes the compiler two
// seconds, which was half of a clean build. Sources include what they use all the same;
// -Db_pch=false builds without.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>
