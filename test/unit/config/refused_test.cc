// SPDX-License-Identifier: Apache-2.0
// What an operator may get wrong, key by key: each is an error that names the line and the key or
// the value, and says what to write.
#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <limits>

#include "common/config/parse.h"
#include "common/config/schema.h"

using namespace isthmus::config;

namespace {

/// A file in which line 3 sets one key of the schema.
std::string file_with(const Key& k, const std::string& value) {
    std::string head, tail;
    std::size_t from = 0;
    for (;;) {
        const auto dot = k.section.find('.', from);
        head += k.section.substr(from, dot - from) + " = {";
        tail += "};";
        if (dot == std::string::npos) break;
        from = dot + 1;
    }
    return head + "\n\n" + k.name + " = " + value + ";\n" + tail + "\n";
}

/// The errors that stand at a line, as one text.
std::string errors_at(const Loaded& l, unsigned line) {
    std::string out;
    for (const Problem& p : l.errors) {
        if (p.where == "f:" + std::to_string(line)) out += p.what + "\n";
    }
    return out;
}

std::string refused(const Key& k, const std::string& value) {
    INFO(k.section << "." << k.name << " = " << value);
    std::string said = errors_at(load_text(file_with(k, value), "f"), 3);
    CHECK(said.find(k.name) != std::string::npos);
    return said;
}

struct Bad {
    const char* text;
    unsigned line;
    const char* says;
};

void check(const Bad& b) {
    INFO(b.text);
    const Loaded l = load_text(b.text, "f");
    INFO("said: " << l.error_text());
    CHECK_FALSE(l.ok());
    CHECK(errors_at(l, b.line).find(b.says) != std::string::npos);
}

}  // namespace

TEST_CASE("config: each key refuses values of other kinds") {
    for (const Key& k : schema()) {
        if (k.type != Key::Type::number) refused(k, "5");
        if (k.type != Key::Type::boolean) refused(k, "true");
        if (k.type != Key::Type::text && k.type != Key::Type::choice) refused(k, "\"5\"");
        refused(k, "1.5");
        refused(k, "( 1 )");
        refused(k, "{ a = 1; }");
    }
}

TEST_CASE("config: each number refuses what is out of its range, and says the range") {
    for (const Key& k : schema()) {
        if (k.type != Key::Type::number) continue;
        for (const std::int64_t v : {k.least - 1, k.most + 1}) {
            const std::string said = refused(k, std::to_string(v) + "L");
            CHECK(said.find(std::to_string(k.least) + " to " + std::to_string(k.most)) !=
                  std::string::npos);
        }
        refused(k, "-1000000");
        refused(k, std::to_string(std::numeric_limits<std::int64_t>::max()) + "L");
        // What libconfig would wrap into the range without a word.
        for (const std::int64_t wrap : {std::int64_t{1} << 32, std::int64_t{3} << 32}) {
            const auto l = load_text(file_with(k, std::to_string(wrap + k.least)), "f");
            CHECK(errors_at(l, 3).find("too large") != std::string::npos);
            CHECK(l.errors.size() == 1);  // and nothing about the number that it would have become
        }
    }
}

TEST_CASE("config: each key is taken at its bounds, and refused twice or with a letter more") {
    for (const Key& k : schema()) {
        INFO(k.section << "." << k.name);
        std::string good = "\"\"";
        if (k.type == Key::Type::number) good = std::to_string(k.most) + "L";
        if (k.type == Key::Type::boolean) good = "true";
        if (k.type == Key::Type::choice) good = "\"" + k.choices.back() + "\"";
        if (k.type != Key::Type::text)
            CHECK(errors_at(load_text(file_with(k, good), "f"), 3).find("out of range") ==
                  std::string::npos);
        const auto twice = load_text(file_with(k, good + "; " + k.name + " = " + good), "f");
        CHECK(errors_at(twice, 3).find("second time") != std::string::npos);
        Key typo = k;
        typo.name += "x";
        std::string said = errors_at(load_text(file_with(typo, good), "f"), 3);
        CHECK(said.find("did you mean \"" + k.name + "\"") != std::string::npos);
    }
}

