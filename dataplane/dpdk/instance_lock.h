// SPDX-License-Identifier: Apache-2.0
// Who has an instance's name, and who has a device: locks on small files in /run/isthmus/lock. The
// kernel takes a lock away when its process ends, whatever the reason; the file names the holder.
#pragma once

#include <string>
#include <vector>

#include "common/base/expected.h"
#include "common/config/config.h"
#include "dataplane/dpdk/device.h"

namespace isthmus::dpdk {

class InstanceLock {
public:
    InstanceLock() = default;
    ~InstanceLock();
    InstanceLock(InstanceLock&& other) noexcept : held_(std::move(other.held_)) {
        other.held_.clear();
    }
    InstanceLock& operator=(InstanceLock&& other) noexcept {
        std::swap(held_, other.held_);
        return *this;
    }
    InstanceLock(const InstanceLock&) = delete;
    InstanceLock& operator=(const InstanceLock&) = delete;

    /// The instance and all its devices, or an error that says who has what.
    [[nodiscard]] static Expected<InstanceLock> take(const config::DataplaneConfig& cfg,
                                                     const std::vector<DeviceSpec>& devices);

private:
    struct Held {
        std::string path;
        int fd;
    };
    Status take_one(const std::string& name, const std::string& where, const std::string& what);

    std::vector<Held> held_;
};

}  // namespace isthmus::dpdk
