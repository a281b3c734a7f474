// SPDX-License-Identifier: Apache-2.0
// The lists of a carrier's policy: read, written back, refused with line and remedy.
#include "common/config/carrier.h"

#include <catch2/catch.hpp>

#include "common/config/manual.h"
#include "common/config/schema.h"

using namespace isthmus::config;

namespace {

const std::string kWhole =
    "nat64: {\n prefixes = (\"2001:db8:64::/96\");\n pool = (\"203.0.113.0/30\", { addresses = "
    "\"203.0.113.8\"; name = \"cpe\"; drain = true; drain_until = 1764072000L; }, { addresses = "
    "\"203.0.113.16/30\"; name = \"det\"; }, { addresses = \"203.0.113.9\"; ports = \"2048-4095\"; "
    "name = \"cpe\"; });\n"
    " rules = ({ source = \"2001:db8:1::/48\"; pool = \"cpe\"; }, { source = "
    "\"2001:db8:1:8::/61\"; "
    "pool = \"default\"; });\n"
    " static = ({ protocol = \"tcp\"; ipv4 = \"203.0.113.1\"; ports = \"8080-8089\"; ipv6 = "
    "\"2001:db8::7\"; ipv6_ports = \"80-89\"; }, { protocol = \"icmp\"; ipv4 = \"192.0.2.77\"; "
    "ports = \"9\"; ipv6 = \"2001:db8::7\"; outside_pool = true; });\n"
    " exclude = (\"192.0.2.0/24\", { destination = \"198.51.100.0/24\"; ports = \"25\"; });\n"
    " udp_timers = ({ port = 53; seconds = 30; });\n"
    " port_blocks: { size = 256; per_subscriber = 4; hold = 60; };\n"
    " deterministic: { source = \"2001:db8:2::/59\"; pool = \"det\"; subscribers_per_address = 14; "
    "};\n"
    " stateless: { prefixes = (\"2001:db8:46::/96\"); ipv4 = (\"192.0.2.128/25\"); eam = ({ ipv4 = "
    "\"192.0.2.16/28\"; ipv6 = \"2001:db8:4::/124\"; }); hairpin = \"simple\"; };\n};\n";

Loaded load(const std::string& text) { return load_text(text, "t.conf"); }

/// The policy with `from` replaced by `to`.
Loaded with(const std::string& from, const std::string& to) {
    std::string text = kWhole;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return load(text.replace(at, from.size(), to));
}

bool says(const Loaded& l, const std::string& where, const std::string& what) {
    for (const Problem& p : l.errors) {
        if (p.where == where && p.what.find(what) != std::string::npos) return true;
    }
    UNSCOPED_INFO(l.error_text());
    return false;
}

}  // namespace

TEST_CASE("a carrier's policy is read, and its canonical text means the same") {
    const auto l = load(kWhole);
    INFO(l.error_text());
    REQUIRE(l.ok());
    const Nat64Config& n = l.config.nat64;
    CHECK(n.pool[1].drain_until == 1764072000);
    CHECK(n.fixed[0].ipv6_ports == PortRange{80, 89});
    CHECK(n.fixed[1].ipv6_ports == PortRange{9, 9});
    CHECK(n.exclude[0].ports == PortRange{0, 65535});
    CHECK(n.exclude[1].ports == PortRange{25, 25});
    CHECK(n.stateless.hairpin == EamHairpin::simple);
    const auto again = load(to_text(n));
    INFO(again.error_text());
    REQUIRE(again.ok());
    CHECK(to_text(again.config.nat64) == to_text(n));
    CHECK(changed_keys(n, again.config.nat64).empty());
    auto other = n;
    other.fixed.pop_back();
    other.port_blocks.size = 512;
    CHECK(changed_keys(n, other) ==
          std::vector<std::string>{"nat64.port_blocks.size*", "nat64.static"});
}

