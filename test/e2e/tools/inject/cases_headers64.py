# SPDX-License-Identifier: Apache-2.0
"""RFC 7915 section 5.1, IPv6 headers to IPv4: fields, extension headers, checksums, sizes, what is refused."""
import struct

from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import IPv6
from wire import Frame, Mismatch, data, icmp4, icmp6, l4, ones_add, v4, v6
from world import GW6, PREF, Any, S, S6, T, X, at_s, case, embed, from_x

G = "headers64"
U = UDP(sport=1234, dport=53) / data(40)
V = UDP(sport=5000, dport=53) / data(40)


def refused(kind, code, offender, rest=bytes(4), to=X, tc=0):
    return v6(GW6, to, 58, icmp6(IPv6(src=GW6, dst=to), kind, code, rest, offender[:1280 - 48]), hops=64, tc=tc)


def chain(headers, last, payload, src=X, dst=S6, **kw):
    """headers: [(next header number, bytes without the first octet)]; the payload behind them."""
    numbers = [n for n, _ in headers] + [last]
    body = b"".join(bytes([numbers[i + 1]]) + h for i, (_, h) in enumerate(headers)) + payload
    return v6(src, dst, numbers[0], body, **kw)


HOPS = (0, b"\0\1\4\0\0\0\0")
DEST = (60, b"\0\1\4\0\0\0\0")
DEST16 = (60, b"\1\1\x0c" + bytes(12))
ROUTE0 = (43, b"\0\0\0" + bytes(4))


def route(left, kind=0, units=2):
    return (43, bytes([units, kind, left]) + bytes(4 + 8 * units))


def frag(ident=1, offset=0, more=0):
    return (44, b"\0" + struct.pack("!HI", offset | more, ident))


for tc in (0, 1, 3, 0xB8, 0xB9, 0xFF):
    case(G, f"T-7915-6to4-002: Traffic Class {tc:#x} is the TOS")(
        lambda t, tc=tc: t.six(from_x(U, tc=tc), Any(at_s(V, tos=tc))))

for flow in (1, 0xFFFFF):
    case(G, f"T-7915-6to4-003: Flow Label {flow:#x} is ignored")(lambda t, f=flow: t.six(from_x(U, flow=f), Any(at_s(V))))

for hops in (255, 64, 3, 2):
    case(G, f"T-7915-6to4-010: Hop Limit {hops}")(lambda t, h=hops: t.six(from_x(U, hops=h), Any(at_s(V, ttl=h - 1))))


@case(G, "T-7915-6to4-010: Hop Limit 1 and 0: Time Exceeded")
def _(t):
    for hops in (1, 0):
        p = from_x(U, hops=hops)
        t.six(p, answer=refused(3, 0, p))
    p = v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), 128, 0, struct.pack("!HH", 1234, 1), data(8)), hops=1)
    t.six(p, answer=refused(3, 0, p))


CHAINS = {"hop-by-hop": [HOPS], "destination options": [DEST], "routing, no segments left": [ROUTE0],
          "routing of type 4, no segments left": [route(0, 4)], "routing of an unknown type": [route(0, 99)],
          "all three": [HOPS, DEST, ROUTE0], "long destination options": [DEST16, DEST16],
          "twice the same": [DEST, DEST, DEST], "six of them": [HOPS, DEST, ROUTE0, DEST, DEST16, ROUTE0]}
for name, headers in CHAINS.items():
    case(G, f"T-7915-6to4-004, -012: {name} skipped")(
        lambda t, h=headers: t.six(chain(h, 17, l4(U, X, S6)), Any(at_s(V))))
    case(G, f"T-7915-6to4-008, -012: {name} before an atomic fragment")(
        lambda t, h=headers: t.six(chain(h + [frag(0xABCD1234)], 17, l4(U, X, S6)), at_s(V, ident=0x1234)))

SEGMENTS = {"right behind the base header": ([route(1)], 43), "behind hop-by-hop": ([HOPS, route(1)], 51),
            "behind 16 octets of options": ([DEST16, route(2)], 59), "with 255 left": ([route(255)], 43),
            "of type 4": ([route(1, 4)], 43), "the second one": ([ROUTE0, route(1)], 51),
            "before a fragment header": ([route(1), frag(7)], 43)}
for name, (headers, pointer) in SEGMENTS.items():
    @case(G, f"T-7915-6to4-013, -014: Segments Left {name}")
    def _(t, h=headers, at=pointer):
        p = chain(h, 17, l4(U, X, S6))
        t.six(p, answer=refused(4, 0, p, struct.pack("!I", at)))


