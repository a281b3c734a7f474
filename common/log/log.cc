// SPDX-License-Identifier: Apache-2.0
#include "common/log/log.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <mutex>

namespace isthmus::log {

namespace {

constexpr unsigned kMostPerSecond = 10;                               // of one and the same line
constexpr const char* kNames[] = {"error", "warn", "info", "debug"};  // by Level
constexpr int kPriority[] = {3, 4, 6, 7};                             // of syslog
std::atomic<Level> most{Level::info};

struct Repeat {
    std::mutex lock;
    std::string last;
    long second = 0;
    unsigned n = 0, silent = 0;
};

Repeat& repeat() {
    static Repeat r;
    return r;
}

long now_seconds() {
    using std::chrono::steady_clock;
    return static_cast<long>(
        std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now().time_since_epoch())
            .count());
}

void put(Level level, const std::string& text) {
    const auto i = static_cast<unsigned>(level);
    if (std::getenv("JOURNAL_STREAM") != nullptr) {
        std::fprintf(stderr, "<%d>%s\n", kPriority[i], text.c_str());
    } else {
        std::fprintf(stderr, "%s: %s\n", kNames[i], text.c_str());
    }
}

}  // namespace

bool set_level(const std::string& name) {
    const auto* const at = std::find(std::begin(kNames), std::end(kNames), name);
    if (at == std::end(kNames)) return false;
    most = static_cast<Level>(at - std::begin(kNames));
    return true;
}

void write(Level level, const std::string& text) {
    if (level > most.load(std::memory_order_relaxed)) return;
    Repeat& r = repeat();
    const std::lock_guard guard(r.lock);
    const long second = now_seconds();
    if (text != r.last || second != r.second) {
        if (r.silent != 0)
            put(Level::warn, "the line above was repeated " + std::to_string(r.silent) + " times");
        r.last = text;
        r.second = second;
        r.n = r.silent = 0;
    }
    if (++r.n > kMostPerSecond) {
        r.silent++;
        return;
    }
    put(level, text);
}

}  // namespace isthmus::log