TEST_CASE("config: lists and their elements") {
    for (const Bad& b : std::initializer_list<Bad>{
             {"nat64 = { prefixes = \"64:ff9b::/96\"; };", 1, "is a list"},
             {"nat64 = { prefixes = ( 5 ); };", 1, "text in quotes"},
             {"nat64 = { prefixes = ( \"2001:db8::/064\" ); };", 1, "leading zero; write /64"},
             {"nat64 = { prefixes = ( \"2001:db8::/97\" ); };", 1, "not 97"},
             {"nat64 = { prefixes = ( \"2001:db8::1/96\" ); };", 1, "2001:db8::/96"},
             {"nat64 = { prefixes = ( \"203.0.113.0/28\" ); };", 1, "is not an IPv6 address"},
             {"nat64 = { prefixes = ( \"\" ); };", 1, "\"\""},
             {"nat64 = { prefixes = ( \"64:ff9b::/96\",\n \"64:ff9b::/96\" ); };", 2, "twice"},
             {"nat64 = { prefixes = ( \"64:ff9b::/64\" ); };", 1, "well-known"},
             {"nat64 = { pool = ( \"203.0.113.0/028\" ); };", 1, "write /28"},
             {"nat64 = { pool = ( \"203.0.113.1/28\" ); };", 1, "did you mean 203.0.113.0/28"},
             {"nat64 = { pool = ( \"203.0.113.256\" ); };", 1, "203.0.113.256"},
             {"nat64 = { pool = ( \"203.0.113.9-203.0.113.2\" ); };", 1,
              "write 203.0.113.2-203.0.113.9"},
             {"nat64 = { pool = ( \"2001:db8::/64\" ); };", 1, "is not an IPv4 address"},
             {"nat64 = { pool = ( \"224.0.0.1\" ); };", 1, "unicast"},
             {"nat64 = { pool = ( \"203.0.113.0/28\",\n\"203.0.113.8\" ); };", 2, "overlaps"},
             {"nat64 = { pool = ( { address = \"203.0.113.1\"; } ); };", 1, "\"addresses\""},
             {"nat64 = { pool = ( { addresses = \"203.0.113.1\"; ports = \"0-5\"; } ); };", 1,
              "FIRST-LAST"},
             {"nat64 = { pool = ( { addresses = \"203.0.113.1\"; ports = \"9-5\"; } ); };", 1,
              "FIRST-LAST"},
             {"nat64 = { pool = ( { } ); };", 1, "addresses"},
             {"nat64 = { pool = ( \"10.0.0.0/28\" ); };", 1, "RFC 6052"},
             {"nat64 = { prefixes = ( \"2001:db8::/96\" ); pool = ( \"203.0.113.1\" ); };\n"
              "dataplane = { ports = ( { name = \"p\"; device = \"01:00.0\";\n"
              "addresses = ( \"203.0.113.1/24\" ); } ); };",
              1, "an address of port p"},
             {"nat64 = { non_global = ( \"x\" ); };", 1, "x"},
             {"nat64 = { icmp = { rfc6791_pool = ( \"::1\" ); }; };", 1, "IPv4 address"},
             {"nat64 = { pol = ( \"203.0.113.0/28\" ); };", 1, "did you mean \"pool\""},
             {"nat64 = ( );", 1, "must be a group"},
             {"nat64 = 5;", 1, "must be a group"},
             {"nat46 = { };", 1, "did you mean \"nat64\""},
             {"nat64 = { };\nnat64 = { };", 2, "second time"},
         }) {
        check(b);
    }
}