@case(G, "gen-005: Segments Left in an ICMPv6 error is not answered, in a ping it is")
def _(t):
    inner = v6(S6, X, 17, l4(UDP(sport=53, dport=1234) / b"x", S6, X))
    t.six(chain([route(1)], 58, icmp6(IPv6(src=X, dst=S6), 1, 0, bytes(4), inner)))
    t.six(chain([HOPS, route(1), DEST], 58, icmp6(IPv6(src=X, dst=S6), 3, 0, bytes(4), inner)))
    p = chain([route(1)], 58, icmp6(IPv6(src=X, dst=S6), 128, 0, bytes(4), b"abc"))
    t.six(p, answer=refused(4, 0, p, struct.pack("!I", 43)))


for number in (0, 43, 44, 51, 60, 135, 139, 140):
    @case(G, f"T-7915-6to4-015: next header {number} behind the Fragment Header")
    def _(t, n=number):
        p = chain([frag(5)], n, b"\x11\0" + bytes(6) + l4(U, X, S6))
        t.six(p, answer=refused(1, 1, p))


for number in (50, 51, 59, 132, 135, 139, 4, 41, 2, 1, 253):
    @case(G, f"T-7915-6to4-024, T-6146-in-004: last next header {number} is not for a stateful gateway")
    def _(t, n=number):
        p = v6(X, S6, n, data(24))
        t.six(p, answer=refused(1, 4, p))


@case(G, "T-7915-6to4-016: a chain without end is refused in bounded time")
def _(t):
    p = chain([DEST] * 20, 17, l4(U, X, S6))
    t.six(p, answer=refused(4, 3, p))
    p = chain([(60, b"\x50" + bytes(6 + 8 * 0x50)), DEST], 17, l4(U, X, S6))
    t.six(p, answer=refused(4, 3, p))


@case(G, "T-7915-6to4-023: headers that run past the packet")
def _(t):
    t.six(v6(X, S6, 60, b"\x11\x05\1\4\0\0\0\0"))
    t.six(v6(X, S6, 0, b"\x11\0"))
    t.six(v6(X, S6, 44, b"\x11\0\0"))
    for n in (0, 7):
        t.six(v6(X, S6, 17, data(n)) if n else v6(X, S6, 17, b"", plen=0))
        t.six(v6(X, S6, 58, data(max(n, 1))))
        t.six(v6(X, S6, 6, data(19)))


@case(G, "T-7915-6to4-023: Payload Length past the frame, and a jumbogram; padding behind goes")
def _(t):
    raw = l4(U, X, S6)
    t.six(v6(X, S6, 17, raw, plen=len(raw) + 1))
    t.six(v6(X, S6, 17, raw, plen=65535))
    t.six(v6(X, S6, 17, raw, plen=0))
    t.six(v6(X, S6, 17, raw) + bytes(range(1, 20)), Any(at_s(V)))
    t.run([(6, Frame(b"\x86\xdd\x50" + v6(X, S6, 17, raw)[1:]))])
    t.run([(6, Frame(b"\x86\xdd" + v6(X, S6, 17, raw)[:39]))])


for src in ("::", "::1", "ff02::1", "ff0e::5", "fe80::5", "::ffff:192.0.2.1"):
    case(G, f"T-7915-6to4-017: source {src}")(lambda t, s=src: t.six(v6(s, S6, 17, l4(U, s, S6))))


@case(G, "T-6052-032, T-6146-in-001: a source behind the prefix, whatever it carries")
def _(t):
    src = embed("192.0.2.7")
    t.six(v6(src, S6, 17, l4(U, src, S6)))
    t.six(v6(src, S6, 6, l4(TCP(sport=1234, dport=80), src, S6)))
    t.six(v6(src, S6, 58, icmp6(IPv6(src=src, dst=S6), 128, 0, bytes(4), b"x")))
    inner = v6(S6, X, 17, l4(UDP(sport=53, dport=1234) / b"x", S6, X))
    t.six(v6(src, S6, 58, icmp6(IPv6(src=src, dst=S6), 1, 0, bytes(4), inner)))
    t.six(v6(src, S6, 17, l4(U, src, S6), hops=1))
    t.six(chain([route(1)], 17, l4(U, src, S6), src=src))
    t.six(v6(src, S6, 50, data(16)))


@case(G, "destinations behind the prefix that no host has")
def _(t):
    for dst in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"):
        t.six(v6(X, embed(dst), 17, l4(U, X, embed(dst))))


