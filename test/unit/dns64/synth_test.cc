// SPDX-License-Identifier: Apache-2.0
// The interface as the edge uses it. The rules themselves are in stories/.
#include "dns64/synth.h"

#include <catch2/catch.hpp>

using namespace isthmus;
using namespace isthmus::dns64;

namespace {

Name name(std::string_view text) { return Name::parse(text).value(); }

/// A query with EDNS, as a client sends it.
std::vector<std::uint8_t> query(std::string_view qname, RrType type, std::uint16_t flags,
                                std::uint16_t udp_size = 1232) {
    std::vector<std::uint8_t> buffer(512);
    Writer w(buffer);
    w.header(0x4242, flags);
    w.question(name(qname), type, kClassIn);
    w.u8(0);
    w.u16(rr::opt);
    w.u16(udp_size);
    w.u32(0);
    w.u16(0);
    w.count(Section::additional);
    buffer.resize(w.size());
    return buffer;
}

std::vector<std::uint8_t> a_records(std::string_view owner, unsigned n, std::uint32_t ttl) {
    std::vector<std::uint8_t> buffer(kMessageMost);
    Writer w(buffer);
    w.header(1, flag::qr | flag::ra);
    w.question(name(owner), rr::a, kClassIn);
    for (unsigned i = 0; i < n; i++) {
        const std::size_t mark = w.begin_record(name(owner), rr::a, kClassIn, ttl);
        w.bytes(Ipv4Addr::from_host(0xc6336400U + i).octets());
        w.end_record(mark);
        w.count(Section::answer);
    }
    buffer.resize(w.size());
    return buffer;
}

std::vector<std::uint8_t> empty(std::string_view owner, RrType type) {
    std::vector<std::uint8_t> buffer(512);
    Writer w(buffer);
    w.header(1, flag::qr | flag::ra);
    w.question(name(owner), type, kClassIn);
    buffer.resize(w.size());
    return buffer;
}

Message parsed(Bytes bytes) {
    Message m;
    REQUIRE(Message::parse(bytes, m) == Fault::none);
    return m;
}

std::unique_ptr<Policy> policy_with(const char* prefix) {
    config::Config c;
    c.nat64.prefixes.push_back({*Pref64::parse(prefix), {}});
    auto p = Policy::compile(c, {{true, {}, *Prefix6::parse("2001:db8::/32")}});
    REQUIRE(p.ok());
    return std::move(p.value());
}

struct Exchange {
    explicit Exchange(Bytes datagram) : checked(read_request(datagram, false, request)) {
        REQUIRE(checked.action == Action::resolve);
    }
    Request request;
    Checked checked;
};

}  // namespace

TEST_CASE("T-6147-ans-026: A and AAAA are asked at once, and an early A waits for the AAAA") {
    const auto policy = policy_with("2001:db8:64::/96");
    const View* view = policy->view_of(*Ipv6Addr::parse("2001:db8::1"));
    REQUIRE(view != nullptr);
    const auto datagram = query("www.Example.com", rr::aaaa, flag::rd);
    Exchange x(datagram);
    Resolution r(*policy, *view, x.request);
    Ask first, second, none;
    REQUIRE(r.next(first));
    REQUIRE(r.next(second));
    CHECK_FALSE(r.next(none));
    CHECK(first.type == rr::aaaa);
    CHECK(second.type == rr::a);
    const auto a = a_records("www.example.com", 2, 300);
    r.feed(second.id, parsed(a), Security::unknown);
    CHECK_FALSE(r.done());
    const auto aaaa = empty("www.example.com", rr::aaaa);
    r.feed(first.id, parsed(aaaa), Security::unknown);
    REQUIRE(r.done());
    CHECK(r.why() == Why::synthesized);

    std::vector<std::uint8_t> body(kMessageMost);
    const Answer answer = r.finish(body);
    CHECK(answer.ttl == 300);
    CHECK(answer.ede == Ede::synthesized);
    std::vector<std::uint8_t> out(kMessageMost);
    const std::size_t n = write_reply(x.request, Bytes(body).first(answer.size), 100, {}, out);
    const Message reply = parsed(Bytes(out).first(n));
    CHECK(reply.id() == 0x4242);
    CHECK(reply.count(Section::answer) == 2);
    CHECK(name_text(reply.qname()) == "www.Example.com.");
    reply.each(Section::answer, [&](const Record& rec) {
        CHECK(rec.type == rr::aaaa);
        CHECK(rec.ttl == 200);
        CHECK(Prefix6::parse("2001:db8:64::c633:6400/120")->contains(ipv6_of(reply, rec)));
    });
}

