#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server with an upstream of its own for each case: parts of dns_service.py and dns_cache.py."""
import itertools

from dnscase import A, SOA
from dnsexpect import true
from dnslab import CLIENT6, Client, Server, Upstream

LIMITS = "limits = { aaaa_timeout_ms = 700; total_timeout_ms = 1500; retransmit_ms = 300; };"
PREFIXES = 'prefixes = [ "2001:db8:64::/96" ];'
ports = itertools.count(200)


def zone(q):
    if q.type == "A":
        return q.answer(an=[f"{q.name} 300 A {A}"])
    if q.type == "PTR":
        return q.answer(an=[f"{q.name} 300 PTR host.example."])
    return q.answer(ns=[SOA])


class Lab:
    """A server with its upstream; `with`."""

    def __init__(self, dns64="", nat64=PREFIXES, other=zone):
        self.port = next(ports)
        self.upstream = Upstream(port=self.port, other=other)
        self.server = Server(dns64 if "limits" in dns64 else dns64 + LIMITS, nat64, self.port, ("127.0.0.1", self.port))

    def client(self, source=CLIENT6, via="udp", timeout=4):
        return Client(self.port, source, via, timeout)

    def reload(self, dns64="", nat64=PREFIXES):
        self.server.reload(dns64 if "limits" in dns64 else dns64 + LIMITS, nat64)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        alive = self.server.is_alive()
        log = self.server.log.read_text()
        self.server.stop()
        self.upstream.close()
        if kind is None:
            true(f"isthmus-dns64 ended: {log}", alive)


def aaaa(name, *addresses, ttl=300):
    return [f"{name}. {ttl} AAAA {a}" for a in addresses]
