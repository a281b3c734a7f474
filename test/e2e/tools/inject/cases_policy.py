# SPDX-License-Identifier: Apache-2.0
"""Mapping, filtering and hairpinning seen from outside (RFC 6146 sections 3.5 and 3.8), and what an operator may set."""
import socket
import struct

from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import IPv6
from cases_headers46 import refused as refused4
from cases_headers64 import refused as refused6
from wire import Mismatch, data, fragments4, fragments6, icmp4, icmp6, l4, v4, v6
from world import H, R6, S, S6, T, X, Any, at_s, at_x, case, embed, from_s, from_x

G = "mapping"
T6 = embed(T)


@case(G, "T-6146-udp-007: endpoint-independent filtering: any host, any port")
def _(t):
    for k, src in enumerate(("192.0.2.41", "192.0.2.42", "8.8.8.8")):
        t.four(from_s(UDP(sport=100 + k, dport=5000) / b"hi", src=src), at_x(UDP(sport=100 + k, dport=1234) / b"hi", src=embed(src)))


@case(G, "T-6146-udp-002: one mapping for all destinations, replies from each")
def _(t):
    for server in ("192.0.2.51", "192.0.2.52"):
        t.six(from_x(UDP(sport=1234, dport=53) / b"x", dst=embed(server)), Any(at_s(UDP(sport=5000, dport=53) / b"x", dst=server)))


def mapped(t, layer):
    """Sent three times: the one IPv4 address and port that it is mapped to."""
    seen = set()
    for _ in range(3):
        got = t.wires.exchange([(6, from_x(layer))])[4]
        if len(got) != 1:
            raise Mismatch(f"{len(got)} packets came out")
        seen.add((socket.inet_ntoa(got[0][12:16]), struct.unpack("!H", got[0][20:22])[0]))
    if len(seen) != 1:
        raise Mismatch(f"mapped to {seen}")
    return seen.pop()


@case(G, "T-6146-udp-001: a dynamic mapping: chosen once, kept, of its port's parity; replies reach it")
def _(t):
    for port in (40000, 40001):
        address, external = mapped(t, UDP(sport=port, dport=53) / b"abc")
        if external < 1024 or external % 2 != port % 2:
            raise Mismatch(f"port {port} is mapped to {external}")
        t.four(from_s(UDP(sport=53, dport=external) / b"reply", dst=address), at_x(UDP(sport=53, dport=port) / b"reply"))


@case("pairing", "T-6146-udp-010: all mappings of a host on one address, the one of its static binding")
def _(t):
    for layer in (UDP(sport=40002, dport=53) / b"abc", TCP(sport=40002, dport=53, flags="S")):
        if mapped(t, layer)[0] != T:
            raise Mismatch(f"{layer.name} is mapped to another address than {T}")


@case(G, "T-6146-icmp-002, -004: pings of two hosts with one identifier; nobody's identifier")
def _(t):
    seen = {}
    for host in (R6, "2001:db8:6:98::1"):
        p = v6(host, S6, 58, icmp6(IPv6(src=host, dst=S6), 128, 0, struct.pack("!HH", 555, 1), b"abc"))
        got = t.wires.exchange([(6, p)])[4]
        if len(got) != 1:
            raise Mismatch(f"{len(got)} packets came out")
        seen[got[0][12:16], got[0][24:26]] = host
    if len(seen) != 2:
        raise Mismatch("two hosts share an address and identifier")
    for (address, i), host in seen.items():
        reply = v4(S, socket.inet_ntoa(address), 1, icmp4(0, 0, i + b"\0\1", b"abc"))
        t.four(reply, v6(S6, host, 58, icmp6(IPv6(src=S6, dst=host), 129, 0, struct.pack("!HH", 555, 1), b"abc"), hops=63))
    ask = v4(S, T, 1, icmp4(8, 0, struct.pack("!HH", 9, 1), b"abc"))
    t.four(ask, answer=refused4(3, 1, ask))
    t.four(v4(S, T, 1, icmp4(0, 0, struct.pack("!HH", 9, 1), b"abc")))


