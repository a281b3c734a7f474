// SPDX-License-Identifier: Apache-2.0
#include "control/logs/place.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "common/api/rpc.h"
#include "common/log/log.h"
#include "control/files.h"

namespace isthmus::control {

using api::Json;

namespace {
constexpr auto kAgain = std::chrono::seconds(1);
}

std::optional<LogPlace> read_place(const std::string& path) {
    const auto text = read_file(path);
    if (!text) return std::nullopt;
    const Json j = api::from_text(*text);
    LogPlace out;
    out.acked.instance = j.is_object() ? api::text_of(j, "instance") : "";
    if (out.acked.instance.empty()) return std::nullopt;
    out.unix_ns = static_cast<std::uint64_t>(api::number_of(j, "unix_ns", 0));
    for (const Json& n : j.value("acknowledged", Json::array())) {
        if (!n.is_number_unsigned()) return std::nullopt;
        out.acked.upto.push_back(n.get<std::uint64_t>());
    }
    const Json untold = j.value("untold", Json::object());
    if (!untold.is_object()) return out;
    for (const auto& [key, list] : untold.items()) out.untold[key] = losses_of(list);
    return out;
}

Status write_place(const std::string& path, const LogPlace& place) {
    Json j{{"instance", place.acked.instance},
           {"acknowledged", place.acked.upto},
           {"unix_ns", place.unix_ns}};
    for (const auto& [key, losses] : place.untold) {
        if (!losses.empty()) j["untold"][key] = json_of(losses);
    }
    const std::string text = api::to_text(j), fresh = path + ".new";
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool written =
        fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int why = errno;
    if (fd >= 0) ::close(fd);
    if (!written) return Error{path, std::strerror(why)};
    if (::rename(fresh.c_str(), path.c_str()) != 0) return Error{path, std::strerror(errno)};
    return Done{};
}

struct PlaceKeeper::Shared {
    std::string path;
    std::mutex mutex;  // what follows
    std::condition_variable came, over;
    std::optional<LogPlace> next;
    LogQueue::Acked kept;
    bool stop = false, is_over = false;

    void run() {
        bool trouble = false;
        for (;;) {
            std::unique_lock lock(mutex);
            came.wait(lock, [this] { return stop || next; });
            if (!next) break;
            const LogPlace place = std::move(*next);
            next.reset();
            lock.unlock();
            const Status done = write_place(path, place);
            if (!done && !trouble)
                log::warn("the log's place cannot be kept: " + done.error().text() +
                          "; records may come twice after a restart");
            trouble = !done;
            lock.lock();
            kept = place.acked;
            if (done) continue;
            came.wait_for(lock, kAgain, [this] { return stop || next; });
            if (!next && !stop) next = place;
        }
        const std::lock_guard guard(mutex);
        is_over = true;
        over.notify_all();
    }
};

PlaceKeeper::PlaceKeeper(const std::string& path) : shared_(std::make_shared<Shared>()) {
    shared_->path = path;
    thread_ = std::thread([s = shared_] { s->run(); });
}

PlaceKeeper::~PlaceKeeper() { stop_before(steady_now_ns()); }

void PlaceKeeper::keep(LogPlace place) {
    {
        const std::lock_guard guard(shared_->mutex);
        shared_->next = std::move(place);
    }
    shared_->came.notify_all();
}

LogQueue::Acked PlaceKeeper::kept() const {
    const std::lock_guard guard(shared_->mutex);
    return shared_->kept;
}

void PlaceKeeper::set_kept(LogQueue::Acked acked) {
    const std::lock_guard guard(shared_->mutex);
    shared_->kept = std::move(acked);
}

void PlaceKeeper::stop_before(std::int64_t steady_ns) {
    if (!thread_.joinable()) return;
    std::unique_lock lock(shared_->mutex);
    shared_->stop = true;
    shared_->came.notify_all();
    const std::int64_t left = std::max<std::int64_t>(0, steady_ns - steady_now_ns());
    const bool over = shared_->over.wait_for(lock, std::chrono::nanoseconds(left),
                                             [this] { return shared_->is_over; });
    lock.unlock();
    if (over) {
        thread_.join();
    } else {
        thread_.detach();
    }
}

}  // namespace isthmus::control
