// SPDX-License-Identifier: Apache-2.0
// Precompiled where nearly every source includes these. Sources include what they use all the
// same; -Db_pch=false builds without.
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>
