# SPDX-License-Identifier: Apache-2.0
"""RFC 7915 sections 5.2 and 5.3, RFC 4884: ICMPv6 errors to ICMPv4, with the packets that they quote."""
import struct

from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import IPv6
from cases_headers64 import DEST, HOPS, ROUTE0, chain, route
from cases_icmp46 import extension, open_session
from wire import data, fragments6, icmp4, icmp6, l4, v4, v6
from world import R6, RS6, S, S6, T, X, Any, case

G = "icmp64"
Q6 = v6(S6, X, 17, l4(UDP(sport=53, dport=1234) / data(60), S6, X), hops=61, tc=0x28)
Q4 = v4(S, T, 17, l4(UDP(sport=53, dport=5000) / data(60), S, T), ttl=61, tos=0x28)
ZERO = bytes(4)


def error6(kind, code, rest=ZERO, quoted=Q6, src=R6, dst=S6, hops=64, **kw):
    return v6(src, dst, 58, icmp6(IPv6(src=src, dst=dst), kind, code, rest, quoted), hops=hops, **kw)


class Error4(Any):
    """The Identifications of the error and of the packet that it quotes are the gateway's (RFC 7915 leaves both)."""

    def __init__(self, kind, code, rest=ZERO, quoted=Q4, ttl=63, tos=0, quoted_id=False):
        super().__init__(v4(T, S, 1, icmp4(kind, code, rest, quoted), ttl=ttl, tos=tos))
        self.make = lambda inner: v4(T, S, 1, icmp4(kind, code, rest, inner), ttl=ttl, tos=tos)
        self.quoted, self.keep = quoted, quoted_id

    def like(self, got):
        inner = self.quoted
        if len(got) >= 48 and len(inner) >= 20 and not self.keep:
            inner = Any(inner).like(got[28:])
        self.packet = self.make(inner)
        return super().like(got)


case(G, "the session")(open_session)

for code, code4 in {0: 1, 1: 10, 2: 1, 3: 1, 4: 3}.items():
    case(G, f"T-7915-icmp64-004, -015: 1/{code} is 3/{code4}, from the session's pool address")(
        lambda t, c=code, c4=code4: t.six(error6(1, c), Error4(3, c4)))

for code in (5, 6, 7, 8, 255):
    case(G, f"T-7915-icmp64-004: 1/{code} is silence")(lambda t, c=code: t.six(error6(1, c)))

MTUS = {1280: 1260, 1281: 1261, 1400: 1380, 1500: 1480, 1520: 1480, 9000: 1480, 65536: 1480, 0xFFFFFFFF: 1480, 1279: 1260,
        576: 1260, 19: 1260, 0: 1260}
for mtu, mtu4 in MTUS.items():
    case(G, f"T-7915-icmp64-005, -007: 2/0 with MTU {mtu}")(
        lambda t, m=mtu, m4=mtu4: t.six(error6(2, 0, struct.pack("!I", m)), Error4(3, 4, struct.pack("!HH", 0, m4))))


@case(G, "T-7915-icmp64-005: 2/x, whatever the code")
def _(t):
    t.six(error6(2, 9, struct.pack("!I", 1400)), Error4(3, 4, struct.pack("!HH", 0, 1380)))


for code in (0, 1, 9):
    case(G, f"T-7915-icmp64-008: 3/{code} is 11/{code}")(lambda t, c=code: t.six(error6(3, c), Error4(11, c)))

POINTERS = {0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8, **{p: 12 for p in range(8, 24)}, **{p: 16 for p in range(24, 40)}}


@case(G, "T-7915-icmp64-009, -010: 4/0, every pointer")
def _(t):
    for p in list(range(0, 48)) + [256, 0x08000000, 0xFFFFFFFF]:
        want = [Error4(12, 0, bytes([POINTERS[p], 0, 0, 0]))] if p in POINTERS else []
        t.six(error6(4, 0, struct.pack("!I", p)), *want)


@case(G, "T-7915-icmp64-009: 4/1 is 3/2; other codes are silence")
def _(t):
    t.six(error6(4, 1, struct.pack("!I", 6)), Error4(3, 2))
    t.six(error6(4, 1, struct.pack("!I", 40)), Error4(3, 2))
    for code in (2, 3, 4, 255):
        t.six(error6(4, code))


