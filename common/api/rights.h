// SPDX-License-Identifier: Apache-2.0
// Who may do what on an operator's socket: root everything; the members of admin_group and the
// admin_users everything; the members of read_group and the read_users look. Nobody else. The names
// are those of section `control`, for all sockets of a host.
//
// Names become numbers when the configuration is read: a request never waits for a directory
// service. A peer's groups are those that the kernel knew when it connected.
#pragma once

#include <string>
#include <vector>

#include "common/api/rpc.h"

namespace isthmus::api {

/// As the file says them: several names with commas between.
struct RightNames {
    std::string admin_group, admin_users, read_group, read_users;
};

class Rights {
public:
    /// An error when a name is none: `missing` names in the file must not open or close doors.
    [[nodiscard]] static Expected<Rights> of(const RightNames& names);
    [[nodiscard]] bool may(const Peer& peer, Right right) const;

private:
    struct Names {
        std::vector<uid_t> users;
        std::vector<gid_t> groups;
        [[nodiscard]] bool contain(const Peer& peer) const;
    };
    static Status read(const std::string& key, const std::string& text, Names& out);
    Names admins_, readers_;
};

/// "maria", or the number when nobody is called so.
[[nodiscard]] std::string name_of_user(uid_t uid);

}  // namespace isthmus::api
