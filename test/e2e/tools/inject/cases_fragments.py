# SPDX-License-Identifier: Apache-2.0
"""Fragments both ways (RFC 7915 sections 4.1 and 5.1.1, RFC 6146 section 3.4, RFC 1858, 5722, 6946)."""
import itertools
import struct

from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import IPv6
from cases_headers64 import DEST, HOPS, ROUTE0, chain, refused
from wire import data, fragments4, fragments6, icmp4, icmp6, l4, v4, v6
from world import H, S, S6, T, X, Any, at_s, at_x, case, from_s, from_x

G = "fragments"
ident = itertools.count(0x10000)  # above 16 bits: the low half must come out


def udp64(n, size, hops=64):
    i = next(ident)
    a = fragments6(from_x(UDP(sport=1234, dport=53) / data(n), hops=hops), size, i)
    b = fragments4(at_s(UDP(sport=5000, dport=53) / data(n), ttl=hops - 1, ident=i & 0xFFFF), size)
    return a, b


def udp46(n, size, flags=None):
    i = next(ident) & 0xFFFF
    a = fragments4(from_s(UDP(sport=53, dport=5000) / data(n), ident=i, flags=flags), size)
    b = fragments6(at_x(UDP(sport=53, dport=1234) / data(n)), size, i)
    return a, b


def held(order, first):
    """What comes before the first fragment waits for it and then leaves in order of arrival; then the rest."""
    at = order.index(first)
    return [first] + order[:at] + order[at + 1:]


