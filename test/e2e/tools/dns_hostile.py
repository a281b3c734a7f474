#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Upstreams that are slow, broken or lying. dns_hostile.py [SCRIPT [ONLY]]"""
import socket
import struct
import sys
import threading
import time

import dns.flags
import dns.rdatatype

from dnscase import A, AAAA, SOA, good_a, run, zone
from dnsexpect import Suite, equal, expect, true
from dnslab import to_wire

suite = Suite()
case = suite.case


def changed(q, change, **answer):
    """An answer whose octets are spoilt."""
    wire = bytearray(to_wire(q.reply(**answer)))
    return bytes(change(wire) or wire)


@case("T-6147-ans-005: RCODEs other than NXDOMAIN to AAAA, over the wire", each_way=True)
def _(c, via):
    for rcode in ("SERVFAIL", "REFUSED", "NOTIMP", "FORMERR", "NOTAUTH", "YXDOMAIN", "NOTZONE"):
        name = f"{rcode.lower()}-{via}.example"
        c.on(name, "AAAA", lambda q, r=rcode: q.answer(r))
        c.synthetic(name, via)


@case("T-6147-ans-007: silence to AAAA: A within the client's patience", each_way=True)
def _(c, via):
    name = f"silent-{via}.example"
    c.on(name, "AAAA", lambda q: None)
    start = time.monotonic()
    c.synthetic(name, via)
    true("time", 0.7 < time.monotonic() - start < 2.2)
    c.on("dead-" + name, "*", lambda q: None)
    start = time.monotonic()
    expect(c.client(via).ask("dead-" + name), "SERVFAIL rd ra", [], [], [])
    true("time", time.monotonic() - start < 3.5)


@case("T-6147-ans-040: a name that times out says nothing about others")
def _(c):
    c.on("hole.example", "*", lambda q: None)
    threads = [threading.Thread(target=lambda: c.udp.ask("hole.example")) for _ in range(3)]
    for t in threads:
        t.start()
    times = []
    for i in range(21):
        start = time.monotonic()
        c.synthetic(f"beside{i}.example", "udp")
        times.append(time.monotonic() - start)
    true(f"{times}", sorted(times)[10] < 0.3)
    for t in threads:
        t.join()


@case("T-6147-ans-041: forty clients with the same question: one query of each type")
def _(c):
    c.on("same.example", "*", lambda q: (time.sleep(0.1), zone(q)))
    answers = []
    threads = [threading.Thread(target=lambda v=v: answers.append(c.client(v).ask("sAme.example")))
               for v in ["udp"] * 34 + ["tcp"] * 6]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal("answers", 40, sum(r is not None and len(r.answer) == 1 for r in answers))
    equal("asked", ["A", "AAAA"], sorted({q.message.id: q.type for q in c.upstream.asked("same.example")}.values()))


@case("T-6147-sec-015: TC=1 to AAAA or A: data over UDP is ignored, TCP is asked", each_way=True)
def _(c, via):
    def aaaa(q):
        if q.via == "udp":
            return q.answer(flags="tc")
        return q.answer(an=[f"{q.name} 300 AAAA 2001:db8:1::1"])
    c.on(f"tcaaaa-{via}.example", "AAAA", aaaa)
    expect(c.client(via).ask(f"tcaaaa-{via}.example"), "NOERROR rd ra", [f"tcaaaa-{via}.example. 300 AAAA 2001:db8:1::1"])

    def a(q):
        if q.via == "udp":
            return q.answer(an=[f"{q.name} 300 A 192.0.2.66"], flags="tc")
        return q.answer(an=[f"{q.name} 300 A {A}"])
    c.on(f"tca-{via}.example", "A", a)
    c.synthetic(f"tca-{via}.example", via)


@case("T-6147-sec-015: TC=1 and no answer over TCP: a failure, not an empty answer", each_way=True)
def _(c, via):
    for what, act in (("silent", lambda q: None),):
        name = f"tcp{what}-{via}.example"
        c.on(name, "AAAA", lambda q, act=act: q.answer(flags="tc") if q.via == "udp" else act(q))
        c.synthetic(name, via)
        c.on("a" + name, "A", lambda q, act=act: q.answer(flags="tc") if q.via == "udp" else act(q))
        expect(c.client(via).ask("a" + name), "SERVFAIL rd ra", [], [], [])


