#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Packets to hosts that the gateway has never sent to, and what became of them.

  strangers.py sink PORT COUNT                    prints "lost N, least delay N.N ms" when COUNT datagrams
                                                  have come, or after four seconds without any
  strangers.py send PORT FIRST HOSTS EACH [PAUSE] EACH datagrams to each of HOSTS addresses from FIRST on,
                                                  PAUSE milliseconds after each round
"""
import ipaddress
import socket
import struct
import sys
import time

FORMAT = "!d"  # when it was sent, by the clock of the machine that both ends run on


def sink(port, count):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind(("0.0.0.0", port))
    sock.settimeout(4)
    print("ready", flush=True)
    delays = []
    try:
        while len(delays) < count:
            sent = struct.unpack(FORMAT, sock.recv(100)[:8])[0]
            delays.append(time.time() - sent)
    except TimeoutError:
        pass
    least = f"{1000 * min(delays):.1f}" if delays else "-"
    print(f"lost {count - len(delays)}, least delay {least} ms")


def send(port, first, hosts, each, pause):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    base = int(ipaddress.ip_address(first))
    targets = [(str(ipaddress.ip_address(base + i)), port) for i in range(hosts)]
    for target in targets:
        for _ in range(each):
            sock.sendto(struct.pack(FORMAT, time.time()) + bytes(8), target)
        if pause:
            time.sleep(pause / 1000)


def main():
    mode, *rest = sys.argv[1:]
    if mode == "sink":
        sink(int(rest[0]), int(rest[1]))
    else:
        port, first, hosts, each, *pause = rest
        send(int(port), first, int(hosts), int(each), int(pause[0]) if pause else 0)


main()
