// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/variant.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <vector>

using namespace isthmus;
using namespace isthmus::dpdk;
using cpu::Level;

namespace {

Level chosen(std::string_view wish, Level cpu_has) {
    const std::vector<Level> there{Level::v3, Level::v4};
    return choose_variant(wish, Level::v2, there, cpu_has).value();
}

std::string refused(std::string_view wish, Level cpu_has) {
    const std::vector<Level> there{Level::v3};
    return choose_variant(wish, Level::v2, there, cpu_has).error().text();
}

}  // namespace

TEST_CASE("the best variant that the CPU can run is chosen, or the one that is wished") {
    REQUIRE(chosen("", Level::v2) == Level::v2);
    REQUIRE(chosen("auto", Level::v3) == Level::v3);
    REQUIRE(chosen("", Level::v4) == Level::v4);
    REQUIRE(chosen("x86-64-v2", Level::v4) == Level::v2);
    REQUIRE(chosen("x86-64-v3", Level::v4) == Level::v3);
    REQUIRE(choose_variant("", Level::v3, {}, Level::v4).value() == Level::v3);
    REQUIRE(refused("x86-64-v3", Level::v2) ==
            "ISTHMUS_INSTRUCTIONS: x86-64-v3: this CPU has x86-64-v2 only");
    REQUIRE(
        refused("x86-64-v4", Level::v4) ==
        "ISTHMUS_INSTRUCTIONS: \"x86-64-v4\" is not there; there are auto, x86-64-v2, x86-64-v3");
    REQUIRE_FALSE(choose_variant("fast", Level::v2, {}, Level::v4).ok());
}

TEST_CASE("the CPU's level is the one that the kernel's list of features gives") {
    std::string line, flags;
    for (std::ifstream in("/proc/cpuinfo"); std::getline(in, line) && flags.empty();) {
        if (line.starts_with("flags")) flags = line + " ";
    }
    const auto has = [&](const char* f) {
        return flags.find(" " + std::string(f) + " ") != std::string::npos;
    };
    Level want = Level::v1;
    if (has("sse4_2") && has("popcnt") && has("cx16") && has("lahf_lm")) want = Level::v2;
    if (want == Level::v2 && has("avx2") && has("bmi2") && has("fma") && has("movbe") && has("abm"))
        want = Level::v3;
    if (want == Level::v3 && has("avx512f") && has("avx512bw") && has("avx512dq") &&
        has("avx512vl"))
        want = Level::v4;
    REQUIRE(cpu::level_of_this_cpu() == want);
    REQUIRE(cpu::compiled_for() <= want);
    REQUIRE(cpu::missing_for(want) == nullptr);
}
