#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""first_binding.py: T t X' x of the first UDP binding in `show bindings --json` on stdin."""
import json
import sys

for row in map(json.loads, sys.stdin):
    if row["protocol"] == "udp":
        print(row["t"], row["t_id"], row["x"], row["x_id"])
        break
else:
    sys.exit("no UDP binding")
