// SPDX-License-Identifier: Apache-2.0
// The query log: JSON, one line for one query in so many (dns64.query_log).
//
// A worker puts a record into its ring (query_ring.h); one thread makes lines of them and writes.
// A disk that is full or slow, or a FIFO that nobody reads, stops that thread only: the rings fill,
// further records are lost, and a line says how many as soon as lines are taken again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dns64/log_file.h"
#include "dns64/query_ring.h"

namespace isthmus::dns64 {

/// What the writer has and what it is told; both live as long as either side.
class QueryLogWriter {
public:
    struct Orders {
        LogFile file;  // not open: off
        config::LogClients clients = config::LogClients::full;
    };
    void run();
    void order(Orders o);
    void reopen() { reopen_ = true; }
    /// False: the thread has not come to its end in `ms`.
    [[nodiscard]] bool stop(int ms);

    std::vector<std::unique_ptr<QueryRing>> rings;  // before run()
    std::atomic<std::uint64_t> failures = 0;        // writes that a file did not take

private:
    [[nodiscard]] bool wait();
    void take_orders();
    void fill();
    void write();
    void say(const Status& s);

    std::mutex lock_;  // never held while a file is written to
    std::condition_variable changed_;
    std::optional<Orders> orders_;
    bool stopping_ = false, ended_ = false, on_ = false;
    std::atomic<bool> reopen_ = false;
    // The thread's own.
    Orders now_;
    std::string lines_;    // to be written
    std::string trouble_;  // said already
    std::uint64_t checked_s_ = 0;
};

class QueryLog {
public:
    QueryLog() : writer_(std::make_shared<QueryLogWriter>()) {}
    ~QueryLog() { stop(); }
    QueryLog(const QueryLog&) = delete;
    QueryLog& operator=(const QueryLog&) = delete;

    /// Before start().
    [[nodiscard]] QueryRing& add_worker();
    void start();
    void stop();
    /// Opens the file; an error leaves the log as it was.
    [[nodiscard]] Status configure(const config::Dns64Log& c);
    /// Of who has moved the file (SIGUSR1). It is noticed after a second without that.
    void reopen() { writer_->reopen(); }
    [[nodiscard]] std::uint64_t write_failures() const { return writer_->failures; }

private:
    std::shared_ptr<QueryLogWriter> writer_;
    std::thread thread_;
};

/// "192.0.2.7", or as little of it as is wanted; empty: nothing.
[[nodiscard]] std::string client_text(const SocketAddress& client, config::LogClients how);
/// One line, with its end.
void append_line(std::string& out, const LoggedQuery& q, unsigned worker, config::LogClients how);

}  // namespace isthmus::dns64
