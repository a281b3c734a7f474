// SPDX-License-Identifier: Apache-2.0
// isthmus-dns64 as a whole: workers in threads, their sockets, start, reload and stop.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dns64/query_log.h"
#include "dns64/server.h"
#include "dns64/tcp_server.h"
#include "dns64/worker.h"
#include "dns64/xdp.h"

namespace isthmus::dns64 {

/// A file that is valid and that this version can obey: a key that nothing reads yet is an error,
/// not silence.
[[nodiscard]] Expected<std::shared_ptr<const Rules>> load_rules(
    const std::string& file, const std::vector<Pref64>& avoided = {});

/// dns64.listen, or what it means when it is empty.
[[nodiscard]] std::vector<config::Endpoint> listen_on(const config::Dns64Config& c);

class Operator;

class Service {
public:
    /// Reads the file, opens sockets, drops privileges. Nothing is answered before run().
    [[nodiscard]] static Expected<std::unique_ptr<Service>> create(const std::string& file);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    void run();
    /// The file anew; a refused one changes nothing.
    [[nodiscard]] Status reload();
    /// The gateway's policy, as text, in place of section nat64, until the next reload().
    [[nodiscard]] Status follow(const std::string& policy);
    /// Prefixes whose gateways are not well: nothing is made with them where there are others.
    [[nodiscard]] Status avoid(const std::vector<Pref64>& prefixes);
    [[nodiscard]] const std::vector<Pref64>& avoided() const { return avoided_; }
    /// What reload() would say now; nothing is changed. The query log is not opened.
    [[nodiscard]] Status would_reload() const;
    /// True when every worker has come round its loop since the last call that gave true.
    [[nodiscard]] bool alive();
    void stop();
    /// Opens the query log's file anew, for who has moved it.
    void reopen_log() { log_.reopen(); }
    [[nodiscard]] const QueryLog& query_log() const { return log_; }

    // For the operator's socket; in the main thread.
    [[nodiscard]] const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
    [[nodiscard]] const Rules& rules() const { return *rules_; }
    [[nodiscard]] const std::string& file() const { return file_; }
    /// "is what runs", or why not.
    [[nodiscard]] std::string file_state() const;
    /// Any thread: start-only.
    [[nodiscard]] std::uint64_t cache_limit_bytes() const { return cache_limit_bytes_; }
    [[nodiscard]] Operator& desk() { return *operator_; }

private:
    explicit Service(std::string file) : file_(std::move(file)) {}
    /// What the file says, when it may take the place of what runs.
    [[nodiscard]] Expected<std::shared_ptr<const Rules>> next_rules() const;
    [[nodiscard]] Status start();
    void put_in_force(std::shared_ptr<const Rules> rules);
    [[nodiscard]] Status find_addresses();
    [[nodiscard]] Status open_sockets();
    [[nodiscard]] Status open_interfaces();
    [[nodiscard]] Status make_worker();
    [[nodiscard]] Status make_listeners(Worker& w);

    std::string file_;
    Site site_;
    std::shared_ptr<const Rules> rules_;
    QueryLog log_;
    std::shared_ptr<TlsContext> tls_;       // of tls:// listeners
    std::vector<config::Endpoint> listen_;  // of sockets
    ConnectionCount connections_;
    std::list<TcpListener::Places> places_;  // one for each worker
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::unique_ptr<UdpListener>> udp_;  // after the workers: they go first
    std::vector<std::unique_ptr<TcpListener>> tcp_;
    std::vector<std::unique_ptr<XdpInterface>> xdp_;  // likewise
    std::vector<std::thread> threads_;
    std::atomic<std::size_t> beats_ = 0;  // workers that have come round
    std::uint64_t cache_limit_bytes_ = 0;
    std::string text_;         // of the file, as it was read last
    std::string policy_text_;  // its section nat64, likewise
    std::vector<Pref64> avoided_;
    std::unique_ptr<Operator> operator_;
};

}  // namespace isthmus::dns64
