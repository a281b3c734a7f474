#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for siitperf-tp, as slow as Python is: the same configuration file, read as strictly, the same arguments,
the same frames to the last bit, the same lines of output (those that scripts/siitperf/capacity looks for).

  SIITPERF_DEVICES="LEFT RIGHT" siitperf.py SIZE RATE SECONDS TIMEOUT n m N M R T D

Stateful, the initiator on the left (IPv6), the responder on the right (IPv4). Reads siitperf.conf where it runs.
What matters to a gateway: neither ARP nor ND is asked or answered; UDP with TTL 10, ID 0 and no DF; the mark must be at
a fixed offset, so no Fragment Header may come; and where ports vary, one IPv6 frame of 65,535 has the UDP checksum 0,
which should have been 0xffff. The first tuples are such, where the ranges have them.
"""
import ipaddress
import os
import random
import select
import socket
import sys
import time

LINE_BYTES = 100  # its buffer: what is longer is read as the next line
ADDRESSES = {f"IPv{v}-{side}-{kind}" for v in (4, 6) for side in "LR" for kind in ("Real", "Virt")}
MACS = {f"MAC-{side}-{who}" for side in "LR" for who in ("Tester", "DUT")}
NUMBERS = {"IP-L-Vers", "IP-R-Vers", "Forward", "Reverse", "Promisc", "Num-L-Nets", "Num-R-Nets", "CPU-L-Send", "CPU-R-Recv",
           "CPU-R-Send", "CPU-L-Recv", "MEM-Channels", "IP-L-var", "IP-R-var", "IP-L-min", "IP-L-max", "IP-R-min", "IP-R-max",
           "IPv4-L-offset", "IPv6-L-offset", "IPv4-R-offset", "IPv6-R-offset", "Stateful", "Enumerate-ports", "Enumerate-ips",
           "Responder-tuples"} | {f"{d}-{what}" for d in ("Fwd", "Rev")
                                  for what in ("var-sport", "var-dport", "sport-min", "sport-max", "dport-min", "dport-max")}
MARK = b"IDENTIFY"
FIXED_PORTS = (0xC020, 7)


def refuse(what):
    print(f"Input Error: {what}", file=sys.stderr)
    sys.exit(255)


def pieces(text):
    for line in text.splitlines(keepends=True):
        for at in range(0, len(line), LINE_BYTES):
            yield line[at:at + LINE_BYTES]


def read_config(path):
    config = {}
    for number, line in enumerate(pieces(open(path).read()), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        key = words[0]
        if len(words) < 2 or key not in ADDRESSES | MACS | NUMBERS:
            refuse(f"Cannot interpret 'siitperf.conf' line {number}:\n{line}")
        config[key] = (ipaddress.ip_address(words[1]) if key in ADDRESSES else
                       bytes.fromhex(words[1].replace(":", "")) if key in MACS else int(words[1], 0))
    return config


def ones(data):
    if len(data) % 2:
        data += b"\0"
    return int.from_bytes(data, "big") % 0xFFFF  # 0xffff and 0 are the same


def header(config, v6, length, source, destination):
    own, far = ("L", "L") if v6 else ("R", "R")
    link = config[f"MAC-{far}-DUT"] + config[f"MAC-{own}-Tester"]
    if v6:
        return link + b"\x86\xdd" + bytes([0x60, 0, 0, 0]) + (length - 54).to_bytes(2, "big") + b"\x11\x0a" + source + destination
    ip = b"\x45\0" + (length - 14).to_bytes(2, "big") + b"\0\0\0\0\x0a\x11\0\0" + source + destination
    ip = ip[:10] + (0xFFFF - ones(ip)).to_bytes(2, "big") + ip[12:]
    return link + b"\x08\0" + ip


def frame(config, v6, size, tuple4):
    """`size` with the FCS; tuple4: source, source port, destination, destination port."""
    source, sport, destination, dport = tuple4
    length = size - 4
    head = header(config, v6, length, source, destination)
    data = MARK + bytes(i % 256 for i in range(length - len(head) - 16))
    udp = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + (8 + len(data)).to_bytes(2, "big")
    total = (ones(source + destination) + 17 + 8 + len(data) + ones(udp) + ones(data)) % 0xFFFF
    value = 0xFFFF - total if total else (0 if v6 else 0xFFFF)
    return head + udp + value.to_bytes(2, "big") + data


def device(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    sock.bind((name, 3))
    return sock


def is_ours(data, v6):
    if v6:
        return data[12:14] == b"\x86\xdd" and data[20] == 17 and data[62:70] == MARK
    return data[12:14] == b"\x08\0" and data[23] == 17 and data[42:50] == MARK


class Tester:
    def __init__(self, config, size, devices):
        self.config, self.size = config, size
        self.left, self.right = (device(d) for d in devices)
        self.table = []

    def tuples(self, n):
        """`n` different port combinations, those with a checksum of 0 first."""
        c = self.config
        source, destination = c["IPv6-L-Real"].packed, c["IPv6-R-Virt"].packed
        sports = range(c["Fwd-sport-min"], c["Fwd-sport-max"] + 1) if c["Fwd-var-sport"] else FIXED_PORTS[:1]
        dports = range(c["Fwd-dport-min"], c["Fwd-dport-max"] + 1) if c["Fwd-var-dport"] else FIXED_PORTS[1:]
        base = frame(c, True, self.size, (source, 0, destination, 0))
        need = int.from_bytes(base[60:62], "big")  # what the two ports must come to
        zero = [(need - d, d) for d in dports if need - d in sports]
        print(f"Info: {len(zero[:n])} frames have the UDP checksum 0")
        pairs = dict.fromkeys(zero[:n])
        while len(pairs) < n:
            pairs[random.choice(sports), random.choice(dports)] = None
        return [(source, s, destination, d) for s, d in pairs]

    def exchange(self, streams, rate, patience, see):
        """streams: [(socket to send by, frames, socket to receive by, v6 there)]; how many came back on each."""
        got = [0] * len(streams)
        begin, longest = time.monotonic(), max(len(s[1]) for s in streams)
        sent, quiet_since = 0, time.monotonic()
        while sent < longest or (got != [len(s[1]) for s in streams] and time.monotonic() - quiet_since < patience):
            due = min(longest, int((time.monotonic() - begin) * rate) + 1)
            for k in range(sent, due):
                for by, frames, *_ in streams:
                    if k < len(frames):
                        by.send(frames[k])
            sent = due
            for sock in select.select([s[2] for s in streams], [], [], 0.0005)[0]:
                which = next(i for i, s in enumerate(streams) if s[2] is sock)
                for _ in range(64):
                    try:
                        data, where = sock.recvfrom(2048, socket.MSG_DONTWAIT)
                    except BlockingIOError:
                        break
                    if where[2] == socket.PACKET_OUTGOING or not is_ours(data, streams[which][3]):
                        continue
                    got[which] += 1
                    quiet_since = time.monotonic()
                    see(which, data)
        return got

    def learn(self, _, data):
        self.table.append((data[30:34], int.from_bytes(data[36:38], "big"), data[26:30], int.from_bytes(data[34:36], "big")))

    def preliminary(self, n, rate, timeout):
        tuples = self.tuples(n)
        frames = [frame(self.config, True, self.size, t) for t in tuples]
        got = self.exchange([(self.left, frames, self.right, False)], rate, timeout, self.learn)
        print(f"Preliminary frames sent: {n}\nPreliminary frames received: {got[0]}")
        if got[0] < n:
            sys.exit("Error: Failed to fill state table.")
        return frames

    def test(self, first, rate, seconds, timeout):
        n, c, streams, names = rate * seconds, self.config, [], []
        if c["Forward"]:
            streams.append((self.left, [first[i % len(first)] for i in range(n)], self.right, False))
            names.append("Forward")
        if c["Reverse"]:
            order = range(n) if c["Responder-tuples"] == 1 else [random.randrange(len(self.table)) for _ in range(n)]
            answers = [frame(c, False, self.size - 20, self.table[i % len(self.table)]) for i in order]
            streams.append((self.right, answers, self.left, True))
            names.append("Reverse")
        for name, got in zip(names, self.exchange(streams, rate, timeout, lambda *_: None)):
            print(f"{name} frames sent: {n}\n{name} frames received: {got}")


def main():
    config = read_config("siitperf.conf")
    if len(sys.argv) != 12:
        refuse("Too few command line arguments.")
    size, rate, seconds, timeout, n, m, frames, states, pre_rate, pre_timeout, delay = map(int, sys.argv[1:])
    if not 84 <= size <= 1518 or n < 2 or m != n:
        refuse("sizes are 84 to 1518, and all traffic is foreground here")
    if 1000 * frames // pre_rate + pre_timeout > delay:
        refuse("1000*N/R+T > D (preliminary test may not be performed in the available time period).")
    if config["Stateful"] != 1 or states != frames:
        refuse("only stateful tests, initiator on the left, N = M")
    tester = Tester(config, size, os.environ["SIITPERF_DEVICES"].split())
    first = tester.preliminary(frames, pre_rate, pre_timeout / 1000)
    tester.test(first, rate, seconds, timeout / 1000)


main()
