// SPDX-License-Identifier: Apache-2.0
#include "control/logs/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/api/json.h"
#include "common/log/log.h"

namespace isthmus::control {

namespace fs = std::filesystem;
using json = isthmus::api::Json;

namespace {

constexpr std::uint64_t kSegmentBytes = 1U << 20;
constexpr const char* kSuffix = ".spool";

}  // namespace

// A batch: "B COUNT INSTANCE", then COUNT lines "E base64" (an event) or "N json" (a note).
std::string spool_text(const LogBatch& batch) {
    std::string out = "B " + std::to_string(batch.records.size()) + " " + batch.instance + "\n";
    for (const LogRecord& r : batch.records) {
        if (const api::Event* e = event_of(r)) {
            std::string bytes;
            api::append(bytes, *e);
            out += "E " + api::base64(bytes) + "\n";
        } else {
            const Note& n = *note_of(r);
            out += "N " +
                   api::to_text({{"ns", n.unix_ns}, {"kind", n.kind}, {"fields", n.fields}}) + "\n";
        }
    }
    return out;
}

namespace {

/// All of it behind `size` bytes, or nothing.
Status write_at_end(int fd, const std::string& path, const std::string& text, std::uint64_t size) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            const Error why{path, std::strerror(errno)};
            (void)!::ftruncate(fd, static_cast<off_t>(size));
            return why;
        }
        done += static_cast<std::size_t>(n);
    }
    return Done{};
}

bool read_record(const std::string& line, LogBatch& into) {
    if (line.rfind("E ", 0) == 0) {
        const auto bytes = api::from_base64(std::string_view(line).substr(2));
        const auto e = bytes ? api::read_event(*bytes) : std::nullopt;
        if (e) into.records.emplace_back(*e);
        return e.has_value();
    }
    if (line.rfind("N ", 0) != 0) return false;
    const json j = api::from_text(std::string_view(line).substr(2));
    if (!j.is_object() || !j.value("ns", json()).is_number_unsigned() ||
        !j.value("kind", json()).is_string())
        return false;
    into.records.emplace_back(Note{j["ns"].get<std::uint64_t>(), j["kind"].get<std::string>(),
                                   j.value("fields", json::object())});
    return true;
}

}  // namespace

std::deque<LogBatch> spool_batches(const std::string& text, bool& whole) {
    std::deque<LogBatch> out;
    std::istringstream in(text);
    whole = true;
    for (std::string line; std::getline(in, line);) {
        std::size_t n = 0;
        const char* const begin = line.c_str();
        const char* const end = begin + line.size();
        const auto [at, error] =
            std::from_chars(begin + std::min<std::size_t>(2, line.size()), end, n);
        whole = line.rfind("B ", 0) == 0 && error == std::errc{} && at != end;
        if (!whole) return out;
        LogBatch b;
        b.instance = std::string(at + 1, end);
        for (std::size_t i = 0; i < n && whole; i++)
            whole = static_cast<bool>(std::getline(in, line)) && read_record(line, b);
        if (!whole) return out;
        out.push_back(std::move(b));
    }
    return out;
}

Spool::Spool(std::string dir, std::uint64_t most_bytes)
    : dir_(std::move(dir)), most_bytes_(most_bytes) {
    std::error_code error;
    fs::create_directories(dir_, error);
    fs::permissions(dir_, fs::perms::owner_all, error);
    for (const auto& entry : fs::directory_iterator(dir_, error)) {
        const std::string name = entry.path().filename().string();
        std::uint64_t id = 0;
        const auto [at, bad] = std::from_chars(name.data(), name.data() + name.size(), id);
        if (bad != std::errc{} || std::string(at, name.data() + name.size()) != kSuffix || id == 0)
            continue;
        segments_.push_back({id, entry.file_size(error)});
        next_id_ = std::max(next_id_, id + 1);
        first_id_ = std::min(first_id_, id);
    }
    std::sort(segments_.begin(), segments_.end(),
              [](const Segment& a, const Segment& b) { return a.id < b.id; });
}

Spool::~Spool() { close(); }

std::string Spool::path(std::uint64_t id) const {
    return dir_ + "/" + std::to_string(id) + kSuffix;
}

void Spool::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

std::uint64_t Spool::bytes() const {
    std::uint64_t n = loaded_.bytes;
    for (const Segment& s : segments_) n += s.bytes;
    return n;
}

Status Spool::append(const LogBatch& batch) {
    const std::string text = spool_text(batch);
    if (bytes() + text.size() > most_bytes_)
        return Error{dir_, "the spool is full (" + std::to_string(most_bytes_ >> 20) + " MiB)"};
    if (fd_ >= 0 && segments_.back().bytes + text.size() > kSegmentBytes) close();
    if (fd_ < 0) {
        const std::uint64_t id = next_id_;
        fd_ = ::open(path(id).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
        if (fd_ < 0) return Error{path(id), std::strerror(errno)};
        next_id_++;
        segments_.push_back({id, 0});
    }
    Segment& s = segments_.back();
    if (Status done = write_at_end(fd_, path(s.id), text, s.bytes); !done) return done;
    s.bytes += text.size();
    unsynced_ = true;
    return Done{};
}

Status Spool::put_first(std::span<const std::shared_ptr<const LogBatch>> batches) {
    std::string text;
    for (const auto& b : batches) text += spool_text(*b);
    if (bytes() + text.size() > most_bytes_) return Error{dir_, "the spool is full"};
    const std::uint64_t id = first_id_ - 1;
    const int fd = ::open(path(id).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return Error{path(id), std::strerror(errno)};
    Status written = write_at_end(fd, path(id), text, 0);
    ::close(fd);
    if (!written) {
        ::unlink(path(id).c_str());
        return written;
    }
    first_id_ = id;
    if (batches_.empty()) {
        drop_loaded();
        segments_.push_front({id, text.size()});
        return Done{};
    }
    batches_.insert(batches_.begin(), batches.begin(), batches.end());
    before_.push_back(id);
    loaded_.bytes += text.size();
    return Done{};
}

void Spool::load_oldest() {
    if (segments_.size() == 1) close();  // what is read is not written any more
    loaded_ = segments_.front();
    segments_.pop_front();
    std::ifstream in(path(loaded_.id), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    bool whole = true;
    for (LogBatch& b : spool_batches(text.str(), whole))
        batches_.push_back(std::make_shared<const LogBatch>(std::move(b)));
    if (!whole) log::warn(path(loaded_.id) + ": its end cannot be read; records there are lost");
}

void Spool::drop_loaded() {
    for (const std::uint64_t id : before_) ::unlink(path(id).c_str());
    before_.clear();
    if (loaded_.id != 0) ::unlink(path(loaded_.id).c_str());
    loaded_ = {};
}

std::shared_ptr<const LogBatch> Spool::front() {
    while (batches_.empty()) {
        drop_loaded();
        if (segments_.empty()) return nullptr;
        load_oldest();
    }
    return batches_.front();
}

void Spool::pop() {
    batches_.pop_front();
    if (batches_.empty()) drop_loaded();
}

void Spool::tick() {
    const std::int64_t now = steady_now_ns();
    if (!unsynced_ || fd_ < 0 || now - synced_ns_ < static_cast<std::int64_t>(kNanosPerSecond))
        return;
    synced_ns_ = now;
    unsynced_ = ::fdatasync(fd_) != 0;
}

}  // namespace isthmus::control