@case(G, "T-6146-tcp: data without a SYN makes no session; a SYN from outside to a static binding does")
def _(t):
    t.four(from_s(TCP(sport=9999, dport=5000, flags="S") / b""), at_x(TCP(sport=9999, dport=1234, flags="S")))
    t.six(from_x(TCP(sport=1234, dport=9999, flags="SA")), Any(at_s(TCP(sport=5000, dport=9999, flags="SA"))))


@case(G, "T-6146-hair-001, -003, -007: hairpinning of UDP, TCP and pings: one hop, the sender unseen")
def _(t):
    for n in (0, 33, 1200):
        t.run([(6, v6(X, T6, 17, l4(UDP(sport=1234, dport=6000) / data(n), X, T6)))],
              out6=[v6(T6, H, 17, l4(UDP(sport=5000, dport=1234) / data(n), T6, H), hops=63)])
        t.run([(6, v6(H, T6, 17, l4(UDP(sport=1234, dport=5000) / data(n), H, T6)))],
              out6=[v6(T6, X, 17, l4(UDP(sport=6000, dport=1234) / data(n), T6, X), hops=63)])
    t.run([(6, v6(X, T6, 6, l4(TCP(sport=1234, dport=6000, flags="S"), X, T6)))],
          out6=[v6(T6, H, 6, l4(TCP(sport=5000, dport=1234, flags="S"), T6, H), hops=63)])
    ping = v6(X, T6, 58, icmp6(IPv6(src=X, dst=T6), 128, 0, struct.pack("!HH", 1234, 7), b"abc"))
    got = t.wires.exchange([(6, ping)])
    if len(got[6]) > 1 or got[4]:
        raise Mismatch(f"a hairpinned ping gave {len(got[6])} and {len(got[4])} packets")


@case(G, "T-6146-hair-006: to one's own mapping; T-6146-hair-004: to nobody's")
def _(t):
    t.run([(6, v6(X, T6, 17, l4(UDP(sport=1234, dport=5000) / b"me", X, T6)))],
          out6=[v6(T6, X, 17, l4(UDP(sport=5000, dport=1234) / b"me", T6, X), hops=63)])
    got = t.wires.exchange([(6, v6(X, T6, 17, l4(UDP(sport=1234, dport=7777) / b"nobody?", X, T6)))])
    if len(got[6]) != 1 or got[6][0][6] != 58 or got[6][0][40:42] != b"\1\0":
        raise Mismatch(f"1/0 expected: {[p.hex() for p in got[6]]}")


@case(G, "T-6146-hair-002: an error inside a hairpinned flow")
def _(t):
    t.run([(6, v6(X, T6, 17, l4(UDP(sport=1234, dport=6000) / data(40), X, T6)))],
          out6=[v6(T6, H, 17, l4(UDP(sport=5000, dport=1234) / data(40), T6, H), hops=63)])
    quoted = v6(T6, H, 17, l4(UDP(sport=5000, dport=1234) / data(40), T6, H), hops=63)
    seen = v6(X, T6, 17, l4(UDP(sport=1234, dport=6000) / data(40), X, T6), hops=63)
    for kind, code, rest, rest_out in ((1, 4, bytes(4), bytes(4)), (2, 0, struct.pack("!I", 1400), struct.pack("!I", 1400))):
        error = v6(H, T6, 58, icmp6(IPv6(src=H, dst=T6), kind, code, rest, quoted))
        t.run([(6, error)], out6=[v6(T6, X, 58, icmp6(IPv6(src=T6, dst=X), kind, code, rest_out, seen), hops=63)])


A = "address-dependent"


