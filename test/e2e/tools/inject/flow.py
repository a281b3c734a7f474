#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A flow of one honest host through a gateway that others bombard: every octet of what arrives is compared.

  flow.py NS6 DEV6 MAC6 NS4 DEV4 MAC4 SECONDS

A hundred UDP packets a second each way of a static binding (world.MARKER). What an overloaded wire loses is allowed,
up to half of it; what arrives must be right, and nothing else may come with the flow's ports.
"""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from scapy.layers.inet import UDP  # noqa: E402
from wire import Side, data, l4, v4, v6  # noqa: E402
from world import MARKER as M  # noqa: E402
from world import Any  # noqa: E402


def pair(n):
    """The packet from IPv6 and the one from IPv4 of this number, each with what it becomes."""
    body = b"flow%08d" % n + data(n % 1200, n)
    there, back = UDP(sport=M["port"], dport=9) / body, UDP(sport=9, dport=M["t_port"]) / body
    return ((v6(M["x"], M["z6"], 17, l4(there, M["x"], M["z6"])),
             Any(v4(M["t"], M["z4"], 17, l4(UDP(sport=M["t_port"], dport=9) / body, M["t"], M["z4"]), ttl=63,
                    flags="DF" if len(body) + 28 > 1260 else None))),
            (v4(M["z4"], M["t"], 17, l4(back, M["z4"], M["t"]), flags="DF"),
             v6(M["z6"], M["x"], 17, l4(UDP(sport=9, dport=M["port"]) / body, M["z6"], M["x"]), hops=63)))


def take(side, header, wanted):
    """How many packets of the flow came; each must be one that was sent, once."""
    came = 0
    for packet in side.receive():
        mark = packet[header:header + 12]
        if mark[:4] != b"flow":
            continue
        number = int(mark[4:])
        want = wanted.pop(number, None)
        if want is None:
            sys.exit(f"flow: packet {number} came twice, or was never sent")
        want = want.like(packet) if isinstance(want, Any) else want
        if packet != want:
            sys.exit(f"flow: packet {number} came as {packet.hex()}, not as {want.hex()}")
        came += 1
    return came


def main():
    six, four = Side(*sys.argv[1:4]), Side(*sys.argv[4:7])
    end, sent, came6, came4 = time.monotonic() + float(sys.argv[7]), 0, 0, 0
    wanted6, wanted4 = {}, {}
    while time.monotonic() < end:
        (there, at4), (back, at6) = pair(sent)
        wanted4[sent], wanted6[sent] = at4, at6
        six.send(there)
        four.send(back)
        sent += 1
        time.sleep(0.01)
        came4 += take(four, 28, wanted4)
        came6 += take(six, 48, wanted6)
    time.sleep(0.5)
    came4 += take(four, 28, wanted4)
    came6 += take(six, 48, wanted6)
    print(f"sent {sent} each way, {came4} came to IPv4, {came6} to IPv6")
    if min(came4, came6) < sent // 2:
        sys.exit("flow: more than half of it was lost")


main()
