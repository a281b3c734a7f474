// SPDX-License-Identifier: Apache-2.0
// Ports and identifiers of the pool: who uses which, and which comes next.
//
// For each (slot, protocol): an array of 65,536 binding indices (the IPv4-side index: a packet's
// address and port lead to its binding without a hash), and a bitmap of free ports in words of 64,
// with a summary of 16 words above it. A port is chosen at random: a random word that has free
// bits, a random free bit in it; at most 16 + 1 summary words are looked at, also when one port is
// left (RFC 6056, RFC 6888 REQ-13).
//
// A released port may rest (RFC 6888 REQ-8): it waits in a queue, in order of release, and its bit
// is set when it leaves. When the queue is full the oldest leaves early. There are two queues: the
// hold time's, and one for TCP that has ended by itself, which rests for as long as packets may be
// on their way. A bit of its own says that a port rests: what is opened anew asks that bit, however
// many ports wait in the queues.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "common/base/units.h"
#include "common/net/tuple.h"
#include "dataplane/nat/arena.h"
#include "dataplane/nat/free_ports.h"
#include "dataplane/nat/policy.h"
#include "dataplane/nat/records.h"
#include "dataplane/nat/rest_queue.h"
#include "dataplane/nat/slot_set.h"

namespace isthmus::nat {

class Ports {
public:
    Ports(Arena& arena, unsigned slots, std::uint32_t held, const Seed& seed,
          const PortRecord& record = {}) noexcept;

    /// Opens the ports of a slot that `worker` owns; idempotent; live ports stay.
    void open(unsigned slot, const Policy& policy, unsigned worker) noexcept;
    /// Nothing of the slot is given out any more; live ports stay until released.
    void close(unsigned slot) noexcept;

    struct Wish {
        bool low = false;         // prefer 1-1023
        bool any_range = true;    // take the other range when the preferred one is full
        std::uint8_t parity = 2;  // 0, 1: prefer; 2: do not care
    };
    /// A free port, now used by `binding`; nothing: none left. `parity_kept` tells whether it was.
    std::optional<std::uint16_t> take(unsigned slot, Proto proto, Wish wish, Index binding,
                                      bool& parity_kept) noexcept;
    /// take() in steps, for those that know ahead that they will want a port. Choices are numbered,
    /// and the number is where choose() gets its randomness from: no number serves twice.
    [[nodiscard]] std::uint64_t number_of_next(unsigned nth) const noexcept {
        return counter_ + 1 + nth;
    }
    /// Asks for the words of free ports that choose() will look at first.
    void prefetch_words(unsigned slot, Proto proto, Wish wish, std::uint64_t number) const noexcept;
    /// The port that take() would give, and that remains free.
    [[nodiscard]] std::optional<std::uint16_t> choose(unsigned slot, Proto proto, Wish wish,
                                                      std::uint64_t number,
                                                      bool& parity_kept) const noexcept;
    /// Takes what was chosen, when nobody else has taken port or number since.
    bool take_chosen(unsigned slot, Proto proto, std::uint16_t port, std::uint64_t number,
                     Index binding) noexcept {
        if (number <= counter_ || !take_exact(slot, proto, port, binding)) return false;
        counter_ = number;
        return true;
    }
    /// As take(), of ports `first` to `last`, without regard to low ports.
    std::optional<std::uint16_t> take_within(Proto proto, const PortRange& range,
                                             std::uint8_t parity, Index binding,
                                             bool& parity_kept) noexcept;
    /// And its steps.
    void prefetch_words_within(Proto proto, const PortRange& range,
                               std::uint64_t number) const noexcept;
    [[nodiscard]] std::optional<std::uint16_t> choose_within(Proto proto, const PortRange& range,
                                                             std::uint8_t parity,
                                                             std::uint64_t number,
                                                             bool& parity_kept) const noexcept;
    /// Binds `port` to a static binding: it was reserved by open(), so nobody has it.
    void take_static(unsigned slot, Proto proto, std::uint16_t port, Index binding) noexcept;
    /// Takes exactly `port`, when it is free and open.
    bool take_exact(unsigned slot, Proto proto, std::uint16_t port, Index binding) noexcept;
    /// How long a port rests after its user: not at all, while packets are on their way, or for the
    /// hold time.
    enum class Rest : std::uint8_t { none, brief, full };
    static constexpr Tick kBrief = ticks_of_seconds(4);
    /// Gives a port back.
    void release(unsigned slot, Proto proto, std::uint16_t port, Tick now, Rest rest) noexcept;
    /// For how long, and of how many (RFC 6888 REQ-8); 0: no port rests; as many as there is room
    /// for.
    void set_rest(Tick hold, std::uint32_t most) noexcept {
        hold_ = hold;
        most_held_ = most;
        rest_before_until_ = hold.v > before_age_.v ? hold.v - before_age_.v : 0;
    }
    /// Lets rested ports go, at most `budget` of them.
    void end_holds(Tick now, unsigned budget) noexcept;
    /// end_holds() or end_rest_before() would find something to do.
    [[nodiscard]] bool has_rested(Tick now) const noexcept {
        return has_rested(held_, now) || has_rested(brief_, now) || is_before_over(now);
    }
    /// Those of before this process: of one address in a call, when their time is over.
    void end_rest_before(Tick now) noexcept {
        if (is_unlikely(is_before_over(now))) wake_before();
    }