TEST_CASE("T-7757-001 T-7757-002 T-6052-019: what contradicts itself is named, with a remedy") {
    const struct {
        const char *from, *to, *where, *what;
    } kWrong[] = {
        {"pool = \"cpe\"; }, {", "pool = \"nowhere\"; }, {", "t.conf:4", "no pool has the name"},
        {"2001:db8:1:8::/61", "2001:db8:1:8::/65", "t.conf:4", "a subscriber has one pool"},
        {"80-89", "80-88", "t.conf:5", "not as many"},
        {"outside_pool = true", "outside_pool = false", "t.conf:5", "outside_pool = true"},
        {"192.0.2.77", "203.0.113.2", "t.conf:5", "take outside_pool = true away"},
        {"ipv6 = \"2001:db8::7\"; ipv6_ports", "ipv6 = \"2001:db8:64::7\"; ipv6_ports", "t.conf:5",
         "RFC 6146 section 3.5"},
        {"ports = \"9\"", "ports = \"0\"", "t.conf:5", "FIRST-LAST, from 1"},
        {"protocol = \"icmp\"", "protocol = \"sctp\"", "t.conf:5", "tcp, udp, icmp"},
        {"port = 53; seconds = 30", "port = 5353; seconds = 30", "t.conf:7", "RFC 4787"},
        {"seconds = 30", "second = 30", "t.conf:7", "unknown key \"second\""},
        {"size = 256", "size = 100", "t.conf", "a power of two"},
        {"2001:db8:2::/59", "2001:db8:2::/56", "t.conf", "has 256 subscribers and the pool serves"},
        {"pool = \"det\"; sub", "pool = \"nix\"; sub", "t.conf", "alone"},
        {"2001:db8:46::/96", "2001:db8:64::/96", "t.conf:10", "with state or without"},
        {"2001:db8:4::/124", "2001:db8:4::/125", "t.conf:10", "RFC 7757 section 3.2"},
        {"2001:db8:4::/124", "64:ff9b::/124", "t.conf:10", "force = true"},
        {"192.0.2.16/28", "203.0.113.0/28", "t.conf:10", "an address has one use"},
        {"drain = true; ", "", "t.conf:3", "drain_until without drain"},
        {"1764072000L", "1764072000", "t.conf:3", "with an L"},
        {"name = \"cpe\"; drain", "name = \"c p\"; drain", "t.conf:3", "letters, digits"},
    };
    for (const auto& w : kWrong) {
        INFO(w.from << " -> " << w.to);
        CHECK(says(with(w.from, w.to), w.where, w.what));
    }
    const auto twice = with("192.0.2.16/28\"; ipv6 = \"2001:db8:4::/124\"; }",
                            "192.0.2.16/28\"; ipv6 = \"2001:db8:4::/124\"; }, { ipv4 = "
                            "\"192.0.2.16/28\"; ipv6 = \"2001:db8:5::/124\"; }");
    CHECK(says(twice, "t.conf:10", "repeats a prefix"));
    const auto inside = with("192.0.2.16/28\"; ipv6 = \"2001:db8:4::/124\"; }",
                             "192.0.2.16/28\"; ipv6 = \"2001:db8:4::/124\"; }, { ipv4 = "
                             "\"192.0.2.17\"; ipv6 = \"2001:db8:5::1\"; }");
    CHECK(inside.ok());
    CHECK(inside.warnings.size() == 1);
}

TEST_CASE("static bindings: overlaps on either side and too many are refused") {
    const std::string one =
        "{ protocol = \"tcp\"; ipv4 = \"203.0.113.1\"; ports = \"80-90\"; ipv6 = \"2001:db8::7\"; "
        "}";
    const auto file = [](const std::string& list) {
        return load(
            "nat64: { prefixes = (\"2001:db8:64::/96\"); pool = (\"203.0.113.1\", "
            "\"203.0.113.2\"); static = (" +
            list + "); };");
    };
    CHECK(file(one).ok());
    CHECK(says(file(one + ", { protocol = \"all\"; ipv4 = \"203.0.113.1\"; ports = \"90\"; ipv6 = "
                          "\"2001:db8::8\"; }"),
               "t.conf:1", "bound once"));
    CHECK(says(file(one + ", { protocol = \"tcp\"; ipv4 = \"203.0.113.2\"; ports = \"80\"; ipv6 = "
                          "\"2001:db8::7\"; }"),
               "t.conf:1", "one address"));
    CHECK(file(one + ", { protocol = \"udp\"; ipv4 = \"203.0.113.1\"; ports = \"80\"; ipv6 = "
                     "\"2001:db8::7\"; }")
              .ok());
    CHECK(says(file("{ protocol = \"all\"; ipv4 = \"203.0.113.1\"; ports = \"1-2000\"; ipv6 = "
                    "\"2001:db8::7\"; }"),
               "t.conf:1", "at most 4096"));
}

