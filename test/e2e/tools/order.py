#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Numbered datagrams of many flows through an echo server: each flow's order is kept, none is lost.

  order.py PORT SERVER FLOWS COUNT SOURCE...   FLOWS flows from the sources in turn, COUNT datagrams each;
                                               prints "sent N, lost N, out of order N"
"""
import selectors
import socket
import struct
import sys
import time

WINDOW = 8  # datagrams of a flow under way


def main():
    port, server, n_flows, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    sources = sys.argv[5:]
    flows, events = [], selectors.DefaultSelector()
    for i in range(n_flows):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.bind((sources[i % len(sources)], 0))
        sock.connect((server, port))
        sock.setblocking(False)
        flow = {"sock": sock, "sent": 0, "got": 0, "next": 0, "disorder": 0, "at": time.monotonic()}
        flows.append(flow)
        events.register(sock, selectors.EVENT_READ, flow)
    silent_since = time.monotonic()
    while time.monotonic() - silent_since < 2 and any(f["got"] < count for f in flows):
        for f in flows:
            while f["sent"] < count and f["sent"] - f["got"] < WINDOW:
                f["sock"].send(struct.pack("!I", f["sent"]) + bytes(60))
                f["sent"] += 1
        for key, _ in events.select(0.1):
            f = key.data
            while True:
                try:
                    number = struct.unpack("!I", f["sock"].recv(100)[:4])[0]
                except BlockingIOError:
                    break
                f["disorder"] += number < f["next"]
                f["next"] = number + 1
                f["got"] += 1
                silent_since = time.monotonic()
    sent = sum(f["sent"] for f in flows)
    print(f"sent {sent}, lost {n_flows * count - sum(f['got'] for f in flows)}, "
          f"out of order {sum(f['disorder'] for f in flows)}")


main()
