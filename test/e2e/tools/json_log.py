#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the JSON log must hold. Exit status 1 and a line of text when it does not.

  json_log.py FILE bindings N SUBSCRIBER POOL   at least N binding_created of SUBSCRIBER, with an
                                                address that begins with POOL and a port
  json_log.py FILE same-as-shown LINES          each binding of `show bindings --json` is recorded
  json_log.py FILE no-gap LEAST                 all sequence numbers of each worker, from 1, with
                                                FILE.1 and older before it; LEAST of them or more
  json_log.py FILE gaps-said                    a number that is missing lies in a gap record
  json_log.py FILE twice                        prints how many records are there twice
"""
import json
import os
import sys


def records(path):
    paths, n = [path], 1
    while os.path.exists(f"{path}.{n}"):
        paths.insert(0, f"{path}.{n}")
        n += 1
    for p in paths:
        with open(p, encoding="ascii") as lines:
            yield from (json.loads(line) for line in lines)


def numbers(path):
    """{(instance, worker): [numbers]}"""
    seen = {}
    for r in records(path):
        if "seq" in r and r["event"] != "mark":
            seen.setdefault((r["instance"], r["worker"]), []).append(r["seq"])
    return seen


def missing(path):
    for key, have in numbers(path).items():
        for n in sorted(set(range(1, max(have) + 1)) - set(have)):
            yield key, n


def bindings(path, least, subscriber, pool):
    found = [r for r in records(path) if r["event"] == "binding_created"]
    for r in found:
        if r["x"] != subscriber or not r["t"].startswith(pool) or not 0 < r["t_id"] < 65536:
            sys.exit(f"not what was sent: {r}")
    if len(found) < int(least):
        sys.exit(f"{len(found)} bindings, not {least}")


def same_as_shown(path, lines):
    logged = {(r["t"], r["t_id"]) for r in records(path) if r["event"] == "binding_created"}
    shown = [json.loads(line) for line in lines.splitlines()]
    if not shown:
        sys.exit("no bindings are shown")
    for b in shown:
        text = json.dumps(b)
        if not any(t in text and str(p) in text for t, p in logged):
            sys.exit(f"shown and not logged: {b}")


def no_gap(path, least):
    for key, n in missing(path):
        sys.exit(f"{key}: number {n} is missing, the first of {len(list(missing(path)))}")
    total = sum(map(len, numbers(path).values()))
    if total < int(least):
        sys.exit(f"{total} records, not {least}")
    print(f"{total} records, none missing")


def gaps_said(path):
    said = []
    for r in records(path):
        if r["event"] == "gap":
            said += [(r["instance"], w["worker"], w["seq_first"], w["seq_last"]) for w in r.get("workers", [r])]
    n = 0
    for (instance, worker), number in missing(path):
        n += 1
        if not any(i == instance and w == worker and a <= number <= b for i, w, a, b in said):
            sys.exit(f"worker {worker}: number {number} is missing, and no gap record says so")
    if n == 0:
        sys.exit("nothing is missing")
    print(f"{n} missing, all said")


def twice(path):
    print(sum(len(have) - len(set(have)) for have in numbers(path).values()))


{"bindings": bindings, "same-as-shown": same_as_shown, "no-gap": no_gap, "gaps-said": gaps_said,
 "twice": twice}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