TEST_CASE("what is fed twice, unasked or for another name changes nothing or fails") {
    const auto policy = policy_with("2001:db8:64::/96");
    const View* view = policy->view_of(*Ipv6Addr::parse("2001:db8::1"));
    const auto datagram = query("www.example.com", rr::aaaa, flag::rd);
    Exchange x(datagram);
    Resolution r(*policy, *view, x.request);
    const auto a = a_records("www.example.com", 1, 300);
    const auto other = a_records("www.example.net", 1, 300);
    r.feed(1, parsed(a), Security::unknown);  // not asked yet
    r.feed(7, parsed(a), Security::unknown);
    r.fail(9, Failure::timeout);
    Ask ask;
    while (r.next(ask)) {
    }
    r.fail(0, Failure::timeout);
    CHECK_FALSE(r.done());
    r.feed(1, parsed(other), Security::unknown);
    REQUIRE(r.done());
    CHECK(r.why() == Why::a_failed);
    r.feed(1, parsed(a), Security::unknown);
    CHECK(r.why() == Why::a_failed);
}

TEST_CASE("T-6147-sec-013 T-6147-ans-033: 150 A are mapped in full, and truncated over UDP only") {
    const auto policy = policy_with("2001:db8:64::/96");
    const View* view = policy->view_of(*Ipv6Addr::parse("2001:db8::1"));
    const auto datagram = query("www.example.com", rr::aaaa, flag::rd, 4096);
    Exchange x(datagram);
    Resolution r(*policy, *view, x.request);
    Ask ask;
    const auto a = a_records("www.example.com", 150, 300);
    const auto aaaa = empty("www.example.com", rr::aaaa);
    while (r.next(ask)) r.feed(ask.id, parsed(ask.type == rr::a ? a : aaaa), Security::unknown);
    REQUIRE(r.done());
    std::vector<std::uint8_t> body(kMessageMost), out(kMessageMost);
    const Answer answer = r.finish(body);
    const Bytes whole = Bytes(body).first(answer.size);
    const Message udp = parsed(Bytes(out).first(write_reply(x.request, whole, 0, {}, out)));
    CHECK(udp.has(flag::tc));
    CHECK(udp.count(Section::answer) == 0);
    CHECK(udp.edns().present);
    x.request.stream = true;
    const Message tcp = parsed(Bytes(out).first(write_reply(x.request, whole, 0, {}, out)));
    CHECK_FALSE(tcp.has(flag::tc));
    CHECK(tcp.count(Section::answer) == 150);
}

TEST_CASE("an answer that synthesis makes longer than a message can be is an error") {
    const auto policy = policy_with("2001:db8:64::/96");
    const View* view = policy->view_of(*Ipv6Addr::parse("2001:db8::1"));
    const auto datagram = query("www.example.com", rr::aaaa, flag::rd);
    Exchange x(datagram);
    Resolution r(*policy, *view, x.request);
    Ask ask;
    const auto a = a_records("www.example.com", 4000, 300);
    const auto aaaa = empty("www.example.com", rr::aaaa);
    while (r.next(ask)) r.feed(ask.id, parsed(ask.type == rr::a ? a : aaaa), Security::unknown);
    std::vector<std::uint8_t> body(kMessageMost);
    const Answer answer = r.finish(body);
    CHECK(answer.rcode == Rcode::servfail);
    CHECK(answer.ttl == 0);
    CHECK(parsed(Bytes(body).first(answer.size)).count(Section::answer) == 0);
}

TEST_CASE("T-7050-001 T-7050-002 T-7050-005 T-7050-008 T-7050-009: answered without upstream") {
    const auto policy = policy_with("2001:db8:64::/96");
    const View* view = policy->view_of(*Ipv6Addr::parse("2001:db8::1"));
    const struct {
        const char* name;
        RrType type;
        Why why;
        Rcode rcode;
        unsigned answers;
    } cases[] = {
        {"IPv4only.arpa", rr::aaaa, Why::ipv4only, Rcode::noerror, 2},
        {"ipv4only.arpa", rr::a, Why::ipv4only, Rcode::noerror, 2},
        {"ipv4only.arpa", rr::soa, Why::ipv4only, Rcode::noerror, 0},
        {"x.ipv4only.arpa", rr::a, Why::ipv4only, Rcode::nxdomain, 0},
        {"a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa", rr::ptr,
         Why::ptr_well_known, Rcode::noerror, 1},
        {"x.invalid", rr::a, Why::special_name, Rcode::nxdomain, 0},
        {"localhost", rr::aaaa, Why::special_name, Rcode::noerror, 1},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        const auto datagram = query(c.name, c.type, flag::rd);
        Exchange x(datagram);
        Resolution r(*policy, *view, x.request);
        Ask ask;
        CHECK_FALSE(r.next(ask));
        REQUIRE(r.done());
        std::vector<std::uint8_t> body(kMessageMost);
        const Answer answer = r.finish(body);
        CHECK(answer.why == c.why);
        CHECK(answer.rcode == c.rcode);
        const Message m = parsed(Bytes(body).first(answer.size));
        CHECK(m.has(flag::aa));
        CHECK(m.count(Section::answer) == c.answers);
        CHECK(m.count(Section::authority) == (c.answers == 0 ? 1 : 0));
    }
}
