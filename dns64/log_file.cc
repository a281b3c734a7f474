// SPDX-License-Identifier: Apache-2.0
#include "dns64/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

namespace isthmus::dns64 {

namespace {

Error trouble(const std::string& path, const char* what) {
    return Error{"dns64.query_log.file", path + ": " + what + std::strerror(errno)};
}

/// When the file was made; now, where the file system does not know.
std::uint64_t birth_of(int fd) {
    struct statx s {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &s) == 0 && (s.stx_mask & STATX_BTIME) != 0)
        return static_cast<std::uint64_t>(s.stx_btime.tv_sec);
    return static_cast<std::uint64_t>(std::time(nullptr));
}

/// A FIFO is opened for reading too: else it could not be opened before its reader is there, and
/// would be lost with him.
int open_for_append(const std::string& path) {
    struct stat s {};
    const bool fifo = ::stat(path.c_str(), &s) == 0 && S_ISFIFO(s.st_mode);
    const int how = fifo ? O_RDWR : O_WRONLY | O_APPEND | O_CREAT;
    return ::open(path.c_str(), how | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

}  // namespace

LogFile::~LogFile() {
    if (fd_ >= 0) ::close(fd_);
}

LogFile& LogFile::operator=(LogFile&& o) noexcept {
    if (this == &o) return *this;
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(o.fd_, -1);
    path_ = std::move(o.path_);
    limits_ = o.limits_;
    is_regular_ = o.is_regular_;
    in_line_ = o.in_line_;
    bytes_ = o.bytes_;
    born_s_ = o.born_s_;
    return *this;
}

Expected<LogFile> LogFile::open(const std::string& path, const Limits& limits) {
    LogFile f;
    f.path_ = path;
    f.limits_ = limits;
    f.fd_ = open_for_append(path);
    if (f.fd_ < 0) return trouble(path, "");
    struct stat s {};
    if (::fstat(f.fd_, &s) != 0) return trouble(path, "");
    f.is_regular_ = S_ISREG(s.st_mode);
    f.bytes_ = static_cast<std::uint64_t>(s.st_size);
    f.born_s_ = birth_of(f.fd_);
    return f;
}

Status LogFile::follow(bool always) {
    struct stat ours {
    }, there{};
    const bool same = ::fstat(fd_, &ours) == 0 && ::stat(path_.c_str(), &there) == 0 &&
                      ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
    if (same && !always) {
        bytes_ = static_cast<std::uint64_t>(ours.st_size);  // somebody may have cut it
        return Done{};
    }
    auto f = open(path_, limits_);
    if (!f) return f.error();
    *this = std::move(*f);
    return Done{};
}

/// FILE to FILE.1, what was FILE.1 to FILE.2, and so on; the last one goes.
Status LogFile::rotate(std::uint64_t now_s) {
    const auto numbered = [&](unsigned i) { return path_ + "." + std::to_string(i); };
    for (unsigned i = limits_.files; i > 1; i--)
        (void)std::rename(numbered(i - 1).c_str(), numbered(i).c_str());
    const bool away = limits_.files > 0 ? std::rename(path_.c_str(), numbered(1).c_str()) == 0
                                        : std::remove(path_.c_str()) == 0;
    if (!away) {
        const Error e = trouble(path_, "cannot be rotated: ");
        bytes_ = 0;  // goes on in it, and tries again after as much
        born_s_ = now_s;
        return e;
    }
    return follow(true);
}

Status LogFile::write(std::string& lines, std::uint64_t now_s) {
    if (lines.empty()) return Done{};
    const bool too_long = limits_.bytes > 0 && bytes_ > 0 && bytes_ + lines.size() > limits_.bytes;
    const bool too_old = limits_.seconds > 0 && now_s >= born_s_ + limits_.seconds;
    Status rotated = Done{};
    if (is_regular_ && !in_line_ && (too_long || too_old)) rotated = rotate(now_s);
    const ssize_t n = ::write(fd_, lines.data(), lines.size());
    if (n < 0) {
        if (errno == EAGAIN || errno == EINTR) return rotated;
        return trouble(path_, "");
    }
    if (n == 0) return rotated;
    bytes_ += static_cast<std::uint64_t>(n);
    in_line_ = lines[static_cast<std::size_t>(n) - 1] != '\n';
    lines.erase(0, static_cast<std::size_t>(n));
    return rotated;
}

}  // namespace isthmus::dns64
