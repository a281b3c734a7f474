# SPDX-License-Identifier: Apache-2.0
"""Raw sockets on both sides of a gateway, and packets built by scapy.

Frames that this program sends and expects are made by scapy and by the few lines here, from the RFCs' text:
nothing is taken from the gateway's own code.
"""
import ctypes
import os
import select
import socket
import struct
import time

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.utils import checksum as inet_checksum

SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Mismatch(Exception):
    """The gateway did something else than the case says."""


def enter(namespace):
    fd = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"cannot enter namespace {namespace}")
    os.close(fd)


class Side:
    """One end of a wire whose other end is a port of the gateway."""

    def __init__(self, namespace, device, gateway_mac):
        enter(namespace)
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sock.bind((device, 0))
        self.sock.setblocking(False)
        self.mac = self.sock.getsockname()[4]
        self.gateway = bytes.fromhex(gateway_mac.replace(":", ""))

    def send(self, packet, dst=None):
        """`packet`: scapy, or bytes of an IP packet (its first octet tells the version), or a Frame."""
        if isinstance(packet, Frame):
            self.sock.send((dst or self.gateway) + self.mac + packet.rest)
            return
        data = bytes(packet)
        kind = b"\x86\xdd" if data[0] >> 4 == 6 else b"\x08\x00"
        self.sock.send((dst or self.gateway) + self.mac + kind + data)

    def receive(self):
        """IP packets that came for us, as bytes. Neighbour discovery and the like are not for us."""
        out = []
        while True:
            try:
                frame = self.sock.recv(65535)
            except BlockingIOError:
                return out
            if frame[:6] == self.mac and frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
                out.append(frame[14:])


class Frame:
    """EtherType and what follows, as it goes on the wire: for padding, false EtherTypes, tags."""

    def __init__(self, rest):
        self.rest = rest


class Wires:
    """Both sides. After what a case sends, a marker goes through each way; one worker keeps the order of what
    comes in by a port, so when both markers are out, what did not come before them will not come. With more
    workers that is so for each, only: then `settle` seconds are waited besides."""

    def __init__(self, six, four, marker, settle=0.002):
        self.six, self.four, self.marker, self.count, self.settle = six, four, marker, 0, settle
        self.keeps_order = len(getattr(six, "queues", [0])) == 1

    def _marks(self):
        m = self.marker
        self.count += 1
        tag = f"marker {self.count:08d}".encode()
        there = IPv6(src=m["x"], dst=m["z6"]) / UDP(sport=m["port"], dport=m["port"]) / tag
        back = IP(src=m["z4"], dst=m["t"]) / UDP(sport=m["port"], dport=m["t_port"]) / tag
        return tag, there, back

    def exchange(self, sends, want=(0, 0)):
        """sends: [(6 or 4, packet)]; a number instead: a pause in seconds. What came out: {6: [bytes], 4: [bytes]};
        `want`: packets on side 6 and 4 that are waited for longer."""
        self.six.receive(), self.four.receive()
        for what in sends:
            if isinstance(what, (int, float)):
                time.sleep(what)
            else:
                (self.six if what[0] == 6 else self.four).send(*what[1:])
        tag, there, back = self._marks()
        self.six.send(there)
        self.four.send(back)
        got = {6: [], 4: []}
        seen, end = set(), time.monotonic() + 6
        while len(seen) < 2:
            left = end - time.monotonic()
            if left <= 0:
                raise Mismatch(f"the marker of side {({6, 4} - seen)} did not come out: is the gateway alive?")
            select.select([self.six.sock, self.four.sock], [], [], left)
            self._take(got, tag, seen)
        end = time.monotonic() + 0.5
        while (len(got[6]) < want[0] or len(got[4]) < want[1]) and time.monotonic() < end:
            select.select([self.six.sock, self.four.sock], [], [], 0.05)
            self._take(got, tag, seen)
        time.sleep(self.settle)
        self._take(got, tag, seen)
        return got

    def _take(self, got, tag, seen):
        for n, side in ((6, self.six), (4, self.four)):
            for packet in side.receive():
                if packet.endswith(tag):
                    seen.add(n)
                elif b"marker 0" not in packet:
                    got[n].append(packet)


def data(n, start=0):
    """A pattern without repetition at powers of two."""
    return bytes((7 * i + 3) % 251 for i in range(start, start + n))


def icmp4(kind, code, rest, body):
    """An ICMPv4 message of any kind; rest: 4 octets."""
    raw = struct.pack("!BBH", kind, code, 0) + rest + body
    return raw[:2] + struct.pack("!H", inet_checksum(raw)) + raw[4:]


def icmp6(ip6, kind, code, rest, body):
    """An ICMPv6 message under the base header `ip6` (for its pseudo-header)."""
    raw = struct.pack("!BBH", kind, code, 0) + rest + body
    return raw[:2] + struct.pack("!H", in6_chksum(58, ip6, raw)) + raw[4:]


def v6(src, dst, next_header, payload, hops=64, tc=0, flow=0, plen=None):
    return bytes(IPv6(src=src, dst=dst, nh=next_header, hlim=hops, tc=tc, fl=flow,
                      plen=len(payload) if plen is None else plen)) + payload


def v4(src, dst, proto, payload, ttl=64, tos=0, ident=1, flags=0, offset=0, options=b"", total=None):
    """An IPv4 packet of bytes; flags: "DF", "MF"; offset in octets."""
    options += bytes(-len(options) % 4)
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, tos,
                       20 + len(options) + len(payload) if total is None else total, ident,
                       (0x4000 if "DF" in (flags or "") else 0) | (0x2000 if "MF" in (flags or "") else 0) | offset // 8,
                       ttl, proto, 0) + socket.inet_aton(src) + socket.inet_aton(dst) + options
    return head[:10] + struct.pack("!H", inet_checksum(head)) + head[12:] + payload


def l4(layer, src, dst):
    """Bytes of a scapy transport header and payload, checksum for these addresses (either family)."""
    base = IPv6(src=src, dst=dst) if ":" in src else IP(src=src, dst=dst)
    return bytes(base / layer)[40 if ":" in src else 20:]


def fragments6(packet, size, ident):
    """An IPv6 packet without extension headers, cut into pieces of `size` octets of payload."""
    body, first, out = packet[40:], packet[6], []
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        more = at + len(piece) < len(body)
        head = struct.pack("!BBHI", first, 0, at | more, ident)
        out.append(packet[:4] + struct.pack("!HB", len(piece) + 8, 44) + packet[7:40] + head + piece)
    return out


def fragments4(packet, size, ident=None):
    """An IPv4 packet without options, cut likewise; DF is kept as it is."""
    body, out = packet[20:], []
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        more = at + len(piece) < len(body)
        word = struct.unpack("!H", packet[6:8])[0] | at // 8 | (0x2000 if more else 0)
        head = packet[:2] + struct.pack("!H", 20 + len(piece))
        head += (packet[4:6] if ident is None else struct.pack("!H", ident)) + struct.pack("!H", word)
        head += packet[8:10] + b"\0\0" + packet[12:20]
        out.append(head[:10] + struct.pack("!H", inet_checksum(head)) + head[12:] + piece)
    return out


def ones_add(a, b):
    total = a + b
    return (total & 0xFFFF) + (total >> 16)


__all__ = [name for name in dir() if not name.startswith("_")]
