#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the cache gives, and for how long: stale answers, caps, prefetch, an upstream that goes away. Each case
has a server and an upstream of its own. dns_cache.py [SCRIPT [ONLY]]"""
import sys
import time

from dnscase import A, SOA
from dnsexpect import Suite, equal, expect, true
from dnslab import Upstream, local_addresses
from dnsservice import Lab, aaaa, zone

suite = Suite()
case = suite.case


@case("T-2308-005 T-2308-013: stale answers: only where allowed, after a try, with their own TTL and EDE 3", each_way=True)
def _(_, via):
    with Lab("cache = { serve_stale = true; stale_wait_ms = 300; failure = 1; stale_ttl = 2; };") as lab:
        client = lab.client(via=via)
        mode = {"now": "good"}

        def turn(q):
            if mode["now"] == "silent":
                return None
            if mode["now"] == "servfail":
                return q.answer("SERVFAIL")
            return q.answer(an=[f"{q.name} 1 A {A}"]) if q.type == "A" else q.answer(ns=[SOA])
        lab.upstream.other = turn
        lab.upstream.on("zero.example", "A", lambda q: q.answer(an=[f"{q.name} 0 A {A}"]) if mode["now"] == "good" else None)
        lab.upstream.on("gone.example", "*", lambda q: q.answer("NXDOMAIN", ns=["example. 1 SOA ns.example. a.example. 1 2 3 4 1"])
                        if mode["now"] == "good" else None)
        expect(client.ask("s.example", "A"), "NOERROR rd ra", [f"s.example. 1 A {A}"], ede=[])
        expect(client.ask("s.example"), "NOERROR rd ra", aaaa("s.example", "2001:db8:64::c000:201", ttl=1))
        expect(client.ask("zero.example", "A"), "NOERROR rd ra", [f"zero.example. 0 A {A}"])
        expect(client.ask("gone.example", "A"), "NXDOMAIN rd ra")
        time.sleep(2.1)
        mode["now"] = "silent"
        lab.upstream.seen.clear()
        start = time.monotonic()
        expect(client.ask("s.example", "A"), "NOERROR rd ra", [f"s.example. 2 A {A}"], ede=[3])
        true("after a try", 0.25 < time.monotonic() - start < 1.4 and lab.upstream.asked("s.example", "A"))
        expect(client.ask("s.example"), "NOERROR rd ra", aaaa("s.example", "2001:db8:64::c000:201", ttl=2), ede=[3])
        expect(client.ask("gone.example", "A"), "NXDOMAIN rd ra", [], ede=[19])
        expect(client.ask("zero.example", "A"), "SERVFAIL rd ra", [])
        expect(client.ask("never.example", "A"), "SERVFAIL rd ra", [])
        expect(client.ask("s.example", "A", rd=False), "REFUSED ra", [])
        mode["now"] = "servfail"
        time.sleep(2.1)
        expect(client.ask("s.example", "A"), "NOERROR rd ra", [f"s.example. 2 A {A}"], ede=[3])
        mode["now"] = "good"
        time.sleep(2.6)  # what failed is remembered for a moment
        end = time.monotonic() + 6
        while True:
            r = client.ask("s.example", "A")
            if r.answer and r.answer[0].ttl <= 1:
                break
            true("fresh again", time.monotonic() < end)
            time.sleep(0.3)
        # a newer alias leaves no room for the AAAA that expired
        lab.upstream.on("alias.example", "AAAA", lambda q: q.answer(an=["alias.example. 1 AAAA 2001:db8:1::1"])
                        if mode["now"] == "good" else None)
        lab.upstream.on("alias.example", "A", lambda q: q.answer(
            an=[f"alias.example. 1 A {A}"] if len(lab.upstream.asked("alias.example", "A")) == 1 else
            ["alias.example. 60 CNAME t.example.", f"t.example. 60 A {A}"]))
        client.ask("alias.example")
        time.sleep(2.1)
        client.ask("alias.example", "A")
        mode["now"] = "silent"
        expect(client.ask("alias.example"), "NOERROR rd ra", ["alias.example. 60 CNAME t.example.",
                                                              "t.example. 60 AAAA 2001:db8:64::c000:201"])


@case("T-2308-005: by default nothing stale is given", each_way=True)
def _(_, via):
    with Lab() as lab:
        silent = []
        lab.upstream.other = lambda q: None if silent else q.answer(an=[f"{q.name} 1 A {A}"])
        expect(lab.client(via=via).ask("s.example", "A"), "NOERROR rd ra", [f"s.example. 1 A {A}"])
        silent.append(1)
        time.sleep(1.2)
        expect(lab.client(via=via).ask("s.example", "A"), "SERVFAIL rd ra", [])


@case("T-2308-001 T-2308-003: what clients are given is kept no longer than what it is made of, nor than the caps", each_way=True)
def _(_, via):
    with Lab("cache = { ttl_most = 2; negative_most = 1; };") as lab, Lab() as free:
        def aged(q):  # the SOA's MINIMUM is what ends first
            return q.answer(an=[f"{q.name} 1 A {A}"]) if q.type == "A" else q.answer(ns=["example. 900 SOA ns.example. a.example. 1 2 3 4 4"])
        free.upstream.other = aged
        expect(free.client(via=via).ask("aged.example"), "NOERROR rd ra", aaaa("aged.example", "2001:db8:64::c000:201", ttl=1))
        one, other = lab.client(via=via), lab.client(via=via)
        lab.upstream.on("no.example", "*", lambda q: q.answer("NXDOMAIN", ns=[SOA]))
        expect(one.ask("cap.example", "A"), "NOERROR rd ra", [f"cap.example. 300 A {A}"])
        expect(one.ask("cap.example"), "NOERROR rd ra", aaaa("cap.example", "2001:db8:64::c000:201"))
        expect(one.ask("no.example", "A"), "NXDOMAIN rd ra")
        time.sleep(2.2)
        free.upstream.other = lambda q: q.answer(an=[f"{q.name} 300 A {A}"]) if q.type == "A" else None
        r = free.client(via=via).ask("aged.example")
        true(f"the negative AAAA has two seconds left: {r.answer}", len(r.answer) == 1 and r.answer[0].ttl in (1, 2))
        lab.upstream.other = lambda q: q.answer(an=[f"{q.name} 300 A 192.0.2.9"]) if q.type == "A" else q.answer(ns=[SOA])
        lab.upstream.zone.clear()
        expect(other.ask("cap.example", "A"), "NOERROR rd ra", ["cap.example. 300 A 192.0.2.9"])
        expect(other.ask("cap.example"), "NOERROR rd ra", aaaa("cap.example", "2001:db8:64::c000:209"))
        expect(other.ask("no.example", "A"), "NOERROR rd ra", ["no.example. 300 A 192.0.2.9"])


@case("T-2308-003: prefetch: what is asked for again and again is asked upstream before it expires")
def _(_):
    with Lab("cache = { prefetch = true; };") as lab:
        lab.upstream.other = lambda q: q.answer(an=[f"{q.name} 10 A {A}"])
        client = lab.client()
        expect(client.ask("often.example", "A"), "NOERROR rd ra")
        client.ask("once.example", "A")
        start = time.monotonic()
        time.sleep(8.5)
        while len(lab.upstream.asked("often.example")) < 2:
            true("asked before it expires", time.monotonic() - start < 10.5)
            r = client.ask("often.example", "A")
            true("an answer at once", r.answer)
            time.sleep(0.05)
        true(f"{time.monotonic() - start:.1f} s", time.monotonic() - start < 10.2)
        time.sleep(0.2)
        true("the new one", client.ask("often.example", "A").answer[0].ttl >= 9)
        equal("once.example asked", 1, len({q.message.id for q in lab.upstream.asked("once.example")}))


@case("T-2308-007: the upstream goes away and comes back: SERVFAIL, then answers; what is cached is given", each_way=True)
def _(_, via):
    with Lab("cache = { failure = 1; };") as lab:
        client = lab.client(via=via)
        expect(client.ask("kept.example"), "NOERROR rd ra")
        lab.upstream.close()
        for i in range(3):
            start = time.monotonic()
            expect(client.ask(f"gone{i}.example"), "SERVFAIL rd ra", [], ede=[22])
            true("time", time.monotonic() - start < 3)
            expect(client.ask("kept.example"), "NOERROR rd ra", aaaa("kept.example", "2001:db8:64::c000:201"))
        lab.upstream = Upstream(port=lab.port, other=zone)
        end = time.monotonic() + 8
        n = 0
        while client.ask(f"back{n}.example").rcode() != 0:
            true("back", time.monotonic() < end)
            n += 1
            time.sleep(0.2)


def main(argv):
    local_addresses()
    return suite.run(None, *argv[1:], threads=24)


sys.exit(main(sys.argv))
