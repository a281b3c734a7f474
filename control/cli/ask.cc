// SPDX-License-Identifier: Apache-2.0
#include "control/cli/ask.h"

#include <cerrno>
#include <iostream>

namespace isthmus::cli {

namespace {

/// What looks is answered at once; what goes through all tables or logs, or changes them, takes its
/// time.
constexpr int kConnectMs = 3000, kLookMs = 20'000, kWorkMs = 600'000;

bool looks(const std::string& method) {
    return method == "status" || method == "version" || method.starts_with("show.");
}

bool changes(const std::string& method) {
    return method == "reload" || method == "rollback" || method == "confirm" ||
           method.ends_with(".add") || method.ends_with(".remove") || method.ends_with("drain");
}

int exit_of(int code) {
    switch (code) {
        case api::code::kForbidden:
            return kForbidden;
        case api::code::kAway:
            return kAway;
        case api::code::kLost:
            return kNobody;
        default:
            return kRefused;
    }
}

}  // namespace

int Asker::try_request(const std::string& method, const Json& params, Json& out, std::string& why) {
    if (!client_ || client_->broken()) {
        auto c = api::RpcClient::connect(socket, kConnectMs);
        if (!c) {
            const bool forbidden = errno == EACCES;
            why = "cannot reach " + program + " on " + c.error().text();
            why += forbidden ? "; may this user open the socket?"
                             : "\nIs it running (systemctl start " + program + ")? Is " + option +
                                   " right?";
            return forbidden ? kForbidden : kNobody;
        }
        client_ = std::move(*c);
    }
    const bool soon = looks(method) && !params.contains("sort");
    const int most_ms = patience_ms != 0 ? patience_ms : soon ? kLookMs : kWorkMs;
    const auto answer = client_->call(method, params, most_ms);
    if (!answer) {
        why = answer.error().text();
        if (answer.error().code == api::code::kLost)
            why = program + " does not answer: " + why + "; see systemctl status " + program +
                  (changes(method) ? ". Whether it was done: isthmusctl show history" : "");
        if (answer.error().code == api::code::kNoMethod)
            why = program + " does not know \"" + method + "\": is it older than isthmusctl?";
        return exit_of(answer.error().code);
    }
    out = *answer;
    return kDone;
}

int Asker::request(const std::string& method, const Json& params, Json& out) {
    std::string why;
    const int rc = try_request(method, params, out, why);
    if (rc != kDone) std::cerr << "isthmusctl: " << why << "\n";
    return rc;
}

void print_json(const Json& j) { std::cout << api::to_text(j, 2) << "\n"; }

}  // namespace isthmus::cli
