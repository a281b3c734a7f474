// SPDX-License-Identifier: Apache-2.0
// What memif_bench sends, built once for every flow, and how it counts how long that took.
#pragma once

#include <rte_cycles.h>

#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "test/perf/workload.h"

namespace workload {

inline constexpr unsigned kBytesMost = 96;
inline constexpr unsigned kWordAt = 8;  // in the UDP datagram: a word and its complement

/// Times in microseconds by eighths of powers of two: 12 % wide at most.
class Histogram {
public:
    void add(std::uint64_t cycles) {
        const auto bits = static_cast<unsigned>(std::bit_width(cycles | 8)) - 4;
        cell_[bits * 8 + ((cycles | 8) >> bits) % 8]++;
        n_++;
        most_ = std::max(most_, cycles);
    }
    void add(const Histogram& other) {
        for (std::size_t i = 0; i < cell_.size(); i++) cell_[i] += other.cell_[i];
        n_ += other.n_;
        most_ = std::max(most_, other.most_);
    }
    /// The upper edge of the cell that holds this share of all.
    [[nodiscard]] double us(double share) const {
        const auto want = static_cast<std::uint64_t>(share * static_cast<double>(n_));
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < cell_.size(); i++) {
            sum += cell_[i];
            if (sum >= want && sum != 0) return in_us(std::min(most_, (i % 8 + 9) << (i / 8)));
        }
        return 0;
    }
    [[nodiscard]] double longest() const { return in_us(most_); }
    [[nodiscard]] std::uint64_t n() const { return n_; }

private:
    static double in_us(std::uint64_t cycles) {
        return static_cast<double>(cycles) * 1e6 / static_cast<double>(rte_get_tsc_hz());
    }
    std::array<std::uint64_t, 61 * 8> cell_{};
    std::uint64_t n_ = 0, most_ = 0;
};

/// Frames as they were built once, one direction after the other, for every flow.
class Templates {
public:
    explicit Templates(std::uint32_t flows) : world_(Shape{}), bytes_(flows * 2) {
        for (std::uint32_t i = 0; i < flows; i++) flows_.push_back(flow_of(i));
        std::shuffle(flows_.begin(), flows_.end(), std::mt19937(1));
        for (std::uint32_t i = 0; i < flows; i++) {
            build(i, true);
            build(i, false);
        }
    }
    void learn(std::uint32_t i, Ipv4Addr t_addr, Be16 t_id) {
        flows_[i].t_addr = t_addr;
        flows_[i].t_id = t_id;
        build(i, false);
    }
    [[nodiscard]] bool is_known(std::uint32_t i) const { return flows_[i].t_id != Be16{}; }
    [[nodiscard]] const std::uint8_t* frame(std::uint32_t i, bool v6) const {
        return bytes_[i * 2 + (v6 ? 0U : 1U)].data();
    }
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(flows_.size()); }
    [[nodiscard]] unsigned frame_bytes(bool v6) const { return world_.frame_bytes(v6); }

private:
    void build(std::uint32_t i, bool v6) {
        std::uint8_t* const built = world_.frame(0) + World::kHead;
        std::memset(built, 0, kBytesMost);
        std::memset(built + (v6 ? 54 : 34) + kWordAt + 8, 0xff, 8);
        world_.write(0, flows_[i], v6);
        std::memcpy(bytes_[i * 2 + (v6 ? 0U : 1U)].data(), built, world_.frame_bytes(v6));
    }
    World world_;
    std::vector<Flow> flows_;
    std::vector<std::array<std::uint8_t, kBytesMost>> bytes_;
};

}  // namespace workload
