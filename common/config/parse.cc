// SPDX-License-Identifier: Apache-2.0
#include "common/config/parse.h"

#include <algorithm>
#include <libconfig.h++>
#include <set>

#include "common/config/carrier.h"
#include "common/config/file.h"
#include "common/config/literals.h"
#include "common/config/manual.h"
#include "common/config/parse_dns64.h"
#include "common/config/parse_logs.h"
#include "common/config/parse_ports.h"
#include "common/config/place.h"
#include "common/config/schema.h"
#include "common/config/validate.h"

namespace isthmus::config {

namespace {

using libconfig::Setting;

/// The lists of all sections but dns64, by the table that the manual is made from.
std::set<std::string> own_lists() {
    std::set<std::string> out;
    for (const ListKey& l : list_keys()) {
        if (!l.path.starts_with("dns64.")) out.insert(l.path);
    }
    return out;
}
const std::set<std::string> kAllLists = own_lists();
/// Groups that are no rows of the schema.
const std::set<std::string> kGroups{"nat64",           "nat64.lifetimes",   "nat64.limits",
                                    "nat64.icmp",      "nat64.port_blocks", "nat64.deterministic",
                                    "nat64.stateless", "dataplane",         "control",
                                    "control.log",     "control.alarms",    "control.http",
                                    "dns64",           "dns64.limits",      "dns64.cache",
                                    "dns64.query_log"};

/// Letters to insert, delete or replace to turn one word into the other (Levenshtein).
unsigned distance(const std::string& a, const std::string& b) {
    std::vector<unsigned> row(b.size() + 1);
    for (unsigned j = 0; j <= b.size(); j++) row[j] = j;
    for (unsigned i = 1; i <= a.size(); i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.size(); j++) {
            const unsigned next =
                std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            diagonal = row[j];
            row[j] = next;
        }
    }
    return row[b.size()];
}

class Reader {
public:
    Reader(Loaded& out, std::string name) : out_(out), name_(std::move(name)) {}

    void read(const Setting& root) {
        const char* profile = "";
        unsafe_ = root.exists("nat64") && root["nat64"].isGroup() &&
                  root["nat64"].lookupValue("profile", profile) && std::string(profile) == "unsafe";
        for (int i = 0; i < root.getLength(); i++) {
            const Setting& s = root[i];
            const std::string name = s.getName();
            if (name == "dns64") {
                out_.config.has_dns64 = true;
                read_group(s, name);
                if (s.isGroup() && s.exists("views")) {
                    read_dns64_views(s["views"], out_.config.dns64, complain(),
                                     unknown_in("dns64"));
                }
            } else if (name == "nat64" || name == "dataplane" || name == "control") {
                if (name == "dataplane") out_.config.has_dataplane = true;
                read_group(s, name);
            } else {
                unknown(s, "", name, {"nat64", "dataplane", "control", "dns64"});
            }
        }
    }

private:
    void error(const Setting& s, const std::string& what) {
        out_.errors.push_back({place_of(origin(s), name_), what});
    }
    Origin origin(const Setting& s) const {
        return Origin{static_cast<unsigned>(s.getSourceLine())};
    }

    void unknown(const Setting& s, const std::string& section, const std::string& name,
                 const std::set<std::string>& known) {
        std::string best;
        unsigned least = 4;
        for (const std::string& k : known) {
            if (const unsigned d = distance(name, k); d < least) {
                least = d;
                best = k;
            }
        }
        const std::string in = section.empty() ? "" : " in " + section;
        const std::string hint =
            best.empty() ? "remove it, or see isthmus.conf(5)" : "did you mean \"" + best + "\"?";
        error(s, "unknown key \"" + name + "\"" + in + "; " + hint);
    }

    void read_group(const Setting& group, const std::string& section) {
        if (!group.isGroup())
            return error(group, section + " must be a group: " + section + ": { ... };");
        for (int i = 0; i < group.getLength(); i++) {
            const Setting& s = group[i];
            const std::string name = s.getName();
            const std::string path = section + "." + name;
            if (kGroups.contains(path)) {
                read_group(s, path);
            } else if (kAllLists.contains(path)) {
                out_.line_of[path] = origin(s).line;
                read_list(s, path);
            } else if (dns64_lists().contains(path)) {
                read_dns64_list(s, path, out_.config.dns64, complain(), unknown_in("dns64"));
            } else {
                read_scalar(s, section, name);
            }
        }
    }

    void read_scalar(const Setting& s, const std::string& section, const std::string& name) {
        std::set<std::string> known;
        for (const Key& k : schema()) {
            if (k.section != section) continue;
            if (k.name == name) {
                out_.line_of[section + "." + name] = origin(s).line;
                return set_scalar(s, k);
            }
            known.insert(k.name);
        }
        for (const auto* more : {&kAllLists, &kGroups, &dns64_lists()}) {
            for (const std::string& p : *more) {
                if (p.rfind(section + ".", 0) == 0) known.insert(p.substr(section.size() + 1));
            }
        }
        unknown(s, section, name, known);
    }

