// SPDX-License-Identifier: Apache-2.0
// The log's place on disk: which record of which dataplane was the last that all outlets have.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/log/log.h"
#include "control/files.h"
#include "control/logs/event_log.h"

namespace isthmus::control {

using api::Json;

void EventLog::load_place() {
    const auto text = read_file(state_dir_ + "/log-place.json");
    if (!text) return;
    const Json j = api::from_text(*text);
    const std::string instance = j.is_object() ? api::text_of(j, "instance") : "";
    if (instance.empty()) return;
    const Json numbers = j.value("acknowledged", Json::array());
    const auto seen = static_cast<std::uint64_t>(api::number_of(j, "unix_ns", 0));
    for (const Json& n : numbers) {
        if (!n.is_number_unsigned()) return;
        acked_.push_back(n.get<std::uint64_t>());
    }
    for (const std::uint64_t n : acked_) workers_.push_back({n, seen});
    instance_ = acked_instance_ = instance;
}

void EventLog::save_place() {
    const Json j{
        {"instance", acked_instance_}, {"acknowledged", acked_}, {"unix_ns", unix_now_ns()}};
    const std::string text = api::to_text(j), path = state_dir_ + "/log-place.json",
                      fresh = path + ".new";
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool written =
        fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (fd >= 0) ::close(fd);
    place_changed_ = !written || ::rename(fresh.c_str(), path.c_str()) != 0;
    if (place_changed_)
        log::warn("the log's place cannot be kept in " + path + ": " + std::strerror(errno) +
                  "; records may come twice after a restart");
}

}  // namespace isthmus::control
