// SPDX-License-Identifier: Apache-2.0
#include "control/logs/make_outlet.h"

#include <algorithm>
#include <filesystem>

#include "common/log/log.h"
#include "control/logs/ipfix.h"
#include "control/logs/json_file.h"
#include "control/logs/syslog.h"

namespace isthmus::control {

namespace {

const char* type_of(const config::LogOutlet& w) {
    return w.type == config::LogType::json     ? "json"
           : w.type == config::LogType::syslog ? "syslog"
                                               : "ipfix";
}

std::string target_of(const config::LogOutlet& w) {
    return w.type == config::LogType::json ? w.file : Wire(w).text();
}

}  // namespace

std::string outlet_key(const config::LogOutlet& w) {
    std::string out = std::string(type_of(w)) + "-" + target_of(w);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == '/' || c == '[' || c == ']'; }, '_');
    return out;
}

std::shared_ptr<Outlet> make_outlet(const config::LogOutlet& w, const std::string& spool_dir,
                                    const std::shared_ptr<LogQueue>& queue, std::size_t i) {
    Outlet::Facts f;
    f.type = type_of(w);
    f.to = target_of(w);
    f.name = f.type + "-" + std::to_string(i);
    std::unique_ptr<LogSink> sink;
    if (w.type == config::LogType::json) {
        sink = std::make_unique<JsonFile>(
            w.file, JsonFile::Rotation{std::uint64_t{w.max_size_mib} << 20, w.max_files,
                                       w.max_hours * 3600 * kNanosPerSecond});
        return std::make_shared<Outlet>(f, std::move(sink), queue, i);
    }
    if (w.type == config::LogType::syslog) {
        sink = std::make_unique<Syslog>(w);
    } else {
        sink = std::make_unique<Ipfix>(w);
    }
    auto spool = w.spool_mib == 0
                     ? nullptr
                     : std::make_unique<Spool>(spool_dir, std::uint64_t{w.spool_mib} << 20);
    return std::make_shared<Outlet>(f, std::move(sink), queue, i, std::move(spool));
}

void warn_of_left_spools(const std::string& state_dir, const std::vector<std::string>& keys) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(state_dir + "/log-spool", error)) {
        const std::string name = entry.path().filename().string();
        if (std::find(keys.begin(), keys.end(), name) != keys.end()) continue;
        std::error_code ignored;
        if (std::filesystem::is_empty(entry.path(), ignored)) continue;
        log::warn(entry.path().string() +
                  " has records for a log that control.logs has no more; remove it, or give the "
                  "log back");
    }
}

}  // namespace isthmus::control
