// SPDX-License-Identifier: Apache-2.0
#include "dns64/upstream_source.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "common/config/parse.h"

using namespace isthmus;
using namespace isthmus::dns64;

namespace {

config::Dns64Config dns64_of(const std::string& keys) {
    const auto loaded = config::load_text(
        "dns64 = { upstreams = [ \"192.0.2.53\" ]; " + keys + " };", "source.conf");
    INFO(loaded.error_text());
    REQUIRE(loaded.ok());
    return loaded.config.dns64;
}

}  // namespace

TEST_CASE("T-6147-sec-041: queries leave from no port of the list, and from none below 1024") {
    const auto c = dns64_of("upstream_avoid_ports = [ \"53\", \"2000-65000\", \"65535\" ];");
    const UpstreamSource source(c);
    CHECK(source.ports() == 976 + 534);
    Random random;
    std::set<unsigned> seen;
    for (unsigned i = 0; i < 40'000; i++) {
        const SocketAddress a = source.draw(AF_INET, random);
        REQUIRE(a.v4() == Ipv4Addr{});
        const unsigned port = a.port();
        REQUIRE(((port >= 1024 && port <= 1999) || (port >= 65001 && port <= 65534)));
        seen.insert(port);
    }
    CHECK(seen.size() == source.ports());  // each of them: 40,000 draws of 1,510
    CHECK(bool(UpstreamSource::check(c)));
}

TEST_CASE("T-6147-sec-041: all ports from 1024 on are used when none is to be avoided") {
    const UpstreamSource source(dns64_of(""));
    CHECK(source.ports() == 64512);
}

TEST_CASE("T-6147-sec-041: several source addresses are used alike, each family its own") {
    const UpstreamSource source(
        dns64_of("upstream_source = [ \"127.0.0.2\", \"127.0.0.3\", \"127.0.0.4\", \"::1\" ];"));
    Random random;
    std::map<std::string, unsigned> seen;
    for (unsigned i = 0; i < 6'000; i++) seen[source.draw(AF_INET, random).host_text()]++;
    REQUIRE(seen.size() == 3);
    for (const auto& [address, n] : seen) {
        INFO(address << " " << n);
        CHECK((n > 1'700 && n < 2'300));  // 2,000 and eight standard deviations
    }
    CHECK(source.draw(AF_INET6, random).host_text() == "::1");
    CHECK(source.draw_address(AF_INET, random).port() == 0);
    // A family of which none is named leaves it to routing.
    const UpstreamSource v4_only(dns64_of("upstream_source = [ \"127.0.0.2\" ];"));
    CHECK_FALSE(v4_only.has_address(AF_INET6));
    CHECK(v4_only.draw(AF_INET6, random).v6() == Ipv6Addr{});
}

TEST_CASE("T-6147-sec-041: what cannot be used is refused at start") {
    const auto refused = [](const std::string& keys) {
        const Status s = UpstreamSource::check(dns64_of(keys));
        return s ? std::string() : s.error().text();
    };
    CHECK(
        refused("upstream_source = [ \"127.0.0.2\", \"192.0.2.77\" ];") ==
        "dns64.upstream_source 192.0.2.77: Cannot assign requested address: no interface has this "
        "address");
    CHECK(refused("upstream_avoid_ports = [ \"1024-65000\" ];") ==
          "dns64.upstream_avoid_ports: leaves 535 ports to ask from, which are soon guessed; avoid "
          "fewer");
    for (const char* keys :
         {"upstream_source = [ \"192.0.2.1:53\" ];", "upstream_source = [ \"ns.example\" ];",
          "upstream_source = \"192.0.2.1\";", "upstream_avoid_ports = [ \"0\" ];",
          "upstream_avoid_ports = [ \"70000\" ];", "upstream_avoid_ports = [ \"9-8\" ];",
          "upstream_avoid_ports = [ 5060 ];"}) {
        INFO(keys);
        const auto loaded =
            config::load_text(std::string("dns64 = { ") + keys + " };", "source.conf");
        CHECK_FALSE(loaded.ok());
    }
}
