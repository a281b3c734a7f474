// SPDX-License-Identifier: Apache-2.0
// The decisions. What the answer looks like is in synth_body.cc.
#include "dns64/synth.h"

#include <algorithm>

#include "dns64/chain.h"
#include "dns64/local.h"
#include "dns64/names_of_codes.h"

namespace isthmus::dns64 {

namespace {

/// Octets of an answer of our own: the header, a name twice, and a record of 28 octets for each of
/// the well-known addresses under each prefix.
constexpr std::size_t kLocalMost = 2048;
static_assert(kLocalMost > kHeaderBytes + 2 * kNameMost + (kPrefixesMost + 1) * 2 * 28);

/// The SOA of a negative answer for `name`: of a zone that the name lies in (RFC 2308 s5).
bool find_soa(const Message& m, NameView name, std::uint32_t& negative_ttl) noexcept {
    bool found = false;
    m.each(Section::authority, [&](const Record& r) {
        if (found || r.type != rr::soa || !at_or_below(name, m.name_at(r.owner_at))) return;
        found = true;
        negative_ttl = std::min(capped_ttl(r.ttl), m.u32(r.end_at - 4U));
    });
    return found;
}

/// Nobody there resolves: names of other servers, and neither an answer nor the claim of one.
bool is_referral(const Message& m) noexcept {
    bool ns = false;
    m.each(Section::authority, [&](const Record& r) { ns = ns || r.type == rr::ns; });
    return ns && !m.has(flag::aa) && !m.has(flag::ra);
}

const char* text_of(Failure f) noexcept {
    switch (f) {
        case Failure::timeout:
            return "no answer in time";
        case Failure::network:
            return "upstream cannot be reached";
        case Failure::malformed:
            return "malformed answer";
        case Failure::remembered:
            return "failed a moment ago (RFC 9520)";
        case Failure::overload:
            return "too many queries wait";
    }
    return "?";
}

}  // namespace

Resolution::Resolution(const Policy& policy, const View& view, const Request& q)
    : policy_(policy),
      view_(view),
      qname_(q.qname),
      qtype_(q.qtype),
      qclass_(q.qclass),
      do_(q.dnssec_ok()),
      cd_(q.checking_disabled()) {
    plain_client_ = cd_ && (do_ || !view.cd_only_synthesizes);
    choose_plan();
}

void Resolution::note(const std::string& line) const {
    if (trace_ != nullptr) trace_->push_back(line);
}

Why Resolution::synthesis_verdict() const {
    if (qclass_ != kClassIn) return Why::not_in_class;
    if (!view_.synthesis) return Why::view_off;
    if (plain_client_) return Why::client_checks;
    return view_.name_verdict(qname_);
}

void Resolution::choose_plan() {
    const bool in = qclass_ == kClassIn;
    if (in) {
        const LocalAnswer local = local_answer(policy_, view_, qname_, qtype_, !plain_client_);
        if (local.kind != LocalAnswer::Kind::none) {
            plan_ = Plan::local;
            return end(local.why);
        }
    }
    verdict_ = synthesis_verdict();
    filter_aaaa_ = in && qtype_ == rr::aaaa && view_.synthesis && !plain_client_;
    if (in && view_.synthesis && !plain_client_) {
        const Reverse r = reverse_of(policy_, qname_);
        if (r.kind == Reverse::Kind::mapped) {
            plan_ = Plan::reverse;
            // Whether there is a name is PTR's to say, also for those who ask for anything, or for
            // the CNAME itself.
            const bool about_name = qtype_ == rr::any || qtype_ == rr::cname;
            return want(kMain, in_addr_arpa(r.v4), about_name ? rr::ptr : qtype_, cd_);
        }
    }
    want(kMain, qname_, qtype_, cd_);
    if (qtype_ != rr::aaaa || verdict_ != Why::none) return;
    plan_ = Plan::synthesize;
    if (policy_.settings.parallel) want(kA, qname_, rr::a, cd_);
}

void Resolution::want(unsigned lookup, NameView name, RrType type, bool cd) {
    Lookup& l = lookups_[lookup];
    l.type = type;
    l.cd = cd;
    l.start = l.end = Name(name);
    l.state = State::wanted;
}

void Resolution::end(Why why) noexcept {
    why_ = why;
    done_ = true;
}

bool Resolution::next(Ask& out) {
    if (done_) return false;
    for (unsigned i = 0; i < 2; i++) {
        Lookup& l = lookups_[i];
        if (l.state != State::wanted) continue;
        l.state = State::asked;
        out = {i, l.end, l.type, qclass_, l.cd};
        if (trace_ != nullptr)
            note("needed: " + type_text(l.type) + " " + name_text(l.end) + (l.cd ? " (CD=1)" : ""));
        return true;
    }
    return false;
}

void Resolution::trace_start() const {
    note("question: " + type_text(qtype_) + " " + name_text(qname_) + ", DO=" + (do_ ? "1" : "0") +
         " CD=" + (cd_ ? "1" : "0"));
    note("view: " + view_.name + (view_.synthesis ? "" : ", without DNS64"));
    if (plan_ == Plan::local) {
        note(std::string("answered here: ") + std::string(info_of(why_).help));
    } else if (plan_ == Plan::reverse) {
        note("below a NAT64 prefix: the name of the IPv4 address is looked for");
    } else if (qtype_ == rr::aaaa) {
        note(verdict_ == Why::none ? "the name may be synthesized"
                                   : "no synthesis: " + std::string(info_of(verdict_).help));
    }
}

void Resolution::feed(unsigned ask, const Message& m, Security security, bool stale) {
    if (ask > kA || lookups_[ask].state != State::asked) return;
    Lookup& l = lookups_[ask];
    if (!answers(m, l.end, l.type, qclass_) || m.has(flag::tc))
        return fail(ask, Failure::malformed);
    // A trusted upstream says by AD what it has validated (RFC 4035 s4.9.3).
    if (security == Security::unknown && m.has(flag::ad) &&
        policy_.settings.validation == config::Validation::trust_ad) {
        security = Security::secure;
    }
    if (trace_ != nullptr)
        note("answer to " + type_text(l.type) + ": " + rcode_text(m.rcode()) + ", " +
             std::to_string(m.count(Section::answer)) + " records" + (stale ? ", expired" : ""));
    l.secure = l.secure && security == Security::secure;
    l.stale = l.stale || stale;
    l.rcode = m.rcode();
    if (security == Security::bogus) {
        l.bogus = true;
        l.state = State::failed;
    } else if (qclass_ != kClassIn) {
        keep(l, m);
        l.state = State::data;
    } else {
        take(l, m, ask);
    }
    decide();
}

void Resolution::keep(Lookup& l, const Message& m) {
    const Bytes b = m.bytes().first(m.end());
    l.kept.reserve(l.kept.size() + 2 + b.size());
    l.kept.push_back(static_cast<std::uint8_t>(b.size() >> 8));
    l.kept.push_back(static_cast<std::uint8_t>(b.size()));
    l.kept.insert(l.kept.end(), b.begin(), b.end());
}

void Resolution::take(Lookup& l, const Message& m, unsigned ask) {
    const Rcode rcode = m.rcode();
    const unsigned before = l.links;
    Name end = l.end;
    const Reached reached = follow(m, l.type, end, l.links, [](const Link&) {});
    std::uint32_t negative_ttl = 0;
    const bool soa = find_soa(m, end, negative_ttl);
    if (l.probing) {
        // Asked again without validation. A clean answer means that validation was what failed, and
        // nothing may be made from it (RFC 6147 s5.5).
        l.bogus = rcode == Rcode::nxdomain ||
                  (rcode == Rcode::noerror && (reached == Reached::data || soa));
        l.state = State::failed;
        l.rcode = Rcode::servfail;
        return;
    }
    if (rcode != Rcode::noerror && rcode != Rcode::nxdomain) {
        l.state = State::failed;
        l.by_message = true;
        const bool may_be_bogus = rcode == Rcode::servfail && ask == kMain &&
                                  plan_ == Plan::synthesize && !l.cd &&
                                  policy_.settings.validation != config::Validation::recursive;
        if (may_be_bogus) {
            l.probing = l.cd = true;
            l.state = State::wanted;
        }
        return;
    }
    if (reached == Reached::too_long) {
        l.too_long = true;
        l.state = State::failed;
        return;
    }
    keep(l, m);
    l.end = end;
    l.has_soa = soa;
    l.negative_ttl = l.stale ? policy_.settings.stale_ttl : negative_ttl;
    if (rcode == Rcode::nxdomain) {
        l.state = State::nxdomain;
    } else if (reached == Reached::data) {
        l.state = State::data;
    } else if (!soa && l.links > before) {
        if (!take_local(l, ask)) l.state = State::wanted;  // the chain goes on elsewhere
    } else if (!soa && is_referral(m)) {
        l.state = State::failed;
    } else {
        l.state = State::nodata;
    }
}

/// A chain that leads to a name that is answered here: nobody else is asked for it (RFC 8880 s7.1).
bool Resolution::take_local(Lookup& l, unsigned ask) {
    const LocalAnswer what = local_answer(policy_, view_, l.end, l.type, !plain_client_);
    if (what.kind == LocalAnswer::Kind::none) return false;
    std::array<std::uint8_t, kLocalMost> room;
    Writer w(room);
    w.header(0, static_cast<std::uint16_t>(flag::qr | flag::rd | flag::ra | flag::aa |
                                           static_cast<unsigned>(rcode_of(what))));
    const Name name = l.end;
    write_local(w, what, policy_, view_, {name, l.type});
    Message m;
    if (!w.ok() || Message::parse(w.written(), m) != Fault::none) return false;
    if (trace_ != nullptr) note(name_text(name) + " is answered here");
    l.secure = false;
    take(l, m, ask);
    return true;
}

void Resolution::fail(unsigned ask, Failure f) {
    if (ask > kA || lookups_[ask].state != State::asked) return;
    Lookup& l = lookups_[ask];
    if (trace_ != nullptr) note("answer to " + type_text(l.type) + ": " + text_of(f));
    l.state = State::failed;
    l.failure = f;
    l.rcode = Rcode::servfail;
    decide();
}

void Resolution::decide() {
    if (done_) return;
    if (plan_ == Plan::synthesize) {
        decide_synthesis();
    } else if (!lookups_[kMain].pending()) {
        plan_ == Plan::reverse ? decide_reverse() : decide_plain();
    }
    if (done_ && trace_ != nullptr) note("result: " + std::string(info_of(why_).help));
}

void Resolution::decide_plain() {
    const Lookup& l = lookups_[kMain];
    if (l.bogus) return end(Why::bogus);
    if (l.too_long) return end(Why::chain_too_long);
    if (l.state == State::failed) return end(Why::plain_failed);
    if (qclass_ != kClassIn) return end(Why::not_in_class);
    if (qtype_ == rr::aaaa) {
        if (l.state == State::nxdomain) return end(Why::nxdomain);
        return end(l.state == State::data && usable_aaaa() > 0 ? Why::has_aaaa : verdict_);
    }
    if (qtype_ == rr::any && l.state == State::data && !do_ &&
        policy_.settings.any == config::AnyMode::hinfo && !owns_cname()) {
        return end(Why::any_minimal);
    }
    end(Why::plain);
}

void Resolution::decide_reverse() {
    const Lookup& l = lookups_[kMain];
    if (l.bogus) return end(Why::bogus);
    if (l.too_long) return end(Why::chain_too_long);
    if (l.state == State::failed) return end(Why::plain_failed);
    // Other types get the CNAME as soon as the target exists, lest a NODATA or NXDOMAIN of theirs
    // hide the PTR (RFC 8020 s2).
    const bool exists = l.state == State::data || (l.state == State::nodata && l.type != rr::ptr);
    end(exists ? Why::ptr_cname : Why::ptr_no_target);
}

void Resolution::decide_synthesis() {
    const Lookup& main = lookups_[kMain];
    if (main.pending()) return;
    if (main.bogus) return end(Why::bogus);
    if (main.too_long) return end(Why::chain_too_long);
    if (main.state == State::nxdomain) return end(Why::nxdomain);
    if (main.state == State::data && usable_aaaa() > 0) return end(Why::has_aaaa);
    if (do_ && !view_.break_dnssec && main.secure && main.state == State::nodata)
        return end(Why::client_wants_dnssec);

    Lookup& a = lookups_[kA];
    if (a.state == State::idle) {
        if (trace_ != nullptr) note("no usable AAAA: the A records are asked for");
        want(kA, qname_, rr::a, cd_);
    }
    if (a.pending()) return;
    const bool failed = main.state == State::failed;
    if (a.bogus) return end(Why::bogus);
    if (a.too_long) return end(Why::chain_too_long);
    switch (a.state) {
        case State::nxdomain:
            return end(Why::a_nxdomain);
        case State::nodata:
            return end(failed ? Why::failed : Why::no_a);
        case State::data:
            break;
        default:
            return end(Why::a_failed);
    }
    const Why mapped = mapping_verdict();
    if (mapped != Why::none) return end(failed ? Why::failed : mapped);
    if (failed) return end(Why::synthesized_after_failure);
    end(main.state == State::data ? Why::synthesized_ignoring_aaaa : Why::synthesized);
}

bool Resolution::last_message(const Lookup& l, Message& m) {
    if (l.kept.empty()) return false;
    std::size_t at = 0;
    for (;;) {
        const std::size_t len = (std::size_t{l.kept[at]} << 8) | l.kept[at + 1];
        if (at + 2 + len == l.kept.size())
            return Message::parse({&l.kept[at + 2], len}, m) == Fault::none;
        at += 2 + len;
    }
}

unsigned Resolution::usable_aaaa() const {
    if (filter_aaaa_ && verdict_ == Why::none && view_.ignore_aaaa.covers(qname_)) return 0;
    unsigned n = 0;
    each_at_end(lookups_[kMain], [&](const Message& m, const Record& r) {
        if (r.type == rr::aaaa && !(filter_aaaa_ && view_.is_excluded(ipv6_of(m, r)))) n++;
    });
    return n;
}

bool Resolution::owns_cname() const {
    bool found = false;
    each_at_end(lookups_[kMain],
                [&](const Message&, const Record& r) { found |= r.type == rr::cname; });
    return found;
}

/// Why no A record can be mapped; none: one can.
Why Resolution::mapping_verdict() const {
    Why verdict = Why::no_prefix;
    bool mapped = false;
    each_at_end(lookups_[kA], [&](const Message& m, const Record& r) {
        if (r.type != rr::a || mapped) return;
        const Mapped out = policy_.map(view_, ipv4_of(m, r));
        mapped = out.n > 0;
        if (!mapped) verdict = out.why;
        if (trace_ != nullptr && !mapped)
            note(ipv4_of(m, r).text() + " is not mapped: " + std::string(info_of(out.why).help));
    });
    return mapped ? Why::none : verdict;
}

}  // namespace isthmus::dns64
