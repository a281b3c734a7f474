// SPDX-License-Identifier: Apache-2.0
// Who may look, who may change.
#include "common/api/rights.h"

#include <catch2/catch.hpp>

using namespace isthmus;
using api::Peer;
using api::Right;

TEST_CASE("nobody but root may do anything unless the configuration says so") {
    const auto r = api::Rights::of({});
    REQUIRE(r);
    CHECK(r->may(Peer{0, 0, 1, {}}, Right::admin));
    CHECK(!r->may(Peer{1000, 1000, 1, {0, 4}}, Right::read));
    CHECK(!r->may(Peer{1000, 1000, 1, {0, 4}}, Right::admin));
}

TEST_CASE("groups and users give the rights that they are named for, and not more") {
    api::RightNames c;
    c.read_group = "adm, games";  // Debian: adm is 4, games is 60, mail is 8
    c.admin_group = "mail";
    c.read_users = "nobody";
    c.admin_users = "daemon";
    const auto r = api::Rights::of(c);
    REQUIRE(r);
    CHECK(r->may(Peer{1000, 4, 1, {}}, Right::read));
    CHECK(!r->may(Peer{1000, 4, 1, {}}, Right::admin));
    CHECK(r->may(Peer{1000, 1000, 1, {27, 60}}, Right::read));
    CHECK(!r->may(Peer{1000, 1000, 1, {27, 60}}, Right::admin));
    CHECK(r->may(Peer{1000, 1000, 1, {8}}, Right::read));
    CHECK(r->may(Peer{1000, 1000, 1, {8}}, Right::admin));
    CHECK(r->may(Peer{65534, 65534, 1, {}}, Right::read));
    CHECK(!r->may(Peer{65534, 65534, 1, {}}, Right::admin));
    CHECK(r->may(Peer{1, 1, 1, {}}, Right::admin));
    CHECK(!r->may(Peer{1000, 1000, 1, {27}}, Right::read));
}

TEST_CASE("a name that does not exist is an error, not a closed or an open door") {
    api::RightNames c;
    c.admin_group = "no-such-group-here";
    const auto r = api::Rights::of(c);
    REQUIRE(!r);
    CHECK(r.error().text() ==
          "control.admin_group: there is no group \"no-such-group-here\" on this host");
}
