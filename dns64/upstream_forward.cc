// SPDX-License-Identifier: Apache-2.0
// Which server is asked, when again, when no more. Sockets: upstream_ports.cc.
#include "dns64/upstream_forward.h"

#include <algorithm>

#include "common/log/log.h"

namespace isthmus::dns64 {

namespace {

constexpr std::uint64_t kDownLeastMs = 1000, kDownMostMs = 30000;
/// So many tries in a row without a sign of life, over at least so long, and a server is down.
constexpr unsigned kSilentTries = 8;
constexpr std::uint64_t kSilentMs = 1500;
constexpr std::size_t kAddressesMost = 256;  // of ours, with cookies of their own
constexpr unsigned kStrangeMost = 3;  // wrong questions under our ID before a query goes over TCP

/// Another server may know better; NXDOMAIN and NOERROR are answers.
bool is_error(const Message& m) {
    return m.rcode() != Rcode::noerror && m.rcode() != Rcode::nxdomain;
}

}  // namespace

Forwarder::Forwarder(Loop& loop, Random& random, const config::Dns64Config& c,
                     std::shared_ptr<TlsContext> tls)
    : Upstream(loop, random.u64(), 2 * std::size_t{c.limits.queries_in_flight}),
      random_(random),
      config_(c),
      source_(c),
      tls_(std::move(tls)),
      by_id_(65536),
      receive_(std::size_t{kBatch} * kReceiveMost) {
    for (const config::Endpoint& e : c.upstreams) {
        auto& s = servers_.emplace_back(std::make_unique<Server>(*this, e));
        s->trusted = c.validation == config::Validation::trust_ad;
        s->ports.resize(kPorts);
    }
    hook_ = loop_.before_sleep([this] { flush(); });
}

/// Closes its descriptors by way of the loop: events of this turn may still name them.
Forwarder::~Forwarder() {
    loop_.unhook(hook_);
    for (const auto& s : servers_) {
        if (s->stream) s->stream->close();
        for (const auto* list : {&s->ports, &s->retiring}) {
            for (const auto& p : *list) {
                if (!p || p->fd < 0) continue;
                loop_.close_watch(p->fd, *p);
                p->fd = -1;
            }
        }
    }
}

Fetch* Forwarder::make_fetch() {
    if (free_.empty()) {
        all_.push_back(std::make_unique<ForwardFetch>(*this));
        return all_.back().get();
    }
    ForwardFetch* f = free_.back();
    free_.pop_back();
    return f;
}

void Forwarder::recycle(Fetch& base) {
    auto& f = static_cast<ForwardFetch&>(base);
    end_attempts(f);
    f.n_attempts = f.retransmissions = f.strange = f.bad_cookies = 0;
    f.over_tcp = false;
    f.fallback.clear();
    free_.push_back(&f);
}

void Forwarder::start(Fetch& base) {
    auto& f = static_cast<ForwardFetch&>(base);
    f.sent_name = f.name;
    if (config_.case_0x20) {
        std::array<std::uint8_t, kNameMost> octets{};
        const NameView n = f.name.view();
        std::copy(n.begin(), n.end(), octets.begin());
        std::uint64_t bits = 0;
        for (std::size_t i = 0, used = 64; i < n.size(); i++) {
            if (octets[i] < 'a' || octets[i] > 'z') continue;
            if (used == 64) {
                bits = random_.u64();
                used = 0;
            }
            if (((bits >> used++) & 1) != 0)
                octets[i] = static_cast<std::uint8_t>(octets[i] ^ 0x20);
        }
        f.sent_name = Name(NameView(octets.data(), n.size()));
    }
    advance(f);
}

unsigned Forwarder::sends_to(const ForwardFetch& f, const Server& s) const {
    unsigned n = 0;
    for (unsigned i = 0; i < f.n_attempts; i++) {
        const Attempt& a = f.attempt[i];
        if (a.server == &s && (a.stream != nullptr) == f.over_tcp) n += a.sent;
    }
    return n;
}

/// What went out on a connection arrives or breaks: it is not sent twice.
bool Forwarder::waits_on_stream(const ForwardFetch& f, const Server& s) {
    return std::any_of(f.attempt.begin(), f.attempt.begin() + f.n_attempts, [&](const Attempt& a) {
        return a.is_live && a.server == &s && a.stream != nullptr;
    });
}

/// The server that was asked least often, healthy ones first, then in the order written.
Server* Forwarder::choose(const ForwardFetch& f) const {
    Server* best = nullptr;
    unsigned best_rank = ~0U;
    for (const auto& s : servers_) {
        const unsigned n = sends_to(f, *s);
        if (n >= kSendsMost || waits_on_stream(f, *s)) continue;
        const unsigned rank = n + (is_down(*s) ? 100 : 0);
        if (rank < best_rank) {
            best = s.get();
            best_rank = rank;
        }
    }
    return best;
}

/// The next try, whichever it is; with none left, the wait for what may still come.
void Forwarder::advance(ForwardFetch& f) {
    Server* s = choose(f);
    if (s == nullptr) {
        const bool hope = std::any_of(f.attempt.begin(), f.attempt.begin() + f.n_attempts,
                                      [](const Attempt& a) { return a.is_live; });
        if (!hope) return give_up(f, Fetched::Outcome::unreachable);
        const std::uint64_t now = loop_.now_ms();
        loop_.arm(f, f.deadline_ms > now ? f.deadline_ms - now : 0);
        return;
    }
    for (unsigned i = 0; i < f.n_attempts; i++) {
        Attempt& a = f.attempt[i];
        const bool again =
            a.is_live && a.server == s && (a.stream != nullptr) == f.over_tcp && a.port != nullptr;
        if (!again) continue;
        send_again(f, i);  // the same ID from the same port: the answer to either may come
        arm_retransmission(f, *s);
        return;
    }
    begin_attempt(f, *s);
}

void Forwarder::arm_retransmission(ForwardFetch& f, const Server& s) {
    const std::uint64_t now = loop_.now_ms();
    const std::uint64_t left = f.deadline_ms > now ? f.deadline_ms - now : 0;
    const auto by_rtt = static_cast<std::uint64_t>(3 * s.srtt_ms);
    const std::uint64_t first = std::max<std::uint64_t>(config_.limits.retransmit_ms,
                                                        std::min<std::uint64_t>(by_rtt, 2000));
    const std::uint64_t wait = first << std::min<unsigned>(f.retransmissions, 4);
    loop_.arm(f, std::min(wait, left));
}

void ForwardFetch::on_timer() { owner.on_timeout(*this); }

void Forwarder::on_timeout(ForwardFetch& f) {
    Server* last = f.n_attempts == 0 ? nullptr : f.attempt[f.n_attempts - 1U].server;
    if (last != nullptr) note_silence(*last);
    if (loop_.now_ms() >= f.deadline_ms) {
        count(UpstreamFault::timeout);
        return give_up(f, Fetched::Outcome::timeout);
    }
    f.retransmissions++;
    advance(f);
}

void Forwarder::give_up(ForwardFetch& f, Fetched::Outcome outcome) {
    end_attempts(f);
    Message m;
    const std::vector<std::uint8_t> error = std::move(f.fallback);
    f.fallback.clear();
    if (!error.empty() && Message::parse(error, m) == Fault::none)
        return finish(f, {Fetched::Outcome::answer, &m, false, false});
    finish(f, {outcome, nullptr, false, false});
}

bool Forwarder::question_matches(const ForwardFetch& f, Bytes bytes) const {
    const NameView n = f.sent_name.view();
    if (bytes.size() < kHeaderBytes + n.size() + 4) return false;
    const Bytes q = bytes.subspan(kHeaderBytes, n.size());
    const bool name_ok =
        config_.case_0x20
            ? std::equal(q.begin(), q.end(), n.begin())
            : std::equal(q.begin(), q.end(), n.begin(),
                         [](std::uint8_t a, std::uint8_t b) { return folded(a) == folded(b); });
    const std::uint8_t* t = bytes.data() + kHeaderBytes + n.size();
    return bytes[4] == 0 && bytes[5] == 1 && name_ok && ((t[0] << 8) | t[1]) == f.type &&
           ((t[2] << 8) | t[3]) == f.cls;
}

/// Something came. Nothing of it is believed before server, port or connection, ID and question
/// have been found to be those of one query that is on its way.
void Forwarder::on_answer(Server& s, const Port* p, const Stream* stream, Bytes bytes, bool cut) {
    if (bytes.size() < kHeaderBytes || (bytes[2] & 0xf8) != 0x80)  // QR=1, opcode 0
        return count(UpstreamFault::malformed);
    const auto id = static_cast<std::uint16_t>((bytes[0] << 8) | bytes[1]);
    const OnWay& on_way = by_id_[id];
    if (on_way.fetch == nullptr) return count(UpstreamFault::wrong_id);
    ForwardFetch& f = *on_way.fetch;
    Attempt& a = f.attempt[on_way.attempt];
    if (a.server != &s || a.port != p || a.stream != stream)
        return count(UpstreamFault::wrong_server);
    Message m;
    const unsigned rcode = bytes[3] & 0x0fU;
    const bool no_edns_spoken = rcode == static_cast<unsigned>(Rcode::formerr) ||
                                rcode == static_cast<unsigned>(Rcode::notimp);
    // An error may be a header alone: of a server that knows nothing of EDNS (RFC 6891 s7), or of a
    // busy one. Nothing is learned from it but that this try has failed.
    const bool header_alone = bytes.size() == kHeaderBytes && (bytes[4] | bytes[5]) == 0 &&
                              rcode != static_cast<unsigned>(Rcode::noerror) &&
                              rcode != static_cast<unsigned>(Rcode::nxdomain);
    if (header_alone && !(no_edns_spoken && a.with_edns)) {
        count(UpstreamFault::error_answer);
        note_answer(s, a);
        end_attempt(a);
        a.sent = kSendsMost;
        return advance(f);
    }
    if (!header_alone && !question_matches(f, bytes)) {
        count(UpstreamFault::wrong_question);
        // Somebody who guesses has found the ID: go where guessing does not help (RFC 5452 s9.2).
        if (++f.strange >= kStrangeMost && !f.over_tcp && stream == nullptr) {
            f.over_tcp = true;
            end_attempt(a);
            advance(f);
        }
        return;
    }
    const Fault fault = Message::parse(bytes, m);
    if (fault == Fault::none && !cookie_holds(f, a, m)) return;
    note_answer(s, a);
    const bool bad_version = fault == Fault::none && m.rcode() == Rcode::badvers;
    if ((no_edns_spoken || bad_version) && a.with_edns) {
        // Under a new ID: a second error, to a repetition of the first query, must not end this
        // one.
        count(UpstreamFault::no_edns);
        end_attempt(a);
        return begin_attempt(f, s, false);
    }
    if (fault != Fault::none && !cut) {
        count(UpstreamFault::malformed);
        end_attempt(a);
        return advance(f);
    }
    accept_answer(f, a, m, cut);
}

UpstreamCookie& Server::cookie_of(std::uint64_t own_address) {
    for (auto& [address, cookie] : cookies) {
        if (address == own_address) return cookie;
    }
    if (cookies.size() >= kAddressesMost) cookies.clear();  // learned anew
    return cookies.emplace_back(own_address, UpstreamCookie{}).second;
}

/// False: the answer is not believed, or has made the query go out again.
bool Forwarder::cookie_holds(ForwardFetch& f, Attempt& a, const Message& m) {
    if (a.port == nullptr || a.cookie.size == 0) return true;  // none was shown
    Server& s = *a.server;
    switch (s.cookie_of(a.port->own_address).check(a.cookie, m, loop_.now_ms())) {
        case UpstreamCookie::Verdict::good:
            return true;
        case UpstreamCookie::Verdict::again:
            note_answer(s, a);
            end_attempt(a);
            // Once with the cookie that he gave, then over TCP (RFC 7873 s5.3).
            f.over_tcp = f.over_tcp || f.bad_cookies++ > 0;
            begin_attempt(f, s);
            return false;
        case UpstreamCookie::Verdict::discard:
            break;
    }
    count(UpstreamFault::wrong_cookie);
    f.over_tcp = true;  // the next try; the right answer may still come to this one
    return false;
}

void Forwarder::accept_answer(ForwardFetch& f, Attempt& a, const Message& m, bool cut) {
    const bool over_udp = a.port != nullptr;
    Server& s = *a.server;
    if (cut || (over_udp && m.has(flag::tc))) {
        count(UpstreamFault::truncated);
        end_attempt(a);
        f.over_tcp = true;
        if (f.n_attempts >= ForwardFetch::kAttempts)
            return give_up(f, Fetched::Outcome::unreachable);
        return begin_attempt(f, s);  // what was cut off is worth nothing (RFC 2181 s9)
    }
    if (is_error(m)) {
        count(UpstreamFault::error_answer);
        end_attempt(a);
        // One try for each server: an error is an answer, asking it again gives it again.
        a.sent = kSendsMost;
        if (f.fallback.empty()) f.fallback.assign(m.bytes().begin(), m.bytes().end());
        return advance(f);
    }
    Fetched result{Fetched::Outcome::answer, &m, false, false};
    result.secure = s.trusted && m.has(flag::ad);
    end_attempts(f);
    finish(f, result);
}

void Forwarder::note_answer(Server& s, const Attempt& a) {
    s.answers++;
    stats_.answers++;
    s.unanswered = 0;
    s.last_answer_ms = loop_.now_ms();
    if (s.down_until_ms != 0) {
        log::info("upstream " + s.endpoint.text() + " answers");
        s.down_until_ms = s.down_for_ms = 0;
    }
    if (a.sent != 1) return;  // which of the tries was answered is not known (Karn)
    const double ms = static_cast<double>(loop_.now_ns() - a.sent_ns) / 1e6;
    s.srtt_ms = s.srtt_ms == 0 ? ms : s.srtt_ms * 0.875 + ms * 0.125;
    std::size_t bucket = 0;
    while (bucket < kResponseBounds.size() && ms > kResponseBounds[bucket]) bucket++;
    s.response_counts[bucket]++;
    s.response_seconds += ms / 1000;
}

/// A try has found no answer. Silence to one name says nothing about the server; silence to
/// everything does.
void Forwarder::note_silence(Server& s) {
    s.failures++;
    const std::uint64_t now = loop_.now_ms();
    if (s.unanswered++ == 0) s.first_unanswered_ms = now;
    if (s.unanswered >= kSilentTries && now - s.first_unanswered_ms >= kSilentMs) mark_down(s);
}

void Forwarder::mark_down(Server& s) {
    const std::uint64_t now = loop_.now_ms();
    if (s.down_until_ms > now) return;
    if (s.down_for_ms == 0) log::warn("upstream " + s.endpoint.text() + " does not answer");
    s.down_for_ms = std::clamp(s.down_for_ms * 2, kDownLeastMs, kDownMostMs);
    s.down_until_ms = now + s.down_for_ms;
}

/// Its port refuses: whoever waits for it need not wait longer.
void Forwarder::note_refusal(Server& s) {
    count(UpstreamFault::refused_port);
    s.failures++;
    mark_down(s);
    const std::uint64_t now = loop_.now_ms();
    if (s.refused_seen_ms != 0 && now - s.refused_seen_ms < 20) return;  // a walk over all queries
    s.refused_seen_ms = now;
    const auto lost = [&](const Attempt& a) { return a.server == &s && a.port != nullptr; };
    for (ForwardFetch* f : end_lost(true, lost)) advance(*f);
}

std::vector<ForwardFetch*> Forwarder::end_lost(bool for_good,
                                               const std::function<bool(const Attempt&)>& is_lost) {
    std::vector<ForwardFetch*> waiting;
    each_fetch([&](Fetch& base) {
        auto& f = static_cast<ForwardFetch&>(base);
        bool ours = false;
        for (unsigned i = 0; i < f.n_attempts; i++) {
            Attempt& a = f.attempt[i];
            if (!a.is_live || !is_lost(a)) continue;
            end_attempt(a);
            if (for_good) a.sent = kSendsMost;
            ours = true;
        }
        if (ours) waiting.push_back(&f);
    });
    return waiting;
}

std::vector<UpstreamHealth> Forwarder::health() const {
    std::vector<UpstreamHealth> out;
    for (const auto& s : servers_) {
        out.push_back({s->endpoint.text(), !is_down(*s), s->srtt_ms, s->queries, s->answers,
                       s->failures, s->in_flight, s->response_counts, s->response_seconds});
    }
    return out;
}

}  // namespace isthmus::dns64
