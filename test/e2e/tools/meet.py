#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hosts that learn their mappings from a mirror and meet through the pool, or are met from outside.

  meet.py reflect ADDRESS PORT...                  answers each datagram with whom it came from
  meet.py hairpin PREF64 MIRROR PORT HOST...       UDP sockets on each HOST; each sends to each other's
                                                   mapping, and is answered from there
  meet.py refused ADDRESS PORT [--from HOST]       a datagram that must be answered with an ICMP error;
                                                   prints its name
  meet.py filter MIRROR PORT HOST PREF64 SECONDS   learns a mapping, prints it, and prints who sends to it
  meet.py send ADDRESS PORT HOST [--port N]        a datagram from HOST
  meet.py accept ADDRESS PORT                      a TCP echo server
  meet.py connect ADDRESS PORT SECONDS             a TCP connection to it, idle so long, then used again
  meet.py cross ADDRESS PORT HOST OWN-PORT         connects from OWN-PORT; the other side does it too, and
                                                   nobody listens. Says hello, prints what it hears
"""
import argparse
import errno
import ipaddress
import select
import socket
import sys
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bound(host, port=0):
    sock = socket.socket(family(host), socket.SOCK_DGRAM)
    sock.bind((host, port))
    return sock


def behind(pref64, v4):
    net = ipaddress.IPv6Network(pref64).network_address.packed[:12]
    return str(ipaddress.IPv6Address(net + ipaddress.IPv4Address(v4).packed))


def reflect(args):
    socks = [bound(args.address, port) for port in args.port]
    print("ready", flush=True)
    while True:
        for sock in select.select(socks, [], [])[0]:
            _, peer = sock.recvfrom(2048)
            sock.sendto(f"{peer[0]} {peer[1]}".encode(), peer)


def mapping_of(sock, mirror, port):
    for _ in range(5):
        sock.sendto(b"who am I", (mirror, port))
        if select.select([sock], [], [], 1)[0]:
            address, number = sock.recv(2048).decode().split()
            return address, int(number)
    sys.exit("meet: the mirror does not answer")


def hairpin(args):
    socks = [bound(host) for host in args.host]
    maps = [mapping_of(s, behind(args.pref64, args.mirror), args.port) for s in socks]
    # A question that was asked again has two answers: the second may only come now.
    while ready := select.select(socks, [], [], 0.3)[0]:
        for sock in ready:
            sock.recvfrom(2048)
    met = 0
    for i, a in enumerate(socks):
        for j, b in enumerate(socks):
            if i == j:
                continue
            said = f"{i} to {j}".encode()
            a.sendto(said, (behind(args.pref64, maps[j][0]), maps[j][1]))
            if not select.select([b], [], [], 2)[0]:
                sys.exit(f"meet: nothing came from {args.host[i]} to {args.host[j]}")
            got, peer = b.recvfrom(2048)
            want = (behind(args.pref64, maps[i][0]), maps[i][1])
            if got != said or ipaddress.ip_address(peer[0]) != ipaddress.ip_address(want[0]) or peer[1] != want[1]:
                sys.exit(f"meet: {args.host[j]} hears {got} from {peer[:2]}, not from {want}")
            met += 1
    print(f"{met} pairs met")


def refused(args):
    sock = bound(args.source) if args.source else socket.socket(family(args.address), socket.SOCK_DGRAM)
    sock.setsockopt(*((socket.IPPROTO_IPV6, 25, 1) if ":" in args.address else (socket.IPPROTO_IP, 11, 1)))  # RECVERR
    sock.connect((args.address, args.port))
    sock.settimeout(2)
    for _ in range(3):
        try:
            sock.send(b"anybody?")
            sock.recv(2048)
        except TimeoutError:
            continue
        except OSError as why:
            print(errno.errorcode[why.errno])
            return
    sys.exit("meet: no error came")


def filter_(args):
    sock = bound(args.host)
    print("mapping %s %d" % mapping_of(sock, behind(args.pref64, args.mirror), args.port), flush=True)
    end = time.monotonic() + args.seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([sock], [], [], left)[0]:
            print("from %s %d" % sock.recvfrom(2048)[1][:2], flush=True)


def send(args):
    bound(args.host, args.from_port).sendto(b"hello", (args.address, args.port))


def accept(args):
    server = socket.create_server((args.address, args.port), family=family(args.address))
    print("ready", flush=True)
    peers = []
    while True:
        for sock in select.select([server, *peers], [], [])[0]:
            if sock is server:
                peers.append(server.accept()[0])
                continue
            try:
                data = sock.recv(2048)
            except OSError:
                data = b""
            if data:
                sock.send(data)
            else:
                peers.remove(sock)


def connect(args):
    sock = socket.create_connection((args.address, args.port), 5)
    for said in (b"first", b"again"):
        sock.sendall(said)
        if sock.recv(2048) != said:
            sys.exit("meet: something else came back")
        print(said.decode(), flush=True)
        if said == b"first":
            time.sleep(args.seconds)


def cross(args):
    sock = socket.socket(family(args.host))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((args.host, args.own_port))
    sock.settimeout(8)
    start = time.monotonic()
    print("ready", flush=True)
    sock.connect((args.address, args.port))
    sock.sendall(b"hello from " + args.host.encode())
    print("%s after %.1f s" % (sock.recv(2048).decode(), time.monotonic() - start), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    modes = parser.add_subparsers(required=True)
    p = modes.add_parser("reflect")
    p.set_defaults(run=reflect)
    p.add_argument("address")
    p.add_argument("port", type=int, nargs="+")
    p = modes.add_parser("hairpin")
    p.set_defaults(run=hairpin)
    p.add_argument("pref64")
    p.add_argument("mirror")
    p.add_argument("port", type=int)
    p.add_argument("host", nargs="+")
    p = modes.add_parser("refused")
    p.set_defaults(run=refused)
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("--from", dest="source")
    p = modes.add_parser("filter")
    p.set_defaults(run=filter_)
    p.add_argument("mirror")
    p.add_argument("port", type=int)
    p.add_argument("host")
    p.add_argument("pref64")
    p.add_argument("seconds", type=float)
    p = modes.add_parser("send")
    p.set_defaults(run=send)
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("host")
    p.add_argument("--port", dest="from_port", type=int, default=0)
    p = modes.add_parser("cross")
    p.set_defaults(run=cross)
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("host")
    p.add_argument("own_port", type=int)
    p = modes.add_parser("accept")
    p.set_defaults(run=accept)
    p.add_argument("address")
    p.add_argument("port", type=int)
    p = modes.add_parser("connect")
    p.set_defaults(run=connect)
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("seconds", type=float)
    args = parser.parse_args()
    return args.run(args)


sys.exit(main())
