# SPDX-License-Identifier: Apache-2.0
"""TRex stateless: IPv6 UDP to servers behind the NAT64 prefix, for throughput and session creation (port 0 only:
a stateless generator cannot know the ports that the gateway gave, so there is no way back; use ASTF for that).

  trex> start -f nat64_stl.py -p 0 -m 10mpps -t size=84,flows=1000000

size: IPv6 frame with FCS in bytes; flows: client address and port pairs, 16 ports for each client.
"""
import argparse

from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from trex.stl.api import (CTRexVmInsFixHwCs, STLPktBuilder, STLScVmRaw, STLStream, STLTXCont, STLVmFixChecksumHw,
                          STLVmFlowVar, STLVmWrFlowVar)

PORTS = 16


class Nat64:
    def get_streams(self, tunables=(), **_):
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--size", type=int, default=84)
        parser.add_argument("--flows", type=int, default=1_000_000)
        parser.add_argument("--prefix", default="64:ff9b::")
        args = parser.parse_args(list(tunables))
        base = Ether() / IPv6(src="2001:db8:1000::1", dst=args.prefix + "198.18.0.1") / UDP(sport=1024, dport=5000)
        packet = base / (b"." * max(0, args.size - 4 - len(base)))
        # Both variables step with each packet: with an odd number of clients they meet in every combination.
        clients = max(1, args.flows // PORTS) | 1
        vm = STLScVmRaw([
            # Consecutive /64s: the 32 bits at octet 4 of the source address.
            STLVmFlowVar(name="client", min_value=0x10000000, max_value=0x10000000 + clients - 1, size=4, op="inc"),
            STLVmWrFlowVar(fv_name="client", pkt_offset="IPv6.src", offset_fixup=4),
            STLVmFlowVar(name="port", min_value=1024, max_value=1024 + PORTS - 1, size=2, op="inc"),
            STLVmWrFlowVar(fv_name="port", pkt_offset="UDP.sport"),
            STLVmFixChecksumHw(l3_offset="IPv6", l4_offset="UDP", l4_type=CTRexVmInsFixHwCs.L4_TYPE_UDP),
        ])
        return [STLStream(packet=STLPktBuilder(pkt=packet, vm=vm), mode=STLTXCont(pps=1000))]


def register():
    return Nat64()
