#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator sets: views, who may ask, cookies, rate limit, reload, EDE. Each case has a server and an
upstream of its own. dns_service.py [SCRIPT [ONLY]]"""
import socket
import sys
import threading
import time

import dns.edns
import dns.flags
import dns.message

from dnscase import A, SOA
from dnsexpect import Suite, ede_of, equal, expect, option_of, true
from dnslab import CLIENT4, CLIENT6, SERVER4, SERVER6, Client, Upstream, local_addresses
from dnsservice import LIMITS, PREFIXES, Lab, aaaa, ports, zone

suite = Suite()
case = suite.case
more_clients = ["2001:db8:a::1", "2001:db8:b::1", "2001:db8:c::1", "2001:db8:d::1", "198.51.100.7", "203.0.113.9"]


VIEWS = """views = (
  { name = "b"; clients = [ "2001:db8:b::/48", "198.51.100.0/25" ]; prefixes = [ "2001:db8:6464::/96", "2001:db8:6465::/96" ]; },
  { name = "off"; clients = [ "2001:db8:c::/48" ]; synthesis = false; },
  { name = "names"; clients = [ "2001:db8:d::/48" ]; exclude_names = [ "a.example" ]; exclude_ipv4 = [ "198.51.100.0/24" ]; } );"""


@case("T-6147-ans-031 T-6147-sec-007: views answer by the client's address, and nothing leaks through the cache", each_way=True)
def _(_, via):
    with Lab(VIEWS + "threads = 2;") as lab:
        names = ("a.example", "b.example")
        want = {
            CLIENT6: {n: aaaa(n, "2001:db8:64::c000:201") for n in names},
            "2001:db8:b::1": {n: aaaa(n, "2001:db8:6464::c000:201", "2001:db8:6465::c000:201") for n in names},
            "198.51.100.7": {n: aaaa(n, "2001:db8:6464::c000:201", "2001:db8:6465::c000:201") for n in names},
            "2001:db8:c::1": {n: [] for n in names},
            "2001:db8:d::1": {"a.example": [], "b.example": aaaa("b.example", "2001:db8:64::c000:201")},
            "203.0.113.9": {n: aaaa(n, "2001:db8:64::c000:201") for n in names}}
        for order in (list(want), list(reversed(want)), list(want)):
            for name in names:
                for source in order:
                    expect(lab.client(source, via).ask(name), "NOERROR rd ra", want[source][name])
                    # one that sets CD gets it plain, in every view
                    expect(lab.client(source, via).ask(name, cd=True), "NOERROR rd ra cd", [], [SOA])
                    expect(lab.client(source, via).ask(name, "A"), "NOERROR rd ra", [f"{name}. 300 A {A}"])
        for kind, cd in (("A", False), ("AAAA", False), ("AAAA", True)):
            n = len({q.message.id for q in lab.upstream.asked("b.example", kind) if q.cd == cd})
            true(f"{kind} CD={cd} asked {n} times by two threads", 1 <= n <= 2)


@case("T-7050-001 T-7050-010 T-7050-011: ipv4only.arpa and reverse names by view", each_way=True)
def _(_, via):
    with Lab(VIEWS) as lab:
        for _ in range(2):
            expect(lab.client(CLIENT6, via).ask("ipv4only.arpa"), "NOERROR aa rd ra",
                   aaaa("ipv4only.arpa", "2001:db8:64::c000:aa", "2001:db8:64::c000:ab", ttl=600))
            expect(lab.client("2001:db8:b::1", via).ask("ipv4only.arpa"), "NOERROR aa rd ra",
                   aaaa("ipv4only.arpa", "2001:db8:6464::c000:aa", "2001:db8:6464::c000:ab", "2001:db8:6465::c000:aa",
                        "2001:db8:6465::c000:ab", ttl=600))
            expect(lab.client("2001:db8:c::1", via).ask("ipv4only.arpa"), "NOERROR rd ra", [], [SOA])
        pointer = "1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.4.6.8.b.d.0.1.0.0.2.ip6.arpa"
        for source in (CLIENT6, "2001:db8:b::1"):
            r = lab.client(source, via).ask(pointer, "PTR")
            equal("a CNAME and a PTR", [5, 12], [int(s.rdtype) for s in r.answer])
        r = lab.client("2001:db8:c::1", via).ask(pointer, "PTR")
        equal("without DNS64 the name itself", [12], [int(s.rdtype) for s in r.answer])


@case("T-2308-009 T-6147-sec-030: without `allow` only the host itself may ask; others get REFUSED and EDE 18", each_way=True)
def _(_, via):
    port = next(ports)
    with Lab(f'allow = [ ]; listen = [ "[::1]:{port}", "127.0.0.1:{port}", "[2001:db8:53::53]:{port}" ];') as lab:
        stranger = Client(port, CLIENT6, via)
        expect(stranger.ask("a.example"), "REFUSED rd ra", [], [], [], ede=[18])
        host = Client(port, "::1", via)
        host.server = "::1"
        expect(host.ask("a.example"), "NOERROR rd ra", aaaa("a.example", "2001:db8:64::c000:201"))
        expect(stranger.ask("a.example"), "REFUSED rd ra", [], [], [], ede=[18])
        expect(stranger.ask("ipv4only.arpa"), "REFUSED rd ra", [], [], [])
        equal("asked", 2, len({q.message.id for q in lab.upstream.seen}))
    with Lab('allow = [ "2001:db8:a::/48" ];' + VIEWS) as lab:
        for source, head in ((CLIENT6, "REFUSED rd ra"), ("2001:db8:a::1", "NOERROR rd ra"), ("2001:db8:b::1", "NOERROR rd ra"),
                             (CLIENT4, "REFUSED rd ra"), ("198.51.100.7", "NOERROR rd ra")):
            expect(lab.client(source, via).ask("a.example"), head)


@case("T-6147-sec-016 T-6147-sec-032: cookies required: BADCOOKIE to a client cookie alone, over UDP")
def _(_):
    with Lab('cookies = "required"; threads = 2;') as lab:
        client = lab.client()
        r = client.ask("a.example", options=[dns.edns.GenericOption(10, b"clientCO")])
        expect(r, "BADCOOKIE rd ra", [], [], [])
        cookie = option_of(r, 10)
        equal("length", 24, len(cookie))
        for i in range(8):  # both threads
            r = client.ask(f"a{i}.example", options=[dns.edns.GenericOption(10, cookie)])
            expect(r, "NOERROR rd ra", aaaa(f"a{i}.example", "2001:db8:64::c000:201"))
        expect(client.ask("b.example", options=[dns.edns.GenericOption(10, cookie[:16] + b"x" * 8)]), "BADCOOKIE rd ra", [])
        expect(client.ask("c.example", via="tcp", options=[dns.edns.GenericOption(10, b"clientCO")]), "NOERROR rd ra")
        expect(client.ask("d.example"), "NOERROR rd ra")
        lab.reload('cookies = "off"; threads = 2;')
        r = client.ask("e.example", options=[dns.edns.GenericOption(10, b"clientCO")])
        expect(r, "NOERROR rd ra")
        equal("no cookie", None, option_of(r, 10))


def burst(client, n, wire):
    """n queries at once from one socket; the answers that come within a moment."""
    with client.udp() as s:
        s.settimeout(0.4)
        got = []
        for _ in range(n):
            s.send(wire)
        try:
            while True:
                got.append(s.recv(4096))
        except socket.timeout:
            return got


@case("T-2308-009: rate limit by network: answers, then TC or silence; not for TCP, cookies and others")
def _(_):
    with Lab("limits = { rate = 20; rate_slip = 2; };") as lab:
        client = lab.client()
        true("first", client.ask("a.example") is not None)
        time.sleep(0.1)
        wire = client.query("a.example").to_wire()
        got = [dns.message.from_wire(w) for w in burst(client, 200, wire)]
        whole = [r for r in got if not r.flags & dns.flags.TC]
        cut = [r for r in got if r.flags & dns.flags.TC]
        true(f"{len(whole)} answers in the burst", 15 <= len(whole) <= 35)
        true(f"{len(cut)} truncated of {200 - len(whole)}", abs(len(cut) - (200 - len(whole)) / 2) <= 3)
        true("nothing in them", all(not r.answer for r in cut))
        # the same /56, another address: shared
        expect(client.ask("a.example", via="tcp"), "NOERROR rd ra")
        expect(lab.client("2001:db8:a::1").ask("a.example"), "NOERROR rd ra")
        r = client.ask("a.example", via="tcp", options=[dns.edns.GenericOption(10, b"clientCO")])
        wire = client.query("a.example", options=[dns.edns.GenericOption(10, option_of(r, 10))]).to_wire()
        equal("with a cookie", 200, sum(not dns.message.from_wire(w).flags & dns.flags.TC for w in burst(client, 200, wire)))
        lab.reload("limits = { rate = 20; rate_slip = 0; };")
        other = lab.client("2001:db8:b::1")
        got = burst(other, 100, other.query("a.example").to_wire())
        true(f"{len(got)} answers without slip", 15 <= len(got) <= 30)
        true("whole", all(not dns.message.from_wire(w).flags & dns.flags.TC for w in got))
        time.sleep(1.1)
        got = burst(other, 10, other.query("a.example").to_wire())
        equal("after a second", 10, len(got))


@case("T-7050-006: reload: the cache stays, a new prefix counts at once, a bad file changes nothing", each_way=True)
def _(_, via):
    with Lab() as lab:
        client = lab.client(via=via)
        expect(client.ask("r.example"), "NOERROR rd ra", aaaa("r.example", "2001:db8:64::c000:201"))
        lab.reload('exclude_names = [ "no.example" ];')
        expect(client.ask("r.example"), "NOERROR rd ra", aaaa("r.example", "2001:db8:64::c000:201"))
        lab.reload("", 'prefixes = [ "2001:db8:65::/96" ];')
        expect(client.ask("r.example"), "NOERROR rd ra", aaaa("r.example", "2001:db8:65::c000:201"))
        expect(client.ask("ipv4only.arpa"), "NOERROR aa rd ra", aaaa("ipv4only.arpa", "2001:db8:65::c000:aa", "2001:db8:65::c000:ab", ttl=600))
        equal("asked", ["A", "AAAA"], sorted({q.message.id: q.type for q in lab.upstream.asked("r.example")}.values()))
        lab.server.file.write_text("nat64 = { prefixes = ")
        lab.server.process.send_signal(1)
        lab.server.wait_for("not reloaded")
        expect(client.ask("r.example"), "NOERROR rd ra", aaaa("r.example", "2001:db8:65::c000:201"))
        lab.reload("", PREFIXES)
        expect(client.ask("r.example"), "NOERROR rd ra", aaaa("r.example", "2001:db8:64::c000:201"))
        equal("asked", 2, len({q.message.id for q in lab.upstream.asked("r.example")}))


@case("T-7050-006: a hundred reloads under load: every question is answered")
def _(_):
    with Lab("threads = 2;") as lab:
        done, bad = [], []

        def load(n):
            client = lab.client()
            i = 0
            while not done:
                r = client.ask(f"l{n}-{i % 50}.example")
                if r is None or not r.answer:
                    bad.append((n, i))
                i += 1
        threads = [threading.Thread(target=load, args=(n,)) for n in range(3)]
        for t in threads:
            t.start()
        try:
            for i in range(100):
                lab.server.write("threads = 2; " + LIMITS, f'prefixes = [ "2001:db8:{i + 1}::/96" ];')
                lab.server.process.send_signal(1)
                time.sleep(0.02)
        finally:
            done.append(1)
            for t in threads:
                t.join()
        equal("unanswered", [], bad)
        expect(lab.client().ask("l0-0.example"), "NOERROR rd ra", aaaa("l0-0.example", "2001:db8:100::c000:201"))


@case("reload: other upstreams, and other ways to ask them, without losing the cache")
def _(_):
    port = next(ports)
    second = Upstream(port=port, other=lambda q: q.answer(an=[f"{q.name} 300 A 192.0.2.9"]) if q.type == "A" else q.answer(ns=[SOA]))
    with Lab() as lab:
        client = lab.client()
        expect(client.ask("u.example", "A"), "NOERROR rd ra", [f"u.example. 300 A {A}"])
        held = []
        lab.upstream.on("under-way.example", "A", held.append)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(client.ask("under-way.example", "A")))
        thread.start()
        while not held:
            time.sleep(0.01)
        lab.reload(f'upstreams = [ "127.0.0.1:{port}" ]; case_0x20 = true;')
        expect(client.ask("v.example", "A"), "NOERROR rd ra", ["v.example. 300 A 192.0.2.9"])
        expect(client.ask("u.example", "A"), "NOERROR rd ra", [f"u.example. 300 A {A}"])
        zone(held[0])  # what was under way ends with the upstream that it was asked of
        thread.join()
        expect(answers[0], "NOERROR rd ra", [f"under-way.example. 300 A {A}"])
        equal("asked", 1, len({q.message.id for q in second.seen}))
        time.sleep(1.2)
        expect(client.ask("w.example", "A"), "NOERROR rd ra", ["w.example. 300 A 192.0.2.9"])
    second.close()


@case("T-6147-sec-033: cookie_secret is the operator's, and the previous one is taken while it changes")
def _(_):
    one, two = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
    with Lab(f'cookies = "required"; cookie_secret = "{one}";') as lab:
        client = lab.client()

        def cookie_of(r):
            return dns.edns.GenericOption(10, option_of(r, 10))
        first = client.ask("a.example", options=[dns.edns.GenericOption(10, b"clientCO")])
        expect(client.ask("a.example", options=[cookie_of(first)]), "NOERROR rd ra")
        lab.reload(f'cookies = "required"; cookie_secret = "{two}"; cookie_secret_previous = "{one}";')
        r = client.ask("b.example", options=[cookie_of(first)])
        expect(r, "NOERROR rd ra")
        true("a new one", option_of(r, 10) != option_of(first, 10))
        lab.reload(f'cookies = "required"; cookie_secret = "{two}";')
        expect(client.ask("c.example", options=[cookie_of(r)]), "NOERROR rd ra")
        expect(client.ask("d.example", options=[cookie_of(first)]), "BADCOOKIE rd ra", [])
        lab.server.write('cookie_secret = "12";')
        lab.server.process.send_signal(1)
        lab.server.wait_for("32 hexadecimal digits")


@case("T-6147-sec-039: on a wildcard socket the answer leaves from the address that was asked", each_way=True)
def _(_, via):
    port = next(ports)
    with Lab(f'listen = [ "[::]:{port}", "0.0.0.0:{port}" ];') as lab:
        for source, server in ((CLIENT6, SERVER6), (CLIENT6, "2001:db8:a::1"), (CLIENT4, SERVER4), (CLIENT4, "198.51.100.7"),
                               ("2001:db8:b::1", "2001:db8:b::1")):
            client = Client(port, source, via)
            client.server = server  # a connected socket: another source would not reach it
            for name in ("w.example", f"w-{server.replace(':', '-').replace('.', '-')}.example"):
                expect(client.ask(name), "NOERROR rd ra", aaaa(name, "2001:db8:64::c000:201"))
        true("asked", lab.upstream.seen)


@case("T-6147-sec-029: EDE codes: what is said, in each mode")
def _(_):
    with Lab('ede = "all"; exclude_names = [ "x.example" ];') as lab:
        client = lab.client()
        lab.upstream.on("v6.example", "AAAA", lambda q: q.answer(an=["v6.example. 60 AAAA 2001:db8:1::1"]))
        lab.upstream.on("fail.example", "*", lambda q: q.answer("REFUSED"))
        texts = {}
        for _ in range(2):  # new, and from the cache
            for name in ("s.example", "x.example", "v6.example", "fail.example"):
                r = client.ask(name)
                texts[name] = [(o.code, o.text) for o in r.options if isinstance(o, dns.edns.EDEOption)]
            equal("synthesized", [(29, "synthesized")], texts["s.example"])
            equal("excluded", [(0, "name_excluded")], texts["x.example"])
            equal("real", [], texts["v6.example"])
            equal("failed", [22], [c for c, _ in texts["fail.example"]])
        lab.reload('ede = "off";')
        for name in ("s.example", "fail.example"):
            equal(name, [], ede_of(client.ask(name)))


def main(argv):
    local_addresses(*more_clients)
    return suite.run(None, *argv[1:], threads=24)


sys.exit(main(sys.argv))
