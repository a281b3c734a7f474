#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that cost a server as much as they can, for some seconds: bad_clients.py SOCKET SECONDS

Half lines, a line of 100 MB, a thousand connections, requests whose answers nobody reads, connections that end in
the middle of a request.
"""
import json
import socket
import sys
import threading
import time

path, seconds = sys.argv[1], float(sys.argv[2])
end = time.monotonic() + seconds
tally = {"connections": 0, "bytes": 0, "requests": 0}
LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "show.counters", "params": {}}).encode() + b"\n"


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(0.5)
    s.connect(path)
    tally["connections"] += 1
    return s


def over():
    return time.monotonic() >= end


def again(once):
    """Until the time is over; being cut off is what these clients deserve."""
    while not over():
        try:
            once()
        except OSError:
            time.sleep(0.001)


def half_lines():
    s = connect()
    for c in LIST[:-1]:
        s.send(bytes([c]))
        time.sleep(0.001)
    s.close()


def endless_line():
    s = connect()
    for _ in range(100):
        tally["bytes"] += s.send(b"x" * 1_000_000)
    s.close()


def thousand():
    held = []
    for _ in range(1000):
        if over():
            return
        held.append(connect())


def deaf():
    s = connect()
    for _ in range(2000):
        s.send(LIST)
        tally["requests"] += 1
    time.sleep(0.2)


def hasty():
    s = connect()
    s.send(LIST[:20])
    s.close()


def main():
    threads = [threading.Thread(target=again, args=(f,)) for f in (half_lines, endless_line, thousand, deaf, hasty)]
    for t in threads:
        t.start()
    print("begun", flush=True)
    for t in threads:
        t.join()
    print(", ".join(f"{n} {what}" for what, n in tally.items()))


main()
