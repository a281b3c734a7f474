// SPDX-License-Identifier: Apache-2.0
// The query log: JSON, one line for one query in so many (dns64.query_log). All workers write to
// one file; a line is whole or missing. SIGHUP opens the file again, for who rotates it.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "common/base/expected.h"
#include "dns64/codes.h"
#include "dns64/name.h"
#include "dns64/why.h"

namespace isthmus::dns64 {

class QueryLog {
public:
    QueryLog() = default;
    ~QueryLog();
    QueryLog(const QueryLog&) = delete;
    QueryLog& operator=(const QueryLog&) = delete;
    /// Empty: off.
    Status open(const std::string& path);

    struct Line {
        std::string client;
        std::string_view via;
        NameView name;
        RrType type = 0;
        Rcode rcode = Rcode::noerror;
        Why why = Why::none;
        std::uint64_t us = 0;  // from query to answer
    };
    void write(const Line& l);

private:
    std::mutex lock_;
    int fd_ = -1;
};

}  // namespace isthmus::dns64
