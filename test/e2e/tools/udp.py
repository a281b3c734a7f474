#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""UDP in the few shapes that the tests need. All data is checked byte for byte.

  udp.py echo ADDRESS PORT [--reply BYTES]          answers each datagram with itself, or with
                                                    BYTES bytes made from it
  udp.py ask ADDRESS PORT BYTES [--reply BYTES] [--from ADDRESS] [--count N] [--spread]
                                                    [--no-checksum] [--once] [--pause SECONDS]
                                                    sends, waits for the answers, compares them;
                                                    --spread: a new source port for each; --once:
                                                    one that is lost is not sent again
  udp.py flood ADDRESS PORT COUNT [--from-port N] [--from A]  COUNT datagrams, each from a port of its own; no
                                                    answer is waited for
  udp.py who ADDRESS PORT                           waits for one datagram; prints who sent it
  udp.py stream ADDRESS PORT SECONDS RATE           numbered datagrams to an echo server; prints
                                                    how many were sent and how many did not return
  udp.py pmtu ADDRESS PORT BYTES EXPECTED           sends BYTES with DF until the kernel has learned
                                                    a path MTU, which must be EXPECTED; then a
                                                    datagram of exactly that size must be answered
  udp.py pmtu-server ADDRESS PORT BYTES EXPECTED    the same from the server: waits for one datagram,
                                                    then does it towards whoever sent that
"""
import argparse
import hashlib
import socket
import sys
import time

SO_NO_CHECK = 11
IP_MTU_DISCOVER, IP_MTU, IP_PMTUDISC_DO, IP_RECVERR = 10, 14, 2, 11
IPV6_MTU_DISCOVER, IPV6_MTU, IPV6_RECVERR = 23, 24, 25


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def pattern(seed, size):
    """`size` bytes that depend on `seed`: a piece lost, moved or doubled shows."""
    out = bytearray()
    n = 0
    while len(out) < size:
        out += hashlib.sha256(f"{seed}/{n}".encode()).digest()
        n += 1
    return bytes(out[:size])


def reply_to(data, size):
    return data if size is None else pattern(hashlib.sha256(data).hexdigest(), size)


def bound(address, port):
    sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((address, port))
    return sock


def connected(args):
    sock = socket.socket(family_of(args.address), socket.SOCK_DGRAM)
    if getattr(args, "no_checksum", False):
        sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    if getattr(args, "source", None):
        sock.bind((args.source, 0))
    sock.connect((args.address, args.port))
    return sock


def echo(args):
    sock = bound(args.address, args.port)
    print("ready", flush=True)
    while True:
        data, peer = sock.recvfrom(65535)
        sock.sendto(reply_to(data, args.reply), peer)


def ask_once(sock, data, reply, timeouts=(1, 2, 4)):
    """Three tries: a datagram may be the one that teaches a host the path MTU."""
    want = reply_to(data, reply)
    for timeout in timeouts:
        sock.settimeout(timeout)
        sock.send(data)
        try:
            got = sock.recv(65535)
        except TimeoutError:
            continue
        if got != want:
            sys.exit(f"udp: {len(got)} bytes came back, and not those of the {len(want)} expected")
        return
    sys.exit("udp: no answer")


def ask(args):
    sock = connected(args)
    for i in range(args.count):
        if args.spread and i:
            sock = connected(args)
        ask_once(sock, pattern(f"{time.time()}{i}", args.bytes), args.reply, (4,) if args.once else (1, 2, 4))
        time.sleep(args.pause)
    print(f"{args.count} x {args.bytes} bytes there, {args.reply or args.bytes} bytes back: identical")


def flood(args):
    for i in range(args.count):
        with socket.socket(family_of(args.address), socket.SOCK_DGRAM) as sock:
            if args.from_port:
                sock.bind((args.source, args.from_port))
            sock.sendto(i.to_bytes(8, "big"), (args.address, args.port))


def who(args):
    sock = bound(args.address, args.port)
    print("ready", flush=True)
    sock.settimeout(10)
    print("from %s %d" % sock.recvfrom(65535)[1][:2], flush=True)


def stream(args):
    sock = connected(args)
    sock.setblocking(False)
    start = time.monotonic()
    missing, sent = set(), 0
    while (now := time.monotonic() - start) < args.seconds + 2:
        while sent < min(now, args.seconds) * args.rate:
            sock.send(sent.to_bytes(8, "big") + bytes(92))
            missing.add(sent)
            sent += 1
        try:
            while True:
                missing.discard(int.from_bytes(sock.recv(2048)[:8], "big"))
        except BlockingIOError:
            pass
        except ConnectionError as why:
            print(f"refused: {why}", flush=True)
        if now > args.seconds and not missing:
            break
        time.sleep(0.0005)
    print(f"sent {sent} lost {len(missing)}", flush=True)


def mtu_of(sock):
    if sock.family == socket.AF_INET6:
        return sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
    return sock.getsockopt(socket.IPPROTO_IP, IP_MTU)


def learn_pmtu(sock, size, expected):
    """Sends `size` bytes of payload with DF until the path MTU is `expected`; returns the headers' size."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
        headers = 48
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        headers = 28
    deadline = time.monotonic() + 5
    while mtu_of(sock) != expected and time.monotonic() < deadline:
        try:
            sock.send(pattern("probe", size))
        except OSError:  # EMSGSIZE: the kernel has learned something
            if mtu_of(sock) == expected:
                break
            size = min(size, mtu_of(sock) - headers)
        time.sleep(0.05)
    if mtu_of(sock) != expected:
        sys.exit(f"udp: path MTU {mtu_of(sock)} learned, {expected} expected")
    return headers


