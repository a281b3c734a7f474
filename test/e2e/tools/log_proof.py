#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Proves a JSON log complete from its own words.

  log_proof.py FILE...      the log and its rotated files, in any order

Every line is JSON. Of each instance and worker every number occurs once from the first to the last, but for those that
a gap record names. Prints what it found; exit status 1 and the fault when something is missing, twice, or broken.
"""
import collections
import json
import sys


def main():
    seen = collections.Counter()
    excused = set()
    for name in sys.argv[1:]:
        with open(name, encoding="ascii") as file:
            for number, line in enumerate(file, 1):
                try:
                    record = json.loads(line)
                except json.JSONDecodeError as e:
                    sys.exit(f"{name}:{number}: {e}: {line[:80]!r}")
                key = (record.get("instance"), record.get("worker"))
                if "event" in record and isinstance(record.get("seq"), int):
                    seen[(*key, record["seq"])] += 1
                elif record.get("event") == "gap":
                    for w in record.get("workers", [record]):
                        excused.update((key[0], w["worker"], n) for n in range(w["seq_first"], w["seq_last"] + 1))
    twice = [k for k, n in seen.items() if n > 1]
    if twice:
        sys.exit(f"{len(twice)} records are there twice, the first: {min(twice)}")
    for instance, worker in sorted({k[:2] for k in seen}):
        numbers = sorted(k[2] for k in seen if k[:2] == (instance, worker))
        missing = set(range(numbers[0], numbers[-1] + 1)) - set(numbers)
        missing = [n for n in missing if (instance, worker, n) not in excused]
        if missing:
            sys.exit(f"instance {instance} worker {worker}: {len(missing)} records are missing, the first: {min(missing)}")
        print(f"instance {instance} worker {worker}: {len(numbers)} records from {numbers[0]} to {numbers[-1]}, "
              f"{len(excused)} excused")


if __name__ == "__main__":
    main()
