// SPDX-License-Identifier: Apache-2.0
// The way back from the model to text, and what differs between two of them.
#include <sstream>

#include "common/config/carrier.h"
#include "common/config/parse.h"
#include "common/config/schema.h"

namespace isthmus::config {

namespace {

std::string value_text(const Key& k, const Config& c) {
    if (k.type == Key::Type::text) return "\"" + k.get_text(c) + "\"";
    const std::int64_t v = k.get(c);
    if (k.type == Key::Type::boolean) return v != 0 ? "true" : "false";
    if (k.type == Key::Type::choice) return "\"" + k.choices[static_cast<std::size_t>(v)] + "\"";
    return std::to_string(v);
}

void write_section(std::ostream& out, const std::string& section, const std::string& indent,
                   const Config& c) {
    for (const Key& k : schema()) {
        if (k.section == section) out << indent << k.name << " = " << value_text(k, c) << ";\n";
    }
}

template <typename List, typename Fn>
void write_list(std::ostream& out, const char* indent, const char* name, const List& list,
                Fn&& one) {
    out << indent << name << " = (";
    bool first = true;
    for (const auto& e : list) {
        out << (first ? "" : ", ") << one(e);
        first = false;
    }
    out << ");\n";
}

void write_carrier(std::ostream& out, const std::string& section, const char* indent,
                   const Nat64Config& nat64) {
    for (const std::string& path : carrier_lists()) {
        if (path.substr(0, path.rfind('.')) != section) continue;
        out << indent << path.substr(section.size() + 1) << " = " << carrier_list_text(path, nat64)
            << ";\n";
    }
}

std::string quoted(const std::string& s) { return "\"" + s + "\""; }

}  // namespace

std::string to_text(const Nat64Config& nat64) {
    Config c;
    c.nat64 = nat64;
    std::ostringstream out;
    out << "nat64: {\n";
    write_list(out, "  ", "prefixes", nat64.prefixes,
               [](const PrefixEntry& e) { return quoted(e.prefix.text()); });
    write_list(out, "  ", "pool", nat64.pool, [](const PoolEntry& e) { return text_of(e); });
    write_list(out, "  ", "non_global", nat64.non_global,
               [](const Prefix4& p) { return quoted(p.text()); });
    write_section(out, "nat64", "  ", c);
    write_carrier(out, "nat64", "  ", nat64);
    for (const char* group :
         {"lifetimes", "limits", "icmp", "port_blocks", "deterministic", "stateless"}) {
        out << "  " << group << ": {\n";
        write_section(out, std::string("nat64.") + group, "    ", c);
        write_carrier(out, std::string("nat64.") + group, "    ", nat64);
        if (std::string(group) == "icmp") {
            write_list(out, "    ", "rfc6791_pool", nat64.icmp.rfc6791_pool,
                       [](Ipv4Addr a) { return quoted(a.text()); });
        }
        out << "  };\n";
    }
    out << "};\n";
    return out.str();
}

std::string defaults_text() {
    return "# Constants of RFC 6146 section 4, in seconds: UDP_MIN 120, UDP_DEFAULT 300, TCP_TRANS "
           "240,\n"
           "# TCP_EST 7200 (lifetimes.tcp_established is longer by default, RFC 5382 REQ-5),\n"
           "# TCP_INCOMING_SYN 6 (fixed), FRAGMENT_MIN 2, ICMP_DEFAULT 60.\n" +
           to_text(Nat64Config{});
}

std::vector<std::string> changed_keys(const Nat64Config& running, const Nat64Config& candidate) {
    Config a, b;
    a.nat64 = running;
    b.nat64 = candidate;
    std::vector<std::string> out;
    for (const Key& k : schema()) {
        if (k.section.rfind("nat64", 0) != 0 || value_text(k, a) == value_text(k, b)) continue;
        out.push_back(k.section + "." + k.name + (k.start_only ? "*" : ""));
    }
    const auto differs = [&](auto&& text) {
        std::ostringstream x, y;
        text(x, running);
        text(y, candidate);
        return x.str() != y.str();
    };
    if (differs([](std::ostream& o, const Nat64Config& n) {
            for (const auto& e : n.prefixes) o << e.prefix.text() << ' ';
        })) {
        out.emplace_back("nat64.prefixes");
    }
    if (differs([](std::ostream& o, const Nat64Config& n) {
            for (const auto& e : n.pool) o << text_of(e) << ' ';
        })) {
        out.emplace_back("nat64.pool");
    }
    if (differs([](std::ostream& o, const Nat64Config& n) {
            for (const auto& e : n.non_global) o << e.text() << ' ';
        })) {
        out.emplace_back("nat64.non_global");
    }
    for (const std::string& path : carrier_lists()) {
        if (carrier_list_text(path, running) != carrier_list_text(path, candidate))
            out.push_back(path);
    }
    return out;
}

}  // namespace isthmus::config