TEST_CASE("config: ports and their VLANs") {
    const std::string head = "dataplane = { ports = (\n{ name = \"p\"; device = \"01:00.0\"; ";
    for (const auto& [key, says] : std::initializer_list<std::pair<const char*, const char*>>{
             {"mtu = 100;", "1280 to 9600"},
             {"mtu = \"1500\";", "mtu is a number"},
             {"descriptors = 1;", "64 to 32768"},
             {"rx_queues = 65;", "0 to 64"},
             {"promiscuous = 1;", "true or false"},
             {"adresses = ( );", "did you mean \"addresses\""},
             {"addresses = \"192.0.2.1/24\";", "is a list"},
             {"addresses = ( \"192.0.2.1\" );", "with its length"},
             {"addresses = ( \"192.0.2.1/33\" );", "with its length"},
             {"addresses = ( \"192.0.2.1/024\" );", "with its length"},
             {"addresses = ( \"2001:db8::1/064\" );", "with its length"},
             {"addresses = ( \"192.0.2.1/24\", \"192.0.2.1/25\" );", "written twice"},
             {"addresses = ( \"224.0.0.1/24\" );", "may have"},
             {"addresses = ( \"192.0.2.0/30\" );", "the network's own"},
             {"addresses = ( \"192.0.2.3/30\" );", "broadcast address"},
             {"addresses = ( \"192.0.2.1/24\" ); routes = ( { to = \"0.0.0.0/0\"; via = "
              "\"198.51.100.1\"; } );",
              "is on no network"},
             {"routes = ( \"0.0.0.0/0\" );", "a route is"},
             {"routes = ( { to = \"0.0.0.0/0\"; } );", "via"},
             {"routes = ( { to = \"0.0.0.0/0\"; via = \"fe80::1\"; } );", "same family"},
             {"routes = ( { to = \"10.0.0.1/8\"; via = \"192.0.2.1\"; } );", "a route needs"},
             {"neighbours = ( { address = \"192.0.2.2\"; mac = \"x\"; } );", "link address"},
             {"neighbours = ( { address = \"192.0.2.2\"; mac = \"01:00:5e:00:00:01\"; } );",
              "unicast link address"},
             {"neighbours = ( { address = \"x\"; mac = \"02:00:00:00:00:01\"; } );",
              "not an address"},
             {"neighbours = ( { address = \"192.0.2.2\"; mac = \"02:00:00:00:00:01\"; vlan = 9; } "
              ");",
              "not among the port's vlans"},
             {"vlans = 5;", "is a list"},
             {"vlans = ( 0 );", "1 to 4094"},
             {"vlans = ( 4095 );", "1 to 4094"},
             {"vlans = ( { mtu = 1500; } );", "needs id"},
             {"vlans = ( { id = 5; tag = 6; } );", "unknown key"},
             {"vlans = ( 5, { id = 5; } );", "twice"},
             {"vlans = ( { id = 5; mtu = 1501; } );", "raise the port's"},
         }) {
        check({(head + key + " } ); };").c_str(), 2, says});
    }
    for (const Bad& b : std::initializer_list<Bad>{
             {"dataplane = { ports = ( 5 ); };", 1, "a port is a group"},
             {"dataplane = { ports = ( { device = \"01:00.0\"; } ); };", 1, "needs name"},
             {"dataplane = { ports = ( { name = \"p\"; } ); };", 1, "needs device"},
             {"dataplane = { ports = ( { name = \"a b\"; device = \"01:00.0\"; } ); };", 1,
              "1 to 15 letters"},
             {"dataplane = { ports = ( { name = \"lo\"; device = \"01:00.0\"; } ); };", 1,
              "choose another"},
             {"dataplane = { ports = ( { name = \"longer-than-ten\"; device = \"01:00.0\";\n"
              "vlans = ( 1000 ); } ); };",
              2, "longer than 15"},
             {"dataplane = { ports = ( { name = \"p\"; device = \"01:00.0\"; },\n"
              "{ name = \"p\"; device = \"01:00.1\"; } ); };",
              2, "two ports are named"},
             {"dataplane = { ports = ( { name = \"p\"; device = \"01:00.0\"; },\n"
              "{ name = \"q\"; device = \"01:00.0\"; } ); };",
              2, "two ports use device"},
             {"dataplane = { workers = [ -1 ]; };", 1, "a CPU is a number"},
             {"dataplane = { workers = 1; };", 1, "is a list"},
             {"dataplane = { eal_args = ( 5 ); };", 1, "text in quotes"},
         }) {
        check(b);
    }
}

