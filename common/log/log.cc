// SPDX-License-Identifier: Apache-2.0
#include "common/log/log.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace isthmus::log {

namespace {

constexpr unsigned kMostPerSecond = 10;  // of one and the same line
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
    constexpr const char* kNames[] = {"error", "warn", "info", "debug"};
    constexpr int kPriority[] = {3, 4, 6, 7};
    const auto i = static_cast<unsigned>(level);
    if (std::getenv("JOURNAL_STREAM") != nullptr) {
        std::fprintf(stderr, "<%d>%s\n", kPriority[i], text.c_str());
    } else {
        std::fprintf(stderr, "%s: %s\n", kNames[i], text.c_str());
    }
}

}  // namespace

bool set_level(const std::string& name) {
    if (name == "error")
        most = Level::error;
    else if (name == "warn")
        most = Level::warn;
    else if (name == "info")
        most = Level::info;
    else if (name == "debug")
        most = Level::debug;
    else
        return false;
    return true;
}

void write(Level level, const std::string& text) {
    if (level > most.load(std::memory_order_relaxed)) return;
    Repeat& r = repeat();
    const std::lock_guard guard(r.lock);
    const long second = now_seconds();
    if (text != r.last || second != r.second) {
        if (r.silent != 0)
            put(Level::warn, "the line before came " + std::to_string(r.silent) + " times more");
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
