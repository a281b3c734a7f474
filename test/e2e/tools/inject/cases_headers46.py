# SPDX-License-Identifier: Apache-2.0
"""RFC 7915 section 4.1, IPv4 headers to IPv6: fields, options, checksums, sizes, what is refused."""
import struct

from scapy.layers.inet import TCP, UDP
from scapy.utils import checksum as inet_checksum
from wire import data, fragments6, icmp4, icmp6, l4, ones_add, v4, v6
from scapy.layers.inet6 import IPv6
from world import GW4, Any, S, S6, T, X, at_x, case, from_s

G = "headers46"
U = UDP(sport=53, dport=5000) / data(40)
V = UDP(sport=53, dport=1234) / data(40)


def refused(kind, code, offender, rest=bytes(4), quoted=None):
    body = (quoted or offender)[:576 - 28]
    return Any(v4(GW4, S, 1, icmp4(kind, code, rest, body), ttl=64))


for tos in (0, 1, 2, 3, 0xB8, 0xB9, 0xFF):
    case(G, f"T-7915-4to6-001: TOS {tos:#x} is the Traffic Class")(
        lambda t, tos=tos: t.four(from_s(U, tos=tos), at_x(V, tc=tos)))

for ttl in (255, 128, 64, 3, 2):
    case(G, f"T-7915-4to6-006: TTL {ttl}")(lambda t, ttl=ttl: t.four(from_s(U, ttl=ttl), at_x(V, hops=ttl - 1)))


@case(G, "T-7915-4to6-007: TTL 1 and 0: Time Exceeded")
def _(t):
    for ttl in (1, 0):
        p = from_s(U, ttl=ttl)
        t.four(p, answer=refused(11, 0, p))


OPTIONS = {
    "NOP": b"\1\1\1\1", "EOL": b"\0\0\0\0", "Security": b"\x82\x0b" + bytes(9), "Stream ID": b"\x88\x04\x00\x07",
    "Record Route": b"\x07\x0b\x04" + bytes(8), "Timestamp": b"\x44\x0c\x05\x00" + bytes(8),
    "router alert": b"\x94\x04\x00\x00", "an unknown one": b"\x9e\x08" + bytes(6), "forty octets": b"\x07\x27\x04" + bytes(37),
    "EOL, then what looks like a source route": b"\x00\x83\x07\x04" + bytes(4),
    "expired LSRR": b"\x83\x07\x08\xc0\x00\x02\x01", "expired SSRR": b"\x89\x07\x08\xc0\x00\x02\x01",
    "NOP and expired LSRR of two": b"\x01\x83\x0b\x0c" + bytes(8),
}
for name, octets in OPTIONS.items():
    case(G, f"T-7915-4to6-008, -011: option {name}")(lambda t, o=octets: t.four(from_s(U, options=o), at_x(V)))

ROUTES = {"LSRR": b"\x83\x07\x04\xc0\x00\x02\x01", "SSRR": b"\x89\x07\x04\xc0\x00\x02\x01",
          "LSRR at its last address": b"\x83\x0b\x08" + bytes(8), "LSRR behind NOPs": b"\1\1\x83\x07\x04" + bytes(4),
          "SSRR behind Record Route": b"\x07\x07\x04" + bytes(4) + b"\x89\x07\x04" + bytes(4)}
for name, octets in ROUTES.items():
    @case(G, f"T-7915-4to6-009, -010: {name}: source route failed")
    def _(t, o=octets):
        p = from_s(U, options=o)
        t.four(p, answer=refused(3, 5, p))


@case(G, "T-7915-4to6-009, gen-005: a source route in an ICMP error or a later fragment is not answered")
def _(t):
    inner = v4(T, S, 17, l4(UDP(sport=5000, dport=53) / b"x", T, S))
    t.four(v4(S, T, 1, icmp4(3, 1, bytes(4), inner), options=ROUTES["LSRR"]))
    t.four(v4(S, T, 17, data(24), options=ROUTES["LSRR"], offset=64))


for name, octets in {"length 0": b"\x07\0\0\0", "length 1": b"\x44\1\0\0", "past the header": b"\x07\x09\x04\0",
                     "no length octet": b"\1\1\1\x07"}.items():
    case(G, f"T-7915-4to6-012: an option with {name}")(lambda t, o=octets: t.four(from_s(U, options=o)))

for src in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"):
    case(G, f"T-7915-4to6-013: source {src}")(lambda t, s=src: t.four(from_s(U, src=s)))


@case(G, "T-7915-4to6-014: multicast and broadcast destinations are not translated")
def _(t):
    for dst in ("224.0.0.251", "255.255.255.255", "198.51.100.3"):
        t.four(v4(S, dst, 17, l4(U, S, dst)))


