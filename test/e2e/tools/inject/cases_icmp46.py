# SPDX-License-Identifier: Apache-2.0
"""RFC 7915 sections 4.2 and 4.3, RFC 4884: ICMPv4 errors to ICMPv6, with the packets that they quote."""
import struct

from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import IPv6
from wire import data, icmp4, icmp6, l4, v4, v6
from world import PREF, R, RS6, S, S6, T, X, Any, at_s, at_x, case, embed, from_x

G = "icmp46"
ASK = UDP(sport=1234, dport=53) / data(60)
Q4 = v4(T, S, 17, l4(UDP(sport=5000, dport=53) / data(60), T, S), ttl=61, ident=0x1111, tos=0x28)
Q6 = v6(X, S6, 17, l4(UDP(sport=1234, dport=53) / data(60), X, S6), hops=61, tc=0x28)
ZERO = bytes(4)


def open_session(t):
    """The session that the errors are about; UDP, TCP and ping."""
    t.six(from_x(ASK), Any(at_s(UDP(sport=5000, dport=53) / data(60))))
    t.run([(6, from_x(TCP(sport=1234, dport=80, flags="S")))], out4=[Any(at_s(TCP(sport=5000, dport=80, flags="S")))])
    t.six(v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), 128, 0, struct.pack("!HH", 1234, 1), b"ping")),
          Any(v4(T, S, 1, icmp4(8, 0, struct.pack("!HH", 5000, 1), b"ping"), ttl=63)))


def error4(kind, code, rest=ZERO, quoted=Q4, src=R, **kw):
    return v4(src, T, 1, icmp4(kind, code, rest, quoted), **kw)


def error6(kind, code, rest=ZERO, quoted=Q6, src=RS6, hops=63, **kw):
    return v6(src, X, 58, icmp6(IPv6(src=src, dst=X), kind, code, rest, quoted), hops=hops, **kw)


case(G, "the session")(open_session)

# RFC 7915 section 4.2, line by line.
UNREACHABLE = {0: (1, 0), 1: (1, 0), 3: (1, 4), 5: (1, 0), 6: (1, 0), 7: (1, 0), 8: (1, 0), 9: (1, 1), 10: (1, 1),
               11: (1, 0), 12: (1, 0), 13: (1, 1), 15: (1, 1)}
for code, (kind6, code6) in UNREACHABLE.items():
    case(G, f"T-7915-icmp46-004, -005: 3/{code} is {kind6}/{code6}")(
        lambda t, c=code, k=kind6, c6=code6: t.four(error4(3, c), error6(k, c6)))

case(G, "T-7915-icmp46-004: 3/2 is 4/1, pointer 6")(lambda t: t.four(error4(3, 2), error6(4, 1, struct.pack("!I", 6))))

for code in (14, 16, 17, 255):
    case(G, f"T-7915-icmp46-006: 3/{code} is silence")(lambda t, c=code: t.four(error4(3, c)))

for code in (0, 1, 7):
    case(G, f"T-7915-icmp46-010: 11/{code} is 3/{code}")(lambda t, c=code: t.four(error4(11, c), error6(3, c)))

POINTERS = {0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6, **{p: 8 for p in range(12, 16)}, **{p: 24 for p in range(16, 20)}}
for code in (0, 2):
    @case(G, f"T-7915-icmp46-011 to -013: 12/{code}, every pointer")
    def _(t, c=code):
        for p in list(range(0, 24)) + [40, 255]:
            want = [error6(4, 0, struct.pack("!I", POINTERS[p]))] if p in POINTERS else []
            t.four(error4(12, c, bytes([p, 0, 0, 0])), *want)


@case(G, "T-7915-icmp46-011: 12/1 and unknown codes are silence")
def _(t):
    for code in (1, 3, 255):
        t.four(error4(12, code))


@case(G, "T-7915-icmp46-003: types without a counterpart are silence, whatever they carry")
def _(t):
    for kind in (1, 2, 4, 5, 6, 7, 9, 10, 13, 14, 15, 16, 17, 18, 19, 30, 40, 42, 43, 255):
        t.four(error4(kind, 0))
    for kind in (0, 8):
        t.four(v4(S, T, 1, icmp4(kind, 1, struct.pack("!HH", 5000, 1), b"code 1")))


