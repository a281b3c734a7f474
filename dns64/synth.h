// SPDX-License-Identifier: Apache-2.0
// One client's question, from the policy to the answer: RFC 6147 as a machine that knows no socket,
// no clock and no cache (docs/decisions/0009).
//
//   Resolution r(policy, view, request);
//   for (Ask ask; r.next(ask);) cache hit ? r.feed(ask.id, message, ...) : send it upstream;
//   ... r.feed() or r.fail() for each ask, in any order ...
//   if (r.done()) answer = r.finish(buffer);
//
// next() may have something new after each feed(). When done() is true, asks still open are of no
// interest any more (a cache may be). What is fed is copied as far as it is needed later.
//
// For whoever caches:
//   - upstream's answers: key (name without case, type, class, CD). Ask for them with RD=1 and
//     DO=1; keep them whole, feed them with TTLs counted down. Nothing synthetic is among them.
//   - bodies: key (view id and generation of the policy, name without case, type, class, DO, CD),
//     for Answer::ttl seconds; 0: not at all. RD=0, other classes and failures never come here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dns64/policy.h"
#include "dns64/request.h"
#include "dns64/why.h"
#include "dns64/wire.h"

namespace isthmus::dns64 {

/// A question for upstream. RD=1 and DO=1 always.
struct Ask {
    unsigned id = 0;
    NameView name;  // until the ask is fed or fails
    RrType type = 0;
    RrClass cls = kClassIn;
    bool cd = false;
};

/// What validation said of an answer. `unknown`: nobody validates, or the upstream is not trusted.
enum class Security : std::uint8_t { unknown, insecure, secure, bogus };
enum class Failure : std::uint8_t { timeout, network, malformed, remembered, overload };

struct Answer {
    std::size_t size = 0;  // octets of the body
    Why why = Why::none;
    Rcode rcode = Rcode::servfail;
    std::uint32_t ttl = 0;  // seconds that the body may be cached
    Ede ede = Ede::none;    // by the configuration's wish
    std::string_view ede_text;
    bool stale = false;
};

class Resolution {
public:
    /// Copies the question; `policy` and `view` must outlive it.
    Resolution(const Policy& policy, const View& view, const Request& q);

    /// Steps of the decision, as sentences, for `explain`. To be set before the first next().
    void trace_to(std::vector<std::string>* lines) {
        trace_ = lines;
        trace_start();
    }

    [[nodiscard]] bool next(Ask& out);
    /// `m` must answer the ask (answers()); RCODEs other than 0 are fed too. `stale`: expired
    /// (RFC 8767), its TTLs count as stale_ttl, whatever is left of them.
    void feed(unsigned ask, const Message& m, Security security, bool stale = false);
    void fail(unsigned ask, Failure f);
    [[nodiscard]] bool done() const noexcept { return done_; }
    [[nodiscard]] Why why() const noexcept { return why_; }

    /// Writes the body. `out`: kMessageMost octets.
    [[nodiscard]] Answer finish(std::span<std::uint8_t> out) const;

private:
    enum class Plan : std::uint8_t { local, plain, synthesize, reverse };
    enum class State : std::uint8_t { idle, wanted, asked, data, nodata, nxdomain, failed };

    /// One name and type, followed along its chain through as many answers as it takes.
    struct Lookup {
        RrType type = 0;
        State state = State::idle;
        bool cd = false;
        bool probing = false;  // asked again with CD=1 after SERVFAIL
        bool bogus = false;
        bool too_long = false;
        bool stale = false;
        bool secure = true;  // all answers so far
        Rcode rcode = Rcode::servfail;
        Failure failure = Failure::network;
        bool by_message = false;  // failed by RCODE, not by silence
        unsigned links = 0;
        bool has_soa = false;
        std::uint32_t negative_ttl = 0;  // min(SOA TTL, MINIMUM), of the negative answer
        Name start, end;                 // the name asked first; where the chain has led
        std::vector<std::uint8_t> kept;  // the answers: length (two octets), bytes
        [[nodiscard]] bool pending() const noexcept {
            return state == State::wanted || state == State::asked;
        }
    };
    enum { kMain = 0, kA = 1 };  // lookups, and numbers of asks

    void choose_plan();
    void want(unsigned lookup, NameView name, RrType type, bool cd);
    void take(Lookup& l, const Message& m, unsigned ask);
    [[nodiscard]] bool take_local(Lookup& l, unsigned ask);
    static void keep(Lookup& l, const Message& m);
    void decide();
    void decide_plain();
    void decide_synthesis();
    void decide_reverse();
    void end(Why why) noexcept;
    [[nodiscard]] Why synthesis_verdict() const;
    [[nodiscard]] Why mapping_verdict() const;
    [[nodiscard]] unsigned usable_aaaa() const;
    [[nodiscard]] bool owns_cname() const;
    template <typename Fn>
    void each_at_end(const Lookup& l, Fn&& fn) const;
    [[nodiscard]] static bool last_message(const Lookup& l, Message& m);
    void set_ede(Answer& answer) const noexcept;
    void note(const std::string& line) const;
    void trace_start() const;

    const Policy& policy_;
    const View& view_;
    Name qname_;
    RrType qtype_;
    RrClass qclass_;
    bool do_, cd_;
    bool plain_client_ = false;  // validates by itself: everything as it comes
    Plan plan_ = Plan::plain;
    Why verdict_ = Why::none;  // none: the name may be synthesized
    bool filter_aaaa_ = false;
    bool done_ = false;
    Why why_ = Why::none;
    Lookup lookups_[2];
    std::vector<std::string>* trace_ = nullptr;

    friend class BodyWriter;
};

/// fn(message, record) for the records that stand at the end of a lookup's chain.
template <typename Fn>
void Resolution::each_at_end(const Lookup& l, Fn&& fn) const {
    Message m;
    if (!last_message(l, m)) return;
    m.each(Section::answer, [&](const Record& r) {
        if (r.cls == kClassIn && m.name_is(r.owner_at, l.end)) fn(m, r);
    });
}

}  // namespace isthmus::dns64