def pmtu(args):
    sock = connected(args)
    headers = learn_pmtu(sock, args.bytes, args.expected)
    sock.settimeout(0.2)
    while True:  # answers to earlier probes, and errors about them that are still queued
        try:
            sock.recv(65535)
        except TimeoutError:
            break
        except OSError:
            continue
    ask_once(sock, pattern("exact", args.expected - headers), 100)
    print(f"path MTU {args.expected}: learned and used")


def pmtu_server(args):
    sock = bound(args.address, args.port)
    print("ready", flush=True)
    sock.settimeout(10)
    _, peer = sock.recvfrom(65535)
    sock.connect(peer)
    headers = learn_pmtu(sock, args.bytes, args.expected)
    sock.settimeout(5)
    want = pattern("exact", args.expected - headers)
    sock.send(want)
    while sock.recv(65535) != want:
        pass
    print(f"path MTU {args.expected}: learned and used")


def main():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers(required=True)
    for name, func, extra in (("echo", echo, ()), ("ask", ask, ("bytes",)), ("flood", flood, ("count",)), ("who", who, ()),
                              ("stream", stream, ("seconds", "rate")),
                              ("pmtu", pmtu, ("bytes", "expected")), ("pmtu-server", pmtu_server, ("bytes", "expected"))):
        cmd = sub.add_parser(name)
        cmd.set_defaults(func=func)
        cmd.add_argument("address")
        cmd.add_argument("port", type=int)
        for word in extra:
            cmd.add_argument(word, type=int)
        if func in (echo, ask):
            cmd.add_argument("--reply", type=int)
        if func is flood:
            cmd.add_argument("--from-port", type=int, default=0)
            cmd.add_argument("--from", dest="source", default="")
        if func is ask:
            cmd.add_argument("--from", dest="source")
            cmd.add_argument("--count", type=int, default=1)
            cmd.add_argument("--spread", action="store_true")
            cmd.add_argument("--once", action="store_true")
            cmd.add_argument("--no-checksum", action="store_true")
            cmd.add_argument("--pause", type=float, default=0)
    args = parser.parse_args()
    args.func(args)


main()
