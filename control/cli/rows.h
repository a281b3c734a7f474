// SPDX-License-Identifier: Apache-2.0
// Rows of an answer that came whole: which of them, in which order, how many. Lists that come page
// by page are filtered by the dataplane (show.cc).
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/args/command.h"
#include "common/base/expected.h"
#include "control/cli/ask.h"
#include "control/cli/table.h"

namespace isthmus::cli {

/// Where a value stands in a list with --sort: numbers the largest first, then addresses and
/// prefixes of IPv4, of IPv6, as they count, then words by the alphabet.
using SortKey = std::tuple<int, double, std::array<std::uint8_t, 16>, unsigned, std::string>;
[[nodiscard]] SortKey sort_key(const Json& value);
inline constexpr const char* kSortHelp =
    "numbers the largest first, addresses as they count, words by the alphabet";

/// The first rows, in an order, of a list that comes page by page: never more than they and a page.
class SortedRows {
public:
    using Value = std::function<Json(const Json& row)>;
    SortedRows(Value value, std::size_t most) : value_(std::move(value)), most_(most) {}
    void add(Json page);
    [[nodiscard]] Json rows() const;

private:
    Value value_;
    std::size_t most_;
    std::vector<std::pair<SortKey, Json>> best_;
};

struct RowFilter {
    enum class How {
        equal,   // the value as it is printed
        part,    // a part of it, small or large letters
        within,  // an address, by an address or prefix
    };
    std::string option, key, help;
    How how = How::equal;
};

/// What an operator chose of a list; lives as long as the program's App.
class RowChoice {
public:
    /// --count, --limit, --sort by one of `orders`, and an option for each filter.
    void add_options(args::Command& c, const std::vector<RowFilter>& filters,
                     const std::vector<std::string>& orders);
    /// The rows that were chosen. An error is of the command line.
    [[nodiscard]] Expected<Json> of(const Json& rows) const;
    /// Prints what was chosen, and returns the exit status.
    [[nodiscard]] int print(const Asker& ask, const Json& rows, const std::string& command,
                            const std::vector<Column>& columns) const;
    /// Only their number, when that was asked for.
    [[nodiscard]] bool counts() const { return count_; }
    void print_count(const Asker& ask, std::size_t n) const;

private:
    std::vector<RowFilter> filters_;
    std::map<std::string, std::string> words_;  // of each filter's key
    std::string sort_;
    unsigned limit_ = 0;
    bool count_ = false;
};

}  // namespace isthmus::cli
