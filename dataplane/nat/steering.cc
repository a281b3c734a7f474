// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/steering.h"

#include <algorithm>
#include <bit>

#include "dataplane/nat/hash.h"
#include "dataplane/nat/policy.h"

namespace isthmus::nat {

Steering::Steering(std::uint32_t pattern, unsigned bits, unsigned n_workers, bool by_host) noexcept
    : pattern_(pattern), bits_(bits), n_workers_(n_workers), by_host_(by_host) {
    const RssKey key = key_for(bits);
    // Input bit `in` of the word that stands at bits 32-63 (of a host's word: at 96-127, where the
    // key repeats): hash bit b, from the lowest, is key bit 32 + in + 31 - b.
    for (unsigned in = 0; in < 32; in++) {
        unsigned sum = 0;
        for (unsigned b = 0; b < bits; b++) sum |= (key.bit(kFirstKeyBit + in - b) ? 1U : 0U) << b;
        auto& table = table_[in / 8];
        const unsigned bit = 0x80U >> (in % 8);
        for (unsigned v = 0; v < 256; v++) {
            if ((v & bit) != 0) table[v] = static_cast<std::uint16_t>(table[v] ^ sum);
        }
    }
}

RssKey Steering::key_for(unsigned device_bits) const noexcept {
    RssKey key;
    const unsigned shift = device_bits - bits_;
    for (unsigned i = 0; i < 33 - bits_; i++) {
        if ((pattern_ >> i & 1) == 0) continue;
        key.set_bit(kFirstKeyBit - shift + i);
        if (by_host_) key.set_bit(kHostKeyBit - shift + i);
    }
    return key;
}

namespace {

/// (most - fewest) / mean of what n_workers get of `n` things, the i-th being entry(i)'s.
template <typename Entry>
double spread(const Steering& s, unsigned n_workers, unsigned n, Entry&& entry) noexcept {
    std::array<std::uint32_t, kWorkersMax> got{};
    for (unsigned i = 0; i < n; i++) got[s.worker_of_entry(entry(i))]++;
    const auto [fewest, most] = std::minmax_element(got.begin(), got.begin() + n_workers);
    return static_cast<double>(*most - *fewest) * n_workers / n;
}

}  // namespace

double unevenness(const Steering& s, unsigned n_workers, const Ipv4Addr* pool,
                  unsigned n_pool) noexcept {
    // Bits 32-63 of a source: consecutive /64s, /56s and /48s.
    const auto run = [&](unsigned n, unsigned step) {
        return spread(s, n_workers, n, [&](unsigned i) {
            return s.entry_of(Ipv4Addr::from_host(i * step));  // the same sum
        });
    };
    double sum = run(4096, 1) + run(1024, 256) + run(1024, 65536) + run(64, 1);
    if (n_pool != 0)
        sum += spread(s, n_workers, n_pool, [&](unsigned i) { return s.entry_of(pool[i]); });
    return sum;
}

Steering choose_steering(const SteeringWish& w, std::uint64_t seed, unsigned tries) noexcept {
    Steering best;
    double least = 0;
    for (unsigned k = 0; k < tries; k++) {
        const auto pattern = static_cast<std::uint32_t>(hash2(Seed{seed, ~seed}, k, 9));
        const Steering s(pattern, w.bits, w.n_workers, w.by_host);
        const double bad = unevenness(s, w.n_workers, w.pool, w.n_pool);
        if (k != 0 && bad >= least) continue;
        least = bad;
        best = s;
    }
    return best;
}

}  // namespace isthmus::nat