    void set_scalar(const Setting& s, const Key& k) {
        const auto type = s.getType();
        switch (k.type) {
            case Key::Type::boolean:
                if (type != Setting::TypeBoolean) return error(s, k.name + " is true or false");
                return k.set(out_.config, static_cast<bool>(s) ? 1 : 0);
            case Key::Type::text:
                if (type != Setting::TypeString) return error(s, k.name + " is a text in quotes");
                return k.set_text(out_.config, s.c_str());
            case Key::Type::choice:
                return set_choice(s, k);
            case Key::Type::number:
                break;
        }
        if (type != Setting::TypeInt && type != Setting::TypeInt64)
            return error(s, k.name + " is a whole number");
        const long long v =
            type == Setting::TypeInt ? static_cast<int>(s) : static_cast<long long>(s);
        const bool floor = !unsafe_ || k.section != "nat64.lifetimes";
        const std::int64_t least = floor ? k.least : std::min<std::int64_t>(k.least, 1);
        if (v < least || v > k.most) {
            return error(s, k.name + " = " + std::to_string(v) + " is out of range; it may be " +
                                std::to_string(least) + " to " + std::to_string(k.most) +
                                (k.unit.empty() ? "" : " " + k.unit));
        }
        k.set(out_.config, v);
    }

    void set_choice(const Setting& s, const Key& k) {
        std::string list;
        for (std::size_t i = 0; i < k.choices.size(); i++) {
            if (s.getType() == Setting::TypeString && k.choices[i] == s.c_str()) {
                return k.set(out_.config, static_cast<std::int64_t>(i));
            }
            list += (i == 0 ? "\"" : ", \"") + k.choices[i] + "\"";
        }
        error(s, k.name + " is one of " + list);
    }

    bool text_of(const Setting& s, const char* what, std::string& out) {
        if (s.getType() != Setting::TypeString) {
            error(s, std::string(what) + " is a text in quotes");
            return false;
        }
        out = s.c_str();
        return true;
    }
    bool is_list(const Setting& s, const std::string& path) {
        if (s.isList() || s.isArray()) return true;
        error(s, path + " is a list: write ( ... )");
        return false;
    }

    void read_list(const Setting& s, const std::string& path) {
        if (!is_list(s, path)) return;
        if (read_carrier_list(s, path, out_, name_)) return;
        for (int i = 0; i < s.getLength(); i++) read_element(s[i], path);
    }

    void read_element(const Setting& e, const std::string& path) {
        if (path == "nat64.prefixes") {
            read_prefix(e);
        } else if (path == "nat64.pool") {
            read_pool(e);
        } else if (path == "nat64.non_global") {
            read_non_global(e);
        } else if (path == "nat64.icmp.rfc6791_pool") {
            read_rfc6791(e);
        } else if (path == "dataplane.workers") {
            read_cpu(e);
        } else if (path == "dataplane.ports") {
            out_.config.dataplane.ports.push_back(
                read_port_group(e, complain(), unknown_in("dataplane.ports")));
        } else if (path == "control.logs") {
            const auto outlet = read_log(e, complain(), unknown_in("a log"));
            if (outlet) out_.config.control.logs.push_back(*outlet);
        } else if (std::string arg; text_of(e, "an EAL argument", arg)) {
            out_.config.dataplane.eal_args.push_back(arg);
        }
    }

    Complain complain() {
        return [this](const Setting& s, const std::string& what) { error(s, what); };
    }
    Unknown unknown_in(const char* section) {
        return [this, section](const Setting& s, const std::string& name,
                               const std::set<std::string>& known) {
            unknown(s, section, name, known);
        };
    }

    void read_prefix(const Setting& e) {
        std::string text;
        if (!text_of(e, "a NAT64 prefix", text)) return;
        const auto p = Pref64::parse(text);
        if (!p) return error(e, p.error().what);
        out_.config.nat64.prefixes.push_back({*p, origin(e)});
    }

    void read_non_global(const Setting& e) {
        std::string text;
        if (!text_of(e, "a non-global prefix", text)) return;
        const auto p = Prefix4::parse(text, Prefix4::Bare::allow);
        if (!p) return error(e, p.error().what);
        out_.config.nat64.non_global.push_back(*p);
    }

    void read_rfc6791(const Setting& e) {
        std::string text;
        if (!text_of(e, "an IPv4 address", text)) return;
        const auto a = Ipv4Addr::parse(text);
        if (!a) return error(e, "\"" + text + "\" is not an IPv4 address");
        out_.config.nat64.icmp.rfc6791_pool.push_back(*a);
    }