for count, size in ((2, 800), (3, 1232), (5, 8), (11, 56)):
    @case(G, f"T-7915-6to4-007, T-6146-frag-001: {count} pieces of {size} octets, 6 to 4")
    def _(t, n=count, s=size):
        a, b = udp64(n * s - 8 - s // 2, s)
        t.run([(6, f) for f in a], out4=b)

    @case(G, f"T-7915-4to6-023, T-6146-frag-001: {count} pieces of {size} octets, 4 to 6")
    def _(t, n=count, s=size):
        for flags in (None, "DF"):
            a, b = udp46(n * s - 8 - s // 2, s, flags)
            t.run([(4, f) for f in a], out6=b)


@case(G, "T-6146-frag-002: three pieces in every order, both ways")
def _(t):
    for order in itertools.permutations(range(3)):
        a, b = udp64(2000, 800)
        t.run([(6, a[i]) for i in order], out4=[b[i] for i in held(list(order), 0)])
        a, b = udp46(2000, 800)
        t.run([(4, a[i]) for i in order], out6=[b[i] for i in held(list(order), 0)])


@case(G, "T-6146-frag-002: two datagrams, their pieces mixed")
def _(t):
    a, b = udp64(1500, 800)
    c, d = udp64(1400, 800)
    t.run([(6, a[1]), (6, c[0]), (6, a[0]), (6, c[1])], out4=[d[0], b[0], b[1], d[1]])


@case(G, "exact duplicates pass as duplicates, until the datagram is complete (T-6146-frag-010)")
def _(t):
    a, b = udp64(2300, 800)
    t.run([(6, a[0]), (6, a[0]), (6, a[2]), (6, a[2]), (6, a[1]), (6, a[1])], out4=[b[0], b[0], b[2], b[2], b[1]])
    a, b = udp46(2300, 800)
    t.run([(4, a[0]), (4, a[0]), (4, a[2]), (4, a[2]), (4, a[1]), (4, a[1])], out6=[b[0], b[0], b[2], b[2], b[1]])


@case(G, "T-6146-frag-010: an identification used anew at once, last piece first, by another pair of ports")
def _(t):
    i = next(ident) & 0xFFFF
    for port, host in ((5000, X), (6000, H)):
        a = fragments4(from_s(UDP(sport=53, dport=port) / data(1500), ident=i), 800)
        b = fragments6(at_x(UDP(sport=53, dport=1234) / data(1500), dst=host), 800, i)
        t.run([(4, f) for f in (a if port == 5000 else reversed(a))], out6=b)


@case(G, "T-6146-frag-003: the first comes a second and a half later")
def _(t):
    a, b = udp64(1500, 800)
    c, d = udp46(1500, 800)
    t.run([(6, a[1]), (4, c[1]), 1.5, (6, a[0]), (4, c[0])], out4=b, out6=d)


@case(G, "T-6146-frag-010: after two seconds it is too late")
def _(t):
    a, b = udp64(1500, 800)
    t.run([(6, a[1]), 2.4, (6, a[0])], out4=[b[0]])


@case(G, "T-7915-6to4-025: overlapping pieces are not sent on, whole or in part")
def _(t):
    a, b = udp64(1500, 800)
    bad, _ = udp64(1500, 792)
    bad = [f[:44] + a[0][44:48] + f[48:] for f in bad]
    t.run([(6, a[0]), (6, bad[1]), (6, a[1])], out4=[b[0]])
    a, b = udp46(1500, 800)
    bad, _ = udp46(1500, 792)
    bad = [f[:4] + a[0][4:6] + f[6:] for f in bad]
    from wire import inet_checksum
    bad = [f[:10] + struct.pack("!H", inet_checksum(f[:10] + b"\0\0" + f[12:20])) + f[12:] for f in bad]
    t.run([(4, a[0]), (4, bad[1]), (4, a[1])], out6=[b[0]])


def later6(offset, more, payload, i=None, nh=17):
    return v6(X, S6, 44, bytes([nh, 0]) + struct.pack("!HI", offset | more, next(ident) if i is None else i) + payload)


@case(G, "T-7915-6to4-025: with M, not a multiple of eight; empty; past 65,535 octets")
def _(t):
    body = l4(UDP(sport=1234, dport=53) / data(100), X, S6)
    for piece in (later6(0, 1, body[:71]), later6(800, 1, data(9)), later6(800, 1, b""), later6(800, 0, b""),
                  later6(65528, 0, data(16)), later6(65520, 1, data(800))):
        t.six(piece)
    for kw in ({"flags": "MF", "payload": data(9), "offset": 0}, {"flags": "MF", "payload": data(7), "offset": 80},
               {"payload": b"", "offset": 80}, {"flags": "MF", "payload": b"", "offset": 80},
               {"payload": data(24), "offset": 65512}, {"flags": "MF", "payload": data(800), "offset": 65000}):
        t.four(v4(S, T, 17, kw.pop("payload"), **kw))


@case(G, "T-6146-frag-007: tiny first fragments, and TCP at offset 8")
def _(t):
    tcp4 = l4(TCP(sport=80, dport=5000, flags="S", options=[("MSS", 1460), ("SAckOK", b""), ("NOP", None), ("NOP", None)]) / data(64), S, T)
    for n in (8, 16, 24):
        t.four(v4(S, T, 6, tcp4[:n], flags="MF", ident=next(ident) & 0xFFFF))
    t.four(v4(S, T, 6, tcp4[8:40], offset=8, ident=next(ident) & 0xFFFF))
    tcp6 = l4(TCP(sport=1234, dport=80, flags="S", options=[("MSS", 1460), ("SAckOK", b""), ("NOP", None), ("NOP", None)]) / data(64), X, S6)
    for n in (8, 16, 24):
        p = later6(0, 1, tcp6[:n], nh=6)
        t.six(p, answer=refused(4, 3, p))
    t.six(later6(8, 0, tcp6[8:40], nh=6))
    p = later6(0, 1, b"", nh=17)
    t.six(p)


@case(G, "T-7915-6to4-008: atomic fragments are whole packets, also beside others of their identification")
def _(t):
    a, b = udp64(1500, 800)
    i = struct.unpack("!I", a[0][44:48])[0]
    atomic = later6(0, 0, l4(UDP(sport=1234, dport=53) / data(10), X, S6), i)
    out = at_s(UDP(sport=5000, dport=53) / data(10), ident=i & 0xFFFF)
    t.run([(6, a[1]), (6, atomic), (6, a[0]), (6, atomic)], out4=[out, b[0], b[1], out])
    big = later6(0, 0, l4(UDP(sport=1234, dport=53) / data(1300), X, S6), 0x9ABCD)
    t.six(big, at_s(UDP(sport=5000, dport=53) / data(1300), ident=0xABCD))


@case(G, "T-7915-6to4-007, -012: extension headers before the Fragment Header")
def _(t):
    a, b = udp64(1500, 800)
    for headers in ([HOPS], [DEST, ROUTE0]):
        i = next(ident)
        pieces = [chain(headers + [(44, b"\0" + f[42:44] + struct.pack("!I", i))], 17, f[48:]) for f in a]
        out = fragments4(at_s(UDP(sport=5000, dport=53) / data(1500), ident=i & 0xFFFF), 800)
        t.run([(6, f) for f in pieces], out4=out)


@case(G, "T-7915-6to4-015: an extension header behind the Fragment Header, in pieces")
def _(t):
    p = later6(0, 1, b"\x11\0" + bytes(6) + data(32), nh=60)
    t.six(p, answer=refused(1, 1, p))
    t.six(later6(40, 0, data(32), nh=60))


@case(G, "T-6146-frag-008: fragmented pings are put together, both ways, in any order")
def _(t):
    for order in ((0, 1), (1, 0)):
        i = next(ident)
        ask6 = v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), 128, 0, struct.pack("!HH", 1234, 5), data(2000)))
        ask4 = v4(T, S, 1, icmp4(8, 0, struct.pack("!HH", 5000, 5), data(2000)), ttl=63, ident=i & 0xFFFF)
        pieces = fragments6(ask6, 1232, i)
        t.run([(6, pieces[k]) for k in order], out4=fragments4(ask4, 1480))
        reply4 = v4(S, T, 1, icmp4(0, 0, struct.pack("!HH", 5000, 5), data(2000)), ident=i & 0xFFFF)
        reply6 = v6(S6, X, 58, icmp6(IPv6(src=S6, dst=X), 129, 0, struct.pack("!HH", 1234, 5), data(2000)), hops=63)
        pieces = fragments4(reply4, 1480)
        t.run([(4, pieces[k]) for k in order], out6=fragments6(reply6, 1232, i & 0xFFFF))