@case(A, "T-6146-udp-008, -009: only whom the host has spoken to, on any port; else 3/13")
def _(t):
    p = from_s(UDP(sport=53, dport=5000) / b"unasked")
    t.four(p, answer=refused4(3, 13, p))
    t.six(from_x(UDP(sport=1234, dport=53) / b"ask"), Any(at_s(UDP(sport=5000, dport=53) / b"ask")))
    for port in (53, 54, 5353):
        t.four(from_s(UDP(sport=port, dport=5000) / b"reply"), at_x(UDP(sport=port, dport=1234) / b"reply"))
    p = from_s(UDP(sport=53, dport=5000) / b"another", src="192.0.2.34")
    t.four(p, answer=Any(v4("198.51.100.1", "192.0.2.34", 1, icmp4(3, 13, bytes(4), p), ttl=64)))


@case(A, "T-6146-icmp-005: the same of pings")
def _(t):
    ask = v4(S, T, 1, icmp4(8, 0, struct.pack("!HH", 5000, 1), b"abc"))
    t.four(ask, answer=refused4(3, 13, ask))
    rest = struct.pack("!HH", 1234, 1)
    t.six(v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), 128, 0, rest, b"abc")),
          Any(v4(T, S, 1, icmp4(8, 0, struct.pack("!HH", 5000, 1), b"abc"), ttl=63)))
    t.four(ask, v6(S6, X, 58, icmp6(IPv6(src=S6, dst=X), 128, 0, rest, b"abc"), hops=63))


@case(A, "T-6146-hair-008: hairpinned packets are filtered too")
def _(t):
    p = v6(X, T6, 17, l4(UDP(sport=1234, dport=6000) / b"unasked", X, T6))
    got = t.wires.exchange([(6, p)])
    if got[4] or any(q[6] != 58 for q in got[6]):
        raise Mismatch(f"passed: {[q.hex() for q in got[6]]}")


@case("tos", "T-7915-6to4-027, T-7915-4to6-002: TOS and Traffic Class as the operator says")
def _(t):
    t.six(from_x(UDP(sport=1234, dport=53) / b"x", tc=0xB8), Any(at_s(UDP(sport=5000, dport=53) / b"x", tos=0x48)))
    t.four(from_s(UDP(sport=53, dport=5000) / b"x", tos=0xB8), at_x(UDP(sport=53, dport=1234) / b"x", tc=0))


@case("mss", "T-7915-4to6-037: the MSS of SYNs is lowered, never raised, wherever the option stands")
def _(t):
    for k, (options, lower) in enumerate((
            ([("MSS", 1460)], True), ([("NOP", None), ("MSS", 1460), ("SAckOK", b"")], True), ([("MSS", 536)], False), ([], False),
            ([("WScale", 7), ("MSS", 9000)], True))):
        def layer(sport, dport, mss, flags="S"):
            return TCP(sport=sport, dport=dport, flags=flags, seq=5, options=[(o, mss if o == "MSS" and lower else v) for o, v in options])
        def plain(sport, dport, flags="S"):
            return TCP(sport=sport, dport=dport, flags=flags, seq=5, options=options)
        port = 9100 + k
        t.six(from_x(plain(1234, port)), Any(at_s(layer(5000, port, 1200))))
        t.four(from_s(plain(port, 5000, "SA")), at_x(layer(port, 1234, 1220, "SA")))
        t.six(from_x(plain(1234, port, "A")), Any(at_s(plain(5000, port, "A"))))


@case("zero", "T-7915-6to4-022: IPv6 UDP without checksum is forwarded without")
def _(t):
    raw = l4(UDP(sport=1234, dport=53) / data(20), X, S6)
    out = l4(UDP(sport=5000, dport=53) / data(20), T, S)
    t.six(v6(X, S6, 17, raw[:6] + b"\0\0" + raw[8:]), Any(v4(T, S, 17, out[:6] + b"\0\0" + out[8:], ttl=63)))


