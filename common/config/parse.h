// SPDX-License-Identifier: Apache-2.0
// From isthmus.conf to the model, strictly: an unknown key, a wrong type, a number out of range or
// a contradiction is an error with its line and a remedy. All errors of a file are reported
// together.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"

namespace isthmus::config {

struct Problem {
    std::string where;  // "isthmus.conf:12"
    std::string what;   // what is wrong, and what to write instead
    [[nodiscard]] std::string text() const { return where + ": " + what; }
};

struct Loaded {
    Config config;
    std::vector<Problem> errors;
    std::vector<Problem> warnings;
    std::map<std::string, unsigned> line_of;  // "dataplane.socket": where a key was written
    [[nodiscard]] bool ok() const { return errors.empty(); }
    [[nodiscard]] std::string error_text() const;
    /// "FILE:12" where the file has the key, else "FILE".
    [[nodiscard]] std::string place(const std::string& file, const std::string& key) const;
};

[[nodiscard]] Loaded load_file(const std::string& path);
/// `name` stands for the file in messages.
[[nodiscard]] Loaded load_text(const std::string& text, const std::string& name);

/// The nat64 section as canonical text; load_text() of it gives the same section
/// (docs/decisions/0002).
[[nodiscard]] std::string to_text(const Nat64Config& nat64);
/// The same of the defaults, with the constants of RFC 6146 s4 that they follow.
[[nodiscard]] std::string defaults_text();

/// Names of keys that differ. Start-only ones are marked with a trailing "*".
[[nodiscard]] std::vector<std::string> changed_keys(const Nat64Config& running,
                                                    const Nat64Config& candidate);

/// "198.51.100.0/28", "198.51.100.7" or "198.51.100.10-198.51.100.20" as prefixes; an empty list:
/// wrong, and `why` says why.
[[nodiscard]] std::vector<Prefix4> parse_addresses(std::string_view text, std::string& why);

/// "80" or "80-89", from `least` to 65535.
[[nodiscard]] bool parse_ports(const std::string& text, unsigned least, PortRange& out);
/// One element of nat64.pool or nat64.static as it is written in the file.
[[nodiscard]] std::string text_of(const PoolEntry& e);
[[nodiscard]] std::string text_of(const StaticEntry& e);
/// Why a gateway cannot run with this policy although each line is right; empty: it can.
[[nodiscard]] std::string why_unusable(const Nat64Config& nat64);

}  // namespace isthmus::config
