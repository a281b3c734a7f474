// SPDX-License-Identifier: Apache-2.0
#include "control/policy.h"

#include <algorithm>

#include "common/config/diff.h"
#include "common/log/log.h"

namespace isthmus::control {

RunningPolicy::RunningPolicy(const std::string& state_dir, config::Nat64Config from_file)
    : path_(state_dir + "/running-policy.conf"),
      refused_path_(state_dir + "/rolled-back"),
      kept_path_(state_dir + "/kept-for"),
      nat64_(std::move(from_file)) {}

bool RunningPolicy::recover() {
    const auto kept_for = read_file(kept_path_);
    remove_file(kept_path_);
    const auto text = read_file(path_);
    if (!text) return false;
    if (kept_for && *kept_for != config::digest(config::to_text(nat64_))) {
        log::info("the configuration file was edited since the last stop: it rules");
        return false;
    }
    const auto loaded = config::load_text(*text, path_);
    if (!loaded.ok() || !text->starts_with("nat64:")) {  // an empty file is valid, and not ours
        log::error(path_ +
                   " is damaged: the configuration file rules; see isthmusctl show history "
                   "for what ran before");
        return false;
    }
    nat64_ = loaded.config.nat64;
    return true;
}

Expected<NextFile> RunningPolicy::prepare(const config::Nat64Config& next) const {
    return NextFile::write(path_, config::to_text(next));
}

Status RunningPolicy::run(NextFile& prepared, const config::Nat64Config& next) {
    Status done = prepared.commit();
    if (done) nat64_ = next;
    return done;
}

Status RunningPolicy::set(const config::Nat64Config& next) {
    auto prepared = prepare(next);
    return prepared ? run(*prepared, next) : Status(prepared.error());
}

void RunningPolicy::set_anyway(const config::Nat64Config& next) {
    if (const Status kept = set(next); !kept) {
        log::error("the running policy could not be kept: " + kept.error().text());
        remove_file(path_);  // an old one must not come back
    }
    nat64_ = next;
}

void RunningPolicy::note_rollback(const config::Nat64Config& refused) {
    const Status noted = write_file(refused_path_, config::digest(config::to_text(refused)));
    if (!noted) log::warn(noted.error().text());
}

bool RunningPolicy::stop(const config::Nat64Config& in_file, bool keep) {
    const std::string now = config::digest(config::to_text(in_file));
    const auto refused = read_file(refused_path_);
    if (keep) return true;
    if (refused && *refused == now && now != config::digest(text()) &&
        write_file(kept_path_, now)) {
        return true;
    }
    remove_file(refused_path_);
    remove_file(path_);
    return false;
}

Expected<config::Nat64Config> with_pool(const config::Nat64Config& nat64,
                                        const std::string& addresses, const std::string& ports) {
    // The parser of the file reads the entry: one set of rules.
    const std::string entry = "nat64: { pool = ({ addresses = \"" + addresses + "\"; ports = \"" +
                              ports + "\"; }); prefixes = (\"2001:db8::/96\"); };";
    if (addresses.find_first_not_of("0123456789./-") != std::string::npos ||
        ports.find_first_not_of("0123456789-") != std::string::npos) {
        return Error{addresses,
                     "is not an IPv4 address, prefix or range; write 198.51.100.7, 198.51.100.0/28 "
                     "or 198.51.100.10-198.51.100.20"};
    }
    const auto loaded = config::load_text(entry, "pool");
    if (!loaded.ok()) return Error{"", loaded.errors.front().what};
    config::Nat64Config next = nat64;
    for (const auto& e : loaded.config.nat64.pool) {
        for (const auto& old : nat64.pool) {
            if (old.addresses.overlaps(e.addresses))
                return Error{addresses,
                             "overlaps " + old.addresses.text() + ", which is in the pool already"};
        }
        next.pool.push_back(e);
    }
    return next;
}

}  // namespace isthmus::control
