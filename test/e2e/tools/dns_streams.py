#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connections and floods: pipelining, idle and slow clients, limits, datagrams of 65,507 octets, random names while the
upstream is silent. Each case has a server of its own. dns_streams.py [SCRIPT [ONLY]]"""
import itertools
import random
import socket
import struct
import sys
import threading
import time

import dns.message

from dnscase import SOA, zone
from dnsexpect import Suite, equal, expect, true
from dnslab import CLIENT4, CLIENT6, Client, Server, Upstream, local_addresses, read_message

suite = Suite()
case = suite.case
TIMES = "aaaa_timeout_ms = 600; total_timeout_ms = 1300; retransmit_ms = 300;"
ports = itertools.count(300)


class Lab:
    def __init__(self, dns64="", limits="", other=zone):
        self.port = next(ports)
        self.upstream = Upstream(port=self.port, other=other)
        self.server = Server(f"{dns64} limits = {{ {TIMES} {limits} }};", port=self.port, upstream=("127.0.0.1", self.port))

    def client(self, source=CLIENT6, via="udp", timeout=4):
        return Client(self.port, source, via, timeout)

    def good(self, name="check.example", via="udp", source=CLIENT6):
        r = expect(self.client(source, via).ask(name), "NOERROR rd ra")
        equal("address", ["2001:db8:64::c000:201"], [rdata.address for s in r.answer for rdata in s])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        alive, log = self.server.is_alive(), self.server.log.read_text()
        status = self.server.stop()
        self.upstream.close()
        if kind is None:
            true(f"isthmus-dns64 ended: {log}", alive)
            equal("exit status", 0, status)


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def is_closed(s, seconds):
    """Closed by the server within that time: how long it took; None: not."""
    s.settimeout(seconds)
    start = time.monotonic()
    try:
        while s.recv(4096):
            pass
    except socket.timeout:
        return None
    except ConnectionError:
        pass
    return time.monotonic() - start


@case("T-6147-sec-014: two hundred pipelined queries in one write: all are answered")
def _(_):
    with Lab("threads = 2;") as lab, lab.client().tcp() as s:
        queries = {i: lab.client().query(f"p{i % 50}.example", ident=i) for i in range(200)}
        s.sendall(b"".join(framed(q.to_wire()) for q in queries.values()))
        for _ in range(200):
            r = dns.message.from_wire(read_message(s))
            true("an answer to a question", queries.pop(r.id).is_response(r))
            equal("answers", 1, len(r.answer))
        equal("asked", 100, len({(q.name, q.type) for q in lab.upstream.seen}))


@case("T-6147-sec-014: answered in the order in which answers are there, not in which was asked")
def _(_):
    with Lab() as lab, lab.client().tcp() as s:
        lab.upstream.on("slow.example", "*", lambda q: threading.Timer(0.25, lambda: zone(q)).start())
        for name, ident in (("slow.example", 1), ("fast.example", 2), ("other.example", 3)):
            s.sendall(framed(lab.client().query(name, ident=ident).to_wire()))
        order = [struct.unpack("!H", read_message(s)[:2])[0] for _ in range(3)]
        equal("last", 1, order[2])


@case("T-6147-sec-014 T-6147-sec-035: idle connections are closed after tcp_idle; only a whole query starts the time anew")
def _(_):
    with Lab(limits="tcp_idle = 2;") as lab:
        with lab.client().tcp() as s:
            took = is_closed(s, 4)
            true(f"idle: {took}", took is not None and 1.8 < took < 3.5)
        with lab.client().tcp() as s:  # one query each 0.9 s keeps it open
            for i in range(3):
                s.sendall(framed(lab.client().query(f"k{i}.example").to_wire()))
                true("an answer", read_message(s))
                time.sleep(0.9)
            took = is_closed(s, 4)
            true(f"after queries: {took}", took is not None)
        with lab.client().tcp() as s:  # slowloris: an octet at a time is no query
            wire = framed(lab.client().query("slowloris.example").to_wire())
            start = time.monotonic()
            try:
                for octet in wire:
                    s.send(bytes([octet]))
                    time.sleep(0.2)
                true("never closed", False)
            except ConnectionError:
                pass
            true(f"slowloris: {time.monotonic() - start:.1f} s", time.monotonic() - start < 4)


@case("T-6147-sec-035: a query in pieces is answered; length and message leave together")
def _(_):
    with Lab() as lab, lab.client().tcp() as s:
        wire = framed(lab.client().query("pieces.example").to_wire())
        for octet in wire:
            s.send(bytes([octet]))
            time.sleep(0.003)
        s.settimeout(4)
        got = s.recv(65535)
        equal("in one piece", struct.unpack("!H", got[:2])[0], len(got) - 2)
        # half of a second query, then the rest with a third
        second = framed(lab.client().query("second.example", ident=2).to_wire())
        third = framed(lab.client().query("third.example", ident=3).to_wire())
        s.send(second[:9])
        time.sleep(0.05)
        s.send(second[9:] + third)
        equal("IDs", {2, 3}, {struct.unpack("!H", read_message(s)[:2])[0] for _ in range(2)})


@case("T-6147-sec-035 T-6147-sec-036: a client that closed gets nothing, others are served")
def _(_):
    with Lab() as lab:
        lab.upstream.on("late.example", "*", lambda q: threading.Timer(0.2, lambda: zone(q)).start())
        for _ in range(20):
            with lab.client().tcp() as s:
                s.sendall(framed(lab.client().query("late.example").to_wire()))
        with lab.client().tcp() as s:  # reset
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.sendall(framed(lab.client().query("late2.example").to_wire()))
        time.sleep(0.4)
        lab.good()
        lab.good("late.example", "tcp")


@case("T-6147-sec-014: a client has so many connections; another client is let in")
def _(_):
    with Lab(limits="tcp_per_client = 3;") as lab:
        held = [lab.client().tcp() for _ in range(3)]
        for i, s in enumerate(held):
            s.sendall(framed(lab.client().query(f"h{i}.example").to_wire()))
            true("served", read_message(s))
        with lab.client().tcp() as s:
            true("one too many is closed", is_closed(s, 2) is not None)
        lab.good("from4.example", "tcp", CLIENT4)
        held.pop().close()
        time.sleep(0.1)
        lab.good("room.example", "tcp")
        for s in held:
            s.close()


@case("T-6147-sec-014: when all places are taken the longest silent connection goes")
def _(_):
    with Lab(limits="tcp_connections = 5; tcp_per_client = 100;") as lab:
        held = []
        for i in range(5):
            s = lab.client().tcp()
            s.sendall(framed(lab.client().query(f"t{i}.example").to_wire()))
            true("served", read_message(s))
            held.append(s)
        held[0].sendall(framed(lab.client().query("again.example").to_wire()))
        true("served", read_message(held[0]))
        lab.good("new.example", "tcp")  # a sixth
        true("the second is gone", is_closed(held[1], 1) is not None)
        held[0].sendall(framed(lab.client().query("still.example").to_wire()))
        true("the first is there", read_message(held[0]))
        for s in held:
            s.close()


@case("T-6147-sec-014: a thousand connections that say nothing do not keep others out")
def _(_):
    with Lab(limits="tcp_connections = 200; tcp_per_client = 1000;") as lab:
        held = []
        for _ in range(400):
            s = socket.socket(socket.AF_INET6)
            s.bind((CLIENT6, 0))
            s.settimeout(3)
            s.connect(("2001:db8:53::53", lab.port))
            held.append(s)
        lab.good("beside.example", "tcp", CLIENT4)
        lab.good("beside2.example")
        for s in held:
            s.close()


@case("T-6147-sec-019: messages of no sense over TCP: empty, of 65,535 octets, endless")
def _(_):
    with Lab() as lab:
        for junk in (b"\0\0", b"\0\1x", b"\xff\xff" + b"\xc0\x0c" * 32767 + b"\0", framed(b"\0" * 12), framed(b"\xff" * 40)):
            with lab.client(timeout=1).tcp() as s:
                s.sendall(junk)
                s.sendall(framed(lab.client().query("behind.example", ident=77).to_wire()))
                ids = []
                try:
                    while 77 not in ids:
                        ids.append(struct.unpack("!H", read_message(s)[:2])[0])
                except (EOFError, ConnectionError, socket.timeout):
                    true(f"the query behind {junk[:8]!r} is answered", False)
        lab.good()


@case("T-6147-sec-014: a client that does not read: bounded memory, others are served")
def _(_):
    big = [f"198.51.{100 + i // 250}.{i % 250 + 1}" for i in range(400)]
    with Lab(other=lambda q: q.answer(an=[f"{q.name} 300 A {a}" for a in big]) if q.type == "A" else q.answer(ns=[SOA])) as lab:
        lab.client(via="tcp").ask("big.example")
        before = lab.server.resident_kib()
        held = []
        for _ in range(10):
            s = lab.client().tcp()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.setblocking(False)
            wire = framed(lab.client().query("big.example").to_wire())
            try:
                for _ in range(2000):  # 2,000 answers of 11 KB
                    s.send(wire)
            except BlockingIOError:
                pass
            held.append(s)
        time.sleep(0.5)
        grown = lab.server.resident_kib() - before
        true(f"{grown} KiB more", grown < 10 * 700)
        equal("answers", 400, len(lab.client(via="tcp").ask("big.example").answer))
        for s in held:
            s.close()


@case("T-6147-sec-019: datagrams of 65,507 octets")
def _(_):
    with Lab() as lab:
        client = lab.client(timeout=0.3)
        good = client.query("large.example").to_wire()
        with client.udp() as s:
            for wire in (b"\0" * 65507, good + b"\0" * (65507 - len(good)), b"\xc0\x0c" * 32753, random.Random(1).randbytes(65507)):
                for _ in range(50):
                    s.send(wire)
        time.sleep(0.2)
        lab.good("after.example")


@case("T-6147-sec-019: an upstream that sends 65,507 octets")
def _(_):
    with Lab() as lab:
        lab.upstream.on("huge.example", "A", lambda q: q.send(q.wire[:2] + b"\x81\x80" + q.wire[4:] + b"\0" * (65507 - len(q.wire)))
                        if q.via == "udp" else zone(q))
        lab.good("huge.example")
        lab.good("after.example")


@case("T-2308-009: random names while the upstream is silent: bounded memory, SERVFAIL, others are served")
def _(_):
    with Lab("threads = 1; cache = { memory_mib = 16; };", "queries_in_flight = 2000;") as lab:
        lab.good("kept.example")
        lab.upstream.other = lambda q: zone(q) if b"good" in q.name.labels[0] else None
        noise, client = random.Random(2), lab.client()
        before = lab.server.resident_kib()
        template = client.query("x" * 12 + ".flood.example").to_wire()
        rcodes = {}
        with client.udp() as s:
            s.setblocking(False)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            sent = 0
            end = time.monotonic() + 4
            while time.monotonic() < end:
                for _ in range(50):
                    name = bytes(noise.choice(b"abcdefghijklmnopqrstuvwxyz") for _ in range(12))
                    s.send(template[:13] + name + template[25:])
                    sent += 1
                try:
                    while True:
                        wire = s.recv(4096)
                        rcodes[wire[3] & 15] = rcodes.get(wire[3] & 15, 0) + 1
                except BlockingIOError:
                    pass
                if sent % 2000 == 0:
                    lab.good("kept.example")
            lab.good("kept.example", "tcp")
        grown = lab.server.resident_kib() - before
        true(f"{sent} queries, {rcodes}", sent > 5000 and rcodes.get(2, 0) > 1000)
        true(f"{grown} KiB more after {sent} queries", grown < 48 * 1024)
        end, n = time.monotonic() + 8, 0
        while client.ask(f"good-after{n}.example").rcode() != 0:  # the flood's last queries run out first
            true("served again", time.monotonic() < end)
            n += 1
            time.sleep(0.2)


@case("T-2308-009: random names that do not exist: the cache keeps its bound")
def _(_):
    with Lab("cache = { memory_mib = 2; };") as lab:
        lab.upstream.other = lambda q: q.answer("NXDOMAIN", ns=[SOA])
        client = lab.client()
        start, n = time.monotonic(), 0
        with client.udp() as s:
            s.settimeout(2)
            while time.monotonic() < start + 3:
                wires = [client.query(f"{random.randbytes(20).hex()}.nx.example").to_wire() for _ in range(20)]
                for w in wires:
                    s.send(w)
                for _ in wires:
                    equal("NXDOMAIN", 3, s.recv(4096)[3] & 15)
                n += 20
        true(f"{n} names, {lab.server.resident_kib()} KiB", lab.server.resident_kib() < 48 * 1024)


def main(argv):
    local_addresses()
    return suite.run(None, *argv[1:], threads=6)


sys.exit(main(sys.argv))
