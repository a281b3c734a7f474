#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The count of one drop reason from `isthmusctl show drops --json` on standard input.

Finds the reason wherever it stands: as {"name": REASON, "count": N} or as {REASON: N}.
"""
import json
import sys


def find(node, reason):
    if isinstance(node, dict):
        if isinstance(node.get(reason), int):
            yield node[reason]
        elif reason in (node.get("name"), node.get("reason")):
            yield from (v for k, v in node.items() if k in ("count", "packets", "total") and isinstance(v, int))
        else:
            for child in node.values():
                yield from find(child, reason)
    elif isinstance(node, list):
        for child in node:
            yield from find(child, reason)


print(sum(find(json.load(sys.stdin), sys.argv[1])))
