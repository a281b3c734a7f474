// SPDX-License-Identifier: Apache-2.0
// Log lines to stderr with a level that systemd's journal understands ("<4>text"). For the edge
// only: engines and pipeline cannot reach this folder. A line that repeats faster than ten times a
// second is counted, not written.
#pragma once

#include <string>

namespace isthmus::log {

enum class Level : unsigned char { error, warn, info, debug };

/// "error", "warn", "info" or "debug"; false: none of them.
bool set_level(const std::string& name);
void write(Level level, const std::string& text);

inline void error(const std::string& text) { write(Level::error, text); }
inline void warn(const std::string& text) { write(Level::warn, text); }
inline void info(const std::string& text) { write(Level::info, text); }
inline void debug(const std::string& text) { write(Level::debug, text); }

}  // namespace isthmus::log
