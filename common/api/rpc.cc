// SPDX-License-Identifier: Apache-2.0
#include "common/api/rpc.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "common/api/socket.h"

namespace isthmus::api {

std::string error_text(const Json& error) {
    const Json text = error.is_object() ? error.value("message", Json()) : Json();
    return text.is_string() ? text.get<std::string>() : "an error without a text";
}

std::string text_of(const Json& params, const char* name) {
    const auto at = params.find(name);
    return at != params.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::int64_t number_of(const Json& params, const char* name, std::int64_t otherwise) {
    const auto at = params.find(name);
    if (at == params.end() || !at->is_number_integer()) return otherwise;
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    if (at->is_number_unsigned() && at->get<std::uint64_t>() > std::uint64_t{kMost}) return kMost;
    return at->get<std::int64_t>();
}

bool truth_of(const Json& params, const char* name) {
    const auto at = params.find(name);
    return at != params.end() && at->is_boolean() && at->get<bool>();
}

Expected<Json> result_of(const std::string& line, int id) {
    const Json answer = from_text(line);
    if (!answer.is_object()) return Error{"", "the answer is not JSON", code::kLost};
    if (answer.contains("error")) {
        const Json& e = answer["error"];
        const auto number = e.is_object() ? number_of(e, "code", 0) : 0;
        return Error{"", error_text(e),
                     static_cast<int>(number < 0 && number > -40000 ? number : code::kRefused)};
    }
    if (answer.value("id", Json()) == id && answer.contains("result")) return answer["result"];
    return Error{"", "the answer is none to our request", code::kLost};
}

Expected<RpcClient> RpcClient::connect(const std::string& path, int timeout_ms) {
    sockaddr_un address;
    if (!address_of(path, address)) return Error{path, "is no path for a socket"};
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return Error{path, reason()};
    const timeval t{timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int error = errno;  // clear_path() looks at it
        ::close(fd);
        errno = error;
        return Error{path, std::strerror(error)};
    }
    return RpcClient(fd);
}

RpcClient::~RpcClient() {
    if (fd_ >= 0) ::close(fd_);
}

RpcClient::RpcClient(RpcClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), next_id_(other.next_id_), in_(std::move(other.in_)) {}

RpcClient& RpcClient::operator=(RpcClient&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(next_id_, other.next_id_);
    std::swap(in_, other.in_);
    return *this;
}

Error RpcClient::lost(const std::string& why) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    return Error{"", why, code::kLost};
}

Expected<Json> RpcClient::call(const std::string& method, const Json& params, int timeout_ms) {
    if (fd_ < 0) return lost("not connected");
    const int id = next_id_++;
    std::string out =
        line_of(Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}});
    while (!out.empty()) {
        const ssize_t n = ::send(fd_, out.data(), out.size(), MSG_NOSIGNAL);
        if (n <= 0) return lost("the connection broke while sending");
        out.erase(0, static_cast<std::size_t>(n));
    }
    const std::int64_t end = now_ms() + timeout_ms;
    std::size_t scanned = 0;
    for (;;) {
        const std::size_t at = in_.find('\n', scanned);
        if (at != std::string::npos) {
            auto result = result_of(in_.substr(0, at), id);
            in_.erase(0, at + 1);
            if (!result && result.error().code == code::kLost) return lost(result.error().what);
            return result;
        }
        scanned = in_.size();
        const std::int64_t left = end - now_ms();
        pollfd p{fd_, POLLIN, 0};
        const int ready = left <= 0 ? 0 : ::poll(&p, 1, static_cast<int>(left));
        if (ready < 0 && errno == EINTR) continue;  // a window that changed its size
        if (ready <= 0) return lost("no answer within " + std::to_string(timeout_ms) + " ms");
        char buffer[65536];
        const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
        if (n <= 0) return lost("the connection was closed");
        in_.append(buffer, static_cast<std::size_t>(n));
        if (in_.size() > kAnswerMost) return lost("the answer is too long");
    }
}

}  // namespace isthmus::api
