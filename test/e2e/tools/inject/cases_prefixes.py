# SPDX-License-Identifier: Apache-2.0
"""RFC 6052: the six lengths and the local-use prefix at one gateway; the well-known prefix at another."""
import socket
import struct

from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from wire import data, icmp4, icmp6, l4, v4, v6
from world import GW6, R, S, T, X, Any, at_s, case, embed

G = "prefixes"
# RFC 6052 section 2.2: which octets of the IPv6 address hold the IPv4 one.
PLACES = {32: (4, 5, 6, 7), 40: (5, 6, 7, 9), 48: (6, 7, 9, 10), 56: (7, 9, 10, 11), 64: (9, 10, 11, 12), 96: (12, 13, 14, 15)}
PREFIXES = {32: "2001:100::", 40: "2001:101:100::", 48: "2001:102:122::", 56: "2001:103:122:300::",
            64: "2001:104:122:344::", 96: "2001:105:122:344::"}
LOCAL = {48: "64:ff9b:1::"}


def address(prefix, length, v4_address, u=0, suffix=0):
    raw = bytearray(socket.inet_pton(socket.AF_INET6, prefix))
    for place, octet in zip(PLACES[length], socket.inet_aton(v4_address)):
        raw[place] = octet
    if length < 96:
        raw[8] = u
        for at in range(PLACES[length][3] + 1, 16):
            if at != 8:
                raw[at] = suffix
    return socket.inet_ntop(socket.AF_INET6, bytes(raw))


def there_and_back(t, dst, canonical, server, port=53):
    ask = UDP(sport=1234, dport=port) / data(30)
    t.six(v6(X, dst, 17, l4(ask, X, dst)), Any(at_s(UDP(sport=5000, dport=port) / data(30), dst=server)))
    reply = UDP(sport=port, dport=5000) / data(30)
    t.four(v4(server, T, 17, l4(reply, server, T)),
           v6(canonical, X, 17, l4(UDP(sport=port, dport=1234) / data(30), canonical, X), hops=63))


for n, (length, prefix) in enumerate(PREFIXES.items()):
    @case(G, f"T-6052-002 to -008, -010: {prefix}/{length}")
    def _(t, length=length, prefix=prefix, n=n):
        for k, server in enumerate(("192.0.2.33", "8.8.8.8", "203.0.114.255", "1.2.3.4", "223.255.255.254")):
            dst = address(prefix, length, server)
            there_and_back(t, dst, dst, server, 1000 + 10 * n + k)

    if length < 96:
        @case(G, f"T-6052-011, -012: {prefix}/{length}: u octet and suffix are ignored, the answer has none")
        def _(t, length=length, prefix=prefix, n=n):
            canonical = address(prefix, length, S)
            for u, suffix in ((0, 1), (0xFF, 0), (0xFF, 0xFF)):
                there_and_back(t, address(prefix, length, S, u, suffix), canonical, S, 2000 + n)

        @case(G, f"{prefix}/{length}: pings and errors")
        def _(t, length=length, prefix=prefix):
            dst = address(prefix, length, "192.0.2.77")
            t.six(v6(X, dst, 58, icmp6(IPv6(src=X, dst=dst), 128, 0, struct.pack("!HH", 1234, 1), b"hello")),
                  Any(v4(T, "192.0.2.77", 1, icmp4(8, 0, struct.pack("!HH", 5000, 1), b"hello"), ttl=63)))
            quoted = v4(T, "192.0.2.77", 1, icmp4(8, 0, struct.pack("!HH", 5000, 1), b"hello"))
            router = address(prefix, length, R)
            quoted6 = v6(X, dst, 58, icmp6(IPv6(src=X, dst=dst), 128, 0, struct.pack("!HH", 1234, 1), b"hello"))
            t.four(v4(R, T, 1, icmp4(11, 0, bytes(4), quoted)),
                   v6(router, X, 58, icmp6(IPv6(src=router, dst=X), 3, 0, bytes(4), quoted6), hops=63))


@case(G, "RFC 6052 section 2.4: its own table")
def _(t):
    table = {("2001:100::", 32): "2001:100:c000:221::", ("2001:101:100::", 40): "2001:101:1c0:2:21::",
             ("2001:102:122::", 48): "2001:102:122:c000:2:2100::", ("2001:103:122:300::", 56): "2001:103:122:3c0:0:221::",
             ("2001:104:122:344::", 64): "2001:104:122:344:c0:2:2100::", ("2001:105:122:344::", 96): "2001:105:122:344::c000:221"}
    for (prefix, length), want in table.items():
        if socket.inet_pton(socket.AF_INET6, want) != socket.inet_pton(socket.AF_INET6, address(prefix, length, S)):
            raise AssertionError(want)
        there_and_back(t, want, want, S, 3000 + length)


@case(G, "T-6052-022, -023: the local-use prefix, private addresses behind it too")
def _(t):
    for k, server in enumerate(("10.0.0.1", "192.168.1.1", "192.0.2.33")):
        dst = address("64:ff9b:1::", 48, server)
        there_and_back(t, dst, dst, server, 4000 + k)


W = "well-known"
WKP = "64:ff9b::"


@case(W, "T-6052-014: non-global addresses behind 64:ff9b::/96 are refused")
def _(t):
    for server in ("10.0.0.1", "100.64.0.1", "169.254.1.1", "172.16.0.1", "172.31.255.255", "192.0.0.170", "192.0.2.33",
                   "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.200", "192.88.99.1"):
        dst = embed(server, WKP)
        p = v6(X, dst, 17, l4(UDP(sport=1234, dport=53) / data(9), X, dst))
        t.six(p, answer=v6(GW6, X, 58, icmp6(IPv6(src=GW6, dst=X), 1, 1, bytes(4), p), hops=64))
    for server in ("9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "198.17.0.1",
                   "198.20.0.1", "8.8.8.8", "223.255.255.255"):
        dst = embed(server, WKP)
        there_and_back(t, dst, dst, server, 5000)


@case(W, "T-6052-015: nor do they come in; T-7915-icmp46-026: errors of theirs come from the gateway")
def _(t):
    for server in ("10.0.0.1", "192.0.2.33"):
        t.four(v4(server, T, 17, l4(UDP(sport=53, dport=5000) / data(9), server, T)))
    dst = embed("8.8.8.8", WKP)
    there_and_back(t, dst, dst, "8.8.8.8", 53)
    quoted = v4(T, "8.8.8.8", 17, l4(UDP(sport=5000, dport=53) / data(30), T, "8.8.8.8"))
    quoted6 = v6(X, dst, 17, l4(UDP(sport=1234, dport=53) / data(30), X, dst))
    for router, source in (("10.0.0.1", GW6), ("9.9.9.9", embed("9.9.9.9", WKP))):
        t.four(v4(router, T, 1, icmp4(11, 0, bytes(4), quoted)),
               v6(source, X, 58, icmp6(IPv6(src=source, dst=X), 3, 0, bytes(4), quoted6), hops=63))
