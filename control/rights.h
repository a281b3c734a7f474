// SPDX-License-Identifier: Apache-2.0
// Who may do what on the operator's socket: root everything; the members of admin_group and the
// admin_users everything; the members of read_group and the read_users look. Nobody else.
//
// Names become numbers when the configuration is read: a request never waits for a directory
// service. A peer's groups are those that the kernel knew when it connected.
#pragma once

#include <vector>

#include "common/api/rpc.h"
#include "common/config/config.h"

namespace isthmus::control {

class Rights {
public:
    /// An error when a name is none: `missing` names in the file must not open or close doors.
    [[nodiscard]] static Expected<Rights> of(const config::ControlConfig& c);
    [[nodiscard]] bool may(const api::Peer& peer, api::Right right) const;

private:
    struct Names {
        std::vector<uid_t> users;
        std::vector<gid_t> groups;
        [[nodiscard]] bool contain(const api::Peer& peer) const;
    };
    static Status read(const std::string& key, const std::string& text, Names& out);
    Names admins_, readers_;
};

/// "maria", or the number when nobody is called so.
[[nodiscard]] std::string name_of_user(uid_t uid);

}  // namespace isthmus::control
