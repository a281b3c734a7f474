// SPDX-License-Identifier: Apache-2.0
// Questions to whoever knows: one interface, two engines (upstream_forward.h: to resolvers;
// upstream_recursive.h: libunbound). One question that several clients wait for is asked once.
//
// ask() may answer before it returns, never otherwise than once, and a Waiter that dies before is
// forgotten. The message is the callee's only while it is being called.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dns64/loop.h"
#include "dns64/name.h"
#include "dns64/wire.h"

namespace isthmus::dns64 {

struct Question {
    NameView name;  // lower case
    RrType type = 0;
    RrClass cls = kClassIn;
    bool checking_disabled = false;
};

/// What went wrong on the way to an upstream; one counter and one row of kUpstreamFaults each.
enum class UpstreamFault : std::uint8_t {
    timeout,
    refused_port,
    wrong_id,
    wrong_server,
    wrong_question,
    malformed,
    oversize,
    truncated,
    no_edns,
    error_answer,
    tls,
    closed,
    crowded,
    wrong_cookie,
    count_,
};
struct UpstreamFaultInfo {
    UpstreamFault id;
    std::string_view name, help;
};
inline constexpr auto kUpstreamFaults = std::to_array<UpstreamFaultInfo>({
    {UpstreamFault::timeout, "timeout", "no answer in time"},
    {UpstreamFault::refused_port, "refused_port", "nobody listens on the upstream's port"},
    {UpstreamFault::wrong_id, "wrong_id", "answers to no query that was on its way"},
    {UpstreamFault::wrong_server, "wrong_server", "answers from another server or to another port"},
    {UpstreamFault::wrong_question, "wrong_question", "answers to another question"},
    {UpstreamFault::malformed, "malformed", "answers that do not parse"},
    {UpstreamFault::oversize, "oversize", "answers longer than we said that we take"},
    {UpstreamFault::truncated, "truncated", "truncated answers, asked again over TCP"},
    {UpstreamFault::no_edns, "no_edns", "FORMERR or NOTIMP to EDNS, asked again without"},
    {UpstreamFault::error_answer, "error_answer", "SERVFAIL, REFUSED, ...: another was asked"},
    {UpstreamFault::tls, "tls", "TLS handshakes or certificates that failed"},
    {UpstreamFault::closed, "closed", "connections that broke with queries on them"},
    {UpstreamFault::crowded, "crowded", "questions refused: too many were on their way"},
    {UpstreamFault::wrong_cookie, "wrong_cookie",
     "a cookie not ours, or none where the upstream had shown one"},
});
static_assert([] {
    for (std::size_t i = 0; i < kUpstreamFaults.size(); i++) {
        if (static_cast<std::size_t>(kUpstreamFaults[i].id) != i) return false;
    }
    return kUpstreamFaults.size() == static_cast<std::size_t>(UpstreamFault::count_);
}());

/// Upper bounds of the histogram of upstreams' response times, in milliseconds; one bucket more for
/// what is above.
inline constexpr std::array<std::uint32_t, 10> kResponseBounds{1,  2,   5,   10,  20,
                                                               50, 100, 200, 500, 2000};

struct Fetched {
    enum class Outcome : std::uint8_t { answer, timeout, unreachable };
    Outcome outcome = Outcome::timeout;
    const Message* message = nullptr;  // of an answer
    bool secure = false;               // validated, or AD=1 of an upstream that is trusted
    bool bogus = false;                // validation failed
};

class Fetch;

class Waiter {
public:
    Waiter() = default;
    virtual ~Waiter() { forget(); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    virtual void on_fetched(const Fetched& f) = 0;
    /// Not interested any more.
    void forget();
    [[nodiscard]] bool is_waiting() const { return fetch_ != nullptr; }

private:
    friend class Upstream;
    friend class Fetch;
    Fetch* fetch_ = nullptr;
    Waiter* next_ = nullptr;
    Waiter* prev_ = nullptr;
};

/// State of one upstream server, for metrics and `status`.
struct UpstreamHealth {
    std::string name;
    bool is_up = true;
    double srtt_ms = 0;
    std::uint64_t queries = 0, answers = 0, failures = 0, in_flight = 0;
    /// Of answers to queries that were sent once.
    std::array<std::uint64_t, kResponseBounds.size() + 1> response_counts{};
    double response_seconds = 0;  // sum
};

struct UpstreamStats {
    std::uint64_t queries_udp = 0, queries_tcp = 0, queries_tls = 0, answers = 0, joined = 0;
    std::array<std::uint64_t, static_cast<std::size_t>(UpstreamFault::count_)> fault{};
};

/// One question on its way, and who waits for it. Engines derive from it.
class Fetch : public Timer {
public:
    ~Fetch() override;
    [[nodiscard]] Question question() const { return {name.view(), type, cls, checking_disabled}; }
    Name name;
    RrType type = 0;
    RrClass cls = kClassIn;
    bool checking_disabled = false;
    std::uint64_t deadline_ms = 0;

private:
    friend class Upstream;
    friend class Waiter;
    std::uint64_t hash_ = 0;
    Fetch* next_in_bucket_ = nullptr;
    Waiter* first_ = nullptr;
    bool observed_ = true;
};

class Upstream {
public:
    virtual ~Upstream();
    /// `budget_ms`: after that the outcome is timeout, whatever happens. `observed` false: who
    /// asks wants to leave no trace; the observer sees the outcome if somebody else asked too.
    void ask(const Question& q, std::uint64_t budget_ms, Waiter& w, bool observed = true);
    /// Sees every outcome, once, before those who wait for it: for the cache.
    using Observer = std::function<void(const Question&, const Fetched&)>;
    void observe(Observer observer) { observer_ = std::move(observer); }
    [[nodiscard]] virtual std::vector<UpstreamHealth> health() const = 0;
    [[nodiscard]] const UpstreamStats& stats() const { return stats_; }
    [[nodiscard]] std::size_t in_flight() const { return n_fetches_; }

protected:
    Upstream(Loop& loop, std::uint64_t seed, std::size_t fetches_most);
    [[nodiscard]] virtual Fetch* make_fetch() = 0;
    virtual void recycle(Fetch& f) = 0;
    /// May finish() it before it returns.
    virtual void start(Fetch& f) = 0;
    void finish(Fetch& f, const Fetched& result);
    void count(UpstreamFault f) { stats_.fault[static_cast<std::size_t>(f)]++; }
    template <typename Fn>
    void each_fetch(Fn&& fn) {
        for (Fetch* f : bucket_) {
            for (; f != nullptr; f = f->next_in_bucket_) fn(*f);
        }
    }

    Loop& loop_;
    UpstreamStats stats_;

private:
    static constexpr std::size_t kBuckets = 4096;
    [[nodiscard]] Fetch* find(const Question& q, std::uint64_t hash) const;
    void remove(Fetch& f);
    Observer observer_;
    std::vector<Fetch*> bucket_;
    std::size_t n_fetches_ = 0, fetches_most_;
    std::uint64_t seed_;
};

}  // namespace isthmus::dns64