TEST_CASE("config: more of a thing than the dataplane has room for") {
    const auto many = [](unsigned n, const std::function<std::string(unsigned)>& one) {
        std::string out;
        for (unsigned i = 0; i < n; i++) out += (i == 0 ? "" : ", ") + one(i);
        return out;
    };
    const auto prefix = [](unsigned i) { return "\"10.0." + std::to_string(i) + ".0/24\""; };
    const auto vlan = [](unsigned i) { return std::to_string(i + 1); };
    const auto said = [](const std::string& text) { return load_text(text, "f").error_text(); };
    const auto non_global = [&](unsigned n) {
        return "nat64 = { non_global = ( " + many(n, prefix) + " ); };";
    };
    CHECK(said(non_global(64)).find("non_global") == std::string::npos);
    CHECK(said(non_global(65)).find("non_global: more than 64") != std::string::npos);
    const auto port = [&](unsigned n) {
        return "dataplane = { ports = ( { name = \"p\"; device = \"01:00.0\"; vlans = ( " +
               many(n, vlan) + " ); } ); };";
    };
    CHECK(said(port(255)).find("punt interfaces") == std::string::npos);
    CHECK(said(port(256)).find("make 257 punt interfaces; at most 256") != std::string::npos);
}

TEST_CASE("config: names and paths that no system would take") {
    for (const Bad& b : std::initializer_list<Bad>{
             {"dataplane = {\nsocket = \"dataplane.sock\"; };", 2, "no absolute path"},
             {"dataplane = {\nsocket = \"/run/isthmus/\"; };", 2, "is a directory"},
             {"dataplane = {\nfile_prefix = \"a/b\"; };", 2, "1 to 32 letters"},
             {"dataplane = {\nfile_prefix = \"\"; };", 2, "1 to 32 letters"},
             {"dataplane = {\npunt_netns = \"../etc\"; };", 2, "no path"},
             {"dataplane = {\nbuffers = 1; };", 2, "at least 2048"},
             {"control = {\nstate_dir = \"state\"; };", 2, "no absolute path"},
             {"control = {\nlog_level = \"loud\"; };", 2, "one of"},
             {"control = {\nsocket = \"/run/isthmus/dataplane.sock\"; };", 2, "one file"},
             {"control = { http = {\naddress = \"localhost\"; }; };", 2, "names are not looked up"},
             {"control = {\nlogs = ( { type = \"json\"; file = \"/a\"; },\n"
              "{ type = \"json\"; file = \"/a\"; } ); };",
              2, "two logs write to"},
             {"dns64 = { listen = ( \"[::1]:53\" );\nupstreams = ( \"::1\" ); };", 2, "ask itself"},
             {"nat64 = {\npool = ( \"192.0.2.9-192.0.2.3\" ); };", 2, "write 192.0.2.3-192.0.2.9"},
         }) {
        check(b);
    }
    const std::string deep = "dataplane = {\nsocket = \"/" + std::string(107, 'x') + "\"; };";
    check({deep.c_str(), 2, "longer than 107"});
    CHECK(
        load_text("dataplane = { eal_args = ( \"-h\" ); };", "f").error_text().find("-h is not") !=
        std::string::npos);
}

