// SPDX-License-Identifier: Apache-2.0
// Whose was T,t at a time? From the JSON log with its rotated files, in one pass from the oldest
// line to the newest, with a statement of how sure that is: what is missing near that time is said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/api/rpc.h"
#include "common/net/addr.h"
#include "common/net/tuple.h"

namespace isthmus::control {

struct WhoisQuestion {
    Ipv4Addr t;
    std::uint16_t t_id = 0;
    Proto proto = Proto::udp;
    std::uint64_t at_ns = 0;  // Unix time
};

/// "2026-11-03T10:02:00Z", with a fraction or an offset; nothing: not such a time.
[[nodiscard]] std::optional<std::uint64_t> unix_ns_of(const std::string& text);

class Whois {
public:
    explicit Whois(const WhoisQuestion& q);
    /// Lines of the log, oldest first.
    void read(std::string_view line);
    /// FILE.N ... FILE.1, FILE. An error: none can be read.
    Status read_files(const std::string& path);
    /// {found, x, x_id, by, from, until, certain, reasons: [...], ...}
    [[nodiscard]] api::Json answer() const;

private:
    struct Holder {
        std::string x, by;
        std::int64_t x_id = -1;             // -1: of a block
        std::uint64_t from = 0, until = 0;  // 0: not known, not ended
    };
    struct Doubt {
        std::uint64_t from = 0, to = 0;
        std::string why;
        bool only_inside = false;  // it concerns those times, and not what follows from them
    };
    void event(const api::Json& j, const std::string& kind, std::uint64_t time);
    void taken(const api::Json& j, bool block, std::uint64_t time);
    void given_back(const api::Json& j, bool block, std::uint64_t time);
    void note(const api::Json& j, const std::string& kind, std::uint64_t time);
    void look_at_clock(const api::Json& j, const std::string& kind, std::uint64_t time);
    void all_ended(std::uint64_t time);
    [[nodiscard]] bool about_us(const api::Json& j, bool block) const;
    [[nodiscard]] std::vector<std::string> reasons() const;

    const WhoisQuestion q_;
    const std::string needle_;  // what a line about T has
    std::optional<Holder> holder_, before_, after_;
    std::vector<Doubt> doubts_;
    std::uint64_t first_ = 0, complete_until_ = 0;  // of the log
    std::uint64_t newest_note_ = 0;
    std::uint64_t n_lines_ = 0;
    std::string deterministic_;  // parameters in force at the time
    bool deterministic_known_ = false;
};

}  // namespace isthmus::control
