// SPDX-License-Identifier: Apache-2.0
// One record as a line of JSON: docs/logging.md lists the fields.
#include <cstdio>
#include <ctime>

#include "control/logs/json_file.h"

namespace isthmus::control {

namespace {

void field(std::string& out, const char* name, std::uint64_t v) {
    out += ",\"";
    out += name;
    out += "\":";
    out += std::to_string(v);
}

void field(std::string& out, const char* name, std::string_view v) {
    out += ",\"";
    out += name;
    out += "\":\"";
    out += v;  // names, addresses: nothing to escape
    out += '"';
}

void subscriber(std::string& out, const api::Event& e) {
    field(out, "x", e.x_bits == 128 ? e.x.text() : e.x.text() + "/" + std::to_string(e.x_bits));
}

void binding(std::string& out, const api::Event& e) {
    field(out, "protocol", name_of(e.proto));
    field(out, "x", e.x.text());
    field(out, "x_id", e.x_id);
    field(out, "t", e.t.text());
    field(out, "t_id", e.t_id);
}

void what_of(std::string& out, const api::Event& e) {
    switch (e.kind) {
        case EventKind::binding_created:
        case EventKind::binding_removed:
            return binding(out, e);
        case EventKind::session_created:
        case EventKind::session_removed:
            binding(out, e);
            field(out, "z", e.z.text());
            field(out, "z_id", e.z_id);
            return;
        case EventKind::block_created:
        case EventKind::block_removed:
            subscriber(out, e);
            field(out, "t", e.t.text());
            field(out, "t_first", e.t_id);
            field(out, "t_last", e.t_last);
            return;
        case EventKind::address_bound:
        case EventKind::address_freed:
            subscriber(out, e);
            field(out, "t", e.t.text());
            return;
        case EventKind::addresses_exhausted:
        case EventKind::ports_exhausted:
            field(out, "protocol", name_of(e.proto));
            subscriber(out, e);
            if (e.kind == EventKind::ports_exhausted) field(out, "t", e.t.text());
            field(out, "pool", e.group);
            field(out, "suppressed", e.suppressed);
            return;
        case EventKind::packet_refused:
            field(out, "protocol", name_of(e.proto));
            field(out, "x", e.x.text());
            field(out, "t", e.t.text());
            field(out, "z", e.z.text());
            field(out, "reason", info_of(e.why).name);
            field(out, "suppressed", e.suppressed);
            return;
        case EventKind::quota_exceeded:
        case EventKind::threshold_reached:
        case EventKind::count_:
            field(out, "protocol", name_of(e.proto));
            subscriber(out, e);
            field(out, "reason", info_of(e.why).name);
            field(out, "limit", e.limit);
            field(out, "suppressed", e.suppressed);
            return;
    }
}

}  // namespace

std::uint64_t unix_now_ns() {
    timespec t{};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * kNanosPerSecond +
           static_cast<std::uint64_t>(t.tv_nsec);
}

std::string utc_text(std::uint64_t unix_ns) {
    const auto seconds = static_cast<std::time_t>(unix_ns / kNanosPerSecond);
    std::tm tm{};
    (void)gmtime_r(&seconds, &tm);
    char text[40];
    const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    std::snprintf(text + n, sizeof text - n, ".%03uZ",
                  static_cast<unsigned>(unix_ns % kNanosPerSecond / 1'000'000));
    return text;
}

Note make_note(std::string kind, nlohmann::json fields) {
    return {unix_now_ns(), std::move(kind), std::move(fields)};
}

std::string json_line(const std::string& instance, const LogRecord& r) {
    std::string out;
    out.reserve(256);
    out = "{\"time\":\"" + utc_text(time_of(r)) + "\"";
    if (const Note* n = note_of(r)) {
        field(out, "event", n->kind);
        field(out, "instance", instance);
        for (const auto& [key, value] : n->fields.items())
            out += ",\"" + key + "\":" + value.dump();
        return out + "}";
    }
    const api::Event& e = *event_of(r);
    field(out, "event", info_of(e.kind).name);
    field(out, "instance", instance);
    field(out, "worker", e.worker);
    field(out, "seq", e.sequence);
    what_of(out, e);
    return out + "}";
}

}  // namespace isthmus::control
