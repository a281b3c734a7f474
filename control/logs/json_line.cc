// SPDX-License-Identifier: Apache-2.0
// One record as a line of JSON: docs/logging.md lists the fields.
#include <cstdio>
#include <ctime>

#include "common/api/json.h"
#include "control/logs/fields.h"
#include "control/logs/json_file.h"

namespace isthmus::control {

namespace {

void field(std::string& out, std::string_view name, std::uint64_t v) {
    out += ",\"";
    out += name;
    out += "\":";
    out += std::to_string(v);
}

void field(std::string& out, std::string_view name, std::string_view v) {
    out += ",\"";
    out += name;
    out += "\":\"";
    out += v;  // names, addresses: nothing to escape
    out += '"';
}

}  // namespace

std::uint64_t unix_now_ns() {
    timespec t{};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * kNanosPerSecond +
           static_cast<std::uint64_t>(t.tv_nsec);
}

std::int64_t steady_now_ns() {
    timespec t{};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return std::int64_t{t.tv_sec} * static_cast<std::int64_t>(kNanosPerSecond) + t.tv_nsec;
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

Note make_note(std::string kind, api::Json fields) {
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
            out += ",\"" + key + "\":" + api::to_text(value);
        return out + "}";
    }
    const api::Event& e = *event_of(r);
    field(out, "event", info_of(e.kind).name);
    field(out, "instance", instance);
    for_each_field(e, [&](std::string_view name, const auto& value) { field(out, name, value); });
    return out + "}";
}

}  // namespace isthmus::control
