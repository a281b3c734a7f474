#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What clients may send, well-formed or not, and what comes back: EDNS, cookies, sizes, flags, opcodes.
dns_queries.py [SCRIPT [ONLY]]"""
import struct
import sys
import time

import dns.edns
import dns.flags
import dns.message
import dns.name

from dnscase import SOA, run
from dnsexpect import Suite, ede_of, equal, expect, flags_of, option_of, true
from dnslab import CLIENT4, Client

suite = Suite()
case = suite.case
COOKIE = 10


def zone(q):
    """Any name: A 192.0.2.1 and no AAAA; nNN.*: so many A records."""
    first = q.name.labels[0].decode(errors="replace")
    n = int(first[1:].split("-")[0]) if first[:1] == "n" and first[1:].split("-")[0].isdigit() else 1
    if q.type == "A":
        return q.answer(an=[f"{q.name} 300 A 198.51.{100 + i // 250}.{i % 250 + 1}" for i in range(n)])
    return q.answer(ns=[SOA])


def raw(name, kind=28, flags=0x0100, ident=0x1234, counts=(1, 0, 0, 0), tail=b"", cls=1):
    q = dns.name.from_text(name).to_wire() + struct.pack("!HH", kind, cls)
    return struct.pack("!6H", ident, flags, *counts) + q + tail


def opt(size=1232, ext=0, version=0, flags=0, options=b"", owner=b"\0"):
    return owner + struct.pack("!HHBBHH", 41, size, ext, version, flags, len(options)) + options


def option(code, data):
    return struct.pack("!HH", code, len(data)) + data


def rcode_of(wire):
    """Of header and OPT together; None: no answer."""
    if wire is None:
        return None
    return dns.message.from_wire(wire, ignore_trailing=True).rcode() if len(wire) > 12 else wire[3] & 15


@case("T-6147-sec-009: EDNS version 1: BADVERS, our version is 0", each_way=True)
def _(c, via):
    r = c.client(via).ask("badvers.example", version=1)
    expect(r, "BADVERS rd ra", [], [], [])
    r = c.client(via).ask("badvers.example", version=255, do=True)
    expect(r, "BADVERS rd ra", [], [], [])


@case("T-6147-sec-010 T-6147-sec-025: two OPT, or an OPT whose owner is not the root", each_way=True)
def _(c, via):
    for tail in (opt() + opt(), opt(owner=b"\1x\0"), opt(owner=b"\xc0\x0c")):
        wire = c.client(via).exchange(raw("opt.example", counts=(1, 0, 0, 2 if tail == opt() + opt() else 1), tail=tail))
        equal("RCODE", 1, rcode_of(wire))
        r = dns.message.from_wire(wire)
        true("question", len(r.question) == 1)
        true("OPT in the answer to an EDNS query", r.edns == 0)


@case("T-6147-sec-010: an OPT in the answer section", each_way=True)
def _(c, via):
    equal("RCODE", 1, rcode_of(c.client(via).exchange(raw("opt2.example", counts=(1, 1, 0, 0), tail=opt()))))


@case("T-6147-sec-010: no OPT in the query, none in the answer", each_way=True)
def _(c, via):
    expect(c.client(via).ask("noopt.example", edns=False), "NOERROR rd ra", ["noopt.example. 300 AAAA 2001:db8:64::c633:6401"])


@case("T-6147-sec-011: a UDP size below 512 is 512, and is forgotten; ours is 1,232 at most")
def _(c):
    r = c.udp.ask("n12-size.example", size=100)
    expect(r, "NOERROR rd ra")
    equal("answers", 12, len(r.answer))
    expect(c.udp.ask("n20-size.example", size=100), "NOERROR tc rd ra", [], [], [])
    r = c.udp.ask("n40-size.example", size=4096)
    expect(r, "NOERROR rd ra")
    equal("answers", 40, len(r.answer))
    expect(c.udp.ask("n45-size.example", size=4096), "NOERROR tc rd ra", [], [], [])
    expect(c.udp.ask("n20-size.example", edns=False), "NOERROR tc rd ra", [], [], [])
    equal("answers after that", 20, len(c.udp.ask("n20-size.example", size=1232).answer))


@case("T-6147-sec-012: DO is copied, unknown options are ignored, none goes upstream", each_way=True)
def _(c, via):
    ecs = dns.edns.ECSOption("203.0.113.0", 24)
    odd = [ecs, dns.edns.GenericOption(65001, b"abc"), dns.edns.GenericOption(3, b""), dns.edns.GenericOption(COOKIE, b"8" * 8)]
    name = f"options-{via}.example"
    expect(c.client(via).ask(name, do=True, options=odd), "NOERROR rd ra", [f"{name}. 300 AAAA 2001:db8:64::c633:6401"])
    for q in c.upstream.asked(name):
        for o in q.message.options:
            true(f"option {o.otype} went upstream", o.otype == COOKIE and o.data[:8] != b"8" * 8)
        true("DO upstream", q.message.ednsflags & dns.flags.DO)


@case("T-6147-sec-012: options of upstream's OPT stay there, also from the cache", each_way=True)
def _(c, via):
    name = f"upopt-{via}.example"
    c.upstream.on(name, "*", lambda q: q.answer(
        an=[f"{name}. 300 A 192.0.2.1"] if q.type == "A" else [], ns=[] if q.type == "A" else [SOA],
        options=[dns.edns.GenericOption(3, b"nsid"), dns.edns.ECSOption("203.0.113.0", 24), dns.edns.EDEOption(22, "upstream")]))
    for _ in range(2):
        r = c.client(via).ask(name)
        equal("options", {15}, {int(o.otype) for o in r.options if int(o.otype) != 11})
        equal("EDE", [29], ede_of(r))


@case("T-6147-sec-013 T-6147-ans-033: 150 addresses: TC over UDP, whole over TCP")
def _(c):
    expect(c.udp.ask("n150-big.example"), "NOERROR tc rd ra", [], [], [])
    r = c.tcp.ask("n150-big.example")
    expect(r, "NOERROR rd ra")
    equal("answers", 150, len(r.answer))
    expect(c.udp.ask("n150-big.example"), "NOERROR tc rd ra", [], [], [])


@case("T-6147-sec-013: an RRset of which not all fits is not sent in part")
def _(c):
    for n in range(10, 46, 5):
        r = c.udp.ask(f"n{n}-part.example", size=600)
        true(f"{n}: {len(r.answer)} answers", len(r.answer) == (0 if r.flags & dns.flags.TC else n))


@case("T-6147-sec-016: a client cookie gets a server cookie of 16 octets", each_way=True)
def _(c, via):
    r = c.client(via).ask(f"cookie-{via}.example", options=[dns.edns.GenericOption(COOKIE, b"clientCO")])
    cookie = option_of(r, COOKIE)
    equal("length", 24, len(cookie))
    equal("client cookie", b"clientCO", cookie[:8])
    equal("version and reserved octets", b"\1\0\0\0", cookie[8:12])
    true("time", abs(struct.unpack("!I", cookie[12:16])[0] - time.time()) < 5)
    # shown again, it is taken, and the same one comes back
    r = c.client(via).ask(f"cookie2-{via}.example", options=[dns.edns.GenericOption(COOKIE, cookie)])
    equal("cookie", cookie, option_of(r, COOKIE))


@case("T-6147-sec-016: COOKIE options of other lengths: FORMERR", each_way=True)
def _(c, via):
    for n in [*range(0, 8), *range(9, 16), 41, 60]:
        r = c.client(via).ask("cookielen.example", options=[dns.edns.GenericOption(COOKIE, b"x" * n)])
        expect(r, "FORMERR rd ra", [], [], [])
    for n in (8, 16, 17, 24, 40):
        r = c.client(via).ask("cookielen.example", options=[dns.edns.GenericOption(COOKIE, b"x" * n)])
        expect(r, "NOERROR rd ra")
        equal("length of the answer's", 24, len(option_of(r, COOKIE)))


@case("T-6147-sec-018: the name comes back as it was spelled, from the cache too", each_way=True)
def _(c, via):
    for name in ("cAsE.ExAmPlE.", "CaSe.eXaMpLe.", "case.example."):
        r = c.client(via).ask(name)
        equal("question", name, r.question[0].name.to_text())
        equal("owner", name, r.answer[0].name.to_text())
    true("asked once", len({q.message.id for q in c.upstream.asked("case.example", "A")}) <= 1)


@case("T-6147-sec-019: malformed queries get FORMERR or silence, and the server lives", each_way=True)
def _(c, via):
    head = struct.pack("!6H", 0x1234, 0x0100, 1, 0, 0, 0)
    good = raw("malformed.example")
    bad = [head + b"\xc0\x0c" + struct.pack("!HH", 28, 1),              # pointer to itself
           head + b"\3abc\xc0\x10" + struct.pack("!HH", 28, 1),         # loop
           head + b"\xc0\x20" + struct.pack("!HH", 28, 1) + b"\0" * 16,  # forward
           head + b"\x41a\0" + struct.pack("!HH", 28, 1),               # label type 01
           head + b"\x80a\0" + struct.pack("!HH", 28, 1),               # label type 10
           head + b"\3ab", head + b"\3abc\0\0", head,                   # cut
           raw("malformed.example", counts=(1, 1, 0, 0)),               # records that are not there
           raw("malformed.example", counts=(1, 0, 0, 1)),
           raw("malformed.example", counts=(1, 0, 0, 1), tail=opt()[:-1]),
           raw("malformed.example", counts=(1, 0, 0, 1), tail=b"\0" + struct.pack("!HHIH", 1, 1, 0, 4) + b"abc"),
           head + b"".join(b"\x3f" + b"a" * 63 for _ in range(4)) + b"\0" + struct.pack("!HH", 28, 1)]  # 257 octets
    client = Client(via=via, timeout=0.3)
    for wire in bad:
        got = rcode_of(client.exchange(wire))
        true(f"{wire.hex()}: {got}", got in (1, None))
    for n in range(12):
        true("shorter than a header", client.exchange(good[:n] if n else b"x") is None)
    true("QR=1 is not answered", client.exchange(raw("malformed.example", flags=0x8100)) is None)
    true("QR=1 is not answered", client.exchange(raw("malformed.example", flags=0xa900)) is None)
    expect(c.client(via).ask("malformed.example"), "NOERROR rd ra")


@case("T-6147-sec-025: options that overrun the OPT: FORMERR with an OPT", each_way=True)
def _(c, via):
    for options in (b"\0", b"\0\3\0", b"\0\3\0\5ab", struct.pack("!HH", 3, 65535)):
        wire = c.client(via).exchange(raw("overrun.example", counts=(1, 0, 0, 1), tail=opt(options=options)))
        equal("RCODE", 1, rcode_of(wire))
        r = dns.message.from_wire(wire)
        equal("OPT", 0, r.edns)
        equal("questions", 1, len(r.question))


@case("T-6147-sec-026: AA, TC, RA, Z and unknown EDNS flags of a query are ignored, and zero in the answer", each_way=True)
def _(c, via):
    for flags in (0x0100 | 0x0400, 0x0100 | 0x0200, 0x0100 | 0x0080, 0x0100 | 0x0040, 0x0100 | 0x06c0):
        wire = c.client(via).exchange(raw("flags.example", flags=flags, counts=(1, 0, 0, 1), tail=opt(flags=0x7fff)))
        r = dns.message.from_wire(wire)
        equal("RCODE", 0, r.rcode())
        equal("flags", "rd ra", flags_of(r))
        equal("EDNS flags", 0, r.ednsflags & 0xffff)
    wire = c.client(via).exchange(raw("flags.example", flags=0x0107))  # an RCODE in a query
    equal("RCODE", 0, rcode_of(wire))


@case("T-6147-sec-027: two questions, or none: FORMERR", each_way=True)
def _(c, via):
    q = raw("two.example")
    wire = c.client(via).exchange(struct.pack("!6H", 7, 0x0100, 2, 0, 0, 0) + q[12:] * 2)
    equal("RCODE", 1, rcode_of(wire))
    for tail, n in ((b"", 0), (opt(), 1)):
        wire = c.client(via).exchange(struct.pack("!6H", 7, 0x0100, 0, 0, 0, n) + tail)
        equal("RCODE", 1, rcode_of(wire))
        equal("OPT", 0 if n else -1, dns.message.from_wire(wire).edns)


@case("T-6147-sec-028: other opcodes: NOTIMP from the header alone", each_way=True)
def _(c, via):
    for opcode in [1, 2, 4, 5, 6, 15]:
        for body in (raw("opcode.example")[12:], b"\xc0\x0c" * 9, b""):
            wire = c.client(via).exchange(struct.pack("!6H", 99, opcode << 11 | 0x0100, 1, 0, 0, 0) + body)
            true(f"opcode {opcode}", wire is not None)
            equal("ID", 99, struct.unpack("!H", wire[:2])[0])
            equal("opcode", opcode, wire[2] >> 3 & 15)
            equal("QR", 0x80, wire[2] & 0x80)
            equal("RCODE", 4, wire[3] & 15)
            equal("counts", (0, 0, 0, 0), struct.unpack("!4H", wire[4:12]))


@case("T-6147-sec-029: what does not fit drops the EDE first, with TC")
def _(c):
    found = False
    for pad in range(1, 40):
        name = f"n10-{'a' * pad}.example"
        full = c.tcp.ask(name)
        size = len(full.wire)
        r = c.udp.ask(name, size=512)
        if size > 512 + 16:  # keepalive of TCP: 6 octets, EDE: 6
            break
        if not ede_of(r):
            true("TC without the EDE", r.flags & dns.flags.TC)
            equal("answers", 10, len(r.answer))
            found = True
    n = 14
    while not found and n < 18:
        for pad in range(1, 50):
            name = f"n{n}-{'a' * pad}.example"
            r = c.udp.ask(name, size=512)
            if not ede_of(r) and r.answer:
                true("TC without the EDE", r.flags & dns.flags.TC)
                equal("answers", n, len(r.answer))
                found = True
        n += 1
    true("a length at which only the EDE did not fit", found)


@case("T-6147-sec-029: any EDE of upstream with any RCODE is taken", each_way=True)
def _(c, via):
    for i, codes in enumerate(([6], [22, 23], [3, 29, 65535], [0])):
        name = f"ede{i}-{via}.example"
        c.upstream.on(name, "*", lambda q, n=name, k=codes: q.answer(
            an=[f"{n}. 300 {q.type} 192.0.2.1"] if q.type == "A" else [], ns=[] if q.type == "A" else [SOA],
            options=[dns.edns.EDEOption(k, "because") for k in k]))
        expect(c.client(via).ask(name), "NOERROR rd ra", [f"{name}. 300 AAAA 2001:db8:64::c000:201"], ede=[29])


@case("T-6147-ans-006: an EDE 6 of upstream beside SERVFAIL does not decide", each_way=True)
def _(c, via):
    name = f"ede6-{via}.example"
    c.upstream.on(name, "AAAA", lambda q: q.answer("SERVFAIL", options=[dns.edns.EDEOption(6, "bogus")]))
    expect(c.client(via).ask(name), "NOERROR rd ra", [f"{name}. 300 AAAA 2001:db8:64::c633:6401"])
    equal("asked again with CD", [False, True], sorted({q.cd for q in c.upstream.asked(name, "AAAA")}))


@case("T-6147-sec-030: RD=0: REFUSED with EDE 20", each_way=True)
def _(c, via):
    expect(c.client(via).ask("nord.example", rd=False), "REFUSED ra", [], [], [], ede=[20])
    c.client(via).ask("nord.example")
    expect(c.client(via).ask("nord.example", rd=False), "REFUSED ra", [], [], [], ede=[20])


@case("T-7050-001 T-7050-002: what is our own is answered without RD too: all queries (RFC 8880 s7.1)", each_way=True)
def _(c, via):
    wanted = ["2001:db8:64::c000:aa", "2001:db8:64::c000:ab"]
    for _ in range(2):  # the second time from the cache
        expect(c.client(via).ask("ipv4only.arpa", rd=False), "NOERROR aa ra", [f"ipv4only.arpa. 600 AAAA {a}" for a in wanted])
        expect(c.client(via).ask("localhost", rd=False), "NOERROR aa ra", ["localhost. 600 AAAA ::1"])
        expect(c.client(via).ask("x.ipv4only.arpa", rd=False), "NXDOMAIN aa ra", [])
    expect(c.client(via).ask("ipv4only.arpa", "DS", rd=False), "REFUSED ra", [], [], [], ede=[20])


@case("T-6147-sec-031: no question but a cookie: an empty answer with both cookies", each_way=True)
def _(c, via):
    def ask(cookie):
        wire = struct.pack("!6H", 5, 0, 0, 0, 0, 1) + opt(options=option(COOKIE, cookie))
        return dns.message.from_wire(c.client(via).exchange(wire))
    r = ask(b"clientCO")
    equal("RCODE", 0, r.rcode())
    cookie = option_of(r, COOKIE)
    equal("length", 24, len(cookie))
    equal("RCODE", 0, ask(cookie).rcode())
    r = ask(b"clientCO" + b"\1" * 16)
    equal("RCODE", 23, r.rcode())
    equal("length", 24, len(option_of(r, COOKIE)))


@case("T-6147-sec-032: a wrong server cookie counts as none; the first COOKIE option counts", each_way=True)
def _(c, via):
    name = f"wrong-{via}.example"
    r = c.client(via).ask(name, options=[dns.edns.GenericOption(COOKIE, b"clientCO" + b"\1" * 16)])
    expect(r, "NOERROR rd ra")
    cookie = option_of(r, COOKIE)
    equal("client cookie", b"clientCO", cookie[:8])
    true("a server cookie of ours", cookie[8:] != b"\1" * 16)
    r = c.client(via).ask(name, options=[dns.edns.GenericOption(COOKIE, b"first111"), dns.edns.GenericOption(COOKIE, b"second22")])
    equal("client cookie", b"first111", option_of(r, COOKIE)[:8])
    equal("cookies", 1, sum(int(o.otype) == COOKIE for o in r.options))
    r = c.client(via).ask(name, options=[dns.edns.GenericOption(COOKIE, b"first111"), dns.edns.GenericOption(COOKIE, b"x")])
    expect(r, "NOERROR rd ra")
    # of another address it is not ours
    other = Client(source=CLIENT4, via=via)
    mine = option_of(c.client(via).ask(name, options=[dns.edns.GenericOption(COOKIE, b"clientCO")]), COOKIE)
    theirs = option_of(other.ask(name, options=[dns.edns.GenericOption(COOKIE, mine)]), COOKIE)
    true("another address, another cookie", theirs != mine)


@case("T-6147-sec-038: keepalive over TCP to who speaks EDNS, ignored over UDP")
def _(c):
    r = c.tcp.ask("keepalive.example", options=[dns.edns.GenericOption(11, b"")])
    equal("timeout in units of 100 ms", 100, struct.unpack("!H", option_of(r, 11))[0])
    r = c.udp.ask("keepalive.example", options=[dns.edns.GenericOption(11, b"")])
    expect(r, "NOERROR rd ra")
    equal("over UDP", None, option_of(r, 11))
    expect(c.udp.ask("keepalive.example", options=[dns.edns.GenericOption(11, b"\0\5")]), "NOERROR rd ra")


@case("T-6147-sec-036: TCP without UDP before it; the answer takes the connection of its question")
def _(c):
    expect(c.tcp.ask("tcpfirst.example"), "NOERROR rd ra", ["tcpfirst.example. 300 AAAA 2001:db8:64::c633:6401"])


@case("T-6147-sec-023 T-6147-sec-024: upstream is always asked with DO and RD, with the client's CD and a fresh ID", each_way=True)
def _(c, via):
    name = f"up-{via}.example"
    for do in (False, True):
        for cd in (False, True):
            c.client(via).ask(f"{do}-{cd}-{name}", "A", do=do, cd=cd, ident=0x4242)
            for q in c.upstream.asked(f"{do}-{cd}-{name}"):
                equal("CD", cd, q.cd)
                true("DO", q.message.ednsflags & dns.flags.DO)
                equal("flags", dns.flags.RD | (dns.flags.CD if cd else 0), int(q.message.flags))
                equal("EDNS", (0, 1232), (q.message.edns, q.message.payload))
                true("the client's ID", q.message.id != 0x4242)


@case("T-6147-sec-007: what was synthesized is given to nobody who set CD, nor the reverse", each_way=True)
def _(c, via):
    for order in ((False, True), (True, False)):
        name = f"cdcache-{order[0]}-{via}.example"
        for _ in range(2):
            for cd in order:
                for do in (False, True):
                    r = c.client(via).ask(name, do=do, cd=cd)
                    if cd:
                        expect(r, "NOERROR rd ra cd", [], [SOA])
                    else:
                        expect(r, "NOERROR rd ra", [f"{name}. 300 AAAA 2001:db8:64::c633:6401"])


@case("T-6147-ans-001: another class is not answered from the cache of IN", each_way=True)
def _(c, via):
    name = f"class-{via}.example"
    c.upstream.on(name, "*", lambda q: q.answer("REFUSED") if q.message.question[0].rdclass == 3 else zone(q))
    expect(c.client(via).ask(name), "NOERROR rd ra", [f"{name}. 300 AAAA 2001:db8:64::c633:6401"])
    equal("RCODE", "rd ra", flags_of(c.client(via).ask(name, cls="CH")))
    r = c.client(via).ask(name, cls="CH")
    true("class CH is asked upstream", any(q.message.question[0].rdclass == 3 for q in c.upstream.asked(name)))
    equal("answers", [], r.answer)


sys.exit(run(suite, sys.argv, zone))
