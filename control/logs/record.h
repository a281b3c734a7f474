// SPDX-License-Identifier: Apache-2.0
// What a log sink is given: the dataplane's events, and notes that control adds to them.
//
// Notes: log_started and log_stopped, when control began and ended (what comes between waits in the
// dataplane's rings); dataplane_started, another dataplane, so that all bindings, blocks and
// pairings before it have ended; gap, records that are lost; mark, the newest number of each
// worker: the log is complete up to here but for its gaps.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "common/api/event.h"
#include "common/api/json.h"
#include "common/base/expected.h"
#include "common/base/units.h"

namespace isthmus::control {

struct Note {
    std::uint64_t unix_ns = 0;
    std::string kind;
    api::Json fields = api::Json::object();
};

using LogRecord = std::variant<api::Event, Note>;

[[nodiscard]] inline const api::Event* event_of(const LogRecord& r) {
    return std::get_if<api::Event>(&r);
}
[[nodiscard]] inline const Note* note_of(const LogRecord& r) { return std::get_if<Note>(&r); }
[[nodiscard]] inline std::uint64_t time_of(const LogRecord& r) {
    return event_of(r) != nullptr ? event_of(r)->unix_ns : note_of(r)->unix_ns;
}

/// What came in one answer of the dataplane, or a few notes.
struct LogBatch {
    std::string instance;  // of the dataplane: sequence numbers are its
    std::vector<LogRecord> records;
    std::vector<std::uint64_t> upto;  // by worker, the newest number when all of these are kept
};

/// Somewhere records go. One thread.
class LogSink {
public:
    LogSink() = default;
    virtual ~LogSink() = default;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;
    /// All of them, or an error: then the batch comes again later.
    virtual Status deliver(const LogBatch& batch) = 0;
    /// What was delivered a moment ago may still be lost when the sink breaks: acknowledged by the
    /// far end's kernel, and not read by a collector that died.
    [[nodiscard]] virtual bool may_forget() const { return false; }
    /// Now and then, between deliveries.
    virtual Status tick() { return Done{}; }
    /// Called while deliver() waits for somebody, every few milliseconds; false: wait no more.
    using Patience = std::function<bool()>;
    virtual void set_patience(const Patience& /*goes_on*/) {}
};

/// "2026-11-03T10:01:58.123Z"
[[nodiscard]] std::string utc_text(std::uint64_t unix_ns);
[[nodiscard]] std::uint64_t unix_now_ns();
/// Of a clock that nobody sets: what waits, or comes again and again, goes by it.
[[nodiscard]] std::int64_t steady_now_ns();
/// A note of now.
[[nodiscard]] Note make_note(std::string kind, api::Json fields = api::Json::object());

}  // namespace isthmus::control
