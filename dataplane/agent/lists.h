// SPDX-License-Identifier: Apache-2.0
// Lists of bindings, sessions, subscribers and port blocks, filtered here and told in pages.
//
// The workers go on while their tables are read; nothing is copied but the rows of one page, so a
// list of ten million costs no more memory than one of ten. A page ends after kPage rows, or after
// kVisits records that did not match, and names the place to go on at. A row may be missed or seen
// that came or went during the walk; one that was there all the time is told exactly once.
//
//   show.sessions {subscriber, protocol, remote, remote_port, local, port, state,
//                  count, limit, sort, cursor} -> {rows: [...], next} or {count, next}
//
// `count`: only how many of the records looked at match. `sort`: the largest first, at most `limit`
// of the whole table in one answer; it is looked through in slices between other requests.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/api/rpc.h"
#include "dataplane/agent/jobs.h"
#include "dataplane/agent/workers.h"
#include "dataplane/nat/engine.h"
#include "dataplane/pipeline/snapshot.h"

namespace isthmus::agent {

class Lists {
public:
    enum class What : unsigned char { bindings, sessions, subscribers, blocks };
    static constexpr unsigned kVisits = 100'000;  // records in one answer: some milliseconds
    static constexpr unsigned kSortedMost = api::kPage;

    /// All outlive it; `cfg` is what the agent published last.
    Lists(const Workers& workers, const pipeline::Snapshot& cfg, Jobs& jobs)
        : workers_(workers), cfg_(cfg), jobs_(jobs) {}

    void serve(api::RpcServer& server);
    /// One answer; of a sorted list the reply comes later, from the jobs.
    void answer(What what, const api::Json& params, const api::Reply& reply);

private:
    struct Query;
    struct Cursor {
        unsigned worker = 0, table = 0, index = 0;
        [[nodiscard]] static Expected<Cursor> from(const std::string& text);
    };
    struct Best;

    [[nodiscard]] Expected<Query> query_of(What what, const api::Json& params) const;
    [[nodiscard]] api::Json page(const Query& q, Cursor at) const;
    [[nodiscard]] bool sort_some(Best& best) const;
    /// Calls hit(view, worker) for what matches until it says false or `visits` are used up. True:
    /// the end of the last table; else `at` is the first record that was not looked at.
    template <typename Hit>
    bool walk(const Query& q, Cursor& at, unsigned visits, Hit&& hit) const;
    template <typename Hit>
    bool visit(const Query& q, const Cursor& at, Hit&& hit) const;
    [[nodiscard]] unsigned tables(const Query& q) const;
    [[nodiscard]] std::uint32_t end_of(const Query& q, const Cursor& at) const;

    [[nodiscard]] bool matches(const Query& q, const nat::BindingView& b) const;
    [[nodiscard]] bool matches(const Query& q, const nat::SessionView& s) const;
    [[nodiscard]] bool matches(const Query& q, const nat::SubscriberView& s) const;
    [[nodiscard]] api::Json row(const nat::BindingView& b, unsigned worker) const;
    [[nodiscard]] api::Json row(const nat::SessionView& s, unsigned worker) const;
    [[nodiscard]] api::Json row(const nat::SubscriberView& s, unsigned worker) const;
    struct Block {
        nat::BlockView view;
        unsigned slot = 0, number = 0;
    };
    [[nodiscard]] bool matches(const Query& q, const Block& b) const;
    [[nodiscard]] api::Json row(const Block& b, unsigned worker) const;

    const Workers& workers_;
    const pipeline::Snapshot& cfg_;
    Jobs& jobs_;
};

}  // namespace isthmus::agent