@case("T-6147-sec-017: a wrong ID, question, type, class or QR is ignored, and waiting goes on", each_way=True)
def _(c, via):
    def liar(q):
        bad = {"an": [f"{q.name} 300 A 192.0.2.66"]}
        q.send(changed(q, lambda w: bytes([w[0] ^ 1]) + w[1:], **bad))
        q.send(changed(q, lambda w: w[:13] + bytes([w[13] ^ 1]) + w[14:], **bad))
        q.send(changed(q, lambda w: w[:2] + bytes([w[2] & 0x7f]) + w[3:], **bad))
        q.send(b"")
        q.send(to_wire(q.reply(**bad))[:7])
        threading.Timer(0.05, lambda: zone(q)).start()
    name = f"liar-{via}.example"
    c.on(name, "A", liar)
    c.synthetic(name, via)

    def wrong_type(q):
        n = len(q.name.to_wire())
        q.send(changed(q, lambda w: w[:12 + n] + b"\0\5" + w[14 + n:], an=[f"{q.name} 300 A 192.0.2.66"]))
        q.send(changed(q, lambda w: w[:14 + n] + b"\0\3" + w[16 + n:], an=[f"{q.name} 300 A 192.0.2.66"]))
        threading.Timer(0.05, lambda: zone(q)).start()
    name = f"liar2-{via}.example"
    c.on(name, "A", wrong_type)
    c.synthetic(name, via)


@case("T-6147-sec-017: an answer from another port or address is ignored", each_way=True)
def _(c, via):
    name = f"offpath-{via}.example"
    port = []

    def elsewhere(q):
        bad = to_wire(q.reply(an=[f"{q.name} 300 A 192.0.2.66"]))
        for address in ("127.0.0.1", "127.0.0.9"):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((address, 0 if address == "127.0.0.1" else 100))
            peer = q.send.__defaults__[0]
            port.append(peer[1])
            s.sendto(bad, peer)
            s.close()
        threading.Timer(0.05, lambda: zone(q)).start()
    c.on(name, "A", elsewhere)
    c.synthetic(name, via)


@case("T-6147-sec-017: IDs and ports of queries are spread over their range")
def _(c):
    for i in range(120):
        c.udp.ask(f"spread{i}.example", "A")
    # The first query of each name: a repetition is the same one.
    seen = list({q.name: q for q in reversed(c.upstream.seen) if q.name.labels[0].startswith(b"spread")}.values())
    ids = {q.message.id for q in seen}
    ports = {q.send.__defaults__[0][1] for q in seen}
    true(f"{len(ids)} IDs of {len(seen)}", len(ids) >= len(seen) - 2)
    true(f"{len(ports)} ports", len(ports) > 50)
    true("IDs of all 16 bits", max(ids) > 0xc000 and min(ids) < 0x4000 and len({i & 255 for i in ids}) > 60)
    true("ports are no sequence", len({b - a for a, b in zip(sorted(ports), sorted(ports)[1:])}) > 20)


@case("T-6147-sec-017: many wrong questions under the right ID: TCP is asked")
def _(c):
    def guess(q):
        if q.via == "tcp":
            return zone(q)
        for _ in range(5):
            q.send(changed(q, lambda w: w[:13] + bytes([w[13] ^ 1]) + w[14:], **good_a(q)))
    c.on("guess.example", "A", guess)
    c.synthetic("guess.example", "udp")
    true("over TCP", any(q.via == "tcp" for q in c.upstream.asked("guess.example", "A")))


