#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Several upstreams of which one fails, upstreams over TCP, cookies and random case towards them.
dns_failover.py [SCRIPT [ONLY]]"""
import socket
import struct
import sys
import threading
import time

import dns.edns

from dnscase import A, AAAA, SOA, good_a, run, zone
from dnsexpect import Suite, equal, expect, true
from dnslab import Client, Server, Upstream, to_wire

suite = Suite()
case = suite.case


def several(dns64, *ports, other=zone):
    """Upstreams of their own and a server that knows them, in this order."""
    ups = [Upstream(port=p, other=other) for p in ports]
    keys = "upstreams = [ " + ", ".join(f'"127.0.0.1:{p}"' for p in ports) + " ];"
    server = Server(keys + "limits = { aaaa_timeout_ms = 800; total_timeout_ms = 2000; retransmit_ms = 150; };" + dns64,
                    port=ports[0] + 400)
    return ups, server, Client(server.port)


@case("T-6147-ans-040: failover: an upstream that refuses, errs or is silent is passed over")
def _(c):
    ups, server, client = several("", 110, 111)
    try:
        for what in ("SERVFAIL", "REFUSED", "NOTIMP"):
            ups[0].other = lambda q, r=what: q.answer(r)
            expect(client.ask(f"{what.lower()}.example"), "NOERROR rd ra", [f"{what.lower()}.example. 300 AAAA {AAAA}"])
        ups[0].other = lambda q: None
        for i in range(30):
            expect(client.ask(f"silent{i}.example"), "NOERROR rd ra", [f"silent{i}.example. 300 AAAA {AAAA}"])
        # after a while the silent one is not waited for any more
        time.sleep(0.2)
        times = []
        for i in range(7):
            start = time.monotonic()
            client.ask(f"later{i}.example")
            times.append(time.monotonic() - start)
        true(f"{times}", sorted(times)[3] < 0.12)
        true("said so", "does not answer" in server.log.read_text())
        # and it is found again when it answers
        ups[0].other = zone
        end = time.monotonic() + 8
        n = 0
        while "answers" not in server.log.read_text().replace("does not answer", ""):
            true("the first upstream is not asked again", time.monotonic() < end)
            client.ask(f"again{n}.example")
            n += 1
            time.sleep(0.1)
    finally:
        server.stop()


@case("T-6147-ans-040: failover: a port where nobody listens costs no waiting")
def _(c):
    ups, server, client = several("", 120, 121)
    try:
        ups[0].close()
        times = []
        for i in range(9):
            start = time.monotonic()
            expect(client.ask(f"closed{i}.example"), "NOERROR rd ra", [f"closed{i}.example. 300 AAAA {AAAA}"])
            times.append(time.monotonic() - start)
        true(f"{times}", sorted(times)[4] < 0.12)
    finally:
        server.stop()


@case("T-6147-sec-037: an upstream over TCP: pipelined, answered in any order, reused, asked again when it closes")
def _(c):
    up = Upstream(port=130, other=zone)
    held, streams = [], []

    def stream(s):
        streams.append(s)
        up.serve_stream(s)
    up.on_stream = stream
    server = Server('upstreams = [ "tcp://127.0.0.1:130" ];' + "limits = { aaaa_timeout_ms = 800; total_timeout_ms = 2000; };", port=530)
    client = Client(530)
    try:
        def hold(q):
            held.append(q)
            if len(held) == 6:  # three clients, AAAA and A
                for h in reversed(held):
                    zone(h)
        for i in range(3):
            up.on(f"order{i}.example", "*", hold)
        answers = []
        threads = [threading.Thread(target=lambda i=i: answers.append((i, client.ask(f"order{i}.example")))) for i in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for i, r in answers:
            expect(r, "NOERROR rd ra", [f"order{i}.example. 300 AAAA {AAAA}"])
        equal("IDs", 6, len({h.message.id for h in held}))
        for i in range(5):
            expect(client.ask(f"reuse{i}.example"), "NOERROR rd ra")
        equal("connections", 1, len(streams))

        closed = []

        def close(q):  # the connection goes with a question on it
            if not closed:
                closed.append(1)
                streams[-1].shutdown(socket.SHUT_RDWR)
                return
            zone(q)
        up.on("close.example", "*", close)
        expect(client.ask("close.example"), "NOERROR rd ra", [f"close.example. 300 AAAA {AAAA}"])
        equal("connections", 2, len(streams))
        # in pieces
        up.on("pieces.example", "A", lambda q: pieces(streams[-1], to_wire(q.reply(**good_a(q)))))
        expect(client.ask("pieces.example"), "NOERROR rd ra", [f"pieces.example. 300 AAAA {AAAA}"])
        # half a message, then the end
        up.on("halfway.example", "A", lambda q: (streams[-1].sendall(b"\0\x40half"), streams[-1].shutdown(socket.SHUT_RDWR)))
        expect(client.ask("halfway.example"), "SERVFAIL rd ra", [], [], [])
        expect(client.ask("after.example"), "NOERROR rd ra", [f"after.example. 300 AAAA {AAAA}"])
    finally:
        server.stop()


def pieces(stream, wire):
    for b in struct.pack("!H", len(wire)) + wire:
        stream.sendall(bytes([b]))
        time.sleep(0.001)


class CookieUpstream(Upstream):
    """Knows cookies: gives one of 16 octets, and notes what was shown. `strict`: BADCOOKIE to who shows none."""

    def __init__(self, *args, strict=0, **more):
        super().__init__(*args, **more)
        self.shown, self.strict = [], strict
        self.other = self.with_cookie

    def with_cookie(self, q):
        got = [o.data for o in q.message.options if int(o.otype) == 10]
        self.shown.append((q.via, got[0] if got else None))
        if not got:
            return zone(q)
        mine = dns.edns.GenericOption(10, got[0][:8] + b"serverserverCOOK")
        if self.strict and q.via == "udp" and got[0][8:] != b"serverserverCOOK"[:self.strict]:
            return q.answer("BADCOOKIE", options=[mine])
        return q.answer(an=[f"{q.name} 300 A {A}"] if q.type == "A" else [], ns=[] if q.type == "A" else [SOA], options=[mine])


@case("T-6147-sec-034: cookies towards upstreams: one for each server, the server's is shown, wrong ones are discarded")
def _(c):
    ups = [CookieUpstream(port=p) for p in (150, 151)]
    server = Server('upstreams = [ "127.0.0.1:150", "127.0.0.1:151" ]; upstream_cookies = true; '
                    "limits = { aaaa_timeout_ms = 900; total_timeout_ms = 2400; retransmit_ms = 300; };", port=550)
    client = Client(550)
    try:
        for i in range(4):
            expect(client.ask(f"c{i}.example"), "NOERROR rd ra", [f"c{i}.example. 300 AAAA {AAAA}"])
        shown = [s for _, s in ups[0].shown]
        mine = shown[0][:8]
        true("one client cookie", all(s[:8] == mine for s in shown))
        equal("the first query shows the client's only", 8, len(shown[0]))
        equal("later ones the server's too", mine + b"serverserverCOOK", shown[-1])

        # an answer without the cookie, with another one or with half of one is not believed
        def forged(q):
            bad = f"{q.name} 300 A 192.0.2.66"
            for option in (None, b"other123" + b"serverserverCOOK", mine, mine + b"short", mine + b"x" * 40):
                q.send(to_wire(q.reply(an=[bad], options=[] if option is None else [dns.edns.GenericOption(10, option)])))
            threading.Timer(0.05, lambda: ups[0].with_cookie(q)).start()
        ups[0].on("forged.example", "A", forged)
        expect(client.ask("forged.example"), "NOERROR rd ra", [f"forged.example. 300 AAAA {AAAA}"])
        # where nothing better comes, TCP is asked
        ups[0].on("bare.example", "A", lambda q: zone(q) if q.via == "tcp" else q.answer(an=[f"{q.name} 300 A 192.0.2.66"]))
        expect(client.ask("bare.example"), "NOERROR rd ra", [f"bare.example. 300 AAAA {AAAA}"])
        # another server, another cookie
        ups[0].other = lambda q: q.answer("REFUSED", options=[dns.edns.GenericOption(10, mine + b"serverserverCOOK")])
        expect(client.ask("second.example"), "NOERROR rd ra", [f"second.example. 300 AAAA {AAAA}"])
        true("another one", ups[1].shown[0][1][:8] != mine)
    finally:
        server.stop()


@case("T-6147-sec-034: BADCOOKIE: asked again with the cookie given, then over TCP; a server without cookies gets none")
def _(c):
    for strict, port in ((16, 152), (4, 153)):  # 4: no cookie is ever good enough
        up = CookieUpstream(port=port, strict=strict)
        server = Server("upstream_cookies = true; limits = { aaaa_timeout_ms = 900; total_timeout_ms = 2400; retransmit_ms = 300; };",
                        port=port + 400, upstream=("127.0.0.1", port))
        try:
            client = Client(port + 400)
            expect(client.ask("bad.example"), "NOERROR rd ra", [f"bad.example. 300 AAAA {AAAA}"])
            vias = [v for v, _ in up.shown]
            equal("over TCP", strict == 4, "tcp" in vias)
        finally:
            server.stop()
            up.close()
    up = Upstream(port=154, other=zone)
    server = Server("upstream_cookies = true;", port=554, upstream=("127.0.0.1", 154))
    try:
        client = Client(554)
        for i in range(4):
            expect(client.ask(f"n{i}.example"), "NOERROR rd ra", [f"n{i}.example. 300 AAAA {AAAA}"])
        have = [any(int(o.otype) == 10 for o in q.message.options) for q in up.seen]
        true("with the first ones only", have[0] and not any(have[2:]))
    finally:
        server.stop()


@case("T-6147-sec-041: queries leave from the addresses that are named, and from no port to be avoided")
def _(c):
    ups, server, client = several('upstream_source = [ "127.0.0.7", "127.0.0.8", "::1" ]; '
                                  'upstream_avoid_ports = [ "1024-9999", "20000-65535" ];', 160)
    try:
        for i in range(60):
            expect(client.ask(f"n{i}.example"), "NOERROR rd ra", [f"n{i}.example. 300 AAAA {AAAA}"])
        peers = {q.peer for q in ups[0].seen}
        equal("addresses", {"127.0.0.7", "127.0.0.8"}, {p[0] for p in peers})
        true(f"ports {sorted(p[1] for p in peers)}", all(10000 <= p[1] < 20000 for p in peers))
        true("many of them", len({p[1] for p in peers}) > 50)
        ups[0].other = lambda q: q.answer(flags="tc") if q.via == "udp" else zone(q)
        expect(client.ask("cut.example"), "NOERROR rd ra", [f"cut.example. 300 AAAA {AAAA}"])
        over_tcp = {q.peer[0] for q in ups[0].seen if q.via == "tcp"}
        true(f"over TCP too: {over_tcp}", over_tcp and over_tcp <= {"127.0.0.7", "127.0.0.8"})
        # an address taken away is no longer used, and no question is lost for it
        server.reload('upstreams = [ "127.0.0.1:160" ]; upstream_source = [ "127.0.0.9" ];')
        ups[0].other, ups[0].seen[:] = zone, []
        expect(client.ask("reloaded.example"), "NOERROR rd ra", [f"reloaded.example. 300 AAAA {AAAA}"])
        equal("after the reload", {"127.0.0.9"}, {q.peer[0] for q in ups[0].seen})
    finally:
        server.stop()


@case("T-6147-sec-017: case_0x20: names go out in random case, an answer in another case is not believed")
def _(c):
    up = Upstream(port=140, other=zone)
    server = Server("case_0x20 = true; limits = { aaaa_timeout_ms = 600; total_timeout_ms = 1500; retransmit_ms = 150; };",
                    port=540, upstream=("127.0.0.1", 140))
    client = Client(540)
    try:
        for i in range(5):
            name = f"abcdefghijklmnop{i}.example."
            expect(client.ask(name), "NOERROR rd ra", [f"{name} 300 AAAA {AAAA}"])
        names = {q.name.to_text() for q in up.seen}
        true("random case", len(names) >= 9 and all(n != n.lower() for n in names))

        def fold(q):
            wire = bytearray(to_wire(q.reply(an=[f"{q.name} 300 A 192.0.2.66"])))
            wire[12:12 + 17] = bytes(wire[12:12 + 17]).lower()
            q.send(bytes(wire))
            if q.via == "tcp":
                return
            threading.Timer(0.05, lambda: zone(q)).start()
        up.on("foldfoldfoldfold.example", "A", fold)
        expect(client.ask("foldfoldfoldfold.example"), "NOERROR rd ra", [f"foldfoldfoldfold.example. 300 AAAA {AAAA}"])
    finally:
        server.stop()


sys.exit(run(suite, sys.argv))
