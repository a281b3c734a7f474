// SPDX-License-Identifier: Apache-2.0
// Any query and any answers of upstreams, through the rules: what the client gets can be read, has
// his question, fits, and holds no address that the policy excludes.
//
// Input: messages, each behind its length of two octets; the first one is the query, the others are
// what upstream says to one question after the other, whose name and type they are given.
#include <memory>
#include <vector>

#include "common/config/parse.h"
#include "dns64/synth.h"
#include "test/fuzz/fuzz.h"

namespace {

using namespace isthmus;
using namespace isthmus::dns64;
using fuzz::require;
using Octets = std::vector<std::uint8_t>;

std::unique_ptr<Policy> policy_of(const char* dns64) {
    const std::string text = std::string(
                                 "nat64 = { prefixes = [ \"64:ff9b::/96\", "
                                 "\"2001:db8:100::/40\" ]; };\ndns64 = { upstreams = [ "
                                 "\"192.0.2.53\" ]; allow = [ \"::/0\" ];\n") +
                             dns64 + "};\n";
    const auto loaded = config::load_text(text, "fuzz");
    require(loaded.ok(), "configuration");
    auto p = Policy::compile(loaded.config, {});
    require(p.ok(), "policy");
    return std::move(*p);
}

std::vector<Octets> messages_of(const std::uint8_t* data, std::size_t size) {
    std::vector<Octets> out;
    for (std::size_t at = 0; at + 2 <= size;) {
        const std::size_t high = data[at], low = data[at + 1];
        const std::size_t n = std::min<std::size_t>(high << 8 | low, size - at - 2);
        out.emplace_back(data + at + 2, data + at + 2 + n);
        at += 2 + n;
    }
    return out;
}

/// With the question that was asked in front: else nothing but the check of the question is tried.
Octets with_question(const Octets& said, const Ask& a) {
    Message m;
    static Octets room(kMessageMost);
    Writer w(room);
    const bool good = Message::parse(said, m) == Fault::none;
    w.header(0, static_cast<std::uint16_t>((good ? m.flags() : 0U) | flag::qr));
    w.question(a.name, a.type, a.cls);
    if (good) {
        for (const Section s : {Section::answer, Section::authority, Section::additional}) {
            m.each(s, [&](const Record& r) {
                // An owner of the empty name stands for the one that was asked for.
                Name owner = m.name_at(r.owner_at);
                if (owner.is_root()) owner = Name(a.name);
                w.copy(m, r, owner, r.ttl);
                w.count(s);
            });
        }
    }
    if (!w.ok()) return {};
    return {w.written().begin(), w.written().end()};
}

void check_reply(const Request& q, const Policy& policy, Bytes reply) {
    require(reply.size() >= kHeaderBytes && reply.size() <= q.limit(), "a reply that does not fit");
    Message m;
    require(Message::parse(reply, m) == Fault::none, "a reply of no sense");
    require(m.questions() == 1 &&
                std::equal(m.qname().begin(), m.qname().end(), q.qname.begin(), q.qname.end()),
            "another question");
    const bool synthesizes = !q.checking_disabled() && q.qclass == kClassIn;
    if (!synthesizes || q.qtype != rr::aaaa) return;
    m.each(Section::answer, [&](const Record& r) {
        require(r.type != rr::a || r.cls != kClassIn, "an A record in an answer about AAAA");
        if (r.type == rr::aaaa && r.cls == kClassIn)
            require(!policy.views()[0].is_excluded(ipv6_of(m, r)), "an excluded AAAA");
    });
}

void play(const Policy& policy, const std::vector<Octets>& messages) {
    Request q;
    const Checked c = read_request(messages[0], true, q);
    if (c.action != Action::resolve) return;
    Resolution r(policy, policy.views()[0], q);
    std::vector<std::string> steps;
    r.trace_to(&steps);
    std::size_t next = 1;
    unsigned asks = 0;
    for (Ask a; !r.done() && r.next(a);) {
        require(++asks <= 64, "no end of questions");
        const Octets said = next < messages.size() ? with_question(messages[next], a) : Octets();
        next++;
        Message m;
        if (said.empty() || Message::parse(said, m) != Fault::none) {
            r.fail(a.id, Failure::timeout);
        } else {
            r.feed(a.id, m, next % 3 == 0 ? Security::secure : Security::unknown, next % 5 == 0);
        }
    }
    require(r.done(), "no answer");
    static Octets body(kMessageMost), out(kMessageMost);
    const Answer answer = r.finish(body);
    require(answer.size > 0, "no body");
    for (const bool stream : {false, true}) {
        q.stream = stream;
        ReplyExtras extras;
        extras.ede = answer.ede;
        const std::size_t n = write_reply(q, Bytes(body).first(answer.size), 3, extras, out);
        check_reply(q, policy, Bytes(out).first(n));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::unique_ptr<Policy> kPolicies[] = {
        policy_of(""), policy_of("parallel = false; validation = \"trust-ad\"; ede = \"all\";"),
        policy_of("break_dnssec = false; any = \"hinfo\"; local_reverse = \"off\";")};
    const std::vector<Octets> messages = messages_of(data, size);
    if (messages.empty()) return 0;
    for (const auto& p : kPolicies) play(*p, messages);
    return 0;
}
