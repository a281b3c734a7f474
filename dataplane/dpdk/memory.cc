// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/memory.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace isthmus::dpdk {
namespace {

constexpr std::size_t kGiB = std::size_t{1} << 30, kMiB2 = std::size_t{2} << 20;
constexpr int kHugeShift = 26;  // MAP_HUGE_SHIFT

struct Attempt {
    PageKind kind;
    std::size_t page_bytes;
    int flags;
};
constexpr auto kAttempts = std::to_array<Attempt>({
    {PageKind::huge_1g, kGiB, MAP_HUGETLB | (30 << kHugeShift)},
    {PageKind::huge_2m, kMiB2, MAP_HUGETLB | (21 << kHugeShift)},
    {PageKind::ordinary, kMiB2, 0},
});

/// Binds pages to `node` before they are touched. Best effort: a kernel without NUMA refuses.
void prefer_node(void* start, std::size_t bytes, int node) {
    if (node < 0 || node >= 64) return;
    const unsigned long mask = 1UL << node;
    (void)syscall(SYS_mbind, start, bytes, MPOL_PREFERRED, &mask, 65UL, 0U);
}

/// Makes the pages exist. Huge pages that are not there would otherwise be a SIGBUS later.
bool populate(void* start, std::size_t bytes) {
    // MADV_POPULATE_WRITE (Linux 5.14) reports a shortage as an error.
    constexpr int kPopulateWrite = 23;
    if (madvise(start, bytes, kPopulateWrite) == 0) return true;
    return errno == EINVAL;  // an older kernel: pages come on first touch
}

}  // namespace

std::string_view name_of(PageKind k) {
    switch (k) {
        case PageKind::huge_1g:
            return "1 GiB huge pages";
        case PageKind::huge_2m:
            return "2 MiB huge pages";
        case PageKind::ordinary:
            break;
    }
    return "ordinary pages (transparent huge ones where the kernel has them)";
}

Expected<TableMemory> TableMemory::map(std::size_t bytes, int node, bool allow_huge) {
    for (const Attempt& a : kAttempts) {
        if (a.kind != PageKind::ordinary && !allow_huge) continue;
        // A 1 GiB page for tables of a few MiB would be waste.
        if (a.kind == PageKind::huge_1g && bytes < kGiB / 2) continue;
        const std::size_t size = (bytes + a.page_bytes - 1) / a.page_bytes * a.page_bytes;
        void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | a.flags, -1, 0);
        if (p == MAP_FAILED) continue;
        prefer_node(p, size, node);
        if (a.kind == PageKind::ordinary) (void)madvise(p, size, MADV_HUGEPAGE);
        (void)madvise(p, size, MADV_DONTDUMP);
        if (!populate(p, size)) {
            (void)munmap(p, size);
            continue;
        }
        TableMemory m;
        m.start_ = static_cast<std::byte*>(p);
        m.bytes_ = bytes;
        m.mapped_bytes_ = size;
        m.kind_ = a.kind;
        return m;
    }
    return Error{"tables", "no memory for " + std::to_string((bytes + kMiB2 - 1) >> 20) +
                               " MiB of tables of one worker (" + std::strerror(errno) +
                               "); lower dataplane.max_sessions or max_pool_addresses"};
}

TableMemory::~TableMemory() {
    if (start_ != nullptr) (void)munmap(start_, mapped_bytes_);
}

TableMemory::TableMemory(TableMemory&& other) noexcept { *this = std::move(other); }

TableMemory& TableMemory::operator=(TableMemory&& other) noexcept {
    std::swap(start_, other.start_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(kind_, other.kind_);
    return *this;
}

}  // namespace isthmus::dpdk
