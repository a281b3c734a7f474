#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Numbered datagrams of many flows, there and back, each source's on the queue that it is told: none is lost, each
flow keeps its order, every checksum holds.

  queue_flows.py SOCKET6 SOCKET4 MAC6 MAC4 FLOWS COUNT SOURCE=QUEUE...

The sockets are of queue_bridge (test/ports), MACs the gateway's. An answer leaves on the queue of the flow's source.
Prints "sent N, answered N, lost N, out of order N, wrong N". COUNT 0: until it is ended.
"""
import pathlib
import select
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "inject"))
from queues import QueueSide  # noqa: E402

WINDOW = 8  # datagrams of a flow under way
SERVER = socket.inet_pton(socket.AF_INET6, "2001:db8:64::c633:640a")
PORT = 7


def ones_sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def udp(addresses, sport, dport, body):
    head = struct.pack("!HHHH", sport, dport, 8 + len(body), 0)
    check = ~ones_sum(addresses + struct.pack("!HH", 17, 8 + len(body)) + head + body) & 0xFFFF
    return head[:6] + struct.pack("!H", check or 0xFFFF) + body


def is_right(addresses, datagram):
    return ones_sum(addresses + struct.pack("!HH", 17, len(datagram)) + datagram) == 0xFFFF


def packet6(src, dst, datagram):
    return struct.pack("!IHBB", 6 << 28, len(datagram), 17, 64) + src + dst + datagram


def packet4(src, dst, datagram):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0x4000, 64, 17, 0) + src + dst
    return head[:10] + struct.pack("!H", ~ones_sum(head) & 0xFFFF) + head[12:] + datagram


class Flows:
    def __init__(self, side6, side4, n, count, sources):
        self.side6, self.side4, self.count = side6, side4, count
        self.answered = self.disorder = self.wrong = 0
        self.flows = []
        for i in range(n):
            address, queue = sources[i % len(sources)]
            self.flows.append({"x": address, "port": 20000 + i, "queue": queue, "sent": 0, "there": 0, "back": 0, "got": 0})

    def send(self):
        for i, f in enumerate(self.flows):
            while (f["sent"] < self.count or self.count == 0) and f["sent"] - f["got"] < WINDOW:
                body = struct.pack("!II", i, f["sent"]) + bytes(10)
                self.side6.send(packet6(f["x"], SERVER, udp(f["x"] + SERVER, f["port"], PORT, body)), queue=f["queue"])
                f["sent"] += 1

    def note(self, addresses, datagram, key):
        """Of which flow it is, having looked at its number."""
        if not is_right(addresses, datagram):
            self.wrong += 1
        i, number = struct.unpack("!II", datagram[8:16])
        f = self.flows[i]
        self.disorder += number < f[key]
        f[key] = number + 1
        return f

    def answer(self, p):
        if p[9] != 17:
            self.wrong += 1
            return
        f = self.note(p[12:20], p[20:], "there")
        sport, dport = struct.unpack("!HH", p[20:24])
        self.side4.send(packet4(p[16:20], p[12:16], udp(p[12:20], dport, sport, p[28:])), queue=f["queue"])
        self.answered += 1

    def take(self, p):
        f = self.note(p[8:40], p[40:], "back") if p[6] == 17 else None
        if f is None or p[24:40] != f["x"] or struct.unpack("!H", p[42:44])[0] != f["port"]:
            self.wrong += 1
        else:
            f["got"] += 1

    def run(self):
        silent_since = time.monotonic()
        while time.monotonic() - silent_since < 2 and (self.count == 0 or any(f["got"] < self.count for f in self.flows)):
            self.send()
            select.select([self.side6.sock, self.side4.sock], [], [], 0.1)
            for p in self.side4.receive():
                self.answer(p)
            for p in self.side6.receive():
                self.take(p)
                silent_since = time.monotonic()

    def text(self):
        sent, got = (sum(f[key] for f in self.flows) for key in ("sent", "got"))
        return (f"sent {sent}, answered {self.answered}, lost {sent - got}, out of order {self.disorder}, "
                f"wrong {self.wrong}")


def main():
    socket6, socket4, mac6, mac4, n, count, *pairs = sys.argv[1:]
    sources = [(socket.inet_pton(socket.AF_INET6, a), int(q)) for a, q in (p.split("=") for p in pairs)]
    flows = Flows(QueueSide(socket6, "02:00:00:00:06:02", mac6, [0]), QueueSide(socket4, "02:00:00:00:04:02", mac4, [0]),
                  int(n), int(count), sources)
    flows.run()
    print(flows.text())


main()
