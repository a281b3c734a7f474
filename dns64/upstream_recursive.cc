// SPDX-License-Identifier: Apache-2.0
#include "dns64/upstream_recursive.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "dns64/socket.h"

namespace isthmus::dns64 {

namespace {

/// What a context is told. Its caches are small: what clients want lies in ours. What is answered
/// locally is our own rules' to say, so libunbound's zones for private addresses are off.
constexpr std::array<std::pair<const char*, const char*>, 10> kOptions{{
    {"outgoing-range:", "2048"},
    {"num-queries-per-thread:", "1024"},
    {"msg-cache-size:", "8m"},
    {"rrset-cache-size:", "16m"},
    {"key-cache-size:", "4m"},
    {"edns-buffer-size:", "1232"},
    {"harden-below-nxdomain:", "yes"},
    {"unblock-lan-zones:", "yes"},
    {"use-syslog:", "no"},
    {"val-bogus-ttl:", "30"},
}};

Error unbound_error(const std::string& where, int code) {
    return Error{where, std::string("libunbound: ") + ub_strerror(code)};
}

}  // namespace

/// One question that libunbound works on.
struct Recursive::Pending final : Fetch {
    explicit Pending(Recursive& r) : owner(r) {}
    void on_timer() override { owner.on_timeout(*this); }
    Recursive& owner;
    int async_id = 0;
    bool is_live = false;  // libunbound has it
};

Expected<UnboundContext> make_unbound(const config::Dns64Config& c) {
    UnboundContext context(ub_ctx_create(), [](ub_ctx* x) {
        if (x != nullptr) ub_ctx_delete(x);
    });
    if (!context) return Error{"dns64.validation", "libunbound has no memory"};
    for (const auto& [key, value] : kOptions) {
        if (const int rc = ub_ctx_set_option(context.get(), key, value); rc != 0)
            return unbound_error(std::string("dns64.validation: ") + key, rc);
    }
    for (const config::Endpoint& e : c.upstream_source) {
        const std::string address = SocketAddress::of(e).host_text();
        (void)ub_ctx_set_option(context.get(), "outgoing-interface:", address.c_str());
    }
    for (const config::PortRange& r : c.upstream_avoid_ports) {
        const std::string range = std::to_string(r.first) + "-" + std::to_string(r.last);
        (void)ub_ctx_set_option(context.get(), "outgoing-port-avoid:", range.c_str());
    }
    if (c.case_0x20) (void)ub_ctx_set_option(context.get(), "use-caps-for-id:", "yes");
    const std::string anchor = "dns64.trust_anchor \"" + c.trust_anchor + "\"";
    if (::access(c.trust_anchor.c_str(), R_OK) != 0)
        return Error{anchor, "cannot be read; the root's comes with the package dns-root-data"};
    int rc = ub_ctx_add_ta_file(context.get(), c.trust_anchor.c_str());
    if (rc == 0) rc = ub_ctx_async(context.get(), 1);
    // The file is read now, not at the first question: this call changes nothing, but needs all
    // that was configured.
    if (rc == 0) rc = ub_ctx_data_remove(context.get(), "invalid.");
    if (rc != 0) return unbound_error(anchor, rc);
    return context;
}

Recursive::Recursive(Loop& loop, std::uint64_t seed, UnboundContext context,
                     std::size_t fetches_most)
    : Upstream(loop, seed, fetches_most),
      context_(std::move(context)),
      fd_(::fcntl(ub_fd(context_.get()), F_DUPFD_CLOEXEC, 0)) {
    health_.name = "recursion";
    loop_.watch(fd_, *this, EPOLLIN);
}

/// Nothing calls back once the context is gone; that of a replaced engine has no question left.
Recursive::~Recursive() {
    loop_.close_watch(fd_, *this);
    context_.reset();
}

std::vector<UpstreamHealth> Recursive::health() const {
    UpstreamHealth h = health_;
    h.in_flight = in_flight();
    return {h};
}

void Recursive::on_ready(std::uint32_t) { (void)ub_process(context_.get()); }

Fetch* Recursive::make_fetch() {
    if (free_.empty()) {
        all_.push_back(std::make_unique<Pending>(*this));
        return all_.back().get();
    }
    Pending* f = free_.back();
    free_.pop_back();
    return f;
}

void Recursive::recycle(Fetch& base) { free_.push_back(&static_cast<Pending&>(base)); }

void Recursive::start(Fetch& base) {
    auto& f = static_cast<Pending&>(base);
    const std::uint64_t now = loop_.now_ms();
    loop_.arm(f, f.deadline_ms > now ? f.deadline_ms - now : 0);
    health_.queries++;
    const auto on_answer = [](void* fetch, int error, ub_result* r) {
        auto& p = *static_cast<Pending*>(fetch);
        p.owner.on_result(p, error, r);
        ub_resolve_free(r);
    };
    f.is_live = true;
    const int rc = ub_resolve_async(context_.get(), name_text(f.name).c_str(), f.type, f.cls, &f,
                                    on_answer, &f.async_id);
    if (rc == 0) return;
    f.is_live = false;
    health_.failures++;
    finish(f, {Fetched::Outcome::unreachable, nullptr, false, false});
}

void Recursive::on_timeout(Pending& f) {
    if (f.is_live) (void)ub_cancel(context_.get(), f.async_id);
    f.is_live = false;
    count(UpstreamFault::timeout);
    health_.failures++;
    finish(f, {Fetched::Outcome::timeout, nullptr, false, false});
}

void Recursive::on_result(Pending& f, int error, const ub_result* r) {
    f.is_live = false;
    Message m;
    const bool usable = error == 0 && r != nullptr && r->answer_packet != nullptr &&
                        r->answer_len > 0 &&
                        Message::parse({static_cast<const std::uint8_t*>(r->answer_packet),
                                        static_cast<std::size_t>(r->answer_len)},
                                       m) == Fault::none &&
                        answers(m, f.name, f.type, f.cls);
    if (!usable && r != nullptr && r->bogus != 0) {
        // Bogus without a message: one that says no more than that.
        std::array<std::uint8_t, kHeaderBytes + kNameMost + 4> bytes;
        Writer w(bytes);
        w.header(0, flag::qr | flag::ra | static_cast<unsigned>(Rcode::servfail));
        w.question(f.name, f.type, f.cls);
        (void)Message::parse(w.written(), m);
        health_.answers++;
        return finish(f, {Fetched::Outcome::answer, &m, false, !f.checking_disabled});
    }
    if (!usable) {
        health_.failures++;
        return finish(f, {Fetched::Outcome::unreachable, nullptr, false, false});
    }
    stats_.answers++;
    health_.answers++;
    Fetched result{Fetched::Outcome::answer, &m, false, false};
    result.secure = r->secure != 0 && !f.checking_disabled;
    result.bogus = r->bogus != 0 && !f.checking_disabled;
    finish(f, result);
}

}  // namespace isthmus::dns64
