// SPDX-License-Identifier: Apache-2.0
#include "control/logs/whois.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <string_view>

#include "control/logs/record.h"

namespace isthmus::control {

using api::Json;

namespace {

/// Clocks of those who ask are seldom better.
constexpr std::uint64_t kNear = 10 * kNanosPerSecond;

std::string said(std::uint64_t ns) { return ns == 0 ? "the beginning" : utc_text(ns); }

/// What is left of a text that is read from its front.
class FrontOf {
public:
    explicit FrontOf(std::string_view text) : left_(text) {}
    /// One to `most` digits.
    bool number(int& out, std::size_t most) {
        const auto end = std::min(left_.find_first_not_of("0123456789"), left_.size());
        const auto n = std::min(end, most);
        return n > 0 && std::from_chars(left_.data(), left_.data() + n, out).ec == std::errc() &&
               skip(n);
    }
    bool is(char c) { return left_.starts_with(c) && skip(1); }
    [[nodiscard]] bool empty() const { return left_.empty(); }

private:
    bool skip(std::size_t n) {
        left_.remove_prefix(n);
        return true;
    }
    std::string_view left_;
};

/// "Z", "+02:00": to the end of the text.
std::optional<std::int64_t> zone_seconds(FrontOf left) {
    if (left.is('Z') || left.is('z'))
        return left.empty() ? std::optional<std::int64_t>(0) : std::nullopt;
    const bool east = left.is('+');
    int hours = 0, minutes = 0;
    if ((!east && !left.is('-')) || !left.number(hours, 2) || !left.is(':') ||
        !left.number(minutes, 2) || !left.empty())
        return std::nullopt;
    return (east ? 1 : -1) * (hours * 3600L + minutes * 60L);
}

std::uint64_t time_in(const Json& j, const char* name) {
    return unix_ns_of(api::text_of(j, name)).value_or(0);
}

}  // namespace

std::optional<std::uint64_t> unix_ns_of(const std::string& text) {
    FrontOf left(text);
    std::tm tm{};
    if (!left.number(tm.tm_year, 4) || !left.is('-') || !left.number(tm.tm_mon, 2) ||
        !left.is('-') || !left.number(tm.tm_mday, 2) || !left.is('T') ||
        !left.number(tm.tm_hour, 2) || !left.is(':') || !left.number(tm.tm_min, 2) ||
        !left.is(':') || !left.number(tm.tm_sec, 2))
        return std::nullopt;
    const bool sane = tm.tm_year >= 1970 && tm.tm_mon >= 1 && tm.tm_mon <= 12 && tm.tm_mday >= 1 &&
                      tm.tm_mday <= 31 && tm.tm_hour <= 23 && tm.tm_min <= 59 && tm.tm_sec <= 60;
    if (!sane) return std::nullopt;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    std::uint64_t ns = 0;
    if (left.is('.')) {
        std::uint64_t unit = kNanosPerSecond / 10;
        for (int digit = 0; left.number(digit, 1); unit /= 10)
            ns += unit * static_cast<std::uint64_t>(digit);
    }
    const auto offset = zone_seconds(left);
    if (!offset) return std::nullopt;
    const int day = tm.tm_mday, leap = tm.tm_sec == 60 ? 1 : 0;
    tm.tm_sec -= leap;
    const std::int64_t seconds = timegm(&tm) + leap - *offset;
    // It makes the 3rd of March of the 31st of February.
    if (tm.tm_mday != day || seconds < 0) return std::nullopt;
    return static_cast<std::uint64_t>(seconds) * kNanosPerSecond + ns;
}

Whois::Whois(const WhoisQuestion& q) : q_(q), needle_("\"t\":\"" + q.t.text() + "\"") {}

/// Most lines are about other addresses: they are only looked at.
void Whois::read(std::string_view line) {
    n_lines_++;
    const auto has = [&](const char* text) { return line.find(text) != std::string_view::npos; };
    const bool ours = line.find(needle_) != std::string_view::npos;
    if (first_ != 0 && !ours && has("\"seq\":") && has("\"worker\":") && !has("\"event\":\"gap\""))
        return;
    const Json j = api::from_text(line);
    if (!j.is_object()) return;
    const std::uint64_t time = time_in(j, "time");
    const std::string kind = api::text_of(j, "event");
    if (time == 0) return;
    if (first_ == 0) first_ = time;
    if (ours && j.contains("seq")) return event(j, kind, time);
    if (!j.contains("seq") || kind == "mark") note(j, kind, time);
}

bool Whois::about_us(const Json& j, bool block) const {
    if (block)
        return api::number_of(j, "t_first", 65536) <= q_.t_id &&
               q_.t_id <= api::number_of(j, "t_last", -1);
    return api::number_of(j, "t_id", -1) == q_.t_id &&
           api::text_of(j, "protocol") == name_of(q_.proto);
}

void Whois::event(const Json& j, const std::string& kind, std::uint64_t time) {
    const bool block = kind == "block_created" || kind == "block_removed";
    if (!block && kind != "binding_created" && kind != "binding_removed") return;
    if (!about_us(j, block)) return;
    if (kind.ends_with("_created")) {
        taken(j, block, time);
    } else {
        given_back(j, block, time);
    }
}

void Whois::taken(const Json& j, bool block, std::uint64_t time) {
    Holder h{api::text_of(j, "x"), block ? "block" : "binding",
             block ? -1 : api::number_of(j, "x_id", -1), time, 0};
    if (block) {
        h.by += " of ports " + std::to_string(api::number_of(j, "t_first", 0)) + "-" +
                std::to_string(api::number_of(j, "t_last", 0));
    }
    if (time > q_.at_ns) {
        if (!after_) after_ = h;
        return;
    }
    if (holder_ && holder_->until == 0 && (holder_->x != h.x || holder_->x_id != h.x_id)) {
        // A port cannot be of two: the end of the first one was never told.
        doubts_.push_back(
            {holder_->from, time, "the end of " + holder_->x + "'s use is not in the log"});
        holder_->until = time;
    }
    if (holder_) before_ = holder_;
    holder_ = h;
}

void Whois::given_back(const Json& j, bool block, std::uint64_t time) {
    const std::string x = api::text_of(j, "x");
    if (holder_ && holder_->until == 0 && holder_->x == x) {
        holder_->until = time;
        if (time <= q_.at_ns) {
            before_ = holder_;
            holder_.reset();
        }
        return;
    }
    if (holder_ || after_ || time <= q_.at_ns) return;
    // Its beginning is older than the log.
    holder_ =
        Holder{x, block ? "block" : "binding", block ? -1 : api::number_of(j, "x_id", -1), 0, time};
    doubts_.push_back({0, q_.at_ns, "only the end of it is in the log"});
}

/// A dataplane ended: nothing that it had lives on.
void Whois::all_ended(std::uint64_t time) {
    if (!holder_ || holder_->until != 0) return;
    holder_->until = time;
    if (time > q_.at_ns) return;
    before_ = holder_;
    holder_.reset();
}

void Whois::note(const Json& j, const std::string& kind, std::uint64_t time) {
    look_at_clock(j, kind, time);
    if (kind == "mark" || kind == "log_stopped") {
        const std::uint64_t until = time_in(j, "complete_until");
        complete_until_ = std::max(complete_until_, until == 0 ? time : until);
    } else if (kind == "gap") {
        const std::uint64_t after = time_in(j, "after"), before = time_in(j, "before");
        doubts_.push_back({after, before == 0 ? time : before,
                           std::to_string(api::number_of(j, "lost", 0)) +
                               " records are missing between " + said(after) + " and " +
                               said(before)});
    } else if (kind == "dataplane_started") {
        const std::uint64_t started = time_in(j, "started"), until = time_in(j, "complete_until");
        all_ended(started == 0 ? time : started);
        if (!api::text_of(j, "before").empty())
            doubts_.push_back({until, started,
                               "what the dataplane before did from " + said(until) +
                                   " to its end at " + said(started) + " is not known"});
    } else if (kind == "log_started" && api::truth_of(j, "new_log")) {
        doubts_.push_back({0, time, "the log begins at " + said(time)});
    } else if (kind == "deterministic" && time <= q_.at_ns) {
        deterministic_ = api::to_text(j.value("parameters", Json()));
        deterministic_known_ = true;
    }
}

/// Notes are written in order: when their times go back, somebody set the clock back, and the times
/// between came twice.
void Whois::look_at_clock(const Json& j, const std::string& kind, std::uint64_t time) {
    if (kind == "clock_set") {
        const std::uint64_t from = time_in(j, "from"), to = time_in(j, "to");
        const std::string how = "the clock was set from " + said(from) + " to " + said(to);
        if (from > to) {
            doubts_.push_back({to, from, how + ": the times between came twice", true});
        } else {
            doubts_.push_back({from, to, how + ": the times between never were", true});
        }
    } else if (time + kNear < newest_note_) {
        doubts_.push_back({time, newest_note_,
                           "times from " + said(time) + " to " + said(newest_note_) +
                               " came twice: the clock was set back",
                           true});
    }
    newest_note_ = time;
}

Status Whois::read_files(const std::string& path) {
    std::vector<std::string> files{path};
    struct stat st {};
    for (unsigned i = 1; ::stat((path + "." + std::to_string(i)).c_str(), &st) == 0; i++)
        files.push_back(path + "." + std::to_string(i));
    std::reverse(files.begin(), files.end());
    bool any = false;
    for (const std::string& f : files) {
        std::ifstream in(f);
        any = any || in.is_open();
        for (std::string line; std::getline(in, line);) read(line);
    }
    if (!any) return Error{path, "cannot be read"};
    return Done{};
}

/// What speaks against the answer: doubts that touch the time from which it follows.
std::vector<std::string> Whois::reasons() const {
    std::vector<std::string> out;
    const std::uint64_t since = holder_ ? holder_->from : before_ ? before_->until : 0;
    if (first_ == 0) return {"the log is empty"};
    if (first_ > q_.at_ns) return {"the log begins at " + said(first_) + ", after that time"};
    for (const Doubt& d : doubts_) {
        if (d.only_inside) {
            if (d.from <= q_.at_ns && q_.at_ns <= d.to) out.push_back(d.why);
            continue;
        }
        const bool open = holder_ && holder_->from == 0;  // its beginning is not known
        if (d.from <= q_.at_ns && d.to >= (open ? q_.at_ns : since) && (d.to > since || open))
            out.push_back(d.why);
    }
    if (q_.at_ns > complete_until_)
        out.push_back("the log is known to be complete until " + said(complete_until_) + " only");
    if (before_ && before_->until != 0 && before_->until + kNear > q_.at_ns &&
        (!holder_ || before_->x != holder_->x))
        out.push_back(before_->x + " had it until " + said(before_->until) +
                      ": mind how exact the clock of the question is");
    if (after_ && after_->from < q_.at_ns + kNear && (!holder_ || after_->x != holder_->x))
        out.push_back(after_->x + " had it from " + said(after_->from) +
                      ": mind how exact the clock of the question is");
    return out;
}

Json Whois::answer() const {
    const auto why = reasons();
    Json out{
        {"t", q_.t.text()},
        {"t_id", q_.t_id},
        {"protocol", name_of(q_.proto)},
        {"at", utc_text(q_.at_ns)},
        {"found", holder_.has_value()},
        {"certain", why.empty()},
        {"reasons", why},
        {"lines", n_lines_},
        {"log_begins", first_ == 0 ? Json() : Json(utc_text(first_))},
        {"log_complete_until", complete_until_ == 0 ? Json() : Json(utc_text(complete_until_))}};
    if (deterministic_known_) out["deterministic_parameters"] = deterministic_;
    if (!holder_) return out;
    out["x"] = holder_->x;
    if (holder_->x_id >= 0) out["x_id"] = holder_->x_id;
    out["by"] = holder_->by;
    out["from"] = holder_->from == 0 ? Json() : Json(utc_text(holder_->from));
    out["until"] = holder_->until == 0 ? Json() : Json(utc_text(holder_->until));
    return out;
}

}  // namespace isthmus::control
