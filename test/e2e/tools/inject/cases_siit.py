# SPDX-License-Identifier: Apache-2.0
"""Translation without state (RFC 7915, 7757, 6791): what goes in on one side comes out on the other to the octet.

    A4 <-> A6 by the prefix PS, S <-> SS6 likewise; E3 and E4 by an entry for 203.0.113.64/29."""
import struct

from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import IPv6
from wire import Mismatch, data, fragments4, fragments6, icmp4, icmp6, l4, ones_add, v4, v6
from world import GW4, GW6, R6, Any, S, case, embed

PS = "2001:db8:6:46::"
A4 = "203.0.113.130"
A6, SS6 = embed(A4, PS), embed(S, PS)
E3, E4 = "2001:db8:6:c0::3", "2001:db8:6:c0::4"
E3S, E4S = embed("203.0.113.67", PS), embed("203.0.113.68", PS)
G, B = "siit", "siit-errors"


def spoil(segment, by, at):
    """`by` added to the checksum at that octet: a checksum that was wrong stays wrong by as much."""
    return segment[:at] + struct.pack("!H", ones_add(struct.unpack("!H", segment[at:at + 2])[0], by)) + segment[at + 2:]


def out4(proto, payload, **kw):
    return v4(A4, S, proto, payload, ttl=63, **kw)


def out6(proto, payload, **kw):
    return v6(SS6, A6, proto, payload, hops=63, **kw)


for name, layer, proto, at in (("UDP", UDP(sport=2000, dport=4000) / data(104), 17, 6),
                               ("TCP", TCP(sport=2000, dport=4000, flags="PA") / data(104), 6, 16)):
    for by in (0, 0x1234):
        @case(G, f"T-7915-4to6-029, T-7915-6to4-021: {name}, checksum {'wrong' if by else 'right'}, whole and as one fragment")
        def _(t, layer=layer, proto=proto, at=at, by=by):
            six, four = spoil(l4(layer, A6, SS6), by, at), spoil(l4(layer, A4, S), by, at)
            t.six(v6(A6, SS6, proto, six, tc=0xB9, flow=7), Any(out4(proto, four, tos=0xB9)))
            atomic = v6(A6, SS6, 44, struct.pack("!BBHI", proto, 0, 0, 0x87654321) + six)
            t.six(atomic, out4(proto, four, ident=0x4321))
            back4, back6 = spoil(l4(layer, S, A4), by, at), spoil(l4(layer, SS6, A6), by, at)
            for flags in (0, "DF"):
                t.four(v4(S, A4, proto, back4, tos=0xB9, flags=flags), out6(proto, back6, tc=0xB9))

for by in (0, 0x1234):
    @case(G, f"T-7915-icmp46-002, T-7915-icmp64-002: pings, checksum {'wrong' if by else 'right'}; the identifier is the host's")
    def _(t, by=by):
        rest, body = struct.pack("!HH", 77, 3), data(56)
        for kind6, kind4 in ((128, 8), (129, 0)):
            t.six(v6(A6, SS6, 58, spoil(icmp6(IPv6(src=A6, dst=SS6), kind6, 0, rest, body), by, 2)),
                  Any(out4(1, spoil(icmp4(kind4, 0, rest, body), by, 2))))
            t.four(v4(S, A4, 1, spoil(icmp4(kind4, 0, rest, body), by, 2)),
                   out6(58, spoil(icmp6(IPv6(src=SS6, dst=A6), kind6, 0, rest, body), by, 2)))

for proto in (16, 27, 33, 47, 50, 51, 58, 69, 132):
    @case(G, f"T-7915-4to6-034, T-7915-6to4-026: protocol {proto} as it is")
    def _(t, proto=proto):
        t.four(v4(S, A4, proto, data(40)), out6(proto, data(40)))
        if proto != 58:
            t.six(v6(A6, SS6, proto, data(40)), Any(out4(proto, data(40))))


@case(G, "T-7915-4to6-022, -023: three fragments of each transport, with DF and without; each is translated by itself")
def _(t):
    for layer, proto in ((UDP(sport=2000, dport=4000) / data(1200), 17), (TCP(sport=2000, dport=4000, flags="A") / data(1200), 6)):
        whole4, whole6 = v4(S, A4, proto, l4(layer, S, A4), ident=1234), v6(SS6, A6, proto, l4(layer, SS6, A6), hops=63)
        whole4df = v4(S, A4, proto, l4(layer, S, A4), ident=1234, flags="DF")
        pieces6 = fragments6(whole6, 408, 1234)
        for whole in (whole4, whole4df):
            for piece, wanted in reversed(list(zip(fragments4(whole, 408), pieces6))):
                t.four(piece, wanted)


