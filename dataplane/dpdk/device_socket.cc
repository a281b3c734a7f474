// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/device_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace isthmus::dpdk {
namespace {

constexpr std::string_view kMemif = "net_memif", kVhost = "net_vhost";

bool is_server(const DeviceSpec& spec) {
    if (spec.driver == kVhost) return devarg(spec.devargs, "client") != "1";
    const std::string_view role = devarg(spec.devargs, "role");
    return spec.driver == kMemif && (role == "server" || role == "master");
}

std::string path_of(const DeviceSpec& spec) {
    return std::string(devarg(spec.devargs, spec.driver == kVhost ? "iface" : "socket"));
}

/// 0: somebody listens; else errno.
int try_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    const int rc =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
    (void)::close(fd);
    return rc;
}

}  // namespace

Status complete_socket(DeviceSpec& spec, const std::string& where, unsigned n_workers) {
    if (spec.driver != kMemif && spec.driver != kVhost) return Done{};
    const bool is_vhost = spec.driver == kVhost;
    const std::string path = path_of(spec), kind = is_vhost ? "vhost" : "memif";
    if (path.empty() || path.front() != '/')
        return Error{where, kind + " needs its socket's file: \"" + spec.name +
                                (is_vhost ? ",iface=" : ",role=server,socket=") + "/run/isthmus/" +
                                spec.name + ".sock\""};
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return Error{where, "the " + kind + " socket's path is longer than " +
                                std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes"};
    if (is_vhost) {
        if (devarg(spec.devargs, "queues").empty())
            spec.devargs += ",queues=" + std::to_string(std::max(n_workers, 1U));
        return Done{};
    }
    if (devarg(spec.devargs, "role").empty()) spec.devargs += ",role=server";
    const std::string_view abstract = devarg(spec.devargs, "socket-abstract");
    if (abstract.empty()) spec.devargs += ",socket-abstract=no";
    if (abstract == "yes" && is_server(spec))
        return Error{where,
                     "an abstract memif socket lets in every local process; write "
                     "socket-abstract=no"};
    return Done{};
}

Status clear_socket(const DeviceSpec& spec) {
    if (!is_server(spec)) return Done{};
    const std::string path = path_of(spec);
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) return Done{};
    const std::string where = "socket " + path;
    if (!S_ISSOCK(st.st_mode))
        return Error{where, "is a file of another kind; it is left alone. Choose another path"};
    const int answer = try_socket(path);
    switch (answer) {
        case 0:
        case EAGAIN:
        case EPROTOTYPE:
            return Error{where, "is in use by another process"};
        case ECONNREFUSED:
            break;
        default:
            return Error{where, std::string("cannot be tried: ") + std::strerror(answer)};
    }
    if (::unlink(path.c_str()) != 0)
        return Error{where, std::string("was left by a dead process and cannot be removed: ") +
                                std::strerror(errno)};
    return Done{};
}

void shut_socket(const DeviceSpec& spec) noexcept {
    if (is_server(spec)) (void)::chmod(path_of(spec).c_str(), S_IRUSR | S_IWUSR);
}

}  // namespace isthmus::dpdk
