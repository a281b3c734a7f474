// SPDX-License-Identifier: Apache-2.0
#include "common/config/parse.h"

#include <catch2/catch.hpp>

#include "common/config/validate.h"

using namespace isthmus::config;

namespace {

Loaded load(const std::string& text) { return load_text(text, "t.conf"); }

bool has(const Loaded& l, const std::string& where, const std::string& what) {
    for (const Problem& p : l.errors) {
        if (p.where == where && p.what.find(what) != std::string::npos) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("a good file is read") {
    const auto l = load(
        "nat64: { prefixes = (\"2001:db8:64::/96\"); pool = (\"198.51.100.0/30\", { addresses = "
        "\"203.0.113.7\"; ports = \"2000-3000\"; });"
        " lifetimes: { udp = 400; }; };\n dataplane: { workers = [0, 1]; ports = ({ name = \"p6\"; "
        "device = \"net_null0\"; addresses = (\"2001:db8::1/64\"); }); };");
    INFO(l.error_text());
    REQUIRE(l.ok());
    CHECK(l.config.nat64.pool.size() == 2);
    CHECK(l.config.nat64.pool[1].ports.last == 3000);
    CHECK(l.config.nat64.lifetimes.udp == 400);
    CHECK(l.config.dataplane.workers.size() == 2);
}

TEST_CASE("logs are read, and what is wrong with one is said") {
    const auto good = load(
        "control: {\n logs = ({ type = \"json\"; file = \"/var/log/nat.json\"; max_files = 3; });"
        "\n log: { sessions = true; when_down = \"refuse\"; }; };");
    INFO(good.error_text());
    REQUIRE(good.ok());
    REQUIRE(good.config.control.logs.size() == 1);
    CHECK(good.config.control.logs[0].max_files == 3);
    CHECK(good.config.control.log.sessions);
    CHECK(good.config.control.log.when_down == LogPathDown::refuse);
    CHECK(has(load("control: {\n logs = ({ type = \"json\"; file = \"nat.json\"; }); };"),
              "t.conf:2", "absolute/path"));
    CHECK(has(load("control: {\n logs = ({ type = \"json\"; fil = \"/x\"; }); };"), "t.conf:2",
              "did you mean \"file\""));
    CHECK(has(load("control: {\n logs = ({ type = \"jsonl\"; }); };"), "t.conf:2", "one of"));
    CHECK(has(load("control: {\n logs = ({ type = \"json\"; file = \"/x\"; max_files = 0; }); };"),
              "t.conf:2", "from 1 to"));
}

TEST_CASE(
    "T-8158-012: a collector elsewhere is reached by TLS, or in the clear when that is said") {
    const auto log = [](const std::string& rest) {
        return load("control: {\n logs = ({ type = " + rest + " }); };");
    };
    const auto good =
        log("\"syslog\"; transport = \"tls\"; address = \"192.0.2.9\"; ca = \"/ca\"; name = "
            "\"l.example\"; "
            "certificate = \"/c\"; key = \"/k\";");
    INFO(good.error_text());
    REQUIRE(good.ok());
    const LogOutlet& w = good.config.control.logs[0];
    CHECK(w.transport == LogTransport::tls);
    CHECK(w.port == 6514);
    CHECK(w.tls == LogOutlet::Tls{"/ca", "l.example", "/c", "/k"});
    const auto ipfix = log("\"ipfix\"; transport = \"tls\"; address = \"2001:db8::9\";");
    REQUIRE(ipfix.ok());
    CHECK(ipfix.config.control.logs[0].port == 4740);
    for (const char* transport : {"tcp", "udp"}) {
        const std::string to =
            "\"ipfix\"; address = \"192.0.2.9\"; transport = \"" + std::string(transport) + "\"; ";
        CHECK(has(log(to), "t.conf:2", "transport = \"tls\""));
        CHECK(log(to + "cleartext = true;").ok());
        CHECK(has(log(to + "cleartext = true; ca = \"/ca\";"), "t.conf:2", "are of transport"));
    }
    const std::string tls = "\"syslog\"; transport = \"tls\"; address = \"192.0.2.9\"; ";
    CHECK(has(log(tls + "certificate = \"/c\";"), "t.conf:2", "together"));
    CHECK(has(log(tls + "ca = \"ca.pem\";"), "t.conf:2", "absolute path"));
    CHECK(has(log("\"json\"; file = \"/x\"; max_hours = -1;"), "t.conf:2", "from 0 to"));
}

TEST_CASE("what is wrong is named with its line and a remedy") {
    CHECK(has(load("nat64: {\n  lifetimes: {\n udpp = 300; }; };"), "t.conf:3",
              "did you mean \"udp\""));
    CHECK(has(load("nat64: {\n prefixes = (\"2001:db8::/064\"); };"), "t.conf:2", "leading zero"));
    CHECK(has(load("nat64: {\n pool = (\"198.51.100.0/30\",\n\"198.51.100.2\"); };"), "t.conf:3",
              "overlaps"));
    CHECK(has(load("nat64: {\n pool = (\"10.0.0.0/30\"); };"), "t.conf:2", "RFC 6052 section 3.1"));
    CHECK(has(
        load("nat64: { prefixes = (\"2001:db8:64::/96\");\n pool = (\"192.0.2.1\"); };\ndataplane: "
             "{ ports = ({ name = \"p\"; device = \"d\"; addresses = (\"192.0.2.1/24\"); }); };"),
        "t.conf:2", "address of port p"));
    CHECK(has(load("nat64: {\n lifetimes: { udp = 10; }; };"), "t.conf:2", "120 to 86400"));
    CHECK(has(load("dataplane: {\n max_sessions = 4294967296; };"), "t.conf:2", "too large"));
    CHECK(has(load("dataplane: {\n main_cpu = 010; };"), "t.conf:2", "leading zero"));
    CHECK(has(load("dataplane: {\n max_sessions = -5; };"), "t.conf:2", "out of range"));
    CHECK(has(load("nat64: {\n filtering = \"none\"; };"), "t.conf:2", "endpoint-independent"));
    CHECK(has(load("nat64: { pool = (\"198.51.100.1\") \n oops };"), "t.conf:2", "syntax error"));
    CHECK(has(load("@include \"x\"\n"), "t.conf:1", "@include"));
    CHECK(has(load("nat65: { };"), "t.conf:1", "did you mean \"nat64\""));
}

TEST_CASE(
    "T-6146-udp-004 T-6146-tcp-032 T-6146-icmp-003 T-6146-frag-013 T-7915-4to6-018: lifetimes and "
    "sizes below the floors are refused") {
    for (const char* bad : {"lifetimes: { udp = 119; };", "lifetimes: { tcp_transitory = 239; };",
                            "lifetimes: { icmp = 59; };", "lifetimes: { fragment = 1; };",
                            "lifetimes: { tcp_established = 7199; };", "lowest_ipv6_mtu = 1279;"}) {
        INFO(bad);
        CHECK_FALSE(load(std::string("nat64: { ") + bad + " };").ok());
    }
    CHECK_FALSE(
        load("nat64: { tcp_probes = false; lifetimes: { tcp_established = 7200; }; };").ok());
    CHECK(load("nat64: { lifetimes: { fragment = 5; tcp_established = 7200; }; lowest_ipv6_mtu = "
               "1500; };")
              .ok());
}

TEST_CASE("the canonical text means the same") {
    const auto l = load(
        "nat64: { prefixes = (\"2001:db8:64::/96\", \"2001:db8:100::/40\"); pool = "
        "(\"198.51.100.10-198.51.100.20\"); filtering = \"address-dependent\";"
        " icmp: { to_ipv4 = \"off\"; }; };");
    REQUIRE(l.ok());
    const auto again = load(to_text(l.config.nat64));
    INFO(again.error_text());
    REQUIRE(again.ok());
    CHECK(changed_keys(l.config.nat64, again.config.nat64).empty());
    auto other = again.config.nat64;
    other.lifetimes.udp = 500;
    other.subscriber_prefix_len = 56;
    other.pool.pop_back();
    CHECK(changed_keys(l.config.nat64, other) ==
          std::vector<std::string>{"nat64.subscriber_prefix_length*", "nat64.lifetimes.udp",
                                   "nat64.pool"});
}

TEST_CASE("T-6052-016: the built-in non-global table") {
    const auto& t = built_in_non_global();
    for (const char* in :
         {"0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.31.0.1",
          "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
          "203.0.113.1", "224.0.0.1", "255.255.255.255"}) {
        INFO(in);
        CHECK(std::any_of(t.begin(), t.end(), [&](const isthmus::Prefix4& p) {
            return p.contains(*isthmus::Ipv4Addr::parse(in));
        }));
    }
    CHECK(std::none_of(t.begin(), t.end(), [](const isthmus::Prefix4& p) {
        return p.contains(isthmus::Ipv4Addr::of(8, 8, 8, 8));
    }));
}

TEST_CASE("a range of addresses becomes prefixes") {
    std::string why;
    std::uint64_t n = 0;
    for (const auto& p : parse_addresses("198.51.100.10-198.51.100.20", why)) n += p.size();
    CHECK(n == 11);
    CHECK(parse_addresses("198.51.100.20-198.51.100.10", why).empty());
}

TEST_CASE("T-6147-ans-032 T-6147-ans-031: the dns64 section is read strictly, views copy it") {
    const auto good = load_text(
        "dns64: { listen = (\"[::1]:5353\", \"tls://192.0.2.1\"); upstreams = (\"192.0.2.53\");\n"
        "exclude_names = (\"corp.example\"); validation = \"trust-ad\"; cache: { failure = 9; };\n"
        "views = ({ name = \"lab\"; clients = (\"2001:db8::/48\"); synthesis = false; }); };",
        "t.conf");
    INFO(good.error_text());
    REQUIRE(good.ok());
    const Dns64Config& d = good.config.dns64;
    CHECK(d.listen.at(0).text() == "[::1]:5353");
    CHECK(d.listen.at(1).text() == "tls://192.0.2.1:853");
    CHECK(d.validation == Validation::trust_ad);
    CHECK(d.cache.failure == 9);
    CHECK_FALSE(d.views.at(0).synthesis);
    CHECK(d.views.at(0).exclude_names.size() == 1);
    CHECK(d.views.at(0).exclude_aaaa.size() == 1);
    for (const char* bad :
         {"dns64: { listn = (\"::1\"); };", "dns64: { listen = (\"::1:x\"); };",
          "dns64: { listen = (\"192.0.2.1:0\"); };", "dns64: { prefixes = (\"2001:db8::/90\"); };",
          "dns64: { views = ({ name = \"x\"; }); };", "dns64: { cache: { failure = 301; }; };",
          "dns64: { ranges = ({ prefixes = (\"2001:db8::/96\"); }); };",
          "dns64: { views = ({ name = \"x\"; clients = (\"::/0\"); sythesis = true; }); };"}) {
        INFO(bad);
        const auto r = load_text(bad, "t.conf");
        REQUIRE_FALSE(r.ok());
        CHECK(r.errors[0].where == "t.conf:1");
    }
}
