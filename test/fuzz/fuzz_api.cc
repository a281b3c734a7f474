// SPDX-License-Identifier: Apache-2.0
// Any bytes from a client of the control socket: each answer is a line of JSON, nobody crashes, and
// a client that behaves is served afterwards.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "common/api/rpc.h"
#include "test/fuzz/fuzz.h"

namespace {

using namespace isthmus;
using fuzz::require;

class Service {
public:
    Service() {
        path_ = "/tmp/isthmus-fuzz-api." + std::to_string(getpid()) + ".sock";
        auto made = api::RpcServer::listen(path_, 0600, "");
        require(made.ok(), "no socket");
        server_ = std::move(*made);
        server_->on("echo", api::Right::read,
                    [](const api::Json& p) -> Expected<api::Json> { return p; });
        server_->on("texts", api::Right::admin, [](const api::Json& p) -> Expected<api::Json> {
            return api::Json{api::text_of(p, "name"), api::number_of(p, "n", 7),
                             api::truth_of(p, "yes")};
        });
        server_->on("refuse", api::Right::read, [](const api::Json&) -> Expected<api::Json> {
            return Error{"here", "no"};
        });
    }

    /// What the server says to `bytes`, sent in two parts.
    std::string talk(const std::string& bytes) {
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::memcpy(to.sun_path, path_.c_str(), path_.size() + 1);
        require(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0, "no connection");
        const std::size_t half = bytes.size() / 2;
        std::string said;
        for (const std::string& part : {bytes.substr(0, half), bytes.substr(half)}) {
            (void)!send(fd, part.data(), part.size(), MSG_NOSIGNAL);
            for (int i = 0; i < 3; i++) {
                server_->poll(0);
                char buffer[65536];
                const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
                if (n > 0) said.append(buffer, static_cast<std::size_t>(n));
            }
        }
        close(fd);
        server_->poll(0);
        return said;
    }

private:
    std::string path_;
    std::unique_ptr<api::RpcServer> server_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Service service;
    const std::string said = service.talk(std::string(reinterpret_cast<const char*>(data), size));
    for (std::size_t at = 0; at < said.size();) {
        const std::size_t end = said.find('\n', at);
        if (end == std::string::npos) break;
        require(!api::from_text(said.substr(at, end - at)).is_discarded(),
                "an answer that is no JSON");
        at = end + 1;
    }
    const std::string good = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{}}\n";
    require(service.talk(good).find("\"result\"") != std::string::npos,
            "the next client is not served");
    return 0;
}
