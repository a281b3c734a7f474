#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A resolver with a zone of its own, over UDP and TCP: dns_upstream.py ADDRESS PORT.

Says "ready", then a line "name type" for each question."""
import socket
import sys
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SOA = "ns.example. admin.example. 1 3600 600 86400 %d"
# name: {type: (ttl, data...)}, "soa": minimum of the negative answers, "fail": types that get SERVFAIL
ZONE = {
    "v4only.example.": {"A": (300, "192.0.2.33"), "soa": 120},
    "short.example.": {"A": (50, "192.0.2.34"), "soa": 120},
    "both.example.": {"A": (300, "192.0.2.35"), "AAAA": (300, "2001:db8:1::35"), "soa": 120},
    "mapped.example.": {"A": (300, "192.0.2.36"), "AAAA": (300, "::ffff:192.0.2.36"), "soa": 120},
    "broken.example.": {"A": (300, "192.0.2.37"), "fail": ["AAAA"], "soa": 120},
    "big.example.": {"A": (300, *(f"198.51.100.{i}" for i in range(1, 151))), "soa": 120},
    "33.2.0.192.in-addr.arpa.": {"PTR": (300, "v4only.example."), "soa": 120},
}


def answer(wire, tcp):
    query = dns.message.from_wire(wire)
    question = query.question[0]
    name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
    print(name, kind, flush=True)
    reply = dns.message.make_response(query, recursion_available=True)
    entry = ZONE.get(name)
    if entry is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif kind in entry.get("fail", []):
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply.to_wire(max_size=65535)
    elif kind in entry:
        ttl, *data = entry[kind]
        reply.answer.append(dns.rrset.from_text(question.name, ttl, "IN", kind, *data))
    if not reply.answer:
        minimum = entry["soa"] if entry else 60
        reply.authority.append(dns.rrset.from_text("example.", 900, "IN", "SOA", SOA % minimum))
    if not tcp and len(reply.to_wire(max_size=65535)) > 1232:
        reply.answer = []
        reply.flags |= dns.flags.TC
    return reply.to_wire(max_size=65535)


def exactly(stream, size):
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def serve_stream(stream):
    try:
        while True:
            size = int.from_bytes(exactly(stream, 2), "big")
            wire = answer(exactly(stream, size), True)
            stream.sendall(len(wire).to_bytes(2, "big") + wire)
    except (EOFError, OSError):
        stream.close()


def serve_tcp(listener):
    while True:
        threading.Thread(target=serve_stream, args=(listener.accept()[0],), daemon=True).start()


def main(address, port):
    listener = socket.create_server((address, port), reuse_port=True)
    threading.Thread(target=serve_tcp, args=(listener,), daemon=True).start()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, port))
    print("ready", flush=True)
    while True:
        wire, peer = udp.recvfrom(4096)
        udp.sendto(answer(wire, False), peer)


main(sys.argv[1], int(sys.argv[2]))