@case(G, "T-7915-4to6-005: TCP with options, flags, urgent pointer and data of odd length")
def _(t):
    p = TCP(sport=80, dport=5000, flags="S", seq=0xFFFFFFF0, options=[("MSS", 1460), ("SAckOK", b""), ("WScale", 7)])
    q = p.copy()
    q.dport = 1234
    t.four(from_s(p), at_x(q))
    p = TCP(sport=80, dport=5000, flags="APU", seq=1, ack=7, urgptr=9, window=77, reserved=5) / data(333)
    q = p.copy()
    q.dport = 1234
    t.four(from_s(p), at_x(q))


@case(G, "T-7915-icmp46-002: ping from IPv4, and its answer")
def _(t):
    for n in (0, 1, 56, 1001):
        body = data(n)
        ask = v4(S, T, 1, icmp4(8, 0, struct.pack("!HH", 5000, 99), body))
        t.four(ask, v6(S6, X, 58, icmp6(IPv6(src=S6, dst=X), 128, 0, struct.pack("!HH", 1234, 99), body), hops=63))
        reply = v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), 129, 0, struct.pack("!HH", 1234, 99), body))
        t.six(reply, Any(v4(T, S, 1, icmp4(0, 0, struct.pack("!HH", 5000, 99), body), ttl=63)))


@case(G, "T-7915-4to6-026: padding behind the packet goes")
def _(t):
    p = UDP(sport=53, dport=5000) / b"ab"
    t.run([(4, from_s(p) + bytes(range(1, 17)))], out6=[at_x(UDP(sport=53, dport=1234) / b"ab")])


@case(G, "T-7915-4to6-027, -042: false version, IHL, lengths; T-7915-4to6-028: false header checksum")
def _(t):
    p = from_s(U)

    def with_sum(b):
        b = bytearray(b)
        b[10:12] = b"\0\0"
        b[10:12] = struct.pack("!H", inet_checksum(bytes(b[:20])))
        return bytes(b)
    from wire import Frame
    ethertype = b"\x08\x00"
    for bad in (b"\x65" + p[1:], b"\x44" + p[1:], b"\x05" + p[1:], p[:2] + struct.pack("!H", 19) + p[4:],
                p[:2] + struct.pack("!H", len(p) + 1) + p[4:], p[:2] + b"\xff\xff" + p[4:], b"\x4f" + p[1:]):
        t.run([(4, Frame(ethertype + with_sum(bad)))])
    t.run([(4, Frame(ethertype + p[:19]))])
    for word in (0, 0xFFFF, struct.unpack("!H", p[10:12])[0] ^ 1):
        t.four(p[:10] + struct.pack("!H", word) + p[12:])


@case(G, "T-7915-4to6-029: a false checksum is not mended: the error is the same behind us")
def _(t):
    for layer, other, at in ((U, V, 6), (TCP(sport=80, dport=5000, flags="S") / b"abc", TCP(sport=80, dport=1234, flags="S") / b"abc", 16)):
        for error in (1, 0x100, 0x7FFF):
            def spoil(packet, where):
                got = struct.unpack("!H", packet[where:where + 2])[0]
                return packet[:where] + struct.pack("!H", ones_add(got, error)) + packet[where + 2:]
            t.four(spoil(from_s(layer), 20 + at), spoil(at_x(other), 40 + at))


@case(G, "T-7915-4to6-030: a UDP checksum that comes out as zero is sent as 0xffff")
def _(t):
    want = l4(UDP(sport=53, dport=1234) / b"\0\0", S6, X)
    filler = struct.pack("!H", struct.unpack("!H", want[6:8])[0])
    out = l4(UDP(sport=53, dport=1234) / filler, S6, X)
    if out[6:8] != b"\xff\xff":
        raise AssertionError("scapy: " + out.hex())
    t.four(from_s(UDP(sport=53, dport=5000) / filler), v6(S6, X, 17, out, hops=63))


@case(G, "T-7915-4to6-031: UDP without checksum gets one; T-7915-4to6-033: over UDP Length, not beyond")
def _(t):
    for n in (0, 1, 2, 41, 1000, 1231):
        raw = l4(UDP(sport=53, dport=5000) / data(n), S, T)
        t.four(v4(S, T, 17, raw[:6] + b"\0\0" + raw[8:]), at_x(UDP(sport=53, dport=1234) / data(n)))
    raw = l4(UDP(sport=53, dport=5000) / data(9), S, T)
    shorter = v4(S, T, 17, raw[:6] + b"\0\0" + raw[8:] + b"rest")
    t.four(shorter, v6(S6, X, 17, l4(UDP(sport=53, dport=1234) / data(9), S6, X) + b"rest", hops=63))
    for length in (0, 7, len(raw) + 1, 65535):
        t.four(v4(S, T, 17, raw[:4] + struct.pack("!H", length) + b"\0\0" + raw[8:]))
        t.four(v4(S, T, 17, raw[:4] + struct.pack("!H", length) + raw[6:]))


