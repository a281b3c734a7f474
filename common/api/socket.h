// SPDX-License-Identifier: Apache-2.0
// What the ends of a Unix socket share: addresses, lines, the clock of time-outs.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

#include "common/api/rpc.h"

namespace isthmus::api {

inline constexpr std::size_t kAnswerMost = 64U << 20;  // bytes that a client accepts

inline bool address_of(const std::string& path, sockaddr_un& out) {
    out = {};
    out.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof out.sun_path) return false;
    path.copy(out.sun_path, path.size());
    return true;
}

inline std::string reason() { return std::strerror(errno); }

inline std::string line_of(const Json& j) { return to_text(j) + "\n"; }

inline std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace isthmus::api
