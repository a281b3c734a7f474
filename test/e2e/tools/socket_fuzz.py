#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Says nonsense on a Unix socket: noise, half lines, endless lines, deep nesting, wrong types, valid
JSON that means nothing, connections that never speak and connections that never read.

  socket_fuzz.py SOCKET SECONDS SEED
"""
import json
import random
import socket
import sys
import time

WORDS = ("method", "params", "id", "version", "status", "policy.apply", "pool.add", "reload", "hello", "", "\0", "é" * 9)


def nonsense(rng, depth=0):
    kind = rng.randrange(8 if depth < 4 else 6)
    if kind == 0:
        return rng.choice((0, -1, 1 << 40, 1 << 70, 1e308, -0.5))
    if kind == 1:
        return rng.choice(WORDS)
    if kind == 2:
        return rng.choice((None, True, False))
    if kind in (3, 4, 5):
        return "x" * rng.choice((1, 100, 70000))
    if kind == 6:
        return [nonsense(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {rng.choice(WORDS): nonsense(rng, depth + 1) for _ in range(rng.randrange(5))}


def message(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 4000))
    if kind == 1:
        return b"[" * 100000 + b"\n"
    if kind == 2:
        return b"x" * (3 << 20)  # a line without an end
    if kind == 3:
        return b"\n" * 1000
    if kind == 4:
        return json.dumps({"id": 1, "method": rng.choice(WORDS), "params": nonsense(rng)}).encode() + b"\n"
    if kind == 5:
        return json.dumps({"method": "status"}).encode()[: rng.randrange(1, 18)] + b"\n"
    if kind == 6:
        return b'{"id":1,"id":2,"method":"status","method":[]}\n'
    return json.dumps(nonsense(rng)).encode() + b"\n"


def main():
    path, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    idle, sent = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(0.2)
        try:
            sock.connect(path)
            if rng.randrange(8) == 0:
                idle.append(sock)
                idle = idle[-100:]
                continue
            for _ in range(rng.randrange(1, 4)):
                sock.sendall(message(rng))
                sent += 1
            if rng.randrange(2):
                sock.recv(4096)
        except (TimeoutError, BrokenPipeError, ConnectionError, BlockingIOError):
            pass
        except FileNotFoundError:
            sys.exit(f"socket_fuzz: {path} is gone")
        if sock not in idle:
            sock.close()
    print(f"sent {sent}")


main()