@case(G, "T-6146-in-005: other protocols are Protocol Unreachable; T-7915-icmp46-027: IGMP is silence")
def _(t):
    for proto in (0, 4, 41, 47, 50, 51, 58, 132, 136, 253):
        p = v4(S, T, proto, data(32))
        t.four(p, answer=refused(3, 2, p))
    t.four(v4(S, T, 2, b"\x11\x64\xee\x9b" + bytes(4)))


@case(G, "T-6146-filt-008: nobody has that port")
def _(t):
    for layer in (UDP(sport=53, dport=7777) / b"x",):
        p = from_s(layer)
        t.four(p, answer=refused(3, 1, p))


@case(G, "T-7915-4to6-015, -019: sizes with DF: 1,480 octets pass whole, 1,481 do not (T-7915-4to6-021, gen-010)")
def _(t):
    for n in (1280 - 48, 1281 - 48, 1400, 1480 - 28):
        t.four(from_s(UDP(sport=53, dport=5000) / data(n), flags="DF"), at_x(UDP(sport=53, dport=1234) / data(n)))
    for n in (1481 - 28, 1472):
        p = from_s(UDP(sport=53, dport=5000) / data(n), flags="DF", tos=0xB8)
        t.four(p, answer=Any(v4(GW4, S, 1, icmp4(3, 4, struct.pack("!HH", 0, 1480), p[:548]), ttl=64, tos=0xB8)))


@case(G, "T-7915-4to6-041: with options the size test is on Total Length all the same")
def _(t):
    p = from_s(UDP(sport=53, dport=5000) / data(1452), flags="DF", options=b"\1\1\1\1")
    t.four(p, answer=refused(3, 4, p, struct.pack("!HH", 0, 1480)))


@case(G, "T-7915-4to6-016: without DF what exceeds 1,280 octets is cut (the RFC's own numbers)")
def _(t):
    for total in (1260, 1261, 1268, 1500):
        n = total - 40
        p = from_s(TCP(sport=80, dport=5000, flags="S") / data(n), ident=1234)
        whole = at_x(TCP(sport=80, dport=1234, flags="S") / data(n))
        t.four(p, *([whole] if total == 1260 else fragments6(whole, 1232, 1234)))


@case(G, "T-7915-4to6-022 to -024: fragments get a Fragment Header, are cut again, DF or not")
def _(t):
    whole = from_s(UDP(sport=53, dport=5000) / data(2400), ident=0xBEEF)
    out = at_x(UDP(sport=53, dport=1234) / data(2400))
    from wire import fragments4
    for flags in (None, "DF"):
        p = from_s(UDP(sport=53, dport=5000) / data(2400), ident=0xBEEF, flags=flags)
        t.run([(4, f) for f in fragments4(p, 800)], out6=fragments6(out, 800, 0xBEEF))
    # 1,268 octets with MF: 1,280 and 64 octets, both with M.
    first, rest = fragments4(whole, 1248)
    pieces = []
    for f in fragments6(out, 1248, 0xBEEF):
        body, offset = f[48:], struct.unpack("!H", f[42:44])[0]
        for at in range(0, len(body), 1232):
            piece = body[at:at + 1232]
            more = 1 if at + len(piece) < len(body) else offset & 1
            pieces.append(f[:4] + struct.pack("!H", 8 + len(piece)) + f[6:42] + struct.pack("!H", (offset & 0xFFF8) + at | more) + f[44:48] + piece)
    t.run([(4, first), (4, rest)], out6=pieces)


@case(G, "T-7915-4to6-025: a first fragment with DF that is too big reports 1,472; later ones are silence")
def _(t):
    from wire import fragments4
    p = from_s(UDP(sport=53, dport=5000) / data(2000), ident=77, flags="DF")
    first, rest = fragments4(p, 1480)
    t.four(first, answer=refused(3, 4, first, struct.pack("!HH", 0, 1472)))
    whole = from_s(UDP(sport=53, dport=5000) / data(3500), ident=78, flags="DF")
    a, b, c = fragments4(whole, 1440)
    out = fragments6(at_x(UDP(sport=53, dport=1234) / data(3500)), 1440, 78)
    t.run([(4, a), (4, b), (4, c)], out6=out)


@case(G, "gen-005: a link-layer broadcast is not answered")
def _(t):
    t.run([(4, from_s(U, ttl=1), b"\xff" * 6)])


@case(G, "T-6146-in-010: our own pool address as a source")
def _(t):
    t.four(from_s(U, src=T))
    t.four(from_s(U, src="203.0.113.5"))