TEST_CASE("T-6146-tbl-008: a policy that can translate nothing is refused") {
    CHECK(why_unusable(load("nat64: { };").config.nat64).find("pool is empty") !=
          std::string::npos);
    CHECK(why_unusable(load("nat64: { pool = (\"192.0.2.1\"); };").config.nat64).empty());
    const auto clat = load("nat64: { stateless: { prefixes = (\"2001:db8:64::/96\"); }; };");
    CHECK(clat.ok());
    CHECK(why_unusable(clat.config.nat64).empty());
    const auto no_pool = load(
        "nat64: { prefixes = (\"2001:db8:64::/96\"); stateless: { prefixes = "
        "(\"2001:db8:46::/96\"); }; };");
    CHECK(why_unusable(no_pool.config.nat64).find("nat64.stateless.prefixes") != std::string::npos);
}

TEST_CASE("the manual has every list and key of a carrier") {
    const std::string m = manual();
    for (const std::string& path : carrier_lists()) CHECK(m.find(path) != std::string::npos);
    CHECK(m.find("nat64.port_blocks.size (start)") != std::string::npos);
    CHECK(m.find("nat64.deterministic.source (start)") != std::string::npos);
}

TEST_CASE("T-6052-029: nobody can have an address behind the well-known prefix alone") {
    const auto only = load("nat64: {\n stateless: { prefixes = (\"64:ff9b::/96\"); }; };");
    CHECK(says(only, "t.conf:2", "no host can have an address in 64:ff9b::/96"));
    CHECK(load("nat64: { stateless: { prefixes = (\"64:ff9b::/96\"); eam = ({ ipv4 = "
               "\"192.168.1.0/24\"; ipv6 = \"2001:db8::/120\"; }); }; };")
              .ok());
    CHECK(load("nat64: { stateless: { prefixes = (\"64:ff9b::/96\", \"2001:db8:46::/96\"); }; };")
              .ok());
}

TEST_CASE("T-6791-003 T-6791-004: addresses for routers have one use, and are not private") {
    const auto with_pool = [](const std::string& list) {
        return load(
            "nat64: {\n pool = (\"203.0.113.0/28\");\n prefixes = (\"2001:db8:64::/96\"); "
            "icmp: { rfc6791_pool = (" +
            list +
            "); };\n stateless: { eam = ({ ipv4 = \"192.0.2.0/30\"; ipv6 = "
            "\"2001:db8::/126\"; }); }; };");
    };
    const auto warned = [](const Loaded& l, const std::string& what) {
        for (const Problem& p : l.warnings) {
            if (p.what.find(what) != std::string::npos) return true;
        }
        return false;
    };
    CHECK(with_pool("\"198.51.100.1\"").ok());
    CHECK_FALSE(warned(with_pool("\"198.51.100.1\""), "private"));
    CHECK(says(with_pool("\"203.0.113.9\""), "t.conf:2", "one use"));
    CHECK(says(with_pool("\"192.0.2.1\""), "t.conf:4", "one use"));
    for (const char* a : {"\"10.1.2.3\"", "\"172.31.0.1\"", "\"192.168.0.1\"", "\"100.64.0.1\""})
        CHECK(warned(with_pool(a), "is private"));
    // Without such addresses the port's speaks.
    const auto port = [](const std::string& address, const std::string& inside) {
        return load("nat64: { stateless: { eam = ({ ipv4 = \"" + inside +
                    "\"; ipv6 = \"2001:db8::/120\"; }); }; };\ndataplane: { ports = ({ name = "
                    "\"p4\"; device = \"net_tap0\"; addresses = (\"" +
                    address + "\"); }); };");
    };
    CHECK(warned(port("100.64.0.1/24", "192.0.2.0/24"), "has the private address 100.64.0.1"));
    CHECK_FALSE(warned(port("198.51.100.1/24", "192.0.2.0/24"), "private"));
    CHECK_FALSE(warned(port("192.168.1.1/24", "192.168.1.0/24"), "private"));
}

TEST_CASE("answering ARP for the network of a port, or for everybody, is refused") {
    const auto on = [](const std::string& ipv4, const std::string& ipv6) {
        return load("nat64: { stateless: { answer_arp = true; eam = ({ ipv4 = \"" + ipv4 +
                    "\"; ipv6 = \"" + ipv6 +
                    "\"; }); }; };\ndataplane: { ports = ({ name = \"p4\"; device = \"net_tap0\"; "
                    "addresses = (\"192.168.1.1/24\"); }); };");
    };
    CHECK(on("192.168.1.128/25", "2001:db8::/121").ok());
    CHECK(says(on("192.168.1.0/24", "2001:db8::/120"), "t.conf:1", "answer themselves"));
    CHECK(says(on("0.0.0.0/0", "2001:db8::/96"), "t.conf:1", "answer for everybody"));
}