TEST_CASE("config: what is no configuration at all") {
    const std::string nested(1'000'000, '(');
    for (const auto& [text, line, says] :
         std::initializer_list<std::tuple<std::string, unsigned, const char*>>{
             {"", 1, "is empty"},
             {" \r\n\t\n", 1, "is empty"},
             {"\xef\xbb\xbfnat64 = { };", 1, "byte order mark"},
             {std::string("\xff\xfen\0a\0", 6), 1, "UTF-16"},
             {std::string("nat64 = {\n\0};", 13), 2, "is not text"},
             {"nat64 = {\n \x7f"
              "ELF };",
              2, "is not text"},
             {"nat64 = " + nested, 1, "within each other"},
             {"nat64 = {\n/* never closed };", 2, "never closed"},
             {"nat64 = {\nprefixes = ( \"64:ff9b::/96 ); };", 2, "never closed"},
             {"nat64 = {\n@include \"/etc/passwd\"\n};", 2, "@include"},
             {"nat64 = {\npool = ( );", 1, "the \"{\" that begins here is never closed"},
             {"nat64 = {\npool = ( \"192.0.2.1\" };\n};", 2, "write \")\" before it"},
             {"nat64 = { };\n};", 2, "closes nothing"},
             {"nat64 = {\npool = ( \"192.0.2.1 );\nprefixes = ( \"64:ff9b::/96\" ); };", 2,
              "not closed in its line"},
             {"nat64 = {\npool = ( \"192.0.2.1\" \"192.0.2.3\" ); };", 2, "write a comma"},
             {"nat64 = {\ntcp_probes = yes; };", 2, "yes is neither a number, nor true or false"},
             {"nat64 = {\npool = ( 192.0.2.1 ); };", 2, "a text stands in quotes"},
             {"nat64 = {\nprefixes = ( 64:ff9b::/96 ); };", 2, "a text stands in quotes"},
             {"nat64 = {\np\xc3\xb6ol = ( ); };", 2, "\"\xc3\xb6\" stands outside of quotes"},
             {"nat64 = {\np\xf6ol = ( ); };", 2, "\"byte 246\" stands outside of quotes"},
             {"nat64 {\n};", 1, "write \"nat64: {\" for a group"},
             {"\"nat64\": {\n};", 1, "it stands without quotes"},
             {"nat64 = {\nlowest_ipv6_mtu = 4294967297; };", 2, "or 4294967297L where"},
             {"nat64 = {\nlowest_ipv6_mtu = 99999999999999999999; };", 2, "write a smaller one"},
             {"nat64 = {\nlowest_ipv6_mtu = 0x100000500; };", 2, "too large"},
             {"nat64 = {\nlowest_ipv6_mtu = 01400; };", 2, "leading zero; write 1400"},
             {"nat64 = {\nprefixes = [ \"64:ff9b::/96\", 5 ]; };", 2, "write ( ... )"},
         }) {
        const Loaded l = load_text(text, "f");
        INFO(text.substr(0, 60) << " said: " << l.error_text().substr(0, 300));
        CHECK(l.errors.size() == 1);
        CHECK(errors_at(l, line).find(says) != std::string::npos);
    }
    CHECK(load_text("nat64 = {\r\n prefixes = ( \"64:ff9b::/96\" );\r\n};\r\n", "f").ok());
    CHECK(load_text("# \xc3\xa4\n// ((((((((((((((((((((((((((((((((((((((((\nnat64 = { };", "f")
              .ok());
}

TEST_CASE("config: what is allowed and seldom meant is a warning with its line") {
    const Loaded l = load_text(
        "nat64 = { prefixes = (\n\"2001:db8::/32\" ); pool = ( \"203.0.113.1\" ); };\n"
        "dataplane = {\nworkers = [ 1, 2, 1 ];\n"
        "ports = ( { name = \"p\"; device = \"01:00.0\"; addresses = ( \"2001:db8:6::1/64\" ); } "
        "); };",
        "f");
    INFO(l.error_text());
    REQUIRE(l.ok());
    REQUIRE(l.warnings.size() == 2);
    CHECK(l.warnings[0].text().find("f:2: 2001:db8::/32 contains 2001:db8:6::1 of port p") == 0);
    CHECK(l.warnings[1].text().find("f:4: CPU 1 has two workers") == 0);
}