    [[nodiscard]] const Index* cell(unsigned slot, Proto proto, std::uint16_t port) const noexcept {
        return &users_[(std::size_t{slot} * kProtos + static_cast<unsigned>(proto)) * kPorts +
                       port];
    }
    /// The binding that uses a port, or kNone.
    [[nodiscard]] Index user(unsigned slot, Proto proto, std::uint16_t port) const noexcept {
        return *cell(slot, proto, port) - 1;  // stored plus one: zeroed memory is empty
    }
    [[nodiscard]] std::uint32_t in_use(unsigned slot, Proto proto) const noexcept {
        return used_[slot * kProtos + static_cast<unsigned>(proto)].read();
    }
    [[nodiscard]] std::uint32_t free_count(unsigned slot, Proto proto) const noexcept {
        return free_[slot * kProtos + static_cast<unsigned>(proto)].read();
    }
    /// The slots of which free_count() is not 0.
    [[nodiscard]] const SlotSet& with_room(Proto proto) const noexcept {
        return with_room_[static_cast<unsigned>(proto)];
    }
    /// How many ports of a range take_within() could find.
    [[nodiscard]] std::uint32_t free_within(Proto proto, const PortRange& range) const noexcept;
    [[nodiscard]] std::uint32_t held() const noexcept { return held_.size() + brief_.size(); }
    [[nodiscard]] bool is_open(unsigned slot) const noexcept { return open_[slot] != 0; }
    [[nodiscard]] bool is_idle(unsigned slot) const noexcept {
        const auto* const used = &used_[slot * kProtos];
        return std::all_of(used, used + kProtos, [](std::uint32_t n) { return n == 0; });
    }
    /// True when all of ports [first, first + n) may be given out here, n a multiple of 64.
    [[nodiscard]] bool owns_all(unsigned slot, std::uint32_t first, std::uint32_t n) const noexcept;

