// SPDX-License-Identifier: Apache-2.0
// The NAT's logs: takes the records from the dataplane on a thread and a connection of its own, and
// gives them to every configured outlet.
//
// Records wait here, in batches, until every outlet has taken them or has given them up, which is
// said in a gap record; only then are they acknowledged to the dataplane, which keeps them until
// then: a control that dies loses none. The place is kept on disk, so that the next control goes on
// behind it. Numbers that are missing become gap records too.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "common/api/rpc.h"
#include "common/config/config.h"
#include "control/logs/outlet.h"

namespace isthmus::control {

class EventLog {
public:
    explicit EventLog(const config::Config& cfg);
    /// Takes what the dataplane still holds, writes log_stopped, ends the thread.
    ~EventLog();
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;

    struct Facts {
        bool on = false, connected = false, refuses = false;
        std::uint64_t records = 0, lost = 0, gaps = 0;  // of the dataplane; since control's start
        std::uint64_t backlog = 0;                      // records that wait for an outlet
        std::uint64_t newest_unix_ns = 0;               // time of the newest record
        std::vector<Outlet::Facts> outlets;
    };
    // Any thread.
    [[nodiscard]] Facts facts() const;
    /// What a dataplane must be told before it translates: parameters of log.configure.
    [[nodiscard]] api::Json wish() const;
    /// A note for all outlets.
    void add(Note note);

private:
    struct Worker {
        std::uint64_t taken = 0, last_ns = 0;
    };
    void run();
    void stop_well();
    bool turn();
    bool connect();
    bool configure();
    bool fetch();
    bool take_answer(const api::Json& answer);
    void take_worker(LogBatch& out, const api::Json& facts, std::span<const api::Event> events);
    void add_gap(LogBatch& out, unsigned worker, std::uint64_t last, std::uint64_t before_ns);
    void add_notes();
    void enqueue(LogBatch batch);
    void deliver();
    void give_up_oldest();
    void forget_delivered();
    void judge_path();
    [[nodiscard]] std::vector<std::uint64_t> taken() const;
    void load_place();
    void save_place();
    void publish();

    const std::string socket_, state_dir_;
    const config::LogEvents events_;
    std::vector<std::unique_ptr<Outlet>> outlets_;
    std::optional<api::RpcClient> dataplane_;
    std::string instance_;  // of the dataplane that the newest batch is from
    std::vector<Worker> workers_;
    std::deque<LogBatch> backlog_;
    std::uint64_t first_number_ = 0;  // of backlog_.front()
    std::uint64_t n_waiting_ = 0;     // records in backlog_
    std::string acked_instance_;      // what all outlets have, or have given up
    std::vector<std::uint64_t> acked_;
    bool ring_is_filling_ = false, configured_ = false, place_changed_ = false;
    std::uint64_t next_mark_ns_ = 0, next_try_ns_ = 0;

    mutable std::mutex mutex_;  // what follows
    Facts facts_;
    std::vector<Note> notes_;
    bool path_down_ = false;
    std::condition_variable wake_;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace isthmus::control
