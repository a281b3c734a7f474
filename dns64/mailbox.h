// SPDX-License-Identifier: Apache-2.0
// Work that other threads leave for one that waits in poll(): workers' answers, for the main
// thread.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace isthmus::dns64 {

class Mailbox {
public:
    Mailbox() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
    ~Mailbox() {
        if (fd_ >= 0) ::close(fd_);
    }
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    /// From any thread.
    void post(std::function<void()> work) {
        {
            const std::lock_guard guard(lock_);
            work_.push_back(std::move(work));
        }
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t n = ::write(fd_, &one, sizeof one);
    }
    /// Readable when something lies here.
    [[nodiscard]] int fd() const { return fd_; }
    /// Does what lies here; what comes meanwhile waits for the next time.
    void serve() {
        std::uint64_t n = 0;
        [[maybe_unused]] const ssize_t got = ::read(fd_, &n, sizeof n);
        std::vector<std::function<void()>> now;
        {
            const std::lock_guard guard(lock_);
            now.swap(work_);
        }
        for (const auto& work : now) work();
    }

private:
    int fd_;
    std::mutex lock_;
    std::vector<std::function<void()>> work_;
};

}  // namespace isthmus::dns64
