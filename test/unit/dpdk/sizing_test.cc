// SPDX-License-Identifier: Apache-2.0
// The arithmetic of `--size` and of the start.
#include "dataplane/dpdk/sizing.h"

#include <catch2/catch.hpp>

using namespace isthmus;
using namespace isthmus::dpdk;

namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

config::Config carrier() {
    config::Config c;
    c.dataplane.max_sessions = 20'000'000;
    c.dataplane.max_pool_addresses = 1024;
    return c;
}

}  // namespace

TEST_CASE(
    "20 M sessions, 1,024 addresses, 8 workers on two nodes: what is asked for is what is "
    "counted") {
    const config::Config c = carrier();
    const std::vector<int> nodes{0, 0, 0, 0, 1, 1, 1, 1};
    const Sizing s = sizing_of(c, nodes, {16384, 2432, {0, 1}});
    REQUIRE(s.nodes.size() == 2);
    CHECK(s.nodes[0].workers == 4);
    CHECK(s.nodes[1].table_bytes == 4 * s.worker_bytes);
    CHECK(s.worker_bytes == pipeline::WorkerState::bytes_needed(worker_sizes(c, 8)));
    CHECK(s.bytes() == s.nodes[0].bytes() + s.nodes[1].bytes());
    // 3 protocols x 65,536 ports x 4 bytes, and bitmaps and blocks.
    CHECK(s.pool_bytes / 1024 >= 786432);
    CHECK(s.pool_bytes / 1024 < 900000);
    const std::string text = s.text();
    INFO(text);
    CHECK(text.find("20,000,000 sessions, 1,024 pool addresses, 8 workers") == 0);
    CHECK(text.find("66,060,288 of each protocol, 3.3 for each session") != std::string::npos);
    CHECK(text.find("NUMA node 1") != std::string::npos);
}

TEST_CASE("what does not fit is refused, and the sentence says where, how much and what to do") {
    const Sizing s = sizing_of(carrier(), {0, 1}, {16384, 2432, {0, 1}});
    const auto has = [](std::uint64_t ordinary, std::uint64_t huge_1g) {
        return std::vector<NodeHas>{{0, 100 * kGiB, 0, 0}, {1, ordinary, huge_1g, 0}};
    };
    using config::Hugepages;
    CHECK(fits(s, has(100 * kGiB, 0), Hugepages::automatic));
    CHECK(fits(s, has(0, 100), Hugepages::automatic));
    CHECK_FALSE(fits(s, has(0, 100), Hugepages::no));
    const Status refused = fits(s, has(kGiB, 0), Hugepages::automatic);
    REQUIRE_FALSE(refused);
    INFO(refused.error().text());
    CHECK(refused.error().text().find("NUMA node 1 needs") != std::string::npos);
    CHECK(refused.error().text().find("has 1024 MiB free") != std::string::npos);
    CHECK(refused.error().text().find("max_sessions") != std::string::npos);
    const Status huge = fits(s, has(100 * kGiB, 1), Hugepages::yes);
    REQUIRE_FALSE(huge);
    CHECK(huge.error().text().find("huge pages of 2 MiB") != std::string::npos);
    CHECK_FALSE(fits(s, {{0, 100 * kGiB, 0, 0}}, Hugepages::automatic));
}

TEST_CASE("the memory of this machine is seen") {
    const auto has = memory_of_machine();
    REQUIRE_FALSE(has.empty());
    CHECK(has[0].bytes() > 0);
    CHECK(node_of_cpu(0) >= 0);
}
