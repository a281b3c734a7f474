// SPDX-License-Identifier: Apache-2.0
// Memory for a worker's tables: mappings of our own on the worker's NUMA node, not EAL's (which may
// clear its files). Huge pages of 1 GiB, then of 2 MiB, then ordinary memory that the kernel is
// advised to make huge. All pages are touched here, so that the packet path never faults.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "common/base/expected.h"

namespace isthmus::dpdk {

enum class PageKind : unsigned char { huge_1g, huge_2m, ordinary };
[[nodiscard]] std::string_view name_of(PageKind k);

class TableMemory {
public:
    TableMemory() = default;
    ~TableMemory();
    TableMemory(TableMemory&& other) noexcept;
    TableMemory& operator=(TableMemory&& other) noexcept;
    TableMemory(const TableMemory&) = delete;
    TableMemory& operator=(const TableMemory&) = delete;

    /// `node` < 0: wherever. `allow_huge` false: ordinary memory only.
    [[nodiscard]] static Expected<TableMemory> map(std::size_t bytes, int node, bool allow_huge);

    [[nodiscard]] std::span<std::byte> span() const { return {start_, bytes_}; }
    [[nodiscard]] PageKind kind() const { return kind_; }

private:
    std::byte* start_ = nullptr;
    std::size_t bytes_ = 0, mapped_bytes_ = 0;
    PageKind kind_ = PageKind::ordinary;
};

}  // namespace isthmus::dpdk
