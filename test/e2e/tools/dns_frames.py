#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""DNS queries as frames made by hand, for isthmus-dns64 on AF_XDP (192.0.2.53, 2001:db8:53::53).

  dns_frames.py frames DEVICE SERVER-MAC   says how many were answered by whom: all as they must be, or it fails
  dns_frames.py padded FROM TO SIZE        one query that is so long; answered"""
import itertools
import socket
import sys
import time

import dns.edns
import dns.message
from scapy.layers.inet import IP, UDP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Padding, Raw

V4, V6 = {"src": "192.0.2.9", "dst": "192.0.2.53"}, {"src": "2001:db8:53::9", "dst": "2001:db8:53::53"}
PORT = 40000
NUMBERS = itertools.count(1)


def udp(query=True, **fields):
    message = dns.message.make_query("v4only.example", "AAAA", use_edns=False)
    message.id = next(NUMBERS)
    return UDP(**{"sport": PORT, "dport": 53, **fields}) / Raw(message.to_wire() if query else b"short")


def taken(ether):
    """A little unusual, but what the kernel takes: each is answered."""
    return [
        ether / IP(**V4) / udp(chksum=0),
        ether / IP(**V4, tos=0xb8, flags="DF", ttl=1) / udp(),
        ether / IP(**V4) / udp() / Padding(b"more than IP says"),
        ether / IPv6(**V6, tc=0xb8, fl=0x12345, hlim=1) / udp(),
        ether / IPv6(**V6) / udp() / Padding(b"more than IP says"),
    ]


def refused(ether):
    """What the kernel would give to no socket: none is answered, each is counted."""
    return [
        ether / IP(**V4) / udp(chksum=0x1234),
        ether / IPv6(**V6) / udp(chksum=0x1234),
        ether / IPv6(**V6) / udp(chksum=0),
        ether / IP(**V4, chksum=0x1234) / udp(),
        ether / IP(**V4, len=400) / udp(),
        ether / IPv6(**V6, plen=400) / udp(),
        ether / IP(**V4) / udp(len=400),
        ether / IP(src="127.0.0.1", dst=V4["dst"]) / udp(),
        ether / IPv6(src=V6["dst"], dst=V6["dst"]) / udp(),
        ether / IP(**V4) / udp(sport=0),
    ]


def passed(ether):
    """What is left to the kernel, and answered by its sockets."""
    return [
        ether / IP(**V4, options=[IPOption_NOP()] * 4) / udp(),
        ether / IPv6(**V6) / IPv6ExtHdrDestOpt() / udp(),
    ]


def passed_for_nothing(ether):
    """What is left to the kernel, which has nobody for it."""
    return [
        Ether(src=ether.src, dst="02:00:00:00:00:77") / IP(**V4) / udp(),
        ether / Dot1Q(vlan=7) / IP(**V4) / udp(),
        ether / IP(**V4) / udp(dport=54),
        ether / IP(**V4) / udp(query=False),
    ]


def check(frame):
    """Checksums and lengths are right, and it is an answer; its number."""
    packet = Ether(frame)
    ip = packet[IP] if IP in packet else packet[IPv6]
    had = [getattr(ip, "chksum", None), packet[UDP].chksum]
    if IP in packet:
        del ip.chksum
    del packet[UDP].chksum
    again = Ether(bytes(packet))
    now = [getattr(again[IP] if IP in again else again[IPv6], "chksum", None), again[UDP].chksum]
    assert had == now, f"checksums {had}, right are {now}"
    assert packet[UDP].dport == PORT, "port"
    message = dns.message.from_wire(bytes(packet[UDP].payload))
    assert message.answer, "no answer in it"
    return message.id


def frames(device, mac):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as s:
        s.bind((device, 0))
        s.settimeout(0.5)
        ether = Ether(src=":".join(f"{b:02x}" for b in s.getsockname()[4]), dst=mac)
        groups = [taken(ether), refused(ether), passed(ether), passed_for_nothing(ether)]
        for frame in sum(groups, []):
            s.send(bytes(frame))
        got, end = [], time.monotonic() + 3
        while time.monotonic() < end:
            try:
                frame = s.recv(4096)
            except socket.timeout:
                break
            packet = Ether(frame)
            if packet.src == mac and UDP in packet and packet[UDP].sport == 53:
                got.append(check(frame))
    want, first = [], 1
    for group, answered in zip(groups, (True, False, True, False)):
        want += range(first, first + len(group)) if answered else []
        first += len(group)
    assert sorted(got) == want, f"answered: {sorted(got)}, wanted: {want}"


def padded(source, to, size):
    query = dns.message.make_query("v4only.example", "AAAA", use_edns=0)
    bare = len(query.to_wire())
    query.use_edns(0, options=[dns.edns.GenericOption(12, b"\0" * (size - bare - 4))])
    wire = query.to_wire(max_size=65535)
    assert len(wire) == size
    with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(3)
        s.bind((source, 0))
        s.sendto(wire, (to, 53))
        assert dns.message.from_wire(s.recv(4096)).answer, "no answer in it"


def main():
    what, *rest = sys.argv[1:]
    if what == "frames":
        frames(*rest)
    else:
        padded(rest[0], rest[1], int(rest[2]))


main()
