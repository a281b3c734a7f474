// SPDX-License-Identifier: Apache-2.0
#include "common/config/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace isthmus::config {

namespace {

constexpr off_t kMostBytes = 16 << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string at(const std::string& name, const std::string& text, std::size_t i) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(i);
    return name + ":" + std::to_string(1 + std::count(text.begin(), end, '\n'));
}

bool is_control(char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f') || u == 0x7f;
}

}  // namespace

std::optional<std::string> read_text_file(const std::string& path, Problem& wrong) {
    const auto refuse = [&](const std::string& what) {
        wrong = {path, what};
        return std::nullopt;
    };
    if (path.empty()) {
        wrong = {"-c", "needs the name of a file"};
        return std::nullopt;
    }
    // Without O_NONBLOCK a pipe would hold us until somebody writes to it.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == EACCES)
        return refuse("cannot be read: " + std::string(std::strerror(EACCES)) +
                      "; the user that the program runs as (" + std::to_string(::geteuid()) +
                      ") must be allowed to read it and to enter its directory");
    if (fd < 0) {
        return refuse("cannot be read: " + std::string(std::strerror(errno)) +
                      "; name another file with -c, or see isthmus.conf(5) for a sample");
    }
    struct stat st {};
    (void)::fstat(fd, &st);
    std::string out;
    bool ok = S_ISREG(st.st_mode) && st.st_size <= kMostBytes;
    std::array<char, 65536> part{};
    while (ok && static_cast<off_t>(out.size()) <= kMostBytes) {
        const ssize_t n = ::read(fd, part.data(), part.size());
        if (n < 0) ok = false;
        if (n <= 0) break;
        out.append(part.data(), static_cast<std::size_t>(n));
    }
    ::close(fd);
    if (S_ISDIR(st.st_mode)) return refuse("is a directory; name the file in it, with -c");
    if (!S_ISREG(st.st_mode))
        return refuse("is a device or a pipe; a configuration is an ordinary file");
    if (st.st_size > kMostBytes) return refuse("is larger than 16 MiB; is it a configuration?");
    if (!ok) return refuse(std::string("cannot be read: ") + std::strerror(errno));
    return out;
}

bool check_bytes(const std::string& text, const std::string& name, std::vector<Problem>& errors) {
    const auto refuse = [&](std::size_t i, const std::string& what) {
        errors.push_back({at(name, text, i), what});
        return false;
    };
    if (text.starts_with(kByteOrderMark))
        return refuse(0, "begins with a byte order mark; save the file as UTF-8 without one");
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        return refuse(0, "is UTF-16; save the file as UTF-8");
    if (text.find_first_not_of(" \t\r\n\f") == std::string::npos)
        return refuse(0, "is empty; isthmus.conf(5) has a sample (isthmus-control --print-sample)");
    for (std::size_t i = 0; i < text.size(); i++) {
        if (is_control(text[i]))
            return refuse(i, "is not text: there is a byte " +
                                 std::to_string(static_cast<unsigned char>(text[i])) +
                                 " in this line; is it a configuration?");
    }
    return true;
}

}  // namespace isthmus::config