@case(G, "T-7915-icmp64-012: hops of the error and of the quoted packet")
def _(t):
    t.six(error6(3, 0, hops=2), Error4(11, 0, ttl=1))
    for hops in (0, 1):
        t.six(error6(3, 0, hops=hops))
    for hops in (0, 1, 255):
        q6 = v6(S6, X, 17, l4(UDP(sport=53, dport=1234) / data(9), S6, X), hops=hops)
        q4 = v4(S, T, 17, l4(UDP(sport=53, dport=5000) / data(9), S, T), ttl=hops)
        t.six(error6(1, 4, quoted=q6), Error4(3, 3, quoted=q4))
    t.six(error6(1, 4, tc=0xE0), Error4(3, 3, tos=0xE0))


@case(G, "T-7915-icmp64-012: quoted TCP and ping")
def _(t):
    a, b = TCP(sport=80, dport=1234, flags="SA", seq=5), TCP(sport=80, dport=5000, flags="SA", seq=5)
    t.six(error6(1, 4, quoted=v6(S6, X, 6, l4(a, S6, X))), Error4(3, 3, quoted=v4(S, T, 6, l4(b, S, T))))
    for kind6, kind4 in ((129, 0), (128, 8)):
        q6 = v6(S6, X, 58, icmp6(IPv6(src=S6, dst=X), kind6, 0, struct.pack("!HH", 1234, 9), data(33)))
        q4 = v4(S, T, 1, icmp4(kind4, 0, struct.pack("!HH", 5000, 9), data(33)))
        t.six(error6(1, 0, quoted=q6), Error4(3, 1, quoted=q4))


@case(G, "T-7915-icmp64-012: quoted packets that are cut; too short ones are silence")
def _(t):
    body6, body4 = (l4(TCP(sport=80, dport=p, flags="A") / data(400), *a) for p, a in ((1234, (S6, X)), (5000, (S, T))))
    for n in (8, 17, 18, 20, 100):
        have = body4[:n] if n >= 18 else struct.pack("!HH", 80, 5000) + body6[4:n]
        t.six(error6(1, 0, quoted=v6(S6, X, 6, body6)[:40 + n]),
              Error4(3, 1, quoted=v4(S, T, 6, have, total=20 + len(body4))))
    for n in (0, 7):
        t.six(error6(1, 0, quoted=v6(S6, X, 6, body6)[:40 + n]))
    for n in (0, 1, 39):
        t.six(error6(1, 0, quoted=Q6[:n]))


@case(G, "T-7915-icmp64-005: DF of a quoted packet as its translation would have it")
def _(t):
    for n in (1232, 1233):
        body6, body4 = l4(UDP(sport=53, dport=1234) / data(n), S6, X), l4(UDP(sport=53, dport=5000) / data(n), S, T)
        t.six(error6(2, 0, struct.pack("!I", 1280), v6(S6, X, 17, body6)[:1232]),
              Error4(3, 4, struct.pack("!HH", 0, 1260), v4(S, T, 17, body4, flags="DF" if n > 1232 else None)[:548]))


@case(G, "T-7915-icmp64-006: a quoted Fragment Header: 28 octets less")
def _(t):
    body6, body4 = l4(UDP(sport=53, dport=1234) / data(160), S6, X), l4(UDP(sport=53, dport=5000) / data(160), S, T)
    for more in (0, 1):
        q6 = v6(S6, X, 44, b"\x11\0" + struct.pack("!HI", more, 0x7ABCD) + body6)
        q4 = v4(S, T, 17, body4, ident=0xABCD, flags="MF" if more else None)
        t.six(error6(2, 0, struct.pack("!I", 1400), q6), Error4(3, 4, struct.pack("!HH", 0, 1372), q4, quoted_id=True))
    t.six(error6(2, 0, struct.pack("!I", 1400), v6(S6, X, 44, b"\x11\0" + struct.pack("!HI", 80, 7) + body6[80:])))


@case(G, "T-7915-icmp64-012: an error about an error is silence")
def _(t):
    inner = v6(S6, X, 58, icmp6(IPv6(src=S6, dst=X), 1, 4, ZERO, v6(X, S6, 17, l4(UDP(sport=1234, dport=53) / b"x", X, S6))))
    t.six(error6(1, 0, quoted=inner))
    t.six(error6(3, 0, quoted=inner))


@case(G, "T-7915-icmp64-013: extension headers of the quoted packet; with segments left it is silence")
def _(t):
    raw = l4(UDP(sport=53, dport=1234) / data(60), S6, X)
    for headers in ([HOPS], [DEST, ROUTE0], [HOPS, DEST, DEST]):
        t.six(error6(3, 0, quoted=chain(headers, 17, raw, src=S6, dst=X, hops=61, tc=0x28)), Error4(11, 0))
    t.six(error6(3, 0, quoted=chain([route(1)], 17, raw, src=S6, dst=X)))