# The gateway's links are 1,500 octets.
MTUS = {1500: 1500, 1480: 1500, 1400: 1420, 1261: 1281, 1260: 1280, 1259: 1280, 1000: 1280, 576: 1280, 68: 1280, 1: 1280,
        9000: 1500, 65535: 1500}
for mtu, mtu6 in MTUS.items():
    case(G, f"T-7915-icmp46-007, -028: 3/4 with MTU {mtu}")(
        lambda t, m=mtu, m6=mtu6: t.four(error4(3, 4, struct.pack("!HH", 0, m)), error6(2, 0, struct.pack("!I", m6))))


@case(G, "T-7915-icmp46-008, -009: 3/4 without MTU: the plateau below the quoted Total Length")
def _(t):
    for total, mtu6 in ((1500, 1500), (1493, 1500), (1492, 1280), (1007, 1280), (296, 1280), (68, 1280), (60, 1280)):
        body = l4(UDP(sport=5000, dport=53) / data(total - 28), T, S)
        body6 = l4(UDP(sport=1234, dport=53) / data(total - 28), X, S6)
        t.four(error4(3, 4, ZERO, v4(T, S, 17, body, ttl=9, ident=7)[:28 + 20]),
               error6(2, 0, struct.pack("!I", mtu6), v6(X, S6, 17, body6, hops=9)[:48 + 20]))


@case(G, "T-7915-icmp46-014: the error's own TTL is one less and is checked, the quoted one is as it was")
def _(t):
    t.four(error4(3, 1, ttl=2), error6(1, 0, hops=1))
    for ttl in (0, 1):
        t.four(error4(3, 1, ttl=ttl))
    for quoted_ttl in (0, 1, 255):
        q4 = v4(T, S, 17, l4(UDP(sport=5000, dport=53) / data(60), T, S), ttl=quoted_ttl)
        q6 = v6(X, S6, 17, l4(UDP(sport=1234, dport=53) / data(60), X, S6), hops=quoted_ttl)
        t.four(error4(11, 0, quoted=q4), error6(3, 0, quoted=q6))


@case(G, "T-7915-4to6-001: TOS of the error")
def _(t):
    t.four(error4(3, 1, tos=0xC0), error6(1, 0, tc=0xC0))


@case(G, "T-7915-icmp46-015: quoted TCP and ping, in both directions of the ping")
def _(t):
    tcp4, tcp6 = TCP(sport=5000, dport=80, flags="S", seq=5), TCP(sport=1234, dport=80, flags="S", seq=5)
    t.four(error4(3, 3, quoted=v4(T, S, 6, l4(tcp4, T, S))), error6(1, 4, quoted=v6(X, S6, 6, l4(tcp6, X, S6))))
    for kind4, kind6 in ((8, 128), (0, 129)):
        q4 = v4(T, S, 1, icmp4(kind4, 0, struct.pack("!HH", 5000, 9), data(33)))
        q6 = v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), kind6, 0, struct.pack("!HH", 1234, 9), data(33)))
        t.four(error4(3, 1, quoted=q4), error6(1, 0, quoted=q6))


@case(G, "T-7915-icmp46-016: a quoted packet that is cut keeps its length field; every cut from 8 octets on")
def _(t):
    body4 = l4(TCP(sport=5000, dport=80, flags="A", seq=5) / data(400), T, S)
    body6 = l4(TCP(sport=1234, dport=80, flags="A", seq=5) / data(400), X, S6)
    for n in (8, 12, 16, 17, 18, 19, 20, 100, 419):
        have6 = body6[:n] if n >= 18 else body4[:0] + struct.pack("!HH", 1234, 80) + body4[4:n]
        t.four(error4(3, 1, quoted=v4(T, S, 6, body4)[:20 + n]),
               error6(1, 0, quoted=v6(X, S6, 6, have6, plen=len(body6))))
    for n in (0, 1, 7):
        t.four(error4(3, 1, quoted=v4(T, S, 6, body4)[:20 + n]))
        t.four(error4(3, 1, quoted=Q4[:20 + n]))
    for n in (0, 1, 19):
        t.four(error4(3, 1, quoted=Q4[:n]))