@case("T-6147-sec-019: malformed answers are a failure, and the server lives", each_way=True)
def _(c, via):
    def end(w, *octets):
        return w + bytes(octets)

    spoil = {
        "loop": lambda q: changed(q, lambda w: w[:6] + b"\0\1" + w[8:12 + len(q.name.to_wire()) + 4] +
                                  struct.pack("!BBHHIH", 0xc0, 12 + len(q.name.to_wire()) + 4, 1, 1, 300, 4) + b"\1\2\3\4"),
        "forward": lambda q: changed(q, lambda w: w[:6] + b"\0\1" + w[8:12 + len(q.name.to_wire()) + 4] +
                                     struct.pack("!BBHHIH", 0xff, 0xff, 1, 1, 300, 4) + b"\1\2\3\4"),
        "rdlength": lambda q: changed(q, lambda w: w[:6] + b"\0\1\0\0\0\0" + w[12:12 + len(q.name.to_wire()) + 4] +
                                      struct.pack("!BBHHIH", 0xc0, 12, 1, 1, 300, 3) + b"\1\2\3"),
        "long": lambda q: changed(q, lambda w: w[:6] + b"\0\1\0\0\0\0" + w[12:12 + len(q.name.to_wire()) + 4] +
                                  struct.pack("!BBHHIH", 0xc0, 12, 1, 1, 300, 5) + b"\1\2\3\4\5"),
        "counts": lambda q: changed(q, lambda w: w[:6] + b"\0\7" + w[8:], **good_a(q)),
        "cut": lambda q: to_wire(q.reply(**good_a(q)))[:-15],
        "cname": lambda q: changed(q, lambda w: w[:6] + b"\0\1\0\0\0\0" + w[12:12 + len(q.name.to_wire()) + 4] +
                                   struct.pack("!BBHHIH", 0xc0, 12, 5, 1, 300, 2) + struct.pack("!BB", 0xc0, 12 + len(q.name.to_wire()) + 4 + 12)),
    }
    for what, make in spoil.items():
        name = f"bad{what}-{via}.example"
        c.on(name, "A", lambda q, make=make: q.send(make(q)))
        expect(c.client(via).ask(name), "SERVFAIL rd ra", [], [], [])
        c.on("six-" + name, "AAAA", lambda q, make=make: q.send(make(q)))
        c.synthetic("six-" + name, via)


@case("T-6147-sec-019: octets behind the message, repeated answers and huge counts do no harm", each_way=True)
def _(c, via):
    name = f"tail-{via}.example"
    c.on(name, "A", lambda q: [q.send(to_wire(q.reply(**good_a(q))) + b"junk") for _ in range(3)])
    c.synthetic(name, via)


@case("T-6147-ans-034: records of other names and sections are not cached as answers", each_way=True)
def _(c, via):
    name = f"poison-{via}.example"
    victim = f"victim-{via}.example"
    c.on(name, "A", lambda q: q.answer(an=[f"{name}. 300 A {A}", f"{victim}. 300 A 192.0.2.66"],
                                       ns=[f"{victim}. 300 NS evil.example."], ar=[f"{victim}. 300 A 192.0.2.66"]))
    c.synthetic(name, via)
    c.client(via).ask(name, "A")
    c.synthetic(victim, via)
    expect(c.client(via).ask(victim, "A"), "NOERROR rd ra", [f"{victim}. 300 A {A}"])


@case("T-6147-sec-037: no EDNS there: FORMERR or NOTIMP with and without a question, BADVERS: asked without", each_way=True)
def _(c, via):
    def old(rcode, header_alone):
        def act(q):
            if q.message.edns < 0:
                return zone(q)
            r = q.reply(rcode, edns=False)
            q.send(to_wire(r) if not header_alone else to_wire(r)[:4] + b"\0" * 8)
        return act

    for what, rcode, alone in (("formerr", "FORMERR", False), ("header", "FORMERR", True), ("notimp", "NOTIMP", False)):
        name = f"old{what}-{via}.example"
        c.on(name, "*", old(rcode, alone))
        c.synthetic(name, via)

    def badvers(q):
        if q.message.edns < 0:
            return zone(q)
        q.answer("BADVERS")
    c.on(f"oldvers-{via}.example", "*", badvers)
    c.synthetic(f"oldvers-{via}.example", via)


@case("T-6147-sec-037: no EDNS there: a second FORMERR, to a repetition, does not end the query without EDNS", each_way=True)
def _(c, via):
    def twice(q):
        if q.message.edns < 0:
            threading.Timer(0.1, lambda: zone(q)).start()
            return
        wire = to_wire(q.reply("FORMERR", edns=False))
        q.send(wire)
        threading.Timer(0.03, lambda: q.send(wire)).start()
    name = f"oldtwice-{via}.example"
    c.on(name, "A", twice)
    c.synthetic(name, via)