    bool read_range(const Setting& s, PortRange& out) {
        std::string text;
        if (!text_of(s, "ports", text)) return false;
        if (!parse_ports(text, 1, out)) {
            error(s, "ports \"" + text +
                         "\": write FIRST-LAST, from 1 to 65535, for example \"1024-65535\"");
            return false;
        }
        return true;
    }

    bool read_drain(const Setting& s, PoolEntry& entry) {
        const auto type = s.getType();
        if (std::string(s.getName()) == "drain" && type == Setting::TypeBoolean) {
            entry.drain = s;
        } else if (std::string(s.getName()) == "drain_until" && type == Setting::TypeInt64) {
            entry.drain_until = static_cast<long long>(s);
        } else {
            error(s,
                  "drain is true or false; drain_until is a time in Unix seconds with an L, for "
                  "example 1764072000L");
            return false;
        }
        return true;
    }

    void read_pool(const Setting& e) {
        PoolEntry entry;
        std::string text;
        if (e.isGroup()) {
            for (int i = 0; i < e.getLength(); i++) {
                const std::string name = e[i].getName();
                if (name == "addresses") {
                    if (!text_of(e[i], "addresses", text)) return;
                } else if (name == "ports") {
                    if (!read_range(e[i], entry.ports)) return;
                } else if (name == "name") {
                    if (!text_of(e[i], "name", entry.name)) return;
                } else if (name == "drain" || name == "drain_until") {
                    if (!read_drain(e[i], entry)) return;
                } else {
                    return unknown(e[i], "a pool entry", name,
                                   {"addresses", "ports", "name", "drain", "drain_until"});
                }
            }
            if (text.empty()) return error(e, "a pool entry needs addresses = \"...\"");
        } else if (!text_of(e, "a pool entry", text)) {
            return;
        }
        std::string why;
        const auto prefixes = parse_addresses(text, why);
        if (prefixes.empty()) return error(e, why);
        entry.origin = origin(e);
        for (const Prefix4& p : prefixes) {
            entry.addresses = p;
            out_.config.nat64.pool.push_back(entry);
        }
    }

    bool number(const Setting& s, const char* what, int least, int most, int& out) {
        if (s.getType() != Setting::TypeInt || static_cast<int>(s) < least ||
            static_cast<int>(s) > most) {
            error(s, std::string(what) + " is a number from " + std::to_string(least) + " to " +
                         std::to_string(most));
            return false;
        }
        out = s;
        return true;
    }

    void read_cpu(const Setting& e) {
        int cpu = 0;
        if (number(e, "a CPU", 0, 1023, cpu))
            out_.config.dataplane.workers.push_back(static_cast<std::uint16_t>(cpu));
    }

    bool unsafe_ = false;  // nat64.profile: lifetimes below the floors are accepted
    Loaded& out_;
    std::string name_;
};

}  // namespace

std::string Loaded::place(const std::string& file, const std::string& key) const {
    const auto line = line_of.find(key);
    return line == line_of.end() ? file : file + ":" + std::to_string(line->second);
}

std::string Loaded::error_text() const {
    std::string text;
    for (const Problem& p : errors) text += (text.empty() ? "" : "\n") + p.text();
    return text;
}

namespace {

/// libconfig's own words are short: what to do about each.
std::string remedy_of(const std::string& error) {
    if (error == "duplicate setting name")
        return "a key stands here for the second time in its group; remove one of the two";
    if (error == "mismatched element type in array")
        return "the elements of [ ... ] are all of one kind; write ( ... ) for a mixture, or "
               "correct this one";
    if (error == "memory exhausted") return "too many braces within each other; close some";
    return error + "; look for a missing ';', '}' or quote in this line or the one above";
}

}  // namespace

Loaded load_text(const std::string& text, const std::string& name) {
    Loaded out;
    if (!check_bytes(text, name, out.errors) || !check_literals(text, name, out.errors)) return out;
    libconfig::Config file;
    try {
        file.readString(text);
        Reader(out, name).read(file.getRoot());
    } catch (const libconfig::ParseException& e) {
        out.errors.push_back(
            {place_of(Origin{static_cast<unsigned>(e.getLine())}, name), remedy_of(e.getError())});
        return out;
    } catch (const std::exception& e) {
        out.errors.push_back({name, std::string(e.what()) + "; see isthmus.conf(5)"});
        return out;
    }
    validate(out, name);
    return out;
}

Loaded load_file(const std::string& path) {
    Problem wrong;
    const auto text = read_text_file(path, wrong);
    if (text) return load_text(*text, path);
    Loaded out;
    out.errors.push_back(wrong);
    return out;
}

}  // namespace isthmus::config
