#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Injects packets on either side of a running gateway and compares, octet by octet, what comes out.

  run.py NS6 DEV6 MAC6 NS4 DEV4 MAC4 GROUP...     every case of the groups (cases_*.py); a group that is called
                                                  well-known needs 64:ff9b::/96 to be the gateway's prefix
  run.py --list

A wire with several queues: NS is "queues:0,1", the queues on which packets leave in turn, and DEV the socket of
test/ports/queue_bridge; our MAC is in INJECT_MACS then ("6's 4's").

INJECT_EXCEPT in the environment: a regular expression; cases with such names are left out.
INJECT_SETTLE: seconds to wait at the end of each case, where several workers run.

NS, DEV: the namespace and device whose wire leads to the gateway's port; MAC: that port's. Exit status 0 when all
cases passed and there was at least one for each group.
"""
import os
import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import world  # noqa: E402
from queues import QueueSide  # noqa: E402
from wire import Mismatch, Side, Wires  # noqa: E402

for file in sorted(pathlib.Path(__file__).resolve().parent.glob("cases_*.py")):
    __import__(file.stem)


def side_of(n, namespace, device, gateway_mac):
    if not namespace.startswith("queues:"):
        return Side(namespace, device, gateway_mac)
    mac = os.environ["INJECT_MACS"].split()[0 if n == 6 else 1]
    return QueueSide(device, mac, gateway_mac, [int(q) for q in namespace[7:].split(",")])


def main():
    if sys.argv[1:] == ["--list"]:
        for group, cases in world.CASES.items():
            for name, _ in cases:
                print(f"{group}: {name}")
        return 0
    ns6, dev6, mac6, ns4, dev4, mac4, *groups = sys.argv[1:]
    if "well-known" in groups:
        world.MARKER["z6"] = world.embed(world.MARKER["z4"], "64:ff9b::")
    settle = float(os.environ.get("INJECT_SETTLE", "0.002"))
    wires = Wires(side_of(6, ns6, dev6, mac6), side_of(4, ns4, dev4, mac4), world.MARKER, settle)
    left_out = os.environ.get("INJECT_EXCEPT")
    failed = ran = 0
    start = time.monotonic()
    for group in groups:
        for name, function in world.CASES[group]:
            if left_out and re.search(left_out, name):
                continue
            ran += 1
            try:
                function(world.Tester(wires))
            except Mismatch as why:
                failed += 1
                print(f"FAILED {group}: {name}\n{why}", flush=True)
    print(f"{ran - failed} of {ran} cases passed in {time.monotonic() - start:.1f} s")
    return 1 if failed else 0


sys.exit(main())
