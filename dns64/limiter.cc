// SPDX-License-Identifier: Apache-2.0
#include "dns64/limiter.h"

#include <algorithm>

namespace isthmus::dns64 {

namespace {

constexpr unsigned kNetwork4Bits = 24, kNetwork6Bits = 56;

std::uint64_t network_of(const SocketAddress& a) {
    if (!a.is_v6()) return (std::uint64_t{4} << 56) | (a.v4().host() >> (32 - kNetwork4Bits));
    const Ipv6Addr v6 = a.v6();
    std::uint64_t n = 0;
    for (unsigned i = 0; i < kNetwork6Bits / 8; i++) n = (n << 8) | v6.octet[i];
    return (std::uint64_t{6} << 56) | n;
}

std::uint64_t mix(std::uint64_t h) {
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ULL;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ULL;
    return h ^ (h >> 32);
}

}  // namespace

void Limiter::configure(std::uint32_t rate, std::uint32_t slip, std::uint64_t seed) {
    rate_ = rate;
    slip_ = slip;
    seed_ = seed;
    if (rate == 0) {
        bucket_ = {};
    } else {
        bucket_.resize(kPlaces);
    }
}

std::uint32_t Limiter::level(const Bucket& b, std::uint32_t now_ms) const {
    const std::uint64_t gained = std::uint64_t{now_ms - b.at_ms} * rate_;  // thousandths
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(b.thousandths + gained, std::uint64_t{rate_} * 1000));
}

Limiter::Verdict Limiter::limited(const SocketAddress& client, std::uint64_t now) {
    const auto now_ms = static_cast<std::uint32_t>(now);
    const std::uint64_t network = network_of(client), h = mix(network ^ seed_);
    Bucket& one = bucket_[h % kPlaces];
    Bucket& two = bucket_[(h >> 32) % kPlaces];
    Bucket* b = one.network == network ? &one : (two.network == network ? &two : nullptr);
    if (b == nullptr) {
        b = level(one, now_ms) >= level(two, now_ms) ? &one : &two;
        *b = {network, rate_ * 1000, now_ms, 0};
    }
    b->thousandths = level(*b, now_ms);
    b->at_ms = now_ms;
    if (b->thousandths >= 1000) {
        b->thousandths -= 1000;
        return Verdict::answer;
    }
    return slip_ != 0 && ++b->over % slip_ == 0 ? Verdict::truncate : Verdict::drop;
}

}  // namespace isthmus::dns64
