// SPDX-License-Identifier: Apache-2.0
#include "common/api/rights.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>

namespace isthmus::api {

namespace {

/// "noc, maria" -> the names.
std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> out;
    std::string word;
    for (const char c : text + " ") {
        if (c != ' ' && c != ',' && c != '\t') {
            word += c;
        } else if (!word.empty()) {
            out.push_back(std::move(word));
            word.clear();
        }
    }
    return out;
}

bool in(const auto& list, auto value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

Status Rights::read(const std::string& key, const std::string& text, Names& out) {
    const bool groups = key.ends_with("group");
    for (const std::string& name : split(text)) {
        if (groups) {
            const ::group* g = ::getgrnam(name.c_str());
            if (g == nullptr) return Error{key, "there is no group \"" + name + "\" on this host"};
            out.groups.push_back(g->gr_gid);
        } else {
            const ::passwd* u = ::getpwnam(name.c_str());
            if (u == nullptr) return Error{key, "there is no user \"" + name + "\" on this host"};
            out.users.push_back(u->pw_uid);
        }
    }
    return Done{};
}

Expected<Rights> Rights::of(const RightNames& c) {
    Rights r;
    for (const Status& s : {read("control.admin_group", c.admin_group, r.admins_),
                            read("control.admin_users", c.admin_users, r.admins_),
                            read("control.read_group", c.read_group, r.readers_),
                            read("control.read_users", c.read_users, r.readers_)}) {
        if (!s) return s.error();
    }
    return r;
}

bool Rights::Names::contain(const Peer& peer) const {
    return in(users, peer.uid) || std::any_of(groups.begin(), groups.end(), [&](gid_t g) {
               return g == peer.gid || in(peer.groups, g);
           });
}

bool Rights::may(const Peer& peer, Right right) const {
    if (peer.uid == 0 || admins_.contain(peer)) return true;
    return right == Right::read && readers_.contain(peer);
}

std::string name_of_user(uid_t uid) {
    const ::passwd* u = ::getpwuid(uid);
    return u == nullptr ? std::to_string(uid) : u->pw_name;
}

}  // namespace isthmus::api
