#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A piece of wire that misbehaves: carries frames between two devices and meddles on the way.

  relay.py NEAR FAR                     a plain wire
  relay.py NEAR FAR --fragments MODE    MODE: reverse, duplicate, or both; acts on IP fragments,
                                        which are held until their last piece has come
  relay.py NEAR FAR --tag VLAN          frames towards NEAR get the tag, frames from NEAR lose it;
                                        what comes untagged or with another tag is dropped

This kernel may lack netem and 802.1Q devices; a raw socket is always there. The kernel takes a tag
off a frame before a packet socket sees it and reports it beside (PACKET_AUXDATA).
"""
import argparse
import selectors
import socket
import struct

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
TP_STATUS_VLAN_VALID = 1 << 4


def open_device(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.bind((name, 0))
    sock.setblocking(False)
    return sock


def receive(sock):
    """One frame and its VLAN id (None: untagged)."""
    frame, ancillary, _, _ = sock.recvmsg(65535, 128)
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack_from("IIIHHHH", data)
            if status & TP_STATUS_VLAN_VALID:
                return frame, tci & 0xFFF
    return frame, None


def fragment_of(frame):
    """(key of the datagram, is the last piece) of an IP fragment, or None."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        word = struct.unpack_from("!H", frame, 20)[0]
        if word & 0x3FFF:
            return frame[18:20] + frame[26:34], not word & 0x2000
    elif kind == b"\x86\xdd" and frame[20] == 44:
        word = struct.unpack_from("!H", frame, 56)[0]
        if word & 0xFFF9:
            return frame[58:62] + frame[22:54], not word & 1
    return None


class Fragments:
    """Holds a datagram's pieces until the last one, then lets them out in the order of the mode."""

    def __init__(self, mode):
        self.mode = mode
        self.held = {}

    def pass_on(self, frame):
        found = fragment_of(frame) if self.mode else None
        if found is None:
            return [frame]
        key, is_last = found
        pieces = self.held.setdefault(key, [])
        pieces.append(frame)
        if not is_last:
            return []
        del self.held[key]
        if self.mode in ("reverse", "both"):
            pieces.reverse()
        if self.mode in ("duplicate", "both"):
            pieces = [piece for piece in pieces for _ in range(2)]
        return pieces


def with_tag(frame, vlan):
    return frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("near")
    parser.add_argument("far")
    parser.add_argument("--fragments", choices=("reverse", "duplicate", "both"))
    parser.add_argument("--tag", type=int)
    args = parser.parse_args()
    near, far = open_device(args.near), open_device(args.far)
    selector = selectors.DefaultSelector()
    for sock, other in ((near, far), (far, near)):
        selector.register(sock, selectors.EVENT_READ, (other, Fragments(args.fragments)))
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            other, fragments = key.data
            frame, vlan = receive(key.fileobj)
            if args.tag is not None and key.fileobj is near and vlan != args.tag:
                continue
            if args.tag is None and vlan is not None:
                frame = with_tag(frame, vlan)
            for piece in fragments.pass_on(frame):
                if args.tag is not None and other is near:
                    piece = with_tag(piece, args.tag)
                try:
                    other.send(piece)
                except OSError:  # the other end is down or too small: a wire loses the frame
                    pass


main()
