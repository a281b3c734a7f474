// SPDX-License-Identifier: Apache-2.0
// A query that the cache alone could not answer: it drives a Resolution (synth.h) with what cache
// and upstream give, then answers the client, and remembers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dns64/synth.h"
#include "dns64/worker.h"

namespace isthmus::dns64 {

class Job final : public Timer {
public:
    enum class Purpose : std::uint8_t { client, refresh, explain };
    /// Copies the query.
    Job(Worker& worker, Purpose purpose, const View& view, Bytes datagram, const Origin& origin);
    ~Job() override;

    void run() { pump(); }
    void on_timer() override;  // a stale answer is due (RFC 8767 s5)

    // for explain
    std::function<void(const Explained&)> on_explained;
    std::vector<std::string> steps;

private:
    friend class Worker;
    struct Asked final : Waiter {
        void on_fetched(const Fetched& f) override { job->on_fetched(*this, f); }
        Job* job = nullptr;
        unsigned id = 0;
        Name name;
        RrType type = 0;
        bool cd = false;
    };
    void pump();
    void serve(const Ask& a);
    void on_fetched(Asked& asked, const Fetched& f);
    [[nodiscard]] bool feed_entry(unsigned id, const CacheEntry& e, NameView name, RrType type,
                                  bool stale);
    [[nodiscard]] bool feed_stale(unsigned id, NameView name, RrType type, bool cd);
    void fail(const Asked& asked, Failure f);
    void finish();
    void answer(const Answer& a, Bytes body);
    [[nodiscard]] std::uint64_t budget_ms(const Ask& a) const;
    [[nodiscard]] Security security_of(bool secure, bool bogus) const;
    void step(const std::string& text);
    [[nodiscard]] bool is_explained() const { return purpose_ == Purpose::explain; }

    Worker& worker_;
    Worker::RulesRef rules_;  // keeps the policy alive
    const View& view_;
    Purpose purpose_;
    std::vector<std::uint8_t> datagram_;
    Request request_;  // refers to datagram_
    Origin origin_;
    Name name_;  // lower case
    std::uint64_t began_ns_;
    std::uint32_t keep_most_s_ = ~0U;  // what the answers may be kept that it is made of
    bool pumping_ = false, finished_ = false, used_stale_ = false;
    std::unique_ptr<Resolution> resolution_;
    std::array<Asked, 2> asked_;
};

}  // namespace isthmus::dns64
