// SPDX-License-Identifier: Apache-2.0
// JSON rows as aligned columns for people: texts to the left, numbers to the right.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "common/api/json.h"

namespace isthmus::cli {

/// A column: the row's key, its title, and its least width, so that the pages of a list stand under
/// each other.
struct Column {
    std::string key, title;
    std::size_t width = 0;
};

/// One value for people: "-" for nothing, lists with commas.
[[nodiscard]] std::string cell_text(const api::Json& v);

/// `columns` empty: the keys of the first row.
void print_table(std::ostream& out, const api::Json& rows, bool header,
                 const std::vector<Column>& columns = {});
/// Nested objects as indented "key: value" lines.
void print_object(std::ostream& out, const api::Json& object, unsigned indent = 0);

class Asker;
/// An answer whole: JSON when that is asked for, else a table or lines.
void print_answer(const Asker& ask, const api::Json& answer,
                  const std::vector<Column>& columns = {});

/// "2026-11-25T07:03:14Z": UTC, as in the logs, in traces, and as whois wants it.
[[nodiscard]] std::string time_text(std::int64_t unix_seconds);
/// "7 s", "1:02:03" hours, "2 days 0:10:00".
[[nodiscard]] std::string span_text(std::uint64_t seconds);
/// "118 sessions", "1 session".
[[nodiscard]] std::string count_text(std::uint64_t n, const char* what);

}  // namespace isthmus::cli
