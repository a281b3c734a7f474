// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/memif.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace isthmus::dpdk {
namespace {

constexpr std::string_view kDriver = "net_memif";

bool is_server(const DeviceSpec& spec) {
    const std::string_view role = devarg(spec.devargs, "role");
    return role == "server" || role == "master";
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

Status complete_memif(DeviceSpec& spec, const std::string& where) {
    if (spec.driver != kDriver) return Done{};
    const std::string_view path = devarg(spec.devargs, "socket");
    if (path.empty() || path.front() != '/')
        return Error{where, "memif needs its socket's file: \"" + spec.name +
                                ",role=server,socket=/run/isthmus/" + spec.name + ".sock\""};
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return Error{where, "the memif socket's path is longer than " +
                                std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes"};
    if (devarg(spec.devargs, "role").empty()) spec.devargs += ",role=server";
    const std::string_view abstract = devarg(spec.devargs, "socket-abstract");
    if (abstract.empty()) spec.devargs += ",socket-abstract=no";
    if (abstract == "yes" && is_server(spec))
        return Error{where,
                     "an abstract memif socket lets in every local process; write "
                     "socket-abstract=no"};
    return Done{};
}

Status clear_memif_socket(const DeviceSpec& spec) {
    if (spec.driver != kDriver || !is_server(spec)) return Done{};
    const std::string path(devarg(spec.devargs, "socket"));
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) return Done{};
    const std::string where = "memif socket " + path;
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

void shut_memif_socket(const DeviceSpec& spec) noexcept {
    if (spec.driver != kDriver || !is_server(spec)) return;
    (void)::chmod(std::string(devarg(spec.devargs, "socket")).c_str(), S_IRUSR | S_IWUSR);
}

}  // namespace isthmus::dpdk
