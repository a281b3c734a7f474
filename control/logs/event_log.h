// SPDX-License-Identifier: Apache-2.0
// The NAT's logs: takes the records from the dataplane on a thread and a connection of its own, and
// puts them into the queue that every configured outlet reads at its own pace, on its own thread
// (docs/decisions/0031). Nothing here waits for an outlet or for a disk.
//
// Records wait in the queue until every outlet has taken them or they were given up, which is said
// in a gap record; only then are they acknowledged to the dataplane, which keeps them until then: a
// control that dies loses none. The place is kept on disk, so that the next control goes on behind
// it. Numbers that are missing become gap records too.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "common/api/rpc.h"
#include "common/config/config.h"
#include "control/logs/clock_watch.h"
#include "control/logs/outlet.h"
#include "control/logs/place.h"

namespace isthmus::control {

class EventLog {
public:
    explicit EventLog(const config::Config& cfg);
    /// Takes what the dataplane still holds, writes log_stopped, ends the threads; waits a few
    /// seconds at most for an outlet that stands still.
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
    bool take_answer(const api::Json& answer, std::uint64_t asked_ns);
    void take_worker(LogBatch& out, const api::Json& facts, std::span<const api::Event> events);
    void add_gap(LogBatch& out, unsigned worker, std::uint64_t last, std::uint64_t before_ns);
    void add_notes();
    void enqueue(LogBatch batch);
    void make_room();
    void judge_path();
    [[nodiscard]] std::vector<std::uint64_t> taken() const;
    void load_place();
    void keep_place();
    void publish();

    const std::string socket_;
    const config::LogEvents events_;
    const bool refuses_;
    const std::shared_ptr<LogQueue> queue_;
    std::vector<std::string> keys_;  // of the outlets, in the place
    std::vector<std::unique_ptr<OutletThread>> outlets_;
    std::unique_ptr<PlaceKeeper> keeper_;
    LogPlace place_;  // that the keeper was given last
    std::optional<api::RpcClient> dataplane_;
    std::string instance_;  // of the dataplane that the newest batch is from
    std::vector<Worker> workers_;
    ClockWatch clock_;
    std::uint64_t whole_ns_ = 0;  // all that had happened then was taken
    bool ring_is_filling_ = false, configured_ = false;
    std::int64_t next_mark_ns_ = 0, next_try_ns_ = 0;  // steady clock

    mutable std::mutex mutex_;  // what follows
    Facts facts_;
    std::vector<Note> notes_;
    bool path_down_ = false;
    std::condition_variable wake_;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace isthmus::control