@case("remap", "T-7915-6to4-009: fragments of two hosts with one identification get different ones, the same for all pieces")
def _(t):
    seen = []
    for host, port in ((X, 5000), (H, 6000)):
        a = fragments6(v6(host, S6, 17, l4(UDP(sport=1234, dport=53) / data(1500), host, S6)), 800, 0x77777)
        for order in (a, a[::-1]):
            got = t.wires.exchange([(6, f) for f in order])[4]
            if len(got) != 2 or got[0][4:6] != got[1][4:6]:
                raise Mismatch(f"{len(got)} pieces, identifications {[p[4:6].hex() for p in got]}")
            i = struct.unpack("!H", got[0][4:6])[0]
            if got != fragments4(at_s(UDP(sport=port, dport=53) / data(1500), ident=i), 800):
                raise Mismatch("the pieces are not the datagram's")
            seen.append(i)
    if seen[0] in seen[2:] or seen[1] in seen[2:]:
        raise Mismatch(f"both hosts use {seen}")


@case("lowest1402", "T-7915-4to6-017: a limit that is not 48 + 8k")
def _(t):
    p = from_s(UDP(sport=53, dport=5000) / data(1440), ident=99)
    t.four(p, *fragments6(at_x(UDP(sport=53, dport=1234) / data(1440)), 1352, 99))
    t.four(from_s(UDP(sport=53, dport=5000) / data(1402 - 48)), at_x(UDP(sport=53, dport=1234) / data(1402 - 48)))


@case("lowest1500", "T-7915-4to6-018: the operator's limit is obeyed: no Fragment Header up to 1,500 octets")
def _(t):
    t.four(from_s(UDP(sport=53, dport=5000) / data(1452)), at_x(UDP(sport=53, dport=1234) / data(1452)))
    # Translated errors are cut to 1,280 all the same (RFC 4443 section 2.4(c)).
    t.six(from_x(UDP(sport=1234, dport=53) / b"x"), Any(at_s(UDP(sport=5000, dport=53) / b"x")))
    body4, body6 = l4(UDP(sport=5000, dport=53) / data(1400), T, S), l4(UDP(sport=1234, dport=53) / data(1400), X, S6)
    t.four(v4(S, T, 1, icmp4(3, 1, bytes(4), v4(T, S, 17, body4))),
           v6(S6, X, 58, icmp6(IPv6(src=S6, dst=X), 1, 0, bytes(4), v6(X, S6, 17, body6)[:1232]), hops=63))


@case("silent", "T-7915-gen-003: no errors of our own")
def _(t):
    t.six(from_x(UDP(sport=1234, dport=53) / b"x", hops=1))
    t.six(v6(X, S6, 50, data(20)))
    t.four(from_s(UDP(sport=53, dport=5000) / b"x", ttl=1))
    t.four(from_s(UDP(sport=53, dport=7777) / b"x"))


@case("session-source", "T-7915-icmp46-024: errors from the session's remote")
def _(t):
    t.six(from_x(UDP(sport=1234, dport=53) / data(9)), Any(at_s(UDP(sport=5000, dport=53) / data(9))))
    quoted4 = v4(T, S, 17, l4(UDP(sport=5000, dport=53) / data(9), T, S))
    quoted6 = v6(X, S6, 17, l4(UDP(sport=1234, dport=53) / data(9), X, S6))
    t.four(v4("192.0.2.99", T, 1, icmp4(11, 0, bytes(4), quoted4)),
           v6(S6, X, 58, icmp6(IPv6(src=S6, dst=X), 3, 0, bytes(4), quoted6), hops=63))


@case("no-pings", "T-6146-icmp-006: pings from IPv6 are refused in silence, errors pass")
def _(t):
    t.six(v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), 128, 0, struct.pack("!HH", 1234, 1), b"abc")))
    t.six(from_x(UDP(sport=1234, dport=53) / data(9)), Any(at_s(UDP(sport=5000, dport=53) / data(9))))


@case("limited", "T-7915-gen-004: a flood of offenders: errors are limited, both ways")
def _(t):
    for side, p in ((6, from_x(UDP(sport=1234, dport=53) / b"x", hops=1)), (4, from_s(UDP(sport=53, dport=5000) / b"x", ttl=1))):
        got = t.wires.exchange([(side, p)] * 100)[side]
        if not 48 <= len(got) <= 55:
            raise Mismatch(f"{len(got)} errors about 100 packets of one source on side {side}; fifty at once are allowed")
