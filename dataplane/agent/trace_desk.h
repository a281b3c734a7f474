// SPDX-License-Identifier: Apache-2.0
// The agent's side of tracing: starts and stops the trace in every worker, empties their rings, and
// tells the last dropped packets. One trace at a time; it ends by its count, its seconds, by
// trace.stop, or when nobody has read for kLease (a reader that died must not keep it on).
//
//   trace.start {subscriber, remote, protocol, drop, count, seconds, bytes} -> {"trace": id}
//   trace.read  {"trace": id} -> {"packets": [...], "lost": n, "done": bool}
//   trace.stop  {"trace": id}
//   show.dropped {"reason"} -> [...]
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/api/rpc.h"
#include "dataplane/agent/workers.h"
#include "dataplane/pipeline/snapshot.h"
#include "dataplane/pipeline/trace.h"

namespace isthmus::agent {

class TraceDesk {
public:
    /// Both outlive it; `cfg` is what the agent published last.
    TraceDesk(Workers& workers, const pipeline::Snapshot& cfg) : workers_(workers), cfg_(cfg) {}

    void serve(api::RpcServer& server);
    /// Now and then: ends a trace whose time or reader has gone.
    void tick();

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kLease{10};

    [[nodiscard]] Expected<api::Json> start(const api::Json& params);
    [[nodiscard]] Expected<api::Json> read(const api::Json& params);
    [[nodiscard]] Expected<api::Json> stop(const api::Json& params);
    [[nodiscard]] Expected<api::Json> dropped(const api::Json& params) const;
    [[nodiscard]] bool all_idle() const;
    void stop_all();
    [[nodiscard]] Status is_current(const api::Json& params) const;
    /// The worker whose oldest record is the oldest of all; -1: there is none.
    [[nodiscard]] int oldest() const;
    [[nodiscard]] api::Json take_packet(unsigned worker);
    [[nodiscard]] api::Json arrival(const pipeline::TraceRecord& r) const;
    [[nodiscard]] api::Json decision(const pipeline::TraceRecord& r) const;
    /// What is added to the workers' time to get nanoseconds since 1970.
    [[nodiscard]] std::int64_t wall_offset_ns() const;

    Workers& workers_;
    const pipeline::Snapshot& cfg_;
    std::uint64_t id_ = 0;  // of the newest trace
    bool on_ = false;
    std::uint64_t left_ = 0;  // packets that the reader still wants
    Clock::time_point last_read_, until_;
    std::int64_t offset_ns_ = 0;
    std::vector<std::string> port_names_;
};

}  // namespace isthmus::agent