@case(G, "T-7915-6to4-011: TCP both ways, whole connection")
def _(t):
    for flags, back in (("S", False), ("SA", True), ("A", False), ("PA", False), ("PA", True), ("FA", False), ("FA", True), ("A", False)):
        body = data(101 if "P" in flags else 0)
        a = TCP(sport=1234, dport=8080, flags=flags, seq=7, ack=9, options=[("MSS", 1440)] if "S" in flags else []) / body
        b = TCP(sport=5000, dport=8080, flags=flags, seq=7, ack=9, options=[("MSS", 1440)] if "S" in flags else []) / body
        if back:
            a = TCP(sport=8080, dport=5000, flags=flags, seq=7, ack=9, options=[("MSS", 1440)] if "S" in flags else []) / body
            b = TCP(sport=8080, dport=1234, flags=flags, seq=7, ack=9, options=[("MSS", 1440)] if "S" in flags else []) / body
            t.four(v4(S, T, 6, l4(a, S, T)), v6(S6, X, 6, l4(b, S6, X), hops=63))
        else:
            t.six(from_x(a), Any(at_s(b)))


@case(G, "T-7915-icmp64-002: ping from IPv6, and its answer")
def _(t):
    for n in (0, 1, 56, 1001):
        rest = struct.pack("!HH", 1234, 3)
        t.six(v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), 128, 0, rest, data(n))),
              Any(v4(T, S, 1, icmp4(8, 0, struct.pack("!HH", 5000, 3), data(n)), ttl=63)))
        t.four(v4(S, T, 1, icmp4(0, 0, struct.pack("!HH", 5000, 3), data(n))),
               v6(S6, X, 58, icmp6(IPv6(src=S6, dst=X), 129, 0, rest, data(n)), hops=63))


@case(G, "T-7915-6to4-021: a false checksum is not mended")
def _(t):
    for error in (1, 0x100, 0x7FFF):
        def spoil(packet, where):
            got = struct.unpack("!H", packet[where:where + 2])[0]
            return packet[:where] + struct.pack("!H", ones_add(got, error)) + packet[where + 2:]
        t.six(spoil(from_x(U), 46), Any(spoil(at_s(V), 26)))


@case(G, "T-7915-6to4-021: a UDP checksum that comes out as zero is sent as 0xffff")
def _(t):
    want = l4(UDP(sport=5000, dport=53) / b"\0\0", T, S)
    filler = want[6:8]
    out = l4(UDP(sport=5000, dport=53) / filler, T, S)
    if out[6:8] != b"\xff\xff":
        raise AssertionError("scapy: " + out.hex())
    t.six(from_x(UDP(sport=1234, dport=53) / filler), Any(v4(T, S, 17, out, ttl=63)))


@case(G, "T-7915-6to4-022: IPv6 UDP without checksum is dropped")
def _(t):
    raw = l4(U, X, S6)
    t.six(v6(X, S6, 17, raw[:6] + b"\0\0" + raw[8:]))


@case(G, "UDP Length that is not the payload's")
def _(t):
    raw = l4(U, X, S6)
    for length in (0, 7, len(raw) + 1):
        t.six(v6(X, S6, 17, raw[:4] + struct.pack("!H", length) + raw[6:]))


@case(G, "T-7915-6to4-005: DF from 1,261 octets of IPv4 on")
def _(t):
    for total in (28, 1259, 1260, 1261, 1480):
        t.six(from_x(UDP(sport=1234, dport=53) / data(total - 28)),
              Any(at_s(UDP(sport=5000, dport=53) / data(total - 28), flags="DF" if total > 1260 else None)))


@case(G, "T-7915-6to4-006: Identifications of packets to one host do not repeat and are not all zero")
def _(t):
    seen = set()
    for i in range(100):
        got = t.six(from_x(U), Any(at_s(V)))
        seen.add(got[4][0][4:6])
    if len(seen) != 100:
        raise Mismatch(f"{len(seen)} different Identifications in 100 packets")


@case(G, "T-7915-icmp64-003: other informational messages and unknown types are silence")
def _(t):
    for kind in (0, 5, 100, 127, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 143, 144, 151, 160, 200, 255):
        t.six(v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), kind, 0, bytes(4), data(20))))
    for code in (1, 255):
        t.six(v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), 128, code, struct.pack("!HH", 1234, 1), data(20))))


@case(G, "T-6146-in-002, T-6052-031: outside the prefix nothing is translated")
def _(t):
    for dst in ("2001:db8:65::c000:221", "64:ff9b::c000:221", "2001:db8:64:0:1::1", "64:ff9b:1::c000:221"):
        t.six(v6(X, dst, 17, l4(U, X, dst)))


@case(G, "gen-005: a link-layer multicast is not answered; gen-006: the offender is quoted up to 1,280 octets")
def _(t):
    t.run([(6, from_x(U, hops=1), b"\x33\x33\0\0\0\1")])
    p = from_x(UDP(sport=1234, dport=53) / data(1400), hops=1)
    t.six(p, answer=refused(3, 0, p))
