// SPDX-License-Identifier: Apache-2.0
// One package, several instruction sets: isthmus-dataplane is there once for the oldest CPU that is
// served and, where the package was built with -Dvariants, again for newer ones
// (isthmus-dataplane.x86-64-v3, beside it or in libexec). The first thing that the plain one does
// is to become the best that this CPU can run (docs/decisions/0030).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/base/cpu_level.h"
#include "common/base/expected.h"

namespace isthmus::dpdk {

/// ISTHMUS_INSTRUCTIONS in the environment: a level's name, or "auto".
inline constexpr const char* kVariantWish = "ISTHMUS_INSTRUCTIONS";

/// Which of `there` to run; `mine` is always there. A wish that cannot be had is an error.
[[nodiscard]] Expected<cpu::Level> choose_variant(std::string_view wish, cpu::Level mine,
                                                  std::span<const cpu::Level> there,
                                                  cpu::Level cpu_has);

/// Returns when this program is the one to run. `libexec`: where the others are installed.
[[nodiscard]] Status become_best_variant(char** argv, const std::string& libexec);

}  // namespace isthmus::dpdk
