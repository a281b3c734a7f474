#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Throws malformed frames at the gateway: valid packets with bits flipped, cut short, lengths and
offsets forged, extension headers and options strewn in, and plain noise.

  frame_fuzz.py DEVICE GATEWAY-MAC FAMILY SOURCE DESTINATION SECONDS SEED

The seed is printed, so that a crash can be had again.
"""
import ipaddress
import random
import socket
import struct
import sys
import time


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def l4_of(rng, protocol):
    size = rng.choice((0, 8, 100, 1200, 1440))
    if protocol == 17:
        return struct.pack("!HHHH", rng.randrange(1, 65536), rng.choice((53, 5000)), 8 + size, rng.randrange(65536)) + bytes(size)
    if protocol == 6:
        offset = rng.choice((5, 5, 5, 15, 0))
        return struct.pack("!HHIIBBHHH", rng.randrange(1, 65536), 80, 1, 1, offset << 4, rng.randrange(256), 512, 0, 0) + bytes(size)
    kinds = (128, 129, 1, 2, 3, 4, 133, 135, 137) if protocol == 58 else (8, 0, 3, 5, 11, 12, 13)
    return struct.pack("!BBHI", rng.choice(kinds), rng.randrange(16), 0, rng.getrandbits(32)) + rng.randbytes(size)


def packet6(rng, src, dst):
    protocol = rng.choice((6, 17, 58, 50, 59, 255))
    body, first = l4_of(rng, protocol), protocol
    for _ in range(rng.choice((0, 0, 0, 1, 2, 12))):
        kind = rng.choice((0, 43, 44, 60))
        if kind == 44:
            header = struct.pack("!BBHI", first, 0, rng.choice((0, 1, 8, 9, 0xFFF8)), rng.getrandbits(32))
        else:
            length = rng.choice((0, 0, 1, 255))
            header = struct.pack("!BB", first, length) + rng.randbytes(6 + 8 * min(length, 1))
        body, first = header + body, kind
    length = rng.choice((len(body), len(body), len(body), 0, len(body) + 9, 65535))
    return struct.pack("!IHBB", 0x60000000 | rng.getrandbits(28), length & 0xFFFF, first, rng.choice((64, 1, 0))) + src + dst + body


def packet4(rng, src, dst):
    protocol = rng.choice((6, 17, 1, 2, 50, 255))
    body = l4_of(rng, protocol)
    options = rng.randbytes(4 * rng.choice((0, 0, 0, 1, 10)))
    ihl = rng.choice((5 + len(options) // 4,) * 5 + (0, 4, 15))
    total = 20 + len(options) + len(body)
    total = rng.choice((total, total, total, 0, 19, 65535))
    head = struct.pack("!BBHHHBBH", 0x40 | ihl, 0, total, rng.getrandbits(16), rng.choice((0, 0, 0x4000, 0x2000, 1, 0x1FFF)),
                       rng.choice((64, 1, 0)), protocol, 0) + src + dst + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def spoil(rng, frame):
    frame = bytearray(frame)
    act = rng.randrange(5)
    if act == 0:
        for _ in range(rng.randrange(1, 8)):
            frame[rng.randrange(12, len(frame))] ^= 1 << rng.randrange(8)
    elif act == 1:
        frame = frame[:rng.randrange(14, len(frame) + 1)]
    elif act == 2:
        frame += rng.randbytes(rng.randrange(64))
    return bytes(frame[:1514])


def main():
    device, mac, family, src, dst, seconds, seed = sys.argv[1:8]
    print(f"seed {seed}", flush=True)
    rng = random.Random(int(seed))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    own = sock.getsockname()[4]
    src, dst = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    gateway = bytes.fromhex(mac.replace(":", ""))
    end = time.monotonic() + float(seconds)
    sent = 0
    while time.monotonic() < end:
        if rng.randrange(50) == 0:
            frame = gateway + own + rng.randbytes(rng.randrange(2, 1500))
        elif family == "6":
            frame = spoil(rng, gateway + own + b"\x86\xdd" + packet6(rng, src, dst))
        else:
            frame = spoil(rng, gateway + own + b"\x08\x00" + packet4(rng, src, dst))
        try:
            sock.send(frame)
            sent += 1
        except OSError:
            pass
    print(f"sent {sent}")


main()
