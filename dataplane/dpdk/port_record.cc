// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/port_record.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace isthmus::dpdk {

using nat::FreePorts;

/// Then parts of `slots` entries each: one of what the process before said, one of each worker.
struct alignas(kCacheLine) PortRecordFile::Header {
    std::uint64_t magic = 0;
    std::uint32_t layout = 0, workers = 0, slots = 0, inherited = 0;
    std::uint64_t last_alive = 0;  // seconds; written by the main thread only
};

namespace {

constexpr std::uint64_t kMagic = 0x7374726f50687449;
constexpr std::uint32_t kLayout = 1;
// It may have lived a little longer than it says.
constexpr std::uint64_t kSilenceSeconds = 2;
// Inherited addresses are carried on from file to file; more than these have long been away.
constexpr std::size_t kMostInherited = 4096;

struct Descriptor {
    explicit Descriptor(int n) : fd(n) {}
    ~Descriptor() {
        if (fd >= 0) (void)::close(fd);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int fd;
};

Error cannot(const std::string& path, const char* what) {
    return Error{path, std::string(what) + ": " + std::strerror(errno)};
}

/// A port is free when one of those who had the address says so.
void add(std::vector<FreePorts>& all, const FreePorts& one) {
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const FreePorts& f) { return f.addr == one.addr; });
    if (at == all.end()) return all.push_back(one);
    for (unsigned p = 0; p < kProtos; p++) {
        for (unsigned w = 0; w < nat::kWords; w++) at->word[p][w] |= one.word[p][w];
    }
}

}  // namespace

PortRecordFile::~PortRecordFile() {
    if (header_ != nullptr) (void)::munmap(header_, bytes_);
}

PortRecordFile& PortRecordFile::operator=(PortRecordFile&& other) noexcept {
    std::swap(header_, other.header_);
    std::swap(bytes_, other.bytes_);
    std::swap(slots_, other.slots_);
    std::swap(before_, other.before_);
    std::swap(unknown_, other.unknown_);
    std::swap(age_, other.age_);
    std::swap(found_, other.found_);
    return *this;
}

Expected<PortRecordFile> PortRecordFile::open(const std::string& path, const Shape& shape,
                                              std::uint64_t seconds) {
    PortRecordFile file;
    const Status read = file.read(path, seconds);
    if (!read) return read.error();
    file.unknown_ = file.before_.empty() && shape.waits_unknown;
    const std::string fresh = path + ".new";
    const Descriptor d(
        ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (d.fd < 0) return cannot(fresh, "cannot be made");
    const Status mapped = file.map(shape, d.fd);
    if (!mapped) {
        (void)::unlink(fresh.c_str());
        return Error{fresh, mapped.error().what};
    }
    file.header_->last_alive = seconds;
    if (::rename(fresh.c_str(), path.c_str()) != 0) return cannot(path, "cannot be replaced");
    return file;
}

Expected<PortRecordFile> PortRecordFile::without(const Shape& shape) {
    PortRecordFile file;
    file.unknown_ = shape.waits_unknown;
    const Status mapped = file.map(shape, -1);
    if (!mapped) return mapped.error();
    return file;
}

/// What the process before left. A file that makes no sense is one of another version: as if there
/// were none.
Status PortRecordFile::read(const std::string& path, std::uint64_t seconds) {
    const Descriptor d(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (d.fd < 0) return errno == ENOENT ? Status{Done{}} : Status{cannot(path, "cannot be read")};
    struct stat st {};
    if (::fstat(d.fd, &st) != 0) return cannot(path, "cannot be read");
    const auto size = static_cast<std::size_t>(st.st_size);
    Header h;
    if (::pread(d.fd, &h, sizeof h, 0) != sizeof h || h.magic != kMagic || h.layout != kLayout)
        return Done{};
    const std::uint64_t n = std::uint64_t{h.workers} * h.slots + h.inherited;
    if (n > size / sizeof(FreePorts) || sizeof h + n * sizeof(FreePorts) > size) return Done{};
    FreePorts one;
    for (std::uint64_t i = h.inherited; i < n; i++) {
        const auto at = static_cast<off_t>(sizeof h + i * sizeof one);
        if (::pread(d.fd, &one, sizeof one, at) != sizeof one) return Done{};
        if (one.is_used()) add(before_, one);
    }
    const std::size_t own = before_.size();
    for (std::uint64_t i = 0; i < h.inherited && before_.size() < kMostInherited; i++) {
        const auto at = static_cast<off_t>(sizeof h + i * sizeof one);
        if (::pread(d.fd, &one, sizeof one, at) != sizeof one) return Done{};
        const bool known = std::any_of(before_.begin(), before_.begin() + static_cast<long>(own),
                                       [&](const FreePorts& f) { return f.addr == one.addr; });
        if (one.is_used() && !known) before_.push_back(one);
    }
    const std::uint64_t silent = seconds > h.last_alive ? seconds - h.last_alive : 0;
    const std::uint64_t age = silent > kSilenceSeconds ? silent - kSilenceSeconds : 0;
    age_ = ticks_of_seconds(static_cast<std::uint32_t>(std::min<std::uint64_t>(age, 86400)));
    if (before_.empty()) return Done{};
    found_ = "ports that were in use " + std::to_string(silent) + " s ago, on " +
             std::to_string(before_.size()) + " addresses, rest";
    return Done{};
}

Status PortRecordFile::map(const Shape& shape, int fd) {
    const std::size_t n = before_.size() + std::size_t{shape.workers} * shape.slots;
    bytes_ = sizeof(Header) + n * sizeof(FreePorts);
    // All of it now: a file system that is full would otherwise kill a worker later.
    const int full = fd < 0 ? 0 : ::posix_fallocate(fd, 0, static_cast<off_t>(bytes_));
    if (full != 0)
        return Error{"", "no room for " + std::to_string((bytes_ >> 20) + 1) +
                             " MiB: " + std::strerror(full)};
    const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void* p = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED) return cannot("", "cannot be mapped");
    header_ = static_cast<Header*>(p);
    slots_ = shape.slots;
    auto* all = reinterpret_cast<FreePorts*>(header_ + 1);
    std::copy(before_.begin(), before_.end(), all);
    *header_ = {
        kMagic, kLayout, shape.workers, shape.slots, static_cast<std::uint32_t>(before_.size()), 0};
    return Done{};
}

nat::PortRecord PortRecordFile::of_worker(unsigned worker) noexcept {
    auto* all = reinterpret_cast<FreePorts*>(header_ + 1);
    return {{all + before_.size() + std::size_t{worker} * slots_, slots_}, before_, unknown_, age_};
}

void PortRecordFile::alive(std::uint64_t seconds) noexcept {
    std::atomic_ref(header_->last_alive).store(seconds, std::memory_order_relaxed);
}

}  // namespace isthmus::dpdk