    /// nullptr: the bitmaps, counts and the queue of resting ports agree.
    [[nodiscard]] const char* check(unsigned slot, Proto proto) const noexcept;
    [[nodiscard]] const char* check_held() const noexcept;

private:
    /// What a slot's address waits for: an entry of before_, as far as limits.ports_held allows.
    struct Before {
        std::uint16_t record = 0;  // its index, plus one; 0: none
        std::uint16_t end = 0;     // words of all protocols that count
    };
    static constexpr unsigned kWordsOfAll = kProtos * kWords;
    static constexpr unsigned kSummaryWords = kWords / 64;
    struct Span {
        std::uint16_t first, last;
    };
    /// Of 64 ports, those that are not free although nobody uses them.
    struct Shut {
        std::uint64_t reserved = 0;  // bound statically: never given out
        std::uint64_t resting = 0;   // in one of the queues
        [[nodiscard]] std::uint64_t all() const noexcept { return reserved | resting; }
    };
    struct Map {  // of one (slot, protocol)
        std::uint64_t* word;
        std::uint64_t* summary;
        std::uint64_t* owned;  // of the slot: ports that may be given out here
        Shut* shut;
        Index* user;
    };
    [[nodiscard]] Map map_of(unsigned slot, Proto proto) noexcept;
    void set_free(unsigned slot, Proto proto, std::uint16_t port) noexcept;
    void set_free_count(unsigned slot, unsigned proto, std::uint32_t n) noexcept {
        free_[slot * kProtos + proto] = n;
        with_room_[proto].set(slot, n != 0);
    }
    void set_used(unsigned slot, Proto proto, std::uint16_t port, Index binding) noexcept;
    struct View {  // the same, for looking only
        const std::uint64_t *word, *summary;
    };
    [[nodiscard]] View view_of(unsigned slot, Proto proto) const noexcept {
        const std::size_t i = std::size_t{slot} * kProtos + static_cast<unsigned>(proto);
        return {free_ports_[slot].word[static_cast<unsigned>(proto)].data(),
                &summaries_[i * kSummaryWords]};
    }
    /// Of the ports from `first` to `last` one that is free and in `mask` (of each word), from a
    /// place on that the random number `r` names.
    [[nodiscard]] static std::optional<std::uint16_t> pick(const View& v, Span of,
                                                           std::uint64_t mask,
                                                           std::uint64_t r) noexcept;
    void adopt_before(unsigned slot, Ipv4Addr addr) noexcept;
    /// Ports of a word that do not rest since before this process.
    [[nodiscard]] std::uint64_t awake(unsigned slot, unsigned proto, unsigned w) const noexcept {
        const Before& b = before_of_[slot];
        return is_likely(proto * kWords + w >= b.end) ? ~std::uint64_t{0}
                                                      : free_before(b, proto, w);
    }
    [[nodiscard]] std::uint64_t free_before(const Before& b, unsigned proto,
                                            unsigned w) const noexcept {
        return b.record == 0 ? 0 : before_[b.record - 1U].word[proto][w];
    }
    void wake_before() noexcept;
    void reserve_static(unsigned slot, const Policy& policy) noexcept;
    void fill_free(unsigned slot) noexcept;
    [[nodiscard]] std::uint64_t random(std::uint64_t number) const noexcept {
        return hash2(seed_, number, 0x706f727473);
    }
    void wake_oldest(RestQueue& queue) noexcept;
    struct Holding {
        Tick length;
        std::uint32_t most;
    };
    [[nodiscard]] Holding holding_of(const RestQueue& queue) const noexcept {
        const bool brief = &queue == &brief_;
        const std::uint32_t room = queue.room();
        return {brief && hold_ > kBrief ? kBrief : hold_,
                brief || most_held_ == 0 || most_held_ > room ? room : most_held_};
    }
    [[nodiscard]] bool has_rested(const RestQueue& queue, Tick now) const noexcept {
        if (queue.size() == 0) return false;
        const Holding h = holding_of(queue);
        return queue.oldest().since + h.length.v <= now.v || queue.size() > h.most;
    }
    [[nodiscard]] bool is_before_over(Tick now) const noexcept {
        return before_cursor_ < before_of_.size() && now.v >= rest_before_until_;
    }
    void end_holds(RestQueue& queue, Tick now, unsigned budget) noexcept;
    [[nodiscard]] const char* check_resting(const RestQueue& queue) const noexcept;

    std::span<Index> users_;
    std::span<FreePorts> free_ports_;
    std::span<std::uint64_t> summaries_, owned_;
    std::span<Shut> shut_;
    std::span<Shared<std::uint32_t>> used_, free_;
    std::span<std::uint8_t> open_;
    RestQueue held_, brief_;
    std::array<SlotSet, kProtos> with_room_;
    Tick hold_;
    std::uint32_t most_held_ = 0;
    std::span<const FreePorts> before_;
    std::span<Before> before_of_;  // by slot
    bool before_unknown_;
    Tick before_age_;
    std::uint32_t rest_before_until_ = ~std::uint32_t{0};  // Tick; no policy yet
    std::uint32_t before_cursor_;                          // slots up to here are done with it
    std::uint32_t n_before_ = 0;
    Seed seed_;
    std::uint64_t counter_ = 0;
};

}  // namespace isthmus::nat
