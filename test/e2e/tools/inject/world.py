# SPDX-License-Identifier: Apache-2.0
"""Who is who in the cases, and how a case is written down.

    X:1234, behind the gateway        <->  T:5000      (static; UDP, TCP and ICMP)
    H:1234, another subscriber        <->  T:6000
    S, a server on the IPv4 side, is S6 for IPv6 hosts; R and R6 are routers there and here.
"""
import socket
import struct

from wire import Mismatch, l4, v4, v6

X, H, R6 = "2001:db8:6:c::2", "2001:db8:6:d::2", "2001:db8:6:99::1"
T, S, R = "203.0.113.1", "192.0.2.33", "192.0.2.99"
GW6, GW4 = "2001:db8:6::1", "198.51.100.1"
PREF = "2001:db8:64::"
MARKER = {"x": "2001:db8:6:e::2", "z6": "2001:db8:64::808:404", "z4": "8.8.4.4", "t": T, "port": 4444, "t_port": 4444}


def embed(v4_address, prefix=PREF):
    """Behind a /96."""
    raw = socket.inet_pton(socket.AF_INET6, prefix)[:12] + socket.inet_aton(v4_address)
    return socket.inet_ntop(socket.AF_INET6, raw)


S6, RS6 = embed(S), embed(R)

CASES = {}  # group -> [(name, function)]


def case(group, name):
    def keep(function):
        CASES.setdefault(group, []).append((name, function))
        return function
    return keep


class Any:
    """An expected IPv4 packet whose Identification is the gateway's to choose."""

    def __init__(self, packet):
        self.packet = bytes(packet)

    def like(self, got):
        p = bytearray(self.packet)
        if len(got) < 20:
            return bytes(p)
        p[4:6] = got[4:6]
        total = sum(struct.unpack("!10H", bytes(p[:10]) + b"\0\0" + bytes(p[12:20])))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        p[10:12] = struct.pack("!H", ~total & 0xFFFF)
        return bytes(p)


def is_wanted(want, packet):
    return packet == (want.like(packet) if isinstance(want, Any) else bytes(want))


def in_wanted_order(got, want):
    """What leaves us by several queues overtakes: the packets as they are wanted, then those that nobody wants."""
    left, out = list(got), []
    for w in want:
        found = next((p for p in left if is_wanted(w, p)), None)
        if found is not None:
            left.remove(found)
            out.append(found)
    return out + left


class Tester:
    def __init__(self, wires):
        self.wires = wires

    def run(self, sends, out4=(), out6=()):
        """Sends, and takes what comes out on both sides: these packets, in this order, and no others."""
        got = self.wires.exchange(sends, (len(list(out6)), len(list(out4))))
        for n, want in ((4, list(out4)), (6, list(out6))):
            if not self.wires.keeps_order:
                got[n] = in_wanted_order(got[n], want)
            for i, packet in enumerate(got[n]):
                if i >= len(want):
                    raise Mismatch(f"came out on side {n}, not expected:\n{dump(packet)}")
                expected = want[i].like(packet) if isinstance(want[i], Any) else bytes(want[i])
                if packet != expected:
                    at = next((k for k in range(min(len(packet), len(expected))) if packet[k] != expected[k]),
                              min(len(packet), len(expected)))
                    raise Mismatch(f"side {n}, packet {i + 1}, first difference at octet {at}:\n"
                                   f"wanted {dump(expected)}\ngot    {dump(packet)}")
            if len(got[n]) < len(want):
                raise Mismatch(f"side {n}: {len(want)} packets expected, {len(got[n])} came; the next were\n"
                               + dump(want[len(got[n])].packet if isinstance(want[len(got[n])], Any) else bytes(want[len(got[n])])))
        return got

    # The usual exchanges.
    def six(self, packet, *out4, answer=None):
        """`packet` from the IPv6 side gives these on the IPv4 side, or one answer on its own."""
        return self.run([(6, packet)], out4, [answer] if answer is not None else [])

    def four(self, packet, *out6, answer=None):
        return self.run([(4, packet)], [answer] if answer is not None else [], out6)


def dump(p):
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    shape = (IPv6 if p[:1] and p[0] >> 4 == 6 else IP)(p).summary() if len(p) >= 20 else "short"
    return f"{len(p)} octets, {shape}\n    " + p[:160].hex(" ", 4)


def from_x(layer, dst=S6, **kw):
    """A packet X -> S6 with a scapy transport layer."""
    return v6(X, dst, proto_of(layer), l4(layer, X, dst), **kw)


def at_s(layer, src=T, dst=S, ttl=63, **kw):
    """The same as it comes to S."""
    return v4(src, dst, proto_of(layer), l4(layer, src, dst), ttl=ttl, **kw)


def from_s(layer, src=S, dst=T, **kw):
    return v4(src, dst, proto_of(layer), l4(layer, src, dst), **kw)


def at_x(layer, src=S6, dst=X, hops=63, **kw):
    return v6(src, dst, proto_of(layer), l4(layer, src, dst), hops=hops, **kw)


def proto_of(layer):
    return {"UDP": 17, "TCP": 6}[layer.name]
