# SPDX-License-Identifier: Apache-2.0
"""What the DNS64 suites share: an upstream that knows every name (A 192.0.2.1, no AAAA), a server that
asks it, clients over UDP and TCP, and the end of a suite's program."""
from dnsexpect import expect
from dnslab import Client, Server, Upstream, local_addresses

SOA = "example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900"
A, AAAA = "192.0.2.1", "2001:db8:64::c000:201"


def zone(q):
    if q.type == "A":
        return q.answer(an=[f"{q.name} 300 A {A}"])
    return q.answer(ns=[SOA])


def good_a(q):
    """What an answer with the one A record is made of."""
    return {"an": [f"{q.name} 300 A {A}"]}


class Context:
    def __init__(self, other=zone):
        self.upstream = Upstream(port=100, other=other)
        self.server = Server("limits = { aaaa_timeout_ms = 800; total_timeout_ms = 2400; retransmit_ms = 300; };",
                             port=53, upstream=("127.0.0.1", 100))
        self.udp, self.tcp = Client(via="udp"), Client(via="tcp")

    def client(self, via):
        return self.udp if via == "udp" else self.tcp

    def on(self, name, kind, function):
        self.upstream.on(name, kind, function)

    def synthetic(self, name, via, ttl=300):
        return expect(self.client(via).ask(name), "NOERROR rd ra", [f"{name}. {ttl} AAAA {AAAA}"])


def run(suite, argv, other=zone):
    """Exit status: 0 when every case passed and the server lived."""
    local_addresses()
    context = Context(other)
    failed = suite.run(context, *argv[1:])
    if not context.server.is_alive():
        print("not ok - isthmus-dns64 ended:", context.server.log.read_text())
        failed = 1
    context.server.stop()
    return failed
