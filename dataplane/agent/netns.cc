// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace isthmus::agent {

Expected<InNetns> InNetns::enter(const std::string& name) {
    if (name.empty()) return InNetns(-1);
    const int back = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    const int there = ::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
    if (there < 0 || back < 0) {
        if (back >= 0) ::close(back);
        if (there >= 0) ::close(there);
        return Error{"dataplane.punt_netns", "there is no network namespace \"" + name +
                                                 "\"; make it: ip netns add " + name};
    }
    const int rc = ::setns(there, CLONE_NEWNET);
    const int error = errno;
    ::close(there);
    if (rc != 0) {
        ::close(back);
        return Error{"dataplane.punt_netns",
                     "cannot enter \"" + name + "\": " + std::strerror(error)};
    }
    return InNetns(back);
}

InNetns::InNetns(InNetns&& other) noexcept : back_(std::exchange(other.back_, -1)) {}

InNetns::~InNetns() {
    if (back_ < 0) return;
    (void)::setns(back_, CLONE_NEWNET);
    ::close(back_);
}

bool is_other_netns(const std::string& name) {
    struct stat mine {
    }, theirs{};
    if (name.empty() || ::stat("/proc/thread-self/ns/net", &mine) != 0) return false;
    if (::stat(("/run/netns/" + name).c_str(), &theirs) != 0) return false;
    return mine.st_ino != theirs.st_ino;
}

}  // namespace isthmus::agent