@case("T-6147-sec-011: an answer longer than we said over UDP is used or asked for again", each_way=True)
def _(c, via):
    for n in (100, 300):  # 1,600 and 4,800 octets
        name = f"over{n}-{via}.example"
        c.on(name, "A", lambda q, n=n: q.send(to_wire(q.reply(an=[f"{q.name} 300 A 198.51.{100 + i // 250}.{i % 250 + 1}" for i in range(n)]))))
        equal("answers", n, len(c.tcp.ask(name).answer))


@case("T-6147-ans-016: loops and long chains over the wire", each_way=True)
def _(c, via):
    def hop(q):
        label = q.name.labels[0].decode()
        n = int(label[3:].split("-")[0])
        q.answer(an=[f"{q.name} 300 CNAME hop{n + 1}-{via}.example."])
    for i in range(40):
        c.on(f"hop{i}-{via}.example", "*", hop)
    start = time.monotonic()
    expect(c.client(via).ask(f"hop0-{via}.example"), "SERVFAIL rd ra", [], [], [])
    true("time", time.monotonic() - start < 1.5)
    a, b = f"loopa-{via}.example", f"loopb-{via}.example"
    c.on(a, "*", lambda q: q.answer(an=[f"{a}. 300 CNAME {b}."]))
    c.on(b, "*", lambda q: q.answer(an=[f"{b}. 300 CNAME {a}."]))
    expect(c.client(via).ask(a), "SERVFAIL rd ra", [], [], [])
    expect(c.client(via).ask(a, "A"), "SERVFAIL rd ra", [], [], [])


@case("T-6147-ans-014: a chain over zones of an authoritative upstream, CNAME and DNAME mixed", each_way=True)
def _(c, via):
    c.on(f"a.old-{via}.example", "*", lambda q: q.answer(
        an=[f"old-{via}.example. 500 DNAME new-{via}.example.", f"a.old-{via}.example. 500 CNAME a.new-{via}.example."], flags="aa"))
    c.on(f"a.new-{via}.example", "*", lambda q: q.answer(an=[f"a.new-{via}.example. 400 CNAME end-{via}.example."], flags="aa"))
    expect(c.client(via).ask(f"a.old-{via}.example"), "NOERROR rd ra",
           [f"old-{via}.example. 500 DNAME new-{via}.example.", f"a.old-{via}.example. 500 CNAME a.new-{via}.example.",
            f"a.new-{via}.example. 400 CNAME end-{via}.example.", f"end-{via}.example. 300 AAAA {AAAA}"])


@case("T-2308-014 T-2308-007 T-2308-002: a failure is kept: nothing more is sent, and AAAA failures still give synthesis", each_way=True)
def _(c, via):
    name = f"keep-{via}.example"
    c.on(name, "*", lambda q: q.answer("SERVFAIL"))
    expect(c.client(via).ask(name), "SERVFAIL rd ra", [], [], [])
    true("AAAA, AAAA with CD, A", len({q.message.id for q in c.upstream.asked(name)}) <= 3)
    for _ in range(5):
        expect(c.client(via).ask(name), "SERVFAIL rd ra", [], [], [])
        expect(c.client(via).ask(name, "A"), "SERVFAIL rd ra", [], [], [])
    true("no more", len({q.message.id for q in c.upstream.asked(name)}) <= 3)
    half = f"half-{via}.example"
    c.on(half, "AAAA", lambda q: q.answer("SERVFAIL"))
    c.on(half, "A", lambda q: q.answer(an=[f"{half}. 0 A {A}"]))  # TTL 0: not kept
    for _ in range(3):
        c.synthetic(half, via, ttl=0)
    equal("AAAA asked with CD=0 and CD=1", 2, len({q.message.id for q in c.upstream.asked(half, "AAAA")}))


@case("T-2308-014: a silent upstream gets a question at most three times over a transport", each_way=True)
def _(c, via):
    name = f"thrice-{via}.example"
    c.on(name, "*", lambda q: None)
    c.client(via).ask(name, "TXT")
    time.sleep(0.3)
    true("at most three", 1 <= len(c.upstream.asked(name, "TXT")) <= 3)


