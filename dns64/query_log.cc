// SPDX-License-Identifier: Apache-2.0
#include "dns64/query_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "common/api/json.h"
#include "dns64/names_of_codes.h"

namespace isthmus::dns64 {

QueryLog::~QueryLog() {
    if (fd_ >= 0) ::close(fd_);
}

Status QueryLog::open(const std::string& path) {
    int fd = -1;
    if (!path.empty()) {
        fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0) return Error{"dns64.query_log.file", path + ": " + std::strerror(errno)};
    }
    const std::lock_guard guard(lock_);
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    return Done{};
}

void QueryLog::write(const Line& l) {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    const api::Json line{
        {"time", static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec / 1000000) / 1e3},
        {"client", l.client},
        {"via", l.via},
        {"name", name_text(l.name)},
        {"type", type_text(l.type)},
        {"rcode", rcode_text(l.rcode)},
        {"why", info_of(l.why).name},
        {"us", l.us}};
    const std::string text = api::to_text(line) + "\n";
    const std::lock_guard guard(lock_);
    if (fd_ < 0) return;
    [[maybe_unused]] const ssize_t n = ::write(fd_, text.data(), text.size());
}

}  // namespace isthmus::dns64
