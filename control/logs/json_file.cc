// SPDX-License-Identifier: Apache-2.0
#include "control/logs/json_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/api/json.h"
#include "common/log/log.h"
#include "control/logs/whois.h"

namespace isthmus::control {

namespace {

constexpr std::uint64_t kTailBytes = 8U << 20;  // more than a batch is

Error reason(const std::string& path) { return Error{path, std::strerror(errno)}; }

}  // namespace

JsonFile::~JsonFile() { close(); }

void JsonFile::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Status JsonFile::open() {
    std::error_code ignored;
    const auto dir = std::filesystem::path(path_).parent_path();
    if (!dir.empty()) std::filesystem::create_directories(dir, ignored);
    // Whom an address belonged to is nobody's business but the operator's.
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
    if (fd_ < 0) return reason(path_);
    struct stat st {};
    if (::fstat(fd_, &st) != 0 || !S_ISREG(st.st_mode)) {
        close();
        return Error{path_, "is no regular file"};
    }
    size_ = static_cast<std::uint64_t>(st.st_size);
    learn_age();
    if (mended_) return Done{};
    mended_ = true;
    return mend();
}

void JsonFile::learn_age() {
    std::array<char, 48> head{};
    const ssize_t n = ::pread(fd_, head.data(), head.size(), 0);
    const std::string_view text(head.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    constexpr std::string_view kBegin = "{\"time\":\"";
    const std::size_t end = text.find('"', kBegin.size());
    begun_ns_ = size_ == 0 ? 0 : unix_now_ns();
    if (!text.starts_with(kBegin) || end == std::string_view::npos) return;
    const std::string_view time = text.substr(kBegin.size(), end - kBegin.size());
    begun_ns_ = unix_ns_of(std::string(time)).value_or(begun_ns_);
}

bool JsonFile::is_old() {
    if (rotation_.max_age_ns == 0 || size_ == 0) return false;
    const std::uint64_t now = unix_now_ns();
    if (begun_ns_ == 0 || begun_ns_ > now) begun_ns_ = now;  // the clock was set back
    return now - begun_ns_ >= rotation_.max_age_ns;
}

namespace {

/// The last whole lines of a file: at most kTailBytes; what follows them is in `half`.
std::optional<std::string> tail_of(int fd, std::uint64_t size, std::size_t& half) {
    std::string tail(std::min(size, kTailBytes), '\0');
    const ssize_t n = ::pread(fd, tail.data(), tail.size(), static_cast<off_t>(size - tail.size()));
    if (n < 0) return std::nullopt;
    tail.resize(static_cast<std::size_t>(n));
    const std::size_t end = tail.empty() ? 0 : tail.find_last_of('\n') + 1;  // npos + 1 is 0
    half = tail.size() - end;
    tail.resize(end);
    if (size > kTailBytes) tail.erase(0, tail.find('\n') + 1);
    return tail;
}

}  // namespace

/// What an earlier control left: half a line at the end is cut off, and the numbers are learned;
/// from the file before too, for it may have been rotated in the middle of a batch.
Status JsonFile::mend() {
    std::size_t half = 0;
    const std::string older = path_ + ".1";
    if (const int fd = ::open(older.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); fd >= 0) {
        struct stat st {};
        if (::fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
            learn(tail_of(fd, static_cast<std::uint64_t>(st.st_size), half).value_or(""));
        ::close(fd);
    }
    half = 0;
    const auto tail = tail_of(fd_, size_, half);
    if (!tail) return reason(path_);
    if (half != 0) {
        log::warn(path_ + ": cut off half a line of " + std::to_string(half) + " bytes at the end");
        size_ -= half;
        if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return reason(path_);
    }
    learn(*tail);
    return Done{};
}

void JsonFile::learn(std::string_view tail) {
    for (std::size_t at = 0; at < tail.size();) {
        const std::size_t end = tail.find('\n', at);
        const auto line = api::from_text(tail.substr(at, end - at));
        at = end + 1;
        if (!line.is_object()) continue;
        const auto instance = line.value("instance", api::Json());
        if (instance.is_string() && instance != instance_) {
            instance_ = instance.get<std::string>();
            written_.clear();
        }
        const auto worker = line.value("worker", api::Json());
        const auto seq = line.value("seq", api::Json());
        if (worker.is_number_unsigned() && seq.is_number_unsigned())
            written_[worker.get<std::uint64_t>()] = seq.get<std::uint64_t>();
    }
}

bool JsonFile::is_written(const std::string& instance, const api::Event& e) const {
    if (instance != instance_) return false;
    const auto found = written_.find(e.worker);
    return found != written_.end() && e.sequence <= found->second;
}

void JsonFile::note_written(const std::string& instance, std::span<const LogRecord> records) {
    if (instance != instance_) {
        instance_ = instance;
        written_.clear();
    }
    for (const LogRecord& r : records) {
        if (const api::Event* e = event_of(r))
            written_[e->worker] = std::max(written_[e->worker], e->sequence);
    }
}

/// A full disk may take half of it: what was begun is cut off again.
Status JsonFile::write_all(const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::write(fd_, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            const Error why = reason(path_);
            (void)!::ftruncate(fd_, static_cast<off_t>(size_));
            return why;
        }
        done += static_cast<std::size_t>(n);
    }
    if (size_ == 0) begun_ns_ = unix_now_ns();
    size_ += text.size();
    unsynced_ = unsynced_ || !text.empty();
    return Done{};
}

Status JsonFile::rotate() {
    (void)::fdatasync(fd_);
    close();
    if (rotation_.max_files == 1) {
        ::unlink(path_.c_str());
        return open();
    }
    for (unsigned i = rotation_.max_files - 1; i > 0; i--) {
        const std::string from = i == 1 ? path_ : path_ + "." + std::to_string(i - 1);
        const std::string to = path_ + "." + std::to_string(i);
        if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return reason(from);
    }
    return open();
}

/// Somebody moved or removed it (logrotate): begin anew. Or truncated it: the end is where it is.
Status JsonFile::reopen_when_moved() {
    struct stat ours {
    }, there{};
    const bool same = fd_ >= 0 && ::stat(path_.c_str(), &there) == 0 && ::fstat(fd_, &ours) == 0 &&
                      ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
    if (!same) {
        close();
        return open();
    }
    const auto size = static_cast<std::uint64_t>(ours.st_size);
    if (size < size_) begun_ns_ = 0;
    size_ = size;
    return Done{};
}

Status JsonFile::deliver(const LogBatch& batch) {
    if (const Status opened = reopen_when_moved(); !opened) return opened.error();
    if (is_old()) {
        if (const Status done = rotate(); !done) return done.error();
    }
    std::string text;
    std::size_t begun = 0;  // the first record of `text`
    for (std::size_t i = 0; i < batch.records.size(); i++) {
        const api::Event* e = event_of(batch.records[i]);
        if (e != nullptr && is_written(batch.instance, *e)) continue;
        const std::string line = json_line(batch.instance, batch.records[i]) + "\n";
        if (size_ + text.size() != 0 && size_ + text.size() + line.size() > rotation_.max_bytes) {
            if (const Status done = write_all(text); !done) return done.error();
            note_written(batch.instance, std::span(batch.records).subspan(begun, i - begun));
            begun = i;
            text.clear();
            if (const Status done = rotate(); !done) return done.error();
        }
        text += line;
    }
    if (const Status done = write_all(text); !done) return done.error();
    note_written(batch.instance, std::span(batch.records).subspan(begun));
    return Done{};
}

Status JsonFile::tick() {
    const std::int64_t now = steady_now_ns();
    if (fd_ < 0 || now - synced_ns_ < static_cast<std::int64_t>(kNanosPerSecond)) return Done{};
    synced_ns_ = now;
    if (is_old()) return rotate();
    if (!unsynced_) return Done{};
    if (::fdatasync(fd_) != 0) return reason(path_);
    unsynced_ = false;
    return Done{};
}

}  // namespace isthmus::control
