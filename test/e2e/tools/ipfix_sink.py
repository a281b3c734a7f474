#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An IPFIX collector that keeps messages as they come; and such a file as a pcap.

  ipfix_sink.py ADDRESS PORT FILE       FILE is an IPFIX file (RFC 5655): messages, one after the other; over TCP
  ipfix_sink.py --udp ADDRESS PORT FILE                    over UDP
  ipfix_sink.py --tls ADDRESS PORT FILE CERTIFICATE KEY    over TLS
  ipfix_sink.py --pcap FILE PCAP        each message of FILE in a TCP segment to port 4740
"""
import socket
import ssl
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


def collect(address, port, path, *tls):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, int(port)))
    listener.listen()
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        listener = context.wrap_socket(listener, server_side=True)
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


def collect_udp(address, port, path):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((address, int(port)))
    print("ready", flush=True)
    with open(path, "ab", buffering=0) as out:
        while True:
            message = sock.recv(65536)
            if [len(m) for m in messages(message)] != [len(message)]:
                sys.exit("a datagram that is not one message")
            out.write(message)


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
elif sys.argv[1] == "--udp":
    collect_udp(*sys.argv[2:])
elif sys.argv[1] == "--tls":
    collect(*sys.argv[2:])
else:
    collect(*sys.argv[1:])
