#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An IPFIX collector over TCP that keeps messages as they come; and such a file as a pcap.

  ipfix_sink.py ADDRESS PORT FILE       FILE is an IPFIX file (RFC 5655): messages, one after the other
  ipfix_sink.py --pcap FILE PCAP        each message of FILE in a TCP segment to port 4740
"""
import socket
import struct
import sys


def messages(data):
    while len(data) >= 16:
        version, length = struct.unpack(">HH", data[:4])
        if version != 10 or length < 16:
            sys.exit(f"no IPFIX message: {data[:16].hex()}")
        if len(data) < length:
            break
        yield data[:length]
        data = data[length:]


def collect(address, port, path):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, int(port)))
    listener.listen()
    print("ready", flush=True)
    with open(path, "ab", buffering=0) as out:
        while True:
            peer, _ = listener.accept()
            data = b""
            while got := peer.recv(65536):
                data += got
                for message in messages(data):
                    out.write(message)
                    data = data[len(message):]


def to_pcap(path, pcap):
    with open(path, "rb") as f, open(pcap, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        number = 1
        for n, message in enumerate(messages(f.read())):
            tcp = struct.pack(">HHIIBBHHH", 40000, 4740, number, 1, 0x50, 0x18, 65535, 0, 0) + message
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), n, 0, 64, 6, 0, bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]))
            number += len(message)
            out.write(struct.pack("<IIII", n, 0, len(ip + tcp), len(ip + tcp)) + ip + tcp)


if sys.argv[1] == "--pcap":
    to_pcap(sys.argv[2], sys.argv[3])
else:
    collect(*sys.argv[1:])
