#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads JSON from standard input and prints the value at a dotted path: `ports.0.name`.

`#` counts the elements of a list; a path that leads nowhere is an error.
"""
import json
import sys


def value_at(node, path):
    for step in path.split(".") if path else []:
        if step == "#":
            node = len(node)
        elif isinstance(node, list):
            node = node[int(step)]
        else:
            node = node[step]
    return node


def main():
    try:
        found = value_at(json.load(sys.stdin), sys.argv[1])
    except (ValueError, KeyError, IndexError, TypeError) as why:
        sys.exit(f"json_value: {sys.argv[1]}: {why!r}")
    print(found if isinstance(found, str) else json.dumps(found))


main()
