// SPDX-License-Identifier: Apache-2.0
// Precompiled for unit tests of several files (common/pch says more).
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>
