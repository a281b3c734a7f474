// SPDX-License-Identifier: Apache-2.0
// One thread of the server: a query comes in, an answer goes out, at once from the cache or later
// through a Job. Transports (server.h, tcp_server.h) hand queries in and take answers back.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "dns64/cache.h"
#include "dns64/cookie.h"
#include "dns64/counters.h"
#include "dns64/limiter.h"
#include "dns64/loop.h"
#include "dns64/query_ring.h"
#include "dns64/random.h"
#include "dns64/request.h"
#include "dns64/rules.h"
#include "dns64/socket.h"
#include "dns64/store.h"
#include "dns64/synth.h"
#include "dns64/upstream.h"

namespace isthmus::dns64 {

class Transport;
class Job;

/// Where a query came from, and how an answer gets back there.
struct Origin {
    Transport* transport = nullptr;  // nullptr: nobody waits
    Via via = Via::udp;
    SocketAddress peer;
    std::uint64_t connection = 0;  // TCP, TLS: the transport's number of it
    // UDP: control message that makes the answer leave from the address that was asked.
    std::uint8_t control_bytes = 0;
    alignas(8) std::uint8_t control[40] = {};
};

class Transport {
public:
    virtual ~Transport() = default;
    /// A late answer. What cannot be sent any more is dropped.
    virtual void reply(const Origin& to, Bytes message) = 0;
};

/// Secrets and limits that all workers share; immutable.
struct Site {
    CookieSecret cookie_secret{};
    std::uint64_t seed = 0;
    unsigned n_workers = 1;
};

/// What Worker::explain() is asked, and what it says.
struct ToExplain {
    Name name;
    RrType type = 0;
    std::optional<SocketAddress> client;  // none: a client of the default view
    bool dnssec_ok = false, checking_disabled = false;
};
struct Explained {
    Answer answer;
    std::string view;  // empty: may not ask
    std::vector<std::string> steps;
    std::vector<std::uint8_t> body;
};

class Worker {
public:
    Worker(std::unique_ptr<Loop> loop, const Site& site, std::shared_ptr<const Rules> rules,
           std::unique_ptr<Cache> cache, QueryRing* log);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    [[nodiscard]] Loop& loop() { return *loop_; }
    [[nodiscard]] Random& random() { return random_; }
    [[nodiscard]] Cache& cache() { return *cache_; }
    [[nodiscard]] const Cache& cache() const { return *cache_; }
    [[nodiscard]] Counters& counters() { return counters_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] Upstream* upstream() { return upstream_.get(); }
    /// The one before stays until its last question is answered.
    void set_upstream(std::unique_ptr<Upstream> u);
    [[nodiscard]] const Rules& rules() const { return **rules_; }
    [[nodiscard]] const config::Dns64Config& config() const { return rules().config.dns64; }

    /// The hot path. Octets of the answer written to `out` (kMessageMost for streams, else at least
    /// kUdpMost); 0: there will be one later, or none. `hash`: of foresee(); 0: not known.
    [[nodiscard]] std::size_t query(Bytes datagram, const Origin& from, std::span<std::uint8_t> out,
                                    std::uint32_t hash = 0);

    /// For a burst: asks for the cache lines that query() will want of the index, then, by the
    /// number that it gave, for those of the entry. Nothing is decided; any bytes will do.
    [[nodiscard]] std::uint32_t foresee(Bytes datagram) const;
    void prefetch_entry(std::uint32_t foreseen) const { cache_->prefetch_entry(foreseen); }

    // In the worker's thread:
    void replace_rules(std::shared_ptr<const Rules> rules);
    /// The decision as it would be now. Upstreams may be asked; the cache stays as it is.
    void explain(const ToExplain& q, std::function<void(const Explained&)> done);
    /// The answer that lies ready for such a client; nullptr: none that is fresh.
    [[nodiscard]] const CacheEntry* ready_answer(const ToExplain& q) const;
    void publish_counts();

    /// Seconds of the cache's clock.
    [[nodiscard]] std::uint32_t now_s() const {
        return static_cast<std::uint32_t>(loop_->now_ms() / 1000);
    }

private:
    friend class Job;
    using RulesRef = std::shared_ptr<const std::shared_ptr<const Rules>>;  // of this thread alone

    /// One query while it is being looked at.
    struct Exchange {
        explicit Exchange(const Origin& o) : from(o) {}
        const Origin& from;
        Request q;
        ReplyExtras extras;
        std::array<std::uint8_t, kWholeCookie> cookie{};
        bool cookie_good = false;
        const View* view = nullptr;  // nullptr: may not ask
        bool cached = false;         // the answer lay ready
        std::uint32_t hash = 0;      // of name and type in the cache; 0: not known
    };
    [[nodiscard]] const View* view_of(const SocketAddress& client) const;
    [[nodiscard]] const View* view_of(const ToExplain& q) const;
    [[nodiscard]] std::size_t refuse(const Exchange& x, Why why, Rcode rcode,
                                     std::span<std::uint8_t> out);
    [[nodiscard]] bool is_limited(const Exchange& x, std::span<std::uint8_t> out, std::size_t& n);
    [[nodiscard]] std::size_t answer_from_cache(Exchange& x, const View& view,
                                                std::span<std::uint8_t> out);
    void prefetch_maybe(CacheEntry& e, const Exchange& x, const View& view);
    void start_job(const Exchange& x, const View& view, Bytes datagram);
    void note(const Exchange& x, Why why, Rcode rcode, std::uint64_t us);
    void log_query(const Exchange& x, Why why, Rcode rcode, std::uint64_t us);
    void fill_extras(Exchange& x);
    void read_wall_clock();

    // for jobs
    [[nodiscard]] bool is_own(const Checked& c, const View& view, const Request& q) const;
    void remember(const Question& q, const Fetched& f);
    /// Seconds that an answer of upstream's is kept; 0: not at all.
    [[nodiscard]] std::uint32_t kept_for(const Message& m, RrType type) const;
    void remember_failure(const Question& q, const Message* m, bool bogus);
    void forget_beside_alias(const Question& q, const Message& m);
    /// Upstream's answer to it, or an NXDOMAIN that covers it. `stale_too`: fresh or not.
    [[nodiscard]] const CacheEntry* find_upstream(const Ask& a, bool stale_too,
                                                  bool counts_as_use = true);
    [[nodiscard]] const CacheEntry* find_failure(const Ask& a);
    void store_body(const Job& j, const Answer& a, Bytes body);
    void bury(Job& j);

    std::unique_ptr<Loop> loop_;
    const Site& site_;
    Random random_;
    RulesRef rules_;
    std::unique_ptr<Cache> cache_;
    std::unique_ptr<Upstream> upstream_;
    /// Upstreams of an earlier configuration, until their last question is answered.
    struct Retired final : Timer {
        explicit Retired(Worker& w) : worker(w) {}
        void on_timer() override;
        Worker& worker;
        std::vector<std::unique_ptr<Upstream>> list;
    };
    Retired retired_{*this};
    Limiter limiter_;
    Counters counters_;
    QueryRing* log_;
    std::uint32_t log_countdown_ = 1;
    std::uint32_t wall_s_ = 0;  // read once a turn when cookies want it
    std::uint64_t wall_read_ms_ = 0;
    std::unordered_set<Job*> jobs_;
    std::vector<std::unique_ptr<Job>> dead_jobs_;
    std::vector<std::uint8_t> scratch_, scratch2_;  // kMessageMost each
    Records records_;
};

}  // namespace isthmus::dns64
