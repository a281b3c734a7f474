#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at every IP packet that a gateway sends on a wire: is it well-formed?

  frame_watch.py DEVICE GATEWAY-MAC SECONDS

Version, lengths, header checksum, hops, no packet larger than 1,500 octets, ICMP errors with a right checksum, no
source or destination that no host has. Prints how many it saw; exit status 1 at the first that is wrong.
"""
import socket
import struct
import sys
import time

SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23


def ones_sum(data, total=0):
    data += b"\0" * (len(data) % 2)
    total += sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def fault4(p):
    if p[0] != 0x45 or struct.unpack("!H", p[2:4])[0] != len(p):
        return "IPv4 version, header length or Total Length"
    if ones_sum(p[:20]) != 0xFFFF:
        return "IPv4 header checksum"
    if p[8] == 0:
        return "TTL 0"
    if p[16] in (0, 127) or p[16] >= 224 or p[12] in (0, 127) or p[12] >= 224:
        return "IPv4 addresses"
    whole = struct.unpack("!H", p[6:8])[0] & 0x3FFF == 0
    if p[9] == 1 and whole and p[20] not in (0, 8) and ones_sum(p[20:]) != 0xFFFF:
        return "checksum of an ICMP error"
    return None


def fault6(p):
    if p[0] >> 4 != 6 or struct.unpack("!H", p[4:6])[0] + 40 != len(p):
        return "IPv6 version or Payload Length"
    if p[7] == 0:
        return "Hop Limit 0"
    if p[8] == 0xFF or p[24] == 0xFF or not any(p[8:24]) or not any(p[24:40]):
        return "IPv6 addresses"
    if p[6] == 58 and p[40] < 128 and ones_sum(p[40:], ones_sum(p[8:40] + struct.pack("!II", len(p) - 40, 58))) != 0xFFFF:
        return "checksum of an ICMPv6 error"
    return None


def main():
    device, mac, seconds = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")), float(sys.argv[3])
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    sock.bind((device, 0))
    sock.settimeout(0.2)
    print("ready", flush=True)
    end, seen = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        try:
            frame = sock.recv(65535)
        except TimeoutError:
            continue
        kind = frame[12:14]
        # Neighbour discovery of the kernel behind the gateway goes to multicast addresses: not ours to judge.
        if frame[6:12] != mac or frame[0] & 1 or kind not in (b"\x08\x00", b"\x86\xdd"):
            continue
        packet = frame[14:]
        short = len(packet) < (20 if kind == b"\x08\x00" else 40)
        fault = "too short" if short else "above 1,500 octets" if len(packet) > 1500 else (
            fault4 if kind == b"\x08\x00" else fault6)(packet)
        if fault:
            sys.exit(f"frame_watch: {fault}: {frame.hex()}")
        seen += 1
    print(f"saw {seen}", flush=True)


main()