@case(G, "T-6146-frag-005: fragments of UDP without checksum are put together and get one")
def _(t):
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        i = next(ident) & 0xFFFF
        raw = l4(UDP(sport=53, dport=5000) / data(2000), S, T)
        pieces = fragments4(v4(S, T, 17, raw[:6] + b"\0\0" + raw[8:], ident=i), 800)
        t.run([(4, pieces[k]) for k in order], out6=fragments6(at_x(UDP(sport=53, dport=1234) / data(2000)), 1232, i))
    i = next(ident) & 0xFFFF
    raw = l4(UDP(sport=53, dport=5000) / data(100), S, T)
    pieces = fragments4(v4(S, T, 17, raw[:6] + b"\0\0" + raw[8:], ident=i), 64)
    whole = at_x(UDP(sport=53, dport=1234) / data(100))
    t.run([(4, p) for p in pieces], out6=[whole])


@case(G, "T-6146-frag-009: only the first piece changes; payloads that look like headers do not")
def _(t):
    i = next(ident)
    inner = bytes(from_x(UDP(sport=1234, dport=53) / data(700)))
    a = fragments6(from_x(UDP(sport=1234, dport=53) / (inner * 2)), 760, i)
    b = fragments4(at_s(UDP(sport=5000, dport=53) / (inner * 2), ident=i & 0xFFFF), 760)
    t.run([(6, f) for f in a], out4=b)


@case(G, "TCP in pieces, both ways")
def _(t):
    i = next(ident)
    t.run([(6, f) for f in fragments6(from_x(TCP(sport=1234, dport=8081, flags="S") / data(1000)), 512, i)],
          out4=fragments4(at_s(TCP(sport=5000, dport=8081, flags="S") / data(1000), ident=i & 0xFFFF), 512))
    t.run([(4, f) for f in fragments4(from_s(TCP(sport=8081, dport=5000, flags="SA") / data(1000), ident=i & 0xFFFF), 512)],
          out6=fragments6(at_x(TCP(sport=8081, dport=1234, flags="SA") / data(1000)), 512, i & 0xFFFF))


@case(G, "T-7915-6to4-010, gen-005: hops used up: every IPv6 piece is answered, of IPv4 only the first")
def _(t):
    a, _ = udp64(1500, 800, hops=2)
    a = [f[:7] + b"\1" + f[8:] for f in a]
    t.run([(6, f) for f in a], out6=[refused(3, 0, f) for f in a])
    p = fragments4(from_s(UDP(sport=53, dport=5000) / data(1500), ident=5, ttl=1), 800)
    from cases_headers46 import refused as refused4
    t.run([(4, f) for f in p], out4=[refused4(11, 0, p[0])])


@case(G, "pieces of nobody's datagram, and of one that is refused")
def _(t):
    a = fragments4(v4(S, T, 17, l4(UDP(sport=53, dport=7777) / data(1000), S, T), ident=9), 512)
    from cases_headers46 import refused as refused4
    t.run([(4, a[1]), (4, a[0])], out4=[refused4(3, 1, a[0])])


@case(G, "hairpinned fragments arrive as fragments")
def _(t):
    from world import embed
    dst = embed(T)
    for back in (False, True):
        i = next(ident)
        a = fragments6(v6(X, dst, 17, l4(UDP(sport=1234, dport=6000) / data(1500), X, dst)), 800, i)
        b = fragments6(v6(dst, H, 17, l4(UDP(sport=5000, dport=1234) / data(1500), dst, H), hops=63), 800, i & 0xFFFF)
        t.run([(6, f) for f in (reversed(a) if back else a)], out6=b)
