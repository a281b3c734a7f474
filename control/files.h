// SPDX-License-Identifier: Apache-2.0
// Files that must be whole after a crash: written beside their place, synchronised, renamed.
#pragma once

#include <optional>
#include <string>

#include "common/base/expected.h"

namespace isthmus::control {

/// A file's next content: on the disk beside it, until commit() puts it in place. Gone without.
class NextFile {
public:
    [[nodiscard]] static Expected<NextFile> write(const std::string& path, const std::string& text);
    NextFile(NextFile&& other) noexcept;
    NextFile& operator=(NextFile&&) = delete;
    NextFile(const NextFile&) = delete;
    NextFile& operator=(const NextFile&) = delete;
    ~NextFile();
    Status commit();

private:
    explicit NextFile(std::string path) : path_(std::move(path)) {}
    std::string path_;  // empty: done
};

Status write_file(const std::string& path, const std::string& text);
/// Nothing when it is not there, cannot be read, or is larger than any of ours.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path);
void remove_file(const std::string& path);

}  // namespace isthmus::control
