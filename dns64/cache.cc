// SPDX-License-Identifier: Apache-2.0
#include "dns64/cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "common/base/prefetch.h"

namespace isthmus::dns64 {

namespace {

constexpr std::size_t kUnit = CacheEntry::kUnit, kIndexLeast = 1024;
constexpr std::size_t kUnitsMost = 0x6000;  // of one entry: a message of 64 KiB and its offsets
constexpr std::size_t kLogMost = 0xfffffff0 * kUnit;  // what a slot can point into
constexpr unsigned kRescuesMost = 8;                  // entries that one insert may write again

std::uint64_t load64(const std::uint8_t* p) {
    std::uint64_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const auto p = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(p) ^ static_cast<std::uint64_t>(p >> 64);
}

bool same(Bytes a, Bytes b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

std::uint32_t units_of(const NewEntry& e) {
    const std::size_t bytes =
        sizeof(CacheEntry) + e.name.size() + 2 * e.ttl_offsets.size() + e.body.size();
    return static_cast<std::uint32_t>((bytes + kUnit - 1) / kUnit);
}

}  // namespace

Expected<std::unique_ptr<Cache>> Cache::create(std::size_t memory, std::uint64_t seed) {
    std::unique_ptr<Cache> c(new Cache);
    const std::size_t log_bytes =
        std::clamp(memory / 5 * 4, std::size_t{1} << 20, kLogMost) / kUnit * kUnit;
    void* log = ::mmap(nullptr, log_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (log == MAP_FAILED)
        return Error{"cache",
                     std::string("no memory: ") + std::strerror(errno) + "; lower dns64.cache_mib"};
    c->log_ = static_cast<std::uint8_t*>(log);
    c->log_units_ = log_bytes / kUnit;
    c->index_most_ = std::max(memory / 5 / sizeof(Slot), kIndexLeast);
    c->index_.resize(kIndexLeast);
    c->seed_[0] = mix(seed ^ 0x9e3779b97f4a7c15ULL, 0xd6e8feb86659fd93ULL) | 1;
    c->seed_[1] = mix(seed ^ 0xc2b2ae3d27d4eb4fULL, 0xa0761d6478bd642fULL) | 1;
    return c;
}

Cache::~Cache() {
    if (log_ != nullptr) ::munmap(log_, log_units_ * kUnit);
}

/// Keyed by a secret of the process: whoever chooses names cannot choose where they fall.
std::uint32_t Cache::hash(Bytes name, std::uint16_t type) const {
    std::uint64_t h = seed_[0] ^ (std::uint64_t{type} << 32) ^ name.size();
    const std::uint8_t* p = name.data();
    std::size_t left = name.size();
    for (; left >= 16; left -= 16, p += 16) h = mix(load64(p) ^ seed_[1], load64(p + 8) ^ h);
    std::uint8_t rest[16] = {};
    std::memcpy(rest, p, left);
    h = mix(load64(rest) ^ seed_[1], load64(rest + 8) ^ h);
    h = mix(h ^ seed_[0], seed_[1]);
    return static_cast<std::uint32_t>(h ^ (h >> 32));
}

std::uint32_t Cache::hash_of(const CacheEntry& e) const { return hash(e.name(), e.type); }

void Cache::prefetch_index(std::uint32_t h) const { isthmus::prefetch(&index_[home(h)]); }

void Cache::prefetch_entry(std::uint32_t h) const {
    for (std::size_t i = home(h); index_[i].at != 0; i = after(i)) {
        if (index_[i].hash != h) continue;
        const auto* e = reinterpret_cast<const std::uint8_t*>(at(index_[i].at - 1));
        isthmus::prefetch(e);
        isthmus::prefetch(e + 64);
        return;
    }
}

CacheEntry* Cache::at(std::uint64_t position) const {
    return reinterpret_cast<CacheEntry*>(log_ + position % log_units_ * kUnit);
}

CacheEntry* Cache::peek(std::uint32_t h, Bytes name, std::uint16_t type, std::uint32_t view_tag,
                        std::uint8_t serves) const {
    for (std::size_t i = home(h); index_[i].at != 0; i = after(i)) {
        if (index_[i].hash != h) continue;
        CacheEntry& e = *at(index_[i].at - 1);
        const bool view_ok = e.view_tag == view_tag || e.view_tag == kAllViews ||
                             (e.serves & serves & ~kServesClients) != 0;
        const bool ours =
            e.type == type && (e.serves & serves) != 0 && view_ok && same(e.name(), name);
        if (ours) return &e;
    }
    return nullptr;
}

CacheEntry* Cache::find(std::uint32_t h, Bytes name, std::uint16_t type, std::uint32_t view_tag,
                        std::uint8_t serves) {
    CacheEntry* e = peek(h, name, type, view_tag, serves);
    // A cache line that is written only when it changes.
    if (e != nullptr && (e->state & CacheEntry::used) == 0) e->state |= CacheEntry::used;
    return e;
}

void Cache::link(std::uint32_t h, const CacheEntry& e) {
    std::size_t i = home(h);
    while (index_[i].at != 0) i = after(i);
    const auto offset = static_cast<std::size_t>(reinterpret_cast<const std::uint8_t*>(&e) - log_);
    index_[i] = {h, static_cast<std::uint32_t>(offset / kUnit) + 1};
}

/// Removes the slot and closes the gap: what follows moves up as far as its own place allows.
void Cache::unlink(std::uint32_t h, const CacheEntry& e) {
    const auto place = static_cast<std::uint32_t>(
        static_cast<std::size_t>(reinterpret_cast<const std::uint8_t*>(&e) - log_) / kUnit + 1);
    const auto distance = [n = index_.size()](std::size_t from, std::size_t to) {
        return to >= from ? to - from : to + n - from;
    };
    std::size_t i = home(h);
    while (index_[i].at != place) {
        if (index_[i].at == 0) return;
        i = after(i);
    }
    for (std::size_t j = after(i); index_[j].at != 0; j = after(j)) {
        if (distance(home(index_[j].hash), j) < distance(i, j)) continue;
        index_[i] = index_[j];
        i = j;
    }
    index_[i] = {};
}

/// By a quarter: a larger step would leave more of it empty.
void Cache::grow_index() {
    std::vector<Slot> old(std::min(index_.size() / 4 * 5, index_most_));
    old.swap(index_);
    for (const Slot& s : old) {
        if (s.at == 0) continue;
        std::size_t i = home(s.hash);
        while (index_[i].at != 0) i = after(i);
        index_[i] = s;
    }
}

void Cache::erase(CacheEntry& e) {
    unlink(hash_of(e), e);
    e.state |= CacheEntry::dead;
    stats_.entries--;
    stats_.bytes -= e.size_bytes();
}

/// Room for `units` at the head, without a break; nullptr: the tail is in the way.
CacheEntry* Cache::append(std::uint32_t units) {
    const std::uint64_t to_end = log_units_ - head_ % log_units_;
    const std::uint64_t gap = to_end < units ? to_end : 0;
    if (head_ + gap + units - tail_ > log_units_) return nullptr;
    for (std::uint64_t left = gap; left > 0;) {  // gaps are entries too, dead ones
        const auto n = static_cast<std::uint16_t>(std::min<std::uint64_t>(left, kUnitsMost));
        CacheEntry* filler = at(head_);
        filler->type = n;  // the last unit holds no more than these 4 bytes
        filler->state = CacheEntry::dead | CacheEntry::gap;
        head_ += n;
        left -= n;
    }
    CacheEntry* e = at(head_);
    head_ += units;
    return e;
}

void Cache::evict_oldest(std::uint32_t now_s, unsigned& rescues) {
    CacheEntry& e = *at(tail_);
    const std::uint32_t units = e.units();
    if ((e.state & CacheEntry::dead) != 0) {
        tail_ += units;
        return;
    }
    const std::uint32_t h = hash_of(e);
    unlink(h, e);
    tail_ += units;
    const bool rescue = rescues > 0 && (e.state & CacheEntry::used) != 0 && e.is_fresh(now_s);
    if (rescue && log_units_ - head_ % log_units_ >= units) {
        rescues--;
        stats_.kept++;
        CacheEntry* copy = append(units);  // fits: the old place was freed
        std::memmove(static_cast<void*>(copy), &e, units * kUnit);
        copy->state &= static_cast<std::uint8_t>(~(CacheEntry::used | CacheEntry::often));
        link(h, *copy);
        return;
    }
    stats_.entries--;
    stats_.bytes -= units * kUnit;
    stats_.evicted++;
}

bool Cache::make_room(std::uint32_t units, std::uint32_t now_s) {
    unsigned rescues = kRescuesMost;
    const std::size_t full = index_.size() / 8 * 7;
    while (stats_.entries + 1 >= full && index_.size() >= index_most_) evict_oldest(now_s, rescues);
    if (stats_.entries + 1 >= index_.size() / 5 * 4 && index_.size() < index_most_) grow_index();
    for (;;) {
        const std::uint64_t to_end = log_units_ - head_ % log_units_;
        const std::uint64_t need = units + (to_end < units ? to_end : 0);
        if (head_ + need - tail_ <= log_units_) return true;
        if (tail_ == head_) return false;
        evict_oldest(now_s, rescues);
    }
}

bool Cache::insert(const NewEntry& e, std::uint32_t now_s) {
    const std::uint32_t units = units_of(e);
    const bool odd = e.n_answer > CacheEntry::kAnswersMost ||
                     std::max(e.n_authority, e.n_additional) > CacheEntry::kOthersMost;
    if (units > kUnitsMost || units > log_units_ / 8 || e.body.size() > 0xffff || odd) return false;
    const std::uint32_t h = hash(e.name, e.type);
    while (CacheEntry* old = find(h, e.name, e.type, e.view_tag, e.serves)) {
        // One for all views may serve more than the new one does, but is older.
        erase(*old);
    }
    if (!make_room(units, now_s)) return false;
    CacheEntry* to = append(units);
    if (to == nullptr) return false;
    *to = CacheEntry{};
    to->name_bytes = static_cast<std::uint8_t>(e.name.size());
    to->type = e.type;
    to->serves = e.serves;
    to->why = e.why;
    to->view_tag = e.view_tag;
    to->stored_s = now_s;
    to->ttl_s = std::min(e.ttl_s, CacheEntry::kTtlMost) & CacheEntry::kTtlMost;
    to->flags_rcode = e.flags_rcode & 0x7ffU;
    to->n_answer = e.n_answer & CacheEntry::kAnswersMost;
    to->n_authority = e.n_authority & CacheEntry::kOthersMost;
    to->n_additional = e.n_additional & CacheEntry::kOthersMost;
    to->body_bytes = static_cast<std::uint16_t>(e.body.size());
    auto* p = reinterpret_cast<std::uint8_t*>(to + 1);
    if (!e.ttl_offsets.empty()) std::memcpy(p, e.ttl_offsets.data(), 2 * e.ttl_offsets.size());
    p += 2 * e.ttl_offsets.size();
    std::memcpy(p, e.name.data(), e.name.size());
    if (!e.body.empty()) std::memcpy(p + e.name.size(), e.body.data(), e.body.size());
    link(h, *to);
    stats_.entries++;
    stats_.inserted++;
    stats_.bytes += units * kUnit;
    return true;
}

bool Cache::walk(std::uint64_t& at, unsigned most,
                 const std::function<bool(const CacheEntry&)>& visit) const {
    for (at = std::max(at, tail_); at < head_ && most > 0; most--) {
        const CacheEntry& e = *this->at(at);
        at += e.units();
        if ((e.state & CacheEntry::dead) == 0 && !visit(e)) break;
    }
    return at < head_;
}

bool Cache::flush(std::uint64_t& at, unsigned most,
                  const std::function<bool(const CacheEntry&)>& match, std::size_t& n) {
    for (at = std::max(at, tail_); at < head_ && most > 0; most--) {
        CacheEntry& e = *this->at(at);
        at += e.units();
        if ((e.state & CacheEntry::dead) != 0 || !match(e)) continue;
        erase(e);
        n++;
    }
    return at < head_;
}

std::size_t Cache::flush_all() {
    const std::size_t n = stats_.entries;
    std::fill(index_.begin(), index_.end(), Slot{});
    tail_ = head_;
    stats_.entries = stats_.bytes = 0;
    return n;
}

}  // namespace isthmus::dns64
