// SPDX-License-Identifier: Apache-2.0
// One phase: an engine, its model, and what happens to both.
#pragma once

#include "test/property/model.h"

namespace property {

inline constexpr unsigned kOperationsOfPhase = 100'000;
inline constexpr unsigned kKinds = 8;
inline constexpr const char* kKindNames[kKinds] = {
    "plain",         "port blocks",   "deterministic",  "full tables",
    "resting ports", "pools by rule", "blocks at rest", "anything"};

class Phase {
public:
    Phase(unsigned kind, unsigned seed);
    void run(unsigned operations);
    [[nodiscard]] unsigned at() const { return n_; }

private:
    static Sizes sizes(unsigned kind);
    void prepare();
    void prepare_anything();
    static void deterministic(Policy& p);

    // Time, and packets.
    void one_turn();
    void pass(std::uint64_t ms) { box_.now = Now::at(Nanos{box_.now.ns.v + ms * 1'000'000}); }
    void turn(unsigned ms);
    void turns_with_traffic(unsigned n);
    void settle(unsigned seconds);
    [[nodiscard]] Ipv6Addr host();
    [[nodiscard]] Key some_key();
    [[nodiscard]] Endpoint4 remote(Proto proto);
    [[nodiscard]] TcpFlags flags();
    [[nodiscard]] Proto proto() { return static_cast<Proto>(random_() % 3); }
    [[nodiscard]] Port some_port();
    void outbound();
    [[nodiscard]] bool went_steady(const Key& key, const Endpoint4& z, std::uint8_t prefix,
                                   TcpFlags f);
    [[nodiscard]] bool came_steady(const Port& port, const Endpoint4& z, TcpFlags f);
    void exhausted(const Key& key);
    void inbound();
    void peek();

    // What an operator does (changes.cc).
    void apply();
    void change();
    bool change_timers(unsigned what);
    bool change_rules(unsigned what);
    bool change_carrier(unsigned what);
    void pool_comes_or_goes(PoolSlot& slot);
    void static_comes_or_goes();
    void clear();
    [[nodiscard]] ClearOrder some_order();
    void check();
    void end();

    unsigned kind_;
    box::Random random_;
    box::Box box_;
    Model model_;
    unsigned n_ = 0;
};

}  // namespace property
