// SPDX-License-Identifier: Apache-2.0
// Readers in other threads while the writer works: what they see is an old value or the new one,
// never half of each. Under the thread sanitizer the same test proves that no access races.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "test/unit/nat/box.h"

using namespace box;

TEST_CASE("readers see whole bindings and sessions while they come and go") {
    Box b({512, 512, 512, 4});
    std::atomic<bool> stop{false};
    std::atomic<unsigned> torn{0}, seen{0};
    // The writer keeps to one rule that a torn record would break: host n, port 1000 + n, Z n % 8.
    const auto check = [&](const BindingView& v) {
        const unsigned high = v.x.addr.octet[6], low = v.x.addr.octet[7], n = high << 8 | low;
        if (v.x.id.host() != 1000 + n || v.t.addr != Ipv4Addr::of(192, 0, 2, 1)) torn++;
        seen++;
        return n;
    };
    const auto read = [&] {
        while (!stop.load()) {
            for (Index i = 0; i < b.engine->binding_high_water(); i++) {
                if (const auto v = b.engine->read_binding(i)) check(*v);
                (void)b.engine->read_first_session(i);
            }
            for (Index i = 0; i < b.engine->session_high_water(); i++) {
                const auto s = b.engine->read_more_session(i);
                if (!s) continue;
                const unsigned n = check(s->binding);
                if (s->z.addr.host() != 0xcb007100 + n % 8 + 1) torn++;
            }
            (void)b.engine->n_subscribers();
            (void)b.engine->ports_free(0, Proto::udp);
        }
    };
    std::thread one(read), two(read);
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned n = 0; n < 400; n++) {
            (void)b.out((n * 7 + round) % 500, 1000 + (n * 7 + round) % 500, 0);
            (void)b.out((n * 7 + round) % 500, 1000 + (n * 7 + round) % 500,
                        (n * 7 + round) % 500 % 8 + 1);
        }
        b.wait(301);
    }
    stop = true;
    one.join();
    two.join();
    CHECK(torn == 0);
    CHECK(seen > 1000);
    CHECK(b.engine->check() == nullptr);
}