@case("T-2308-010: a negative answer without SOA is asked again", each_way=True)
def _(c, via):
    name = f"nosoa-{via}.example"
    c.on(name, "*", lambda q: q.answer(flags="ra"))
    for _ in range(2):
        expect(c.client(via).ask(name, "TXT"), "NOERROR rd ra", [], [], [])
    equal("asked", 2, len({q.message.id for q in c.upstream.asked(name, "TXT")}))


@case("T-6147-ans-037: TTL 0 is not kept", each_way=True)
def _(c, via):
    name = f"zero-{via}.example"
    c.on(name, "A", lambda q: q.answer(an=[f"{name}. 0 A {A}"]))
    for _ in range(2):
        c.synthetic(name, via, ttl=0)
    equal("asked", 2, len({q.message.id for q in c.upstream.asked(name, "A")}))


@case("T-2308-004: below a name that does not exist there is nothing, and nothing is asked", each_way=True)
def _(c, via):
    name = f"cut-{via}.example"
    c.on(name, "*", lambda q: q.answer("NXDOMAIN", ns=[SOA]))
    expect(c.client(via).ask(name), "NXDOMAIN rd ra", [], [SOA])
    expect(c.client(via).ask(f"a.b.{name}"), "NXDOMAIN rd ra", [], [SOA])
    expect(c.client(via).ask(f"a.{name}", "TXT"), "NXDOMAIN rd ra", [], [SOA])
    equal("asked", [], c.upstream.asked(f"a.b.{name}") + c.upstream.asked(f"a.{name}"))
    # through a CNAME it is the end that does not exist
    alias = f"alias-{via}.example"
    c.on(alias, "*", lambda q: q.answer("NXDOMAIN", an=[f"{alias}. 300 CNAME gone.{alias}."], ns=[SOA]))
    expect(c.client(via).ask(alias), "NXDOMAIN rd ra", [f"{alias}. 300 CNAME gone.{alias}."], [SOA])
    c.synthetic(f"there.{alias}", via)


@case("T-6147-ans-036: NXDOMAIN to A beside NODATA to AAAA does not hide the names below", each_way=True)
def _(c, via):
    name = f"odd-{via}.example"
    c.on(name, "A", lambda q: q.answer("NXDOMAIN", ns=[SOA]))
    expect(c.client(via).ask(name), "NXDOMAIN rd ra", [], [SOA])
    c.synthetic(f"below.{name}", via)
    expect(c.client(via).ask(name, "TXT"), "NOERROR rd ra", [], [SOA])


@case("T-2308-001 T-2308-011: NODATA is kept by type, NXDOMAIN for all types; the SOA counts down", each_way=True)
def _(c, via):
    name = f"neg-{via}.example"
    c.on(name, "*", lambda q: q.answer("NXDOMAIN", ns=[SOA]))
    expect(c.client(via).ask(name, "TXT"), "NXDOMAIN rd ra", [], [SOA])
    expect(c.client(via).ask(name, "MX"), "NXDOMAIN rd ra")
    equal("asked", 1, len({q.message.id for q in c.upstream.asked(name)}))
    name = f"nodata-{via}.example"
    expect(c.client(via).ask(name, "TXT"), "NOERROR rd ra", [], [SOA])
    time.sleep(1.1)
    r = c.client(via).ask(name, "TXT")
    true(f"SOA TTL {r.authority[0].ttl}", 897 <= r.authority[0].ttl < 900)
    c.client(via).ask(name, "MX")
    equal("asked", ["MX", "TXT"], sorted({q.message.id: q.type for q in c.upstream.asked(name)}.values()))


@case("T-2308-003: a synthetic answer counts down in the cache", each_way=True)
def _(c, via):
    name = f"count-{via}.example"
    c.synthetic(name, via)
    time.sleep(1.1)
    r = c.client(via).ask(name)
    true(f"TTL {r.answer[0].ttl}", 297 <= r.answer[0].ttl < 300)
    equal("asked", 2, len({q.message.id for q in c.upstream.asked(name)}))


@case("T-2308-012: a huge TTL is not 0", each_way=True)
def _(c, via):
    name = f"huge-{via}.example"
    for ttl in (0x80000000, 0xffffffff):
        c.on(f"{ttl}-{name}", "A", lambda q, t=ttl: q.send(changed(q, lambda w: w[:-8 - 11 - 2] + struct.pack("!I", t) + w[-6 - 11:-11] + w[-11:] if False else None,
                                                                  an=[f"{q.name} {t} A {A}"])))
        r = c.client(via).ask(f"{ttl}-{name}", "A")
        equal("TTL", 604800, r.answer[0].ttl)


