// SPDX-License-Identifier: Apache-2.0
// A fuzz target is one function of bytes; it ends the process when something is wrong. Built with
// clang and -Dfuzz=true it is driven by libFuzzer; in every build replay.cc gives it the corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

inline void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

}  // namespace fuzz
