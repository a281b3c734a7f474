// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/variant.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace isthmus::dpdk {
namespace {

using cpu::Level;

constexpr std::array kLevels{Level::v1, Level::v2, Level::v3, Level::v4};
constexpr std::string_view kProgram = "isthmus-dataplane";

std::string self() {
    std::array<char, PATH_MAX> path{};
    const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
    return {path.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

/// The program for `l`, beside this one (a build tree) or where it is installed; empty: none.
std::string path_of(Level l, const std::string& me, const std::string& libexec) {
    const std::string file = std::string(kProgram).append(".").append(cpu::name_of(l));
    for (const std::string& dir : {me.substr(0, me.rfind('/')), libexec}) {
        std::string path = dir + "/" + file;
        if (::access(path.c_str(), X_OK) == 0) return path;
    }
    return {};
}

}  // namespace

Expected<Level> choose_variant(std::string_view wish, Level mine, std::span<const Level> there,
                               Level cpu_has) {
    const auto has = [&](Level l) {
        return l == mine || std::find(there.begin(), there.end(), l) != there.end();
    };
    if (wish.empty() || wish == "auto") {
        Level best = mine;
        for (const Level l : there) {
            if (l <= cpu_has) best = std::max(best, l);
        }
        return best;
    }
    std::string names;
    for (const Level l : kLevels) {
        if (!has(l)) continue;
        names += (names.empty() ? "" : ", ") + std::string(cpu::name_of(l));
        if (cpu::name_of(l) != wish) continue;
        if (l <= cpu_has) return l;
        return Error{kVariantWish, std::string(wish) + ": this CPU has " +
                                       std::string(cpu::name_of(cpu_has)) + " only"};
    }
    return Error{kVariantWish,
                 "\"" + std::string(wish) + "\" is not there; there are auto, " + names};
}

Status become_best_variant(char** argv, const std::string& libexec) {
    const std::string me = self();
    const char* const wish = std::getenv(kVariantWish);
    std::vector<Level> there;
    for (const Level l : kLevels) {
        if (!path_of(l, me, libexec).empty()) there.push_back(l);
    }
    const auto best = choose_variant(wish == nullptr ? "" : wish, cpu::compiled_for(), there,
                                     cpu::level_of_this_cpu());
    if (!best) return best.error();
    if (*best == cpu::compiled_for()) return Done{};
    const std::string path = path_of(*best, me, libexec);
    if (path == me) return Error{path, "is not what its name says"};
    ::execv(path.c_str(), argv);
    return Error{path, std::string("does not start: ") + std::strerror(errno)};
}

}  // namespace isthmus::dpdk
