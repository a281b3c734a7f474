// SPDX-License-Identifier: Apache-2.0
// The file of the query log: whole lines are appended; it is rotated by size and age, and found
// again when somebody else has moved it. A FIFO is written to as well, and never waited for.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/expected.h"

namespace isthmus::dns64 {

class LogFile {
public:
    struct Limits {
        std::uint64_t bytes = 0;    // rotate before it grows beyond; 0: never
        std::uint64_t seconds = 0;  // rotate when it is so old; 0: never
        unsigned files = 1;         // FILE.1, FILE.2, ...: so many are kept
    };
    LogFile() = default;
    ~LogFile();
    LogFile(LogFile&& o) noexcept { *this = std::move(o); }
    LogFile& operator=(LogFile&& o) noexcept;
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    [[nodiscard]] static Expected<LogFile> open(const std::string& path, const Limits& limits);
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] const std::string& path() const { return path_; }

    /// Writes lines, rotating first where that is due; what was taken is removed from `lines`.
    /// An error: a disk that is full, say. Nothing taken and no error: try again later.
    [[nodiscard]] Status write(std::string& lines, std::uint64_t now_s);
    /// Opens the path anew when it is another file now. `always`: in any case.
    [[nodiscard]] Status follow(bool always);

private:
    [[nodiscard]] Status rotate(std::uint64_t now_s);

    std::string path_;
    Limits limits_;
    int fd_ = -1;
    bool is_regular_ = false;
    bool in_line_ = false;  // the last line is not whole yet
    std::uint64_t bytes_ = 0, born_s_ = 0;
};

}  // namespace isthmus::dns64
