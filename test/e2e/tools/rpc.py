# SPDX-License-Identifier: Apache-2.0
"""One request on a socket of Isthmus, and the answer's line: rpc.py SOCKET METHOD [PARAMS]"""
import json
import socket
import sys

path, method = sys.argv[1:3]
params = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(10)
    s.connect(path)
    s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
    print(s.makefile().readline().rstrip())
