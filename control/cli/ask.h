// SPDX-License-Identifier: Apache-2.0
// What every command of isthmusctl has: the connection, --json, and the exit status.
#pragma once

#include <optional>
#include <string>

#include "common/api/rpc.h"

namespace isthmus::cli {

using api::Json;

/// Exit statuses; docs/man and docs/control-protocol.md state them.
enum Exit : int {
    kDone = 0,
    kRefused = 1,    // what was asked cannot be done, or there is no such thing
    kUsage = 2,      // the command line makes no sense
    kNobody = 3,     // nobody on the socket
    kForbidden = 4,  // not allowed for this user
    kAway = 5,       // isthmus-control is there, the dataplane is not
};

class Asker {
public:
    /// An answer in `out`, or the reason on stderr and the exit status.
    int request(const std::string& method, const Json& params, Json& out);
    /// As request(), silent: the reason is left in `why`.
    int try_request(const std::string& method, const Json& params, Json& out, std::string& why);

    std::string socket = "/run/isthmus/control/control.sock";
    /// Who should be there, and the option that says where; for messages.
    std::string program = "isthmus-control", option = "--socket";
    bool json = false;
    /// How long an answer may take; 0: by what is asked.
    int patience_ms = 0;

private:
    std::optional<api::RpcClient> client_;
};

/// Prints a document, indented.
void print_json(const Json& j);

}  // namespace isthmus::cli