@case(G, "T-7915-6to4-007: and towards IPv4, identification cut to 16 bits, DF never set")
def _(t):
    layer = UDP(sport=2000, dport=4000) / data(2600)
    six = v6(A6, SS6, 17, l4(layer, A6, SS6))
    four = fragments4(out4(17, l4(layer, A4, S)), 1232, ident=0x4321)
    for piece, wanted in zip(fragments6(six, 1232, 0x87654321), four):
        t.six(piece, wanted)


@case(G, "T-7915-6to4-005, T-7915-4to6-015, -016, -019: sizes around 1,280 and 1,260")
def _(t):
    for n, flags in ((1220, 0), (1221, "DF")):
        layer = TCP(sport=2000, dport=4000, flags="A") / data(n)
        t.six(v6(A6, SS6, 6, l4(layer, A6, SS6)), Any(out4(6, l4(layer, A4, S), flags=flags)))
        whole = out6(6, l4(layer, SS6, A6))
        t.four(v4(S, A4, 6, l4(layer, S, A4), flags="DF", ident=1234), whole)
        pieces = [whole] if n == 1220 else fragments6(whole, 1232, 1234)
        t.four(v4(S, A4, 6, l4(layer, S, A4), ident=1234), *pieces)


@case(G, "T-7757-003: two hosts with entries meet through the prefix, one hop in all; errors too")
def _(t):
    layer = UDP(sport=2000, dport=4000) / b"hairpin"
    t.run([(6, v6(E3, E4S, 17, l4(layer, E3, E4S)))], out6=[v6(E3S, E4, 17, l4(layer, E3S, E4), hops=63)])
    quoted, seen = v6(E3S, E4, 17, l4(layer, E3S, E4), hops=9), v6(E3, E4S, 17, l4(layer, E3, E4S), hops=9)
    t.run([(6, v6(E4, E3S, 58, icmp6(IPv6(src=E4, dst=E3S), 1, 4, bytes(4), quoted)))],
          out6=[v6(E4S, E3, 58, icmp6(IPv6(src=E4S, dst=E3), 1, 4, bytes(4), seen), hops=63)])
    shown = embed(GW4, PS)  # a router without an IPv4 address; no pool for such is configured
    for kind, code, rest in ((3, 0, bytes(4)), (2, 0, struct.pack("!I", 1400))):
        t.run([(6, v6(R6, E3S, 58, icmp6(IPv6(src=R6, dst=E3S), kind, code, rest, quoted)))],
              out6=[v6(shown, E3, 58, icmp6(IPv6(src=shown, dst=E3), kind, code, rest, seen), hops=63)])


@case(G, "T-6791-001, T-7915-icmp64-012: an error of an IPv6 router that has no IPv4 address")
def _(t):
    layer = UDP(sport=4000, dport=2000) / data(40)
    quoted = v6(SS6, A6, 17, l4(layer, SS6, A6), hops=1)
    inner = v4(S, A4, 17, l4(layer, S, A4), ttl=1, ident=0)
    t.six(v6(R6, SS6, 58, icmp6(IPv6(src=R6, dst=SS6), 3, 0, bytes(4), quoted)),
          Any(v4(GW4, S, 1, icmp4(11, 0, bytes(4), inner), ttl=63)))


@case(G, "T-7915-4to6-013: IPv4 link-local addresses are nobody's behind a router (RFC 3927)")
def _(t):
    layer = UDP(sport=2000, dport=4000) / b"here"
    t.run([(4, v4("169.254.7.7", A4, 17, l4(layer, "169.254.7.7", A4))),
           (6, v6(A6, embed("169.254.7.7", PS), 17, l4(layer, A6, embed("169.254.7.7", PS))))])


@case(B, "T-7915-gen-004: forty offenders of one host at once are all answered, by default, both ways")
def _(t):
    layer = UDP(sport=2000, dport=4000) / b"x"
    six, four = v6(A6, SS6, 17, l4(layer, A6, SS6), hops=1), v4(S, A4, 17, l4(layer, S, A4), ttl=1)
    answer6 = v6(GW6, A6, 58, icmp6(IPv6(src=GW6, dst=A6), 3, 0, bytes(4), six))
    got = t.wires.exchange([(6, six)] * 40 + [(4, four)] * 40, (40, 40))
    if got[6] != [answer6] * 40 or len(got[4]) != 40:
        raise Mismatch(f"{len(got[6])} and {len(got[4])} answers")
