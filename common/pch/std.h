// SPDX-License-Identifier: Apache-2.0
// Precompiled where nearly every source includes these (common/pch/json.h says more).
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>