@case(G, "T-7915-icmp64-014: cut to 576 octets; what fits is left whole")
def _(t):
    for n in (576 - 56, 576 - 55, 1100):
        body6, body4 = l4(UDP(sport=53, dport=1234) / data(n), S6, X), l4(UDP(sport=53, dport=5000) / data(n), S, T)
        t.six(error6(1, 4, quoted=v6(S6, X, 17, body6)), Error4(3, 3, quoted=v4(S, T, 17, body4)[:548]))


@case(G, "T-7915-icmp64-001: a false ICMPv6 checksum")
def _(t):
    p = error6(1, 4)
    t.six(p[:42] + bytes([p[42] ^ 1]) + p[43:])
    t.six(p[:42] + b"\0\0" + p[44:])


@case(G, "T-7915-icmp64-015: from the host itself; T-6052-032: not from behind the prefix")
def _(t):
    t.six(error6(1, 4, src=X), Error4(3, 3))
    t.six(error6(1, 4, src=RS6))
    for src in ("::", "::1", "fe80::1", "ff02::1"):
        t.six(error6(1, 4, src=src))


@case(G, "T-6146-in-013, -007: no such binding; another server's port; a quoted packet not for a host of ours")
def _(t):
    for quoted in (v6(S6, X, 17, l4(UDP(sport=53, dport=7777) / (b"x" * 9), S6, X)),
                   v6(S6, X, 17, l4(UDP(sport=54, dport=1234) / (b"x" * 9), S6, X)),
                   v6(RS6, X, 17, l4(UDP(sport=53, dport=1234) / (b"x" * 9), RS6, X)),
                   v6("2001:db8:99::1", X, 17, l4(UDP(sport=53, dport=1234) / (b"x" * 9), "2001:db8:99::1", X)),
                   v6(S6, X, 50, data(40))):
        t.six(error6(1, 4, quoted=quoted))


@case(G, "T-7915-4to6-039: a fragmented ICMPv6 error is not translated")
def _(t):
    t.run([(6, f) for f in fragments6(error6(1, 4), 64, 5)])


@case(G, "an ICMPv6 error in an atomic fragment is whole")
def _(t):
    p = error6(1, 4)
    t.six(chain([(44, b"\0" + struct.pack("!HI", 0, 5))], 58, p[40:], src=R6), Error4(3, 3))


EXT = extension(16)


def quoted(n):
    body4, body6 = l4(UDP(sport=53, dport=5000) / data(400), S, T), l4(UDP(sport=53, dport=1234) / data(400), S6, X)
    return v4(S, T, 17, body4)[:n - 20], v6(S6, X, 17, body6)[:n]


@case(G, "T-7915-ext-001, -002, -006: lengths in the other unit, 128 octets at least, extension as it was")
def _(t):
    for n in (128, 136, 152, 200, 256):
        q4, q6 = quoted(n)
        q4 += bytes(max(0, 128 - len(q4)))
        for kind, code, kind4, code4 in ((1, 4, 3, 3), (1, 1, 3, 10), (3, 0, 11, 0)):
            t.six(error6(kind, code, bytes([n // 8, 0, 0, 0]), q6 + EXT),
                  Error4(kind4, code4, bytes([0, len(q4) // 4, 0, 0]), q4 + EXT))


@case(G, "T-7915-ext-003: Packet Too Big and Parameter Problem have no length field to read")
def _(t):
    q4, q6 = quoted(128)
    t.six(error6(4, 0, struct.pack("!I", 7), q6 + EXT), Error4(12, 0, bytes([8, 0, 0, 0]), q4 + EXT))
    t.six(error6(2, 0, struct.pack("!I", 1400), q6 + EXT), Error4(3, 4, struct.pack("!HH", 0, 1380), q4 + EXT))


@case(G, "T-7915-ext-005: a length past the message")
def _(t):
    q4, q6 = quoted(128)
    t.six(error6(1, 4, bytes([17, 0, 0, 0]), q6))
    t.six(error6(3, 0, bytes([255, 0, 0, 0]), q6 + EXT))


@case(G, "T-7915-ext-004: above 576 octets the quoted packet is cut, then the extension goes")
def _(t):
    long = extension(316)
    q4, q6 = quoted(400)
    field = (576 - 28 - len(long)) // 4 * 4
    t.six(error6(1, 4, bytes([50, 0, 0, 0]), q6 + long), Error4(3, 3, bytes([0, field // 4, 0, 0]), q4[:field] + long))
    longer = extension(420)
    q4, q6 = quoted(128)
    t.six(error6(1, 4, bytes([16, 0, 0, 0]), q6 + longer), Error4(3, 3, ZERO, q4))
