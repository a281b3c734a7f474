#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A switch with one trunk port: vlan_switch.py TRUNK ID:DEVICE...

What comes from DEVICE goes to TRUNK with tag ID (0: without a tag); what comes from TRUNK goes to the devices
of its tag, without it. Prints "ready". Raw sockets: no VLAN driver is needed.
"""
import select
import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA = 263, 8
STATUS_VLAN_VALID = 1 << 4


def open_device(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind((name, 0))
    # promiscuous: frames for others pass through a switch
    index = socket.if_nametoindex(name)
    s.setsockopt(SOL_PACKET, 1, struct.pack("iHH8s", index, 1, 0, b""))
    return s


def receive(s):
    """A frame with its tag in place (the kernel takes it out), or None for our own."""
    frame, ancillary, _, address = s.recvmsg(65536, 256)
    if address[2] == socket.PACKET_OUTGOING:
        return None
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
            if status & STATUS_VLAN_VALID:
                return frame[:12] + struct.pack("!HH", 0x8100, tci) + frame[12:]
    return frame


def main():
    trunk = open_device(sys.argv[1])
    vlans = {}
    ids = {}
    for arg in sys.argv[2:]:
        vlan, name = arg.split(":")
        s = open_device(name)
        vlans.setdefault(int(vlan), []).append(s)
        ids[s] = int(vlan)
    print("ready", flush=True)
    while True:
        for s in select.select([trunk, *ids], [], [])[0]:
            frame = receive(s)
            if frame is None:
                continue
            if s is trunk:
                vlan = 0
                if frame[12:14] == b"\x81\x00":
                    vlan = struct.unpack("!H", frame[14:16])[0] & 0xfff
                    frame = frame[:12] + frame[16:]
                for out in vlans.get(vlan, []):
                    out.send(frame)
            else:
                vlan = ids[s]
                if vlan:
                    frame = frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]
                trunk.send(frame)


main()
