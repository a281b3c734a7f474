// SPDX-License-Identifier: Apache-2.0
// The recursive engine: libunbound asks the authoritative servers, from the root on, and validates
// (docs/decisions/0027).
//
// A context belongs to one worker. libunbound resolves in a thread of its own and tells by a pipe
// when there are answers; they are handed out in the worker's loop. An answer whose validation
// failed comes with its data: a query with CD=1 gets it as it is (RFC 4035 s3.2.2), for any other
// it is bogus.
#pragma once

#include <unbound.h>

#include <memory>
#include <vector>

#include "common/base/expected.h"
#include "common/config/dns64.h"
#include "dns64/upstream.h"

namespace isthmus::dns64 {

using UnboundContext = std::shared_ptr<ub_ctx>;

/// Reads the trust anchor. May be called in any thread; the context is then used in one.
[[nodiscard]] Expected<UnboundContext> make_unbound(const config::Dns64Config& c);

class Recursive final : public Upstream, public Watcher {
public:
    Recursive(Loop& loop, std::uint64_t seed, UnboundContext context, std::size_t fetches_most);
    ~Recursive() override;
    [[nodiscard]] std::vector<UpstreamHealth> health() const override;
    void on_ready(std::uint32_t events) override;

private:
    struct Pending;
    Fetch* make_fetch() override;
    void recycle(Fetch& f) override;
    void start(Fetch& f) override;
    void on_result(Pending& f, int error, const ub_result* r);
    void on_timeout(Pending& f);

    UnboundContext context_;
    int fd_;  // a copy of the context's, which is the loop's to close
    std::vector<std::unique_ptr<Pending>> all_;
    std::vector<Pending*> free_;
    UpstreamHealth health_;
};

}  // namespace isthmus::dns64