@case("T-9460-001 T-9460-002 T-9460-003: HTTPS and SVCB octet by octet, from the cache too", each_way=True)
def _(c, via):
    name = f"svc-{via}.example"
    # AliasMode with parameters that are invalid, unknown keys, an ipv4hint, an empty key
    for i, rdata in enumerate(("0000c00c00", "0001000001000302683200040004c0000201", "0001000001000302683200040004c0000201fde800020102",
                               "00010377777707657861 6d706c6500 ffff0000".replace(" ", ""))):
        for kind in ("TYPE64", "TYPE65"):
            n = f"{i}-{name}"
            c.on(n, dns.rdatatype.to_text(int(kind[4:])), lambda q, r=rdata, k=kind: q.send(wire_rdata(q, bytes.fromhex(r))))
            for _ in range(2):
                q = c.client(via).query(n, kind)
                wire = c.client(via).exchange(q.to_wire())
                true(f"{kind} {rdata}", bytes.fromhex(rdata) in wire)


def wire_rdata(q, rdata):
    head = bytearray(to_wire(q.reply(edns=False)))
    head[6:8] = b"\0\1"
    return bytes(head) + struct.pack("!BBHHIH", 0xc0, 12, int(q.message.question[0].rdtype), 1, 300, len(rdata)) + rdata


@case("T-6147-sec-040: unknown types pass unchanged, names in them too", each_way=True)
def _(c, via):
    rdata = bytes.fromhex("c00c00ff0361626300")
    name = f"unknown-{via}.example"
    c.on(name, "TYPE65280", lambda q: q.send(wire_rdata(q, rdata)))
    for _ in range(2):
        q = c.client(via).query(name, "TYPE65280")
        true("RDATA", c.client(via).exchange(q.to_wire()).endswith(rdata + q.to_wire()[-11:-11 + 3] + b"") or
             rdata in c.client(via).exchange(q.to_wire()))


@case("T-6147-sec-040: labels of any octets, names of 255 octets", each_way=True)
def _(c, via):
    long = "\\000\\255." + ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * (48 if via == "udp" else 47)]) + ".ex"
    r = c.client(via).ask(long)
    expect(r, "NOERROR rd ra")
    equal("answers", 1, len(r.answer))


@case("T-6147-ans-005: an error that is a header alone is not waited upon", each_way=True)
def _(c, via):
    for rcode in (2, 5, 1):  # SERVFAIL, REFUSED; FORMERR asks again without EDNS
        name = f"bare{rcode}-{via}.example"
        c.on(name, "AAAA", lambda q, r=rcode: q.send(struct.pack("!6H", q.message.id, 0x8180 | r, 0, 0, 0, 0)))
        start = time.monotonic()
        c.synthetic(name, via)
        true("time", time.monotonic() - start < 0.6)


@case("T-7050-006 T-7050-009: TTLs of our own answers do not count down")
def _(c):
    for name, kind, ttl in (("ipv4only.arpa", "AAAA", 600), ("localhost", "A", 600), ("x.invalid", "A", 600)):
        c.udp.ask(name, kind)
        time.sleep(1.1)
        r = c.udp.ask(name, kind)
        equal(name, {ttl}, {rrset.ttl for rrset in [*r.answer, *r.authority]})


@case("T-7050-001 T-7050-008: ipv4only.arpa and special names, nothing goes upstream", each_way=True)
def _(c, via):
    for name, kind in (("ipv4only.arpa", "AAAA"), ("ipv4only.arpa", "A"), ("ipv4only.arpa", "NS"), ("x.ipv4only.arpa", "AAAA"),
                       ("localhost", "AAAA"), ("a.localhost", "A"), ("x.invalid", "A"), ("x.test", "AAAA"), ("x.onion", "AAAA")):
        r = c.client(via).ask(name, kind)
        true(f"{name} {kind}", r is not None and r.flags & dns.flags.AA)
        equal(f"{name} {kind} upstream", [], c.upstream.asked(name))


sys.exit(run(suite, sys.argv))
