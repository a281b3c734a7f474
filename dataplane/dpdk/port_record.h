// SPDX-License-Identifier: Apache-2.0
// The file in which it says which ports are free, for the process after this one
// (dataplane/nat/free_ports.h).
//
// It lies in /run/isthmus/ports, in memory: written by the workers as they go, read once, at the
// next start. A new file takes the old one's place when all that the old one said stands in it, so
// that a process that ends while it starts loses nothing.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/base/expected.h"
#include "dataplane/nat/free_ports.h"

namespace isthmus::dpdk {

class PortRecordFile {
public:
    struct Shape {
        unsigned workers = 1, slots = 64;
        bool waits_unknown = false;  // without an old file nobody knows: all ports rest
    };
    PortRecordFile() = default;
    ~PortRecordFile();
    PortRecordFile(PortRecordFile&& other) noexcept { *this = std::move(other); }
    PortRecordFile& operator=(PortRecordFile&& other) noexcept;
    PortRecordFile(const PortRecordFile&) = delete;
    PortRecordFile& operator=(const PortRecordFile&) = delete;

    /// Reads the file at `path`, if there is one, and puts a new one there. `seconds`: now, of a
    /// clock that goes on over restarts.
    [[nodiscard]] static Expected<PortRecordFile> open(const std::string& path, const Shape& shape,
                                                       std::uint64_t seconds);
    /// Memory that nobody reads afterwards.
    [[nodiscard]] static Expected<PortRecordFile> without(const Shape& shape);

    [[nodiscard]] nat::PortRecord of_worker(unsigned worker) noexcept;
    /// This process lives; every second.
    void alive(std::uint64_t seconds) noexcept;
    /// What was found, for people; empty: nothing.
    [[nodiscard]] const std::string& found() const noexcept { return found_; }

private:
    struct Header;
    Status read(const std::string& path, std::uint64_t seconds);
    Status map(const Shape& shape, int fd);

    Header* header_ = nullptr;
    std::size_t bytes_ = 0;
    unsigned slots_ = 0;
    std::vector<nat::FreePorts> before_;
    bool unknown_ = false;
    Tick age_{};
    std::string found_;
};

}  // namespace isthmus::dpdk
