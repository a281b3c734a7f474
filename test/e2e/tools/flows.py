#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many subscribers in one process: raw packets from addresses that nobody has.

  flows.py mirror DEVICE                   the internet: sends each packet back to where it came from
                                           (a SYN as SYN and ACK, an echo request as its reply)
  flows.py churn DEVICE PREF64 SECONDS     subscribers that open flows as fast as they can, use some
           [--subscribers N] [--rate R]    again, close some; each packet says whose it is, and what
           [--seed S]                      comes back is held against that. Prints a line of JSON
  flows.py flood KIND PREF64 TARGET COUNT  COUNT packets of one subscriber (or, syn4, of one IPv4
           [--rate R]                      host): udp (flows of one packet), syn, fragment, syn4
"""
import argparse
import collections
import ipaddress
import json
import random
import select
import socket
import struct
import sys
import time

UDP, TCP, ICMP, ICMP6, FRAGMENT = 17, 6, 1, 58, 44
MAGIC = b"whose"
ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    return 0xFFFF - int.from_bytes(data, "big") % 0xFFFF or 0xFFFF


SO_RCVBUFFORCE = 33


def sniffer(device, kind, buffer_bytes):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(kind))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer_bytes)
    sock.bind((device, kind))
    return sock


def sender6():
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
    return sock


def sender4():
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def adjusted(data, at, old, new):
    """The 16-bit checksum at `at` after a 16-bit word went from old to new (RFC 1624)."""
    have = 0xFFFF - int.from_bytes(data[at:at + 2], "big")
    data[at:at + 2] = (0xFFFF - (have + new - old) % 0xFFFF).to_bytes(2, "big")


def mirrored(packet):
    """The answer to an IPv4 packet, or None."""
    p = bytearray(packet)
    l4 = (p[0] & 15) * 4
    if p[9] not in (UDP, TCP, ICMP) or int.from_bytes(p[6:8], "big") & 0x3FFF:
        return None
    p[12:16], p[16:20] = p[16:20], p[12:16]
    if p[9] == ICMP:
        if p[l4] != 8:
            return None
        p[l4] = 0
        adjusted(p, l4 + 2, 0x0800, 0)
        return p
    p[l4:l4 + 2], p[l4 + 2:l4 + 4] = p[l4 + 2:l4 + 4], p[l4:l4 + 2]
    if p[9] == TCP and p[l4 + 13] == 0x02:
        p[l4 + 13] = 0x12
        adjusted(p, l4 + 16, 0x02, 0x12)
    elif p[9] == TCP and p[l4 + 13] & 4:
        return None
    return p


def mirror(args):
    # A small buffer: no answer waits here for so long that its port is another's by then.
    rx, tx = sniffer(args.device, ETH_P_IP, 1 << 20), sender4()
    print("ready", flush=True)
    while True:
        packet, where = rx.recvfrom(2048)
        if where[2] == socket.PACKET_OUTGOING:
            continue
        answer = mirrored(packet)
        if answer is None:
            continue
        try:
            tx.sendto(answer, (socket.inet_ntoa(bytes(answer[16:20])), 0))
        except OSError:
            pass


class Flow:
    __slots__ = ("proto", "source", "port", "target", "target_port")

    def packet(self, flags=0x02):
        """An IPv6 packet that says whose it is."""
        said = MAGIC + self.source + self.port.to_bytes(2, "big") + self.target
        if self.proto == UDP:
            l4 = bytearray(struct.pack(">HHHH", self.port, self.target_port, 8 + len(said), 0) + said)
            at = 6
        elif self.proto == TCP:
            l4 = bytearray(struct.pack(">HHIIBBHHH", self.port, self.target_port, 1, 1, 0x50, flags, 9000, 0, 0) + said)
            at = 16
        else:
            l4 = bytearray(struct.pack(">BBHHH", 128, 0, 0, self.port, 1) + said)
            at = 2
        pseudo = self.source + self.target + struct.pack(">IHBB", len(l4), 0, 0, self.proto)
        l4[at:at + 2] = checksum(pseudo + l4).to_bytes(2, "big")
        return struct.pack(">IHBB", 0x60000000, len(l4), self.proto, 64) + self.source + self.target + bytes(l4)


class Subscribers:
    def __init__(self, args):
        self.random = random.Random(args.seed)
        self.pref = ipaddress.IPv6Network(args.pref64).network_address.packed[:12]
        base = ipaddress.ip_address("2001:db8:6:1000::").packed
        self.hosts = [base[:6] + (0x1000 + n).to_bytes(2, "big") + n.to_bytes(8, "big") for n in range(1, args.subscribers + 1)]
        self.flows = collections.deque(maxlen=4000)
        self.count = collections.Counter()

    def new_flow(self):
        r, f = self.random, Flow()
        f.proto = r.choice((UDP, UDP, TCP, TCP, ICMP6))
        f.source = r.choice(self.hosts)
        f.port = r.randrange(1024, 65536)
        f.target = self.pref + bytes((8, 8, r.randrange(256), r.randrange(1, 255)))
        f.target_port = r.randrange(1, 1000)
        self.flows.append(f)
        return f

    def next_packet(self):
        roll = self.random.random()
        if roll < 0.5 or not self.flows:
            return self.new_flow().packet()
        f = self.random.choice(self.flows)
        if f.proto == TCP:  # used, closed, or cut
            return f.packet(0x10 if roll < 0.8 else 0x11 if roll < 0.9 else 0x14)
        return f.packet()

    def judge(self, packet):
        """What came back: for whom it is, and for whom it says that it is."""
        if packet[:1] != b"\x60" or packet[6] not in (UDP, TCP, ICMP6):
            return
        l4 = packet[40:]
        at = {UDP: 8, TCP: 20, ICMP6: 8}[packet[6]]
        said = l4[at:]
        if packet[6] == ICMP6 and l4[0] != 129:
            self.count["errors" if l4[0] < 128 else "other"] += 1
            return
        if not said.startswith(MAGIC):
            return
        whose, port, target = said[5:21], int.from_bytes(said[21:23], "big"), said[23:39]
        here = int.from_bytes(l4[4:6] if packet[6] == ICMP6 else l4[2:4], "big")
        if packet[24:40] == whose and here == port and packet[8:24] == target:
            self.count["right"] += 1
        else:
            self.count["wrong"] += 1
            print(f"wrong: protocol {packet[6]} for {ipaddress.ip_address(packet[24:40])} {here}, it is of {ipaddress.ip_address(whose)} {port}",
                  file=sys.stderr, flush=True)


def churn(args):
    s = Subscribers(args)
    rx, tx = sniffer(args.device, ETH_P_IPV6, 64 << 20), sender6()
    rx.setblocking(False)
    gateway = (str(ipaddress.IPv6Address(s.pref + bytes((8, 8, 8, 8)))), 0)
    print("ready", flush=True)
    start = time.monotonic()
    now = 0.0
    while now < args.seconds + 1:
        now = time.monotonic() - start
        due = min(now, args.seconds) * args.rate - s.count["sent"]
        for _ in range(min(64, int(due))):
            try:
                tx.sendto(s.next_packet(), gateway)
            except OSError:
                s.count["unsent"] += 1
            s.count["sent"] += 1
        if due < 1:
            select.select([rx], [], [], 0.001)
        for _ in range(256):
            try:
                packet, where = rx.recvfrom(2048)
            except BlockingIOError:
                break
            if where[2] != socket.PACKET_OUTGOING:
                s.judge(packet)
    print(json.dumps({"sent": 0, "right": 0, "wrong": 0, "errors": 0, **s.count}), flush=True)
    return 1 if s.count["wrong"] or not s.count["right"] else 0


def flood_packet(kind, n, target):
    f = Flow()
    f.source, f.target = ipaddress.ip_address("2001:db8:6:bad::1").packed, target
    f.port, f.target_port = 1024 + n % 60000, 1 + n // 60000
    f.proto = TCP if kind == "syn" else UDP
    if kind != "fragment":
        return f.packet()
    piece = struct.pack(">BBHI", UDP, 0, (8 + n % 100) << 3 | 1, n) + bytes(64)
    return struct.pack(">IHBB", 0x60000000, len(piece), FRAGMENT, 64) + f.source + target + piece


def flood_packet4(n, target):
    source = bytes((198, 51, 100, 10))
    l4 = bytearray(struct.pack(">HHIIBBHHH", 1024 + n % 60000, 1024 + n * 7 % 60000, 1, 0, 0x50, 2, 9000, 0, 0))
    l4[16:18] = checksum(source + target + struct.pack(">BBH", 0, TCP, 20) + l4).to_bytes(2, "big")
    return struct.pack(">BBHHHBBH", 0x45, 0, 40, n % 65536, 0, 64, TCP, 0) + source + target + bytes(l4)


def flood(args):
    v4 = args.kind == "syn4"
    tx = sender4() if v4 else sender6()
    target = ipaddress.ip_address(args.target).packed
    if not v4:
        target = ipaddress.IPv6Network(args.pref64).network_address.packed[:12] + target
    to = (args.target if v4 else str(ipaddress.IPv6Address(target)), 0)
    start, sent = time.monotonic(), 0
    while sent < args.count:
        while sent < min(args.count, (time.monotonic() - start) * args.rate):
            try:
                tx.sendto(flood_packet4(sent, target) if v4 else flood_packet(args.kind, sent, target), to)
            except OSError:
                pass
            sent += 1
        time.sleep(0.001)
    print(f"{sent} in {time.monotonic() - start:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    modes = parser.add_subparsers(required=True)
    p = modes.add_parser("mirror")
    p.set_defaults(run=mirror)
    p.add_argument("device")
    p = modes.add_parser("churn")
    p.set_defaults(run=churn)
    p.add_argument("device")
    p.add_argument("pref64")
    p.add_argument("seconds", type=float)
    p.add_argument("--subscribers", type=int, default=200)
    p.add_argument("--rate", type=float, default=1e9)
    p.add_argument("--seed", type=int, default=1)
    p = modes.add_parser("flood")
    p.set_defaults(run=flood)
    p.add_argument("kind", choices=("udp", "syn", "fragment", "syn4"))
    p.add_argument("pref64")
    p.add_argument("target")
    p.add_argument("count", type=int)
    p.add_argument("--rate", type=float, default=1e9)
    args = parser.parse_args()
    return args.run(args)


sys.exit(main())
