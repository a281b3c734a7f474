#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Injects packets on either side of a running gateway and compares, octet by octet, what comes out.

  run.py NS6 DEV6 MAC6 NS4 DEV4 MAC4 GROUP...     every case of the groups (cases_*.py); a group that is called
                                                  well-known needs 64:ff9b::/96 to be the gateway's prefix
  run.py --list

INJECT_SETTLE in the environment: seconds to wait at the end of each case, where several workers run.

NS, DEV: the namespace and device whose wire leads to the gateway's port; MAC: that port's. Exit status 0 when all
cases passed and there was at least one for each group.
"""
import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import world  # noqa: E402
from wire import Mismatch, Side, Wires  # noqa: E402

for file in sorted(pathlib.Path(__file__).resolve().parent.glob("cases_*.py")):
    __import__(file.stem)


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
    wires = Wires(Side(ns6, dev6, mac6), Side(ns4, dev4, mac4), world.MARKER, settle)
    failed = ran = 0
    start = time.monotonic()
    for group in groups:
        for name, function in world.CASES[group]:
            ran += 1
            try:
                function(world.Tester(wires))
            except Mismatch as why:
                failed += 1
                print(f"FAILED {group}: {name}\n{why}", flush=True)
    print(f"{ran - failed} of {ran} cases passed in {time.monotonic() - start:.1f} s")
    return 1 if failed else 0


sys.exit(main())
