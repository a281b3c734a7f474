# SPDX-License-Identifier: Apache-2.0
"""Links smaller than what arrives (RFC 7915 sections 1.4, 4.1, 5.1): the IPv4 link 1,280 octets, or the IPv6 one 1,400."""
import struct

from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from cases_headers46 import refused as refused4
from cases_headers64 import refused as refused6
from cases_icmp64 import Error4
from wire import data, fragments4, fragments6, icmp4, icmp6, l4, v4, v6
from world import R, R6, RS6, S, S6, T, X, Any, at_s, at_x, case, from_s, from_x

G4, G6 = "small-ipv4-link", "small-ipv6-link"  # one port of 1,280 octets, or the other of 1,400


def told46(t, mtus):
    q4 = v4(T, S, 17, l4(UDP(sport=5000, dport=53) / data(60), T, S))
    q6 = v6(X, S6, 17, l4(UDP(sport=1234, dport=53) / data(60), X, S6))
    for mtu, want in mtus.items():
        t.four(v4(R, T, 1, icmp4(3, 4, struct.pack("!HH", 0, mtu), q4)),
               v6(RS6, X, 58, icmp6(IPv6(src=RS6, dst=X), 2, 0, struct.pack("!I", want), q6), hops=63))


def told64(t, mtus):
    i4 = v4(S, T, 17, l4(UDP(sport=53, dport=5000) / data(60), S, T))
    i6 = v6(S6, X, 17, l4(UDP(sport=53, dport=1234) / data(60), S6, X))
    for mtu, want in mtus.items():
        t.six(v6(R6, S6, 58, icmp6(IPv6(src=R6, dst=S6), 2, 0, struct.pack("!I", mtu), i6)),
              Error4(3, 4, struct.pack("!HH", 0, want), i4))


@case(G4, "T-7915-6to4-018: too big for the IPv4 link and with DF: Packet Too Big with its MTU and 20 octets more")
def _(t):
    for total in (1280, 1300):
        t.six(from_x(UDP(sport=1234, dport=53) / data(total - 48)),
              Any(at_s(UDP(sport=5000, dport=53) / data(total - 48), flags="DF" if total > 1280 else None)))
    for total in (1301, 1380, 1400):
        p = from_x(UDP(sport=1234, dport=53) / data(total - 48))
        t.six(p, answer=refused6(2, 0, p, struct.pack("!I", 1300)))


@case(G4, "T-7915-6to4-020: fragments that are too big for the IPv4 link: the first is answered, later ones are not")
def _(t):
    a = fragments6(from_x(UDP(sport=1234, dport=53) / data(2664)), 1336, 0x54322)
    t.run([(6, f) for f in a], out6=[refused6(2, 0, a[0], struct.pack("!I", 1300))])
    a = fragments6(from_x(UDP(sport=1234, dport=53) / data(2700)), 1256, 0x54323)
    t.run([(6, f) for f in a], out4=fragments4(at_s(UDP(sport=5000, dport=53) / data(2700), ident=0x4323), 1256))


@case(G6, "T-7915-4to6-021: DF: 1,380 octets pass, 1,381 are told 1,380")
def _(t):
    t.four(from_s(UDP(sport=53, dport=5000) / data(1380 - 28), flags="DF"), at_x(UDP(sport=53, dport=1234) / data(1380 - 28)))
    p = from_s(UDP(sport=53, dport=5000) / data(1381 - 28), flags="DF")
    t.four(p, answer=refused4(3, 4, p, struct.pack("!HH", 0, 1380)))


@case(G6, "T-7915-4to6-020, -025: a fragment with DF: 1,372")
def _(t):
    a = fragments4(from_s(UDP(sport=53, dport=5000) / data(2000), ident=7, flags="DF"), 1360)
    t.four(a[0], answer=refused4(3, 4, a[0], struct.pack("!HH", 0, 1372)))


@case(G4, "T-7915-icmp46-007, T-7915-icmp64-005: MTUs told by others, with this link in the formula")
def _(t):
    t.six(from_x(UDP(sport=1234, dport=53) / data(60)), Any(at_s(UDP(sport=5000, dport=53) / data(60))))
    # min(m + 20, MTU6 = 1500, MTU4 + 20 = 1300), at least 1,280; min(m - 20, MTU4 = 1280, MTU6 - 20 = 1480)
    told46(t, {1500: 1300, 1270: 1290, 900: 1280})
    told64(t, {1280: 1260, 1290: 1270, 1400: 1280, 9000: 1280})


@case(G6, "T-7915-icmp46-007, T-7915-icmp64-005: MTUs told by others, with this link in the formula")
def _(t):
    t.six(from_x(UDP(sport=1234, dport=53) / data(60)), Any(at_s(UDP(sport=5000, dport=53) / data(60))))
    # min(m + 20, MTU6 = 1400, MTU4 + 20 = 1520); min(m - 20, MTU4 = 1500, MTU6 - 20 = 1380)
    told46(t, {1500: 1400, 1380: 1400, 1379: 1399, 900: 1280})
    told64(t, {1280: 1260, 1390: 1370, 1400: 1380, 1500: 1380})


@case(G4, "T-7915-gen-013: pings put together are cut to the link")
def _(t):
    ask6 = v6(X, S6, 58, icmp6(IPv6(src=X, dst=S6), 128, 0, struct.pack("!HH", 1234, 5), data(2000)))
    ask4 = v4(T, S, 1, icmp4(8, 0, struct.pack("!HH", 5000, 5), data(2000)), ttl=63, ident=0x4444)
    t.run([(6, f) for f in fragments6(ask6, 1232, 0x54444)], out4=fragments4(ask4, 1256))