@case(G, "T-7915-icmp46-019: quoted UDP without checksum stays so")
def _(t):
    raw4, raw6 = l4(UDP(sport=5000, dport=53) / b"abc", T, S), l4(UDP(sport=1234, dport=53) / b"abc", X, S6)
    t.four(error4(3, 1, quoted=v4(T, S, 17, raw4[:6] + b"\0\0" + raw4[8:])),
           error6(1, 0, quoted=v6(X, S6, 17, raw6[:6] + b"\0\0" + raw6[8:])))


@case(G, "T-7915-icmp46-020: a quoted first fragment has a Fragment Header, a later one is silence")
def _(t):
    body4, body6 = l4(UDP(sport=5000, dport=53) / data(160), T, S), l4(UDP(sport=1234, dport=53) / data(160), X, S6)
    q4 = v4(T, S, 17, body4[:80], ident=0xABCD, flags="MF")
    q6 = v6(X, S6, 44, b"\x11\0" + struct.pack("!HI", 1, 0xABCD) + body6[:80])
    t.four(error4(11, 1, quoted=q4), error6(3, 1, quoted=q6))
    t.four(error4(11, 1, quoted=v4(T, S, 17, body4[80:], ident=0xABCD, offset=80)))


@case(G, "T-7915-icmp46-021: an error about an error is silence")
def _(t):
    t.four(error4(3, 1, quoted=v4(T, S, 1, icmp4(3, 3, ZERO, v4(S, T, 17, l4(UDP(sport=53, dport=5000) / b"x", S, T))))))
    t.four(error4(11, 0, quoted=v4(T, S, 1, icmp4(11, 0, ZERO, Q4))))


@case(G, "T-7915-icmp46-022: options of the quoted packet are skipped, a source route too")
def _(t):
    body4, body6 = l4(UDP(sport=5000, dport=53) / data(16), T, S), l4(UDP(sport=1234, dport=53) / data(16), X, S6)
    for options in (b"\1\1\1\1", b"\x83\x07\x04" + bytes(4), b"\x07\x27\x04" + bytes(37)):
        t.four(error4(11, 0, quoted=v4(T, S, 17, body4, options=options)), error6(3, 0, quoted=v6(X, S6, 17, body6)))


@case(G, "T-7915-icmp46-023: cut to 1,280 octets; what fits is left whole")
def _(t):
    for n in (1280 - 96, 1280 - 95, 1400):
        body4, body6 = l4(UDP(sport=5000, dport=53) / data(n), T, S), l4(UDP(sport=1234, dport=53) / data(n), X, S6)
        t.four(error4(3, 1, quoted=v4(T, S, 17, body4)), error6(1, 0, quoted=v6(X, S6, 17, body6)[:1280 - 48]))


@case(G, "T-7915-icmp46-024: the error comes from the router behind the prefix; T-7915-icmp46-025: also from nowhere")
def _(t):
    for src in (R, S, "10.0.0.1", "0.0.0.0", "127.0.0.1"):
        t.four(error4(3, 1, src=src), error6(1, 0, src=embed(src)))


@case(G, "T-7915-icmp46-001: a false ICMP checksum; a false header checksum of the quoted packet")
def _(t):
    p = error4(3, 1)
    t.four(p[:22] + bytes([p[22] ^ 1]) + p[23:])
    bad = Q4[:10] + b"\x12\x34" + Q4[12:]
    t.four(error4(3, 1, quoted=bad))


@case(G, "T-6146-in-013, -007: about nobody's port; about another server; from a session that is not")
def _(t):
    t.four(error4(3, 1, quoted=v4(T, S, 17, l4(UDP(sport=7777, dport=53) / (b"x" * 8), T, S))))
    t.four(error4(3, 1, quoted=v4(T, "192.0.2.44", 17, l4(UDP(sport=5000, dport=53) / (b"x" * 8), T, "192.0.2.44"))))
    t.four(error4(3, 1, quoted=v4(T, S, 17, l4(UDP(sport=5000, dport=54) / (b"x" * 8), T, S))))
    t.four(error4(3, 1, quoted=v4("203.0.113.99", S, 17, l4(UDP(sport=5000, dport=53) / (b"x" * 8), "203.0.113.99", S))))
    t.four(error4(3, 1, quoted=v4(T, S, 50, data(16))))


