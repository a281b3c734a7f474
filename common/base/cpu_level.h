// SPDX-License-Identifier: Apache-2.0
// The levels of the x86-64 instruction set (System V ABI, AMD64 supplement, section 3.1.1): for
// which one a program was compiled, and which this CPU and its kernel have.
//
// No library, no static data to initialise: it may be asked before anything else has run.
#pragma once

#include <cpuid.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace isthmus::cpu {

enum class Level : std::uint8_t { v1 = 1, v2, v3, v4 };
inline constexpr Level kLevelMax = Level::v4;

constexpr std::string_view name_of(Level l) {
    constexpr std::array<std::string_view, 4> kNames{"x86-64", "x86-64-v2", "x86-64-v3",
                                                     "x86-64-v4"};
    return kNames[static_cast<unsigned>(l) - 1];
}

/// What the file that includes this is compiled for.
constexpr Level compiled_for() {
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512CD__) && \
    defined(__AVX512DQ__) && defined(__AVX512VL__)
    return Level::v4;
#elif defined(__AVX2__) && defined(__BMI__) && defined(__BMI2__) && defined(__FMA__)
    return Level::v3;
#elif defined(__SSE4_2__) && defined(__POPCNT__)
    return Level::v2;
#else
    return Level::v1;
#endif
}

/// Where CPUID tells of a feature.
struct Feature {
    Level since;
    const char* name;
    std::uint32_t leaf;
    std::uint8_t reg, bit;  // reg: 0 eax, 1 ebx, 2 ecx, 3 edx
};
inline constexpr auto kFeatures = std::to_array<Feature>({
    {Level::v2, "sse3", 1, 2, 0},
    {Level::v2, "ssse3", 1, 2, 9},
    {Level::v2, "cx16", 1, 2, 13},
    {Level::v2, "sse4.1", 1, 2, 19},
    {Level::v2, "sse4.2", 1, 2, 20},
    {Level::v2, "popcnt", 1, 2, 23},
    {Level::v2, "lahf_lm", 0x80000001, 2, 0},
    {Level::v3, "fma", 1, 2, 12},
    {Level::v3, "movbe", 1, 2, 22},
    {Level::v3, "osxsave", 1, 2, 27},
    {Level::v3, "avx", 1, 2, 28},
    {Level::v3, "f16c", 1, 2, 29},
    {Level::v3, "lzcnt", 0x80000001, 2, 5},
    {Level::v3, "bmi1", 7, 1, 3},
    {Level::v3, "avx2", 7, 1, 5},
    {Level::v3, "bmi2", 7, 1, 8},
    {Level::v4, "avx512f", 7, 1, 16},
    {Level::v4, "avx512dq", 7, 1, 17},
    {Level::v4, "avx512cd", 7, 1, 28},
    {Level::v4, "avx512bw", 7, 1, 30},
    {Level::v4, "avx512vl", 7, 1, 31},
});

/// What the kernel saves of the registers that a level brings (XCR0): without it a program that
/// uses them dies, whatever the CPU can do.
inline bool kernel_saves(Level l) noexcept {
    if (l < Level::v3) return true;
    std::uint32_t low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    const std::uint32_t want = l == Level::v4 ? 0xe6U : 0x06U;
    return (low & want) == want;
}

/// The first thing that is missing for `l`; nullptr: nothing.
inline const char* missing_for(Level l) noexcept {
    for (const Feature& f : kFeatures) {
        if (f.since > l) continue;
        std::array<unsigned, 4> r{};
        const bool told = __get_cpuid_count(f.leaf, 0, &r[0], &r[1], &r[2], &r[3]) != 0;
        if (!told || (r[f.reg] >> f.bit & 1) == 0) return f.name;
    }
    return kernel_saves(l) ? nullptr : "xsave of its registers by the kernel";
}

inline Level level_of_this_cpu() noexcept {
    Level best = Level::v1;
    for (const Level l : {Level::v2, Level::v3, Level::v4}) {
        if (missing_for(l) != nullptr) break;
        best = l;
    }
    return best;
}

}  // namespace isthmus::cpu
