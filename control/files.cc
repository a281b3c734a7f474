// SPDX-License-Identifier: Apache-2.0
#include "control/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace isthmus::control {

namespace {

constexpr std::size_t kFileMost = 64U << 20;
constexpr const char* kNext = ".new";

Error cannot_write(const std::string& path, int error) {
    return Error{path, std::string("cannot be written: ") + std::strerror(error) +
                           "; is control.state_dir there, and is there room?"};
}

bool write_all(int fd, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        at += static_cast<std::size_t>(n);
    }
    return true;
}

/// The rename itself must reach the disk too.
void sync_folder(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path();
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)::fsync(fd);
    ::close(fd);
}

}  // namespace

Expected<NextFile> NextFile::write(const std::string& path, const std::string& text) {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    const std::string beside = path + kNext;
    const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return cannot_write(beside, errno);
    NextFile file(path);
    const bool written = write_all(fd, text) && ::fsync(fd) == 0;
    const int error = errno;
    ::close(fd);
    if (!written) return cannot_write(beside, error);  // and ~NextFile removes what there is
    return file;
}

NextFile::NextFile(NextFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}

NextFile::~NextFile() {
    if (!path_.empty()) ::unlink((path_ + kNext).c_str());
}

Status NextFile::commit() {
    if (::rename((path_ + kNext).c_str(), path_.c_str()) != 0) return cannot_write(path_, errno);
    sync_folder(path_);
    path_.clear();
    return Done{};
}

Status write_file(const std::string& path, const std::string& text) {
    auto next = NextFile::write(path, text);
    return next ? next->commit() : Status(next.error());
}

std::optional<std::string> read_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat st {};
    if (fd < 0) return std::nullopt;
    const bool good = ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                      static_cast<std::size_t>(st.st_size) <= kFileMost;
    std::string out(good ? static_cast<std::size_t>(st.st_size) : 0, '\0');
    const ssize_t n = good ? ::read(fd, out.data(), out.size()) : -1;
    ::close(fd);
    if (n < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(n));
    return out;
}

void remove_file(const std::string& path) { ::unlink(path.c_str()); }

}  // namespace isthmus::control
