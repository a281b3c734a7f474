#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""syslog_numbers.py FILE LEAST: all sequence numbers of each worker are in the collector's FILE, from
1, LEAST or more in all. Some may be there twice."""
import re
import sys

seen = {}
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        if m := re.search(r'instance="(\w+)" worker="(\d+)" seq="(\d+)"', line):
            seen.setdefault(m.groups()[:2], set()).add(int(m[3]))
for key, have in seen.items():
    if missing := set(range(1, max(have) + 1)) - have:
        sys.exit(f"{key}: {len(missing)} of {max(have)} are missing, {min(missing)} the first")
if sum(map(len, seen.values())) < int(sys.argv[2]):
    sys.exit(f"{sum(map(len, seen.values()))} records, not {sys.argv[2]}")
