// SPDX-License-Identifier: Apache-2.0
// Precompiled for unit tests of what speaks JSON (common/pch/json.h says more).
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>
