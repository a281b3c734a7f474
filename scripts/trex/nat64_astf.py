# SPDX-License-Identifier: Apache-2.0
"""TRex ASTF: IPv6 clients, IPv4 servers, the gateway between them; real TCP on both ends.

  trex> start -f nat64_astf.py -m 1000 -d 60 -t kind=tcp,size=1024,clients=4096

kind: tcp (one request and answer of `size` bytes for each connection), udp (one datagram each way), or both.
The client side speaks IPv6: the upper 96 bits are fixed and the lower 32 come from the address generator, which is
exactly RFC 6052's /96 mapping for the servers. The server side answers whatever pool address arrives, in IPv4.
Clients are ::a.b.c.d in one /64: run the gateway with subscriber_prefix_length = 128.
"""
import argparse
import ipaddress

from trex.astf.api import (ASTFAssociationRule, ASTFGlobalInfo, ASTFIPGen, ASTFIPGenDist, ASTFIPGenGlobal,
                           ASTFProfile, ASTFProgram, ASTFTCPClientTemplate, ASTFTCPServerTemplate, ASTFTemplate)


class Nat64:
    def arguments(self, tunables):
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--kind", choices=("tcp", "udp", "both"), default="tcp")
        parser.add_argument("--size", type=int, default=1024, help="bytes of each answer")
        parser.add_argument("--clients", type=int, default=4096)
        parser.add_argument("--servers", type=int, default=250)
        parser.add_argument("--prefix", default="64:ff9b::", help="the upper 96 bits of the NAT64 prefix")
        parser.add_argument("--client_net", default="2001:db8:1000::", help="the upper 96 bits of the clients")
        return parser.parse_args(tunables)

    def addresses(self, args):
        client, server = ipaddress.IPv4Address("16.0.0.1"), ipaddress.IPv4Address("198.18.0.1")
        return ASTFIPGen(
            glob=ASTFIPGenGlobal(ip_offset="1.0.0.0"),
            dist_client=ASTFIPGenDist(ip_range=[str(client), str(client + args.clients - 1)], distribution="seq"),
            dist_server=ASTFIPGenDist(ip_range=[str(server), str(server + args.servers - 1)], distribution="seq"))

    def template(self, args, addresses, stream, port):
        ask, answer = b"GET /" + b"x" * 59, b"y" * args.size
        client, server = ASTFProgram(stream=stream), ASTFProgram(stream=stream)
        if stream:
            client.send(ask)
            client.recv(len(answer))
            server.recv(len(ask))
            server.send(answer)
        else:
            client.send_msg(ask)
            client.recv_msg(1)
            server.recv_msg(1)
            server.send_msg(answer)
        return ASTFTemplate(
            client_template=ASTFTCPClientTemplate(program=client, ip_gen=addresses, port=port, cps=1),
            server_template=ASTFTCPServerTemplate(program=server, assoc=ASTFAssociationRule(port=port)))

    def get_profile(self, tunables=(), **_):
        args = self.arguments(list(tunables))
        addresses = self.addresses(args)
        client = ASTFGlobalInfo()
        client.ipv6.enable = 1
        client.ipv6.src_msb = args.client_net
        client.ipv6.dst_msb = args.prefix
        client.tcp.mss = 1420  # IPv4's 1460 less the 20 bytes and the Fragment Header that IPv6 may need
        server = ASTFGlobalInfo()
        server.tcp.mss = 1420
        templates = []
        if args.kind in ("tcp", "both"):
            templates.append(self.template(args, addresses, True, 80))
        if args.kind in ("udp", "both"):
            templates.append(self.template(args, addresses, False, 5000))
        return ASTFProfile(default_ip_gen=addresses, default_c_glob_info=client, default_s_glob_info=server,
                           templates=templates)


def register():
    return Nat64()
