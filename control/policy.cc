// SPDX-License-Identifier: Apache-2.0
#include "control/policy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace isthmus::control {

RunningPolicy::RunningPolicy(std::string state_dir, config::Nat64Config from_file)
    : path_(std::move(state_dir) + "/running-policy.conf"), nat64_(std::move(from_file)) {}

bool RunningPolicy::recover() {
    std::error_code ignored;
    if (!std::filesystem::exists(path_, ignored)) return false;
    const auto loaded = config::load_file(path_);
    if (!loaded.ok()) return false;
    nat64_ = loaded.config.nat64;
    return true;
}

Status RunningPolicy::set(const config::Nat64Config& next) {
    const std::string text = config::to_text(next), temporary = path_ + ".new";
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool written =
        fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (!written || ::rename(temporary.c_str(), path_.c_str()) != 0) {
        return Error{temporary, std::string("cannot be written: ") + std::strerror(error) +
                                    "; is control.state_dir there, and is there room?"};
    }
    nat64_ = next;
    return Done{};
}

void RunningPolicy::forget() { ::unlink(path_.c_str()); }

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

Expected<config::Nat64Config> without_pool(const config::Nat64Config& nat64,
                                           const std::string& addresses) {
    std::string why;
    const auto gone = config::parse_addresses(addresses, why);
    if (gone.empty()) return Error{addresses, why};
    config::Nat64Config next = nat64;
    next.pool.clear();
    std::uint64_t removed = 0;
    for (const auto& e : nat64.pool) {
        const bool touched = std::any_of(gone.begin(), gone.end(),
                                         [&](const Prefix4& g) { return g.overlaps(e.addresses); });
        if (!touched) {
            next.pool.push_back(e);
            continue;
        }
        for (std::uint64_t i = 0; i < e.addresses.size(); i++) {
            const Ipv4Addr a =
                Ipv4Addr::from_host(e.addresses.addr.host() + static_cast<std::uint32_t>(i));
            if (std::any_of(gone.begin(), gone.end(),
                            [&](const Prefix4& g) { return g.contains(a); })) {
                removed++;
                continue;
            }
            config::PoolEntry one = e;
            one.addresses = {a, 32};
            next.pool.push_back(one);
        }
    }
    if (removed == 0) return Error{addresses, "is not in the pool; see isthmusctl show pools"};
    if (next.pool.empty()) return Error{addresses, "is the whole pool; add other addresses first"};
    return next;
}

}  // namespace isthmus::control
