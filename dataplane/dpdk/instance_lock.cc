// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace isthmus::dpdk {
namespace {

constexpr const char* kRun = "/run/isthmus";
constexpr const char* kDirectory = "/run/isthmus/lock";

/// A kernel device is one of its network namespace.
std::string name_of(const DeviceSpec& d) {
    std::string name = d.is_pci ? "pci-" + d.name : "";
    if (!d.iface.empty()) {
        struct stat ns {};
        (void)::stat("/proc/thread-self/ns/net", &ns);
        name = "net-" + std::to_string(ns.st_ino) + "-" + d.iface;
    }
    for (char& c : name) {
        if (c == '/') c = '_';
    }
    return name;
}

std::string holder(int fd) {
    std::array<char, 32> text{};
    const ssize_t n = ::pread(fd, text.data(), text.size() - 1, 0);
    const std::string pid(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Status InstanceLock::take_one(const std::string& name, const std::string& where,
                              const std::string& what) {
    const std::string path = std::string(kDirectory).append("/").append(name);
    for (;;) {
        const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) return Error{path, std::string("cannot be opened: ") + std::strerror(errno)};
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            const Error e{where, what + " is in use by " + holder(fd) + "; stop that one first"};
            ::close(fd);
            return e;
        }
        struct stat mine {
        }, there{};
        // The one before us removed the file between our two calls: once more.
        if (::fstat(fd, &mine) != 0 || ::stat(path.c_str(), &there) != 0 ||
            mine.st_ino != there.st_ino) {
            ::close(fd);
            continue;
        }
        const std::string pid = std::to_string(::getpid());
        if (::ftruncate(fd, 0) == 0) (void)!::pwrite(fd, pid.data(), pid.size(), 0);
        held_.push_back({path, fd});
        return Done{};
    }
}

InstanceLock::~InstanceLock() {
    for (const Held& h : held_) {
        (void)::unlink(h.path.c_str());
        (void)::close(h.fd);
    }
}

Expected<InstanceLock> InstanceLock::take(const config::DataplaneConfig& cfg,
                                          const std::vector<DeviceSpec>& devices) {
    for (const char* d : {kRun, kDirectory}) {
        if (::mkdir(d, 0755) != 0 && errno != EEXIST)
            return Error{d, std::string("cannot be made: ") + std::strerror(errno)};
    }
    InstanceLock all;
    const Status instance = all.take_one("instance-" + cfg.file_prefix, "dataplane.file_prefix",
                                         "the instance name \"" + cfg.file_prefix + "\"");
    if (!instance)
        return Error{instance.error().where,
                     instance.error().what + ", or give this one another file_prefix"};
    for (std::size_t i = 0; i < devices.size(); i++) {
        const std::string name = name_of(devices[i]);
        if (name.empty()) continue;
        const Status one = all.take_one(name, "port " + cfg.ports[i].name,
                                        "device \"" + cfg.ports[i].device + "\"");
        if (!one) return one.error();
    }
    return all;
}

}  // namespace isthmus::dpdk