@case(G, "T-6146-in-008: a hundred errors change nothing")
def _(t):
    t.run([(4, error4(3, 3))] * 100, out6=[error6(1, 4)] * 100)
    t.four(v4(S, T, 17, l4(UDP(sport=53, dport=5000) / b"still here", S, T)), at_x(UDP(sport=53, dport=1234) / b"still here"))


@case(G, "T-7915-4to6-039: a fragmented ICMP error is not translated")
def _(t):
    p = error4(3, 1)
    from wire import fragments4
    t.run([(4, f) for f in fragments4(p, 64)])


# RFC 4884. An extension: version 2, checksum, one object.
def extension(n=8):
    body = struct.pack("!HBB", n, 1, 1) + data(n - 4)
    from scapy.utils import checksum
    raw = b"\x20\0\0\0" + body
    return raw[:2] + struct.pack("!H", checksum(raw)) + raw[4:]


EXT = extension(16)


def quoted(n):
    """The quoted UDP packet, n octets of it in IPv4, n + 20 in IPv6; 400 octets long in truth."""
    body4, body6 = l4(UDP(sport=5000, dport=53) / data(400), T, S), l4(UDP(sport=1234, dport=53) / data(400), X, S6)
    return v4(T, S, 17, body4)[:n], v6(X, S6, 17, body6)[:n + 20]


@case(G, "T-7915-ext-001, -002, -006: lengths in the other unit, padding to eight octets, extension as it was")
def _(t):
    for n in (128, 132, 136, 200, 256):
        q4, q6 = quoted(n)
        q6 += bytes(-len(q6) % 8)
        for kind, code, kind6, code6 in ((3, 3, 1, 4), (3, 1, 1, 0), (11, 0, 3, 0)):
            t.four(error4(kind, code, bytes([0, n // 4, 0, 0]), q4 + EXT),
                   error6(kind6, code6, bytes([len(q6) // 8, 0, 0, 0]), q6 + EXT))


@case(G, "T-7915-ext-002: a short quoted packet, padded to 128 octets in IPv4")
def _(t):
    q4, q6 = Q4, Q6
    t.four(error4(3, 1, bytes([0, 32, 0, 0]), q4 + bytes(128 - len(q4)) + EXT),
           error6(1, 0, bytes([16, 0, 0, 0]), q6 + bytes(128 - len(q6)) + EXT))


@case(G, "T-7915-ext-003: no extension in Packet Too Big and Parameter Problem")
def _(t):
    q4, q6 = quoted(128)
    t.four(error4(3, 4, struct.pack("!BBH", 0, 32, 1400), q4 + EXT), error6(2, 0, struct.pack("!I", 1420), q6))
    t.four(error4(3, 2, bytes([0, 32, 0, 0]), q4 + EXT), error6(4, 1, struct.pack("!I", 6), q6))
    t.four(error4(12, 0, bytes([8, 32, 0, 0]), q4 + EXT), error6(4, 0, struct.pack("!I", 7), q6))


@case(G, "T-7915-ext-005, -007: a length past the message; length 0 is all quoted packet")
def _(t):
    q4, q6 = quoted(128)
    t.four(error4(3, 1, bytes([0, 33, 0, 0]), q4))
    t.four(error4(3, 1, bytes([0, 255, 0, 0]), q4 + EXT))
    t.four(error4(3, 1, ZERO, q4), error6(1, 0, ZERO, q6))


@case(G, "T-7915-ext-004: too long with its extension: the quoted packet is cut, never below 128 octets")
def _(t):
    long = extension(1016)
    q4, q6 = quoted(400)
    field = (1280 - 48 - len(long)) // 8 * 8
    t.four(error4(3, 1, bytes([0, 100, 0, 0]), q4 + long), error6(1, 0, bytes([field // 8, 0, 0, 0]), q6[:field] + long))
    longer = extension(1016 + 96)
    q4, q6 = quoted(128)
    t.four(error4(3, 1, bytes([0, 32, 0, 0]), q4 + longer), error6(1, 0, ZERO, q6))
