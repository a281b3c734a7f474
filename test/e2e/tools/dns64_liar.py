#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""In isthmus-dns64's place: would take every file, and takes none. dns64_liar.py SOCKET"""
import json
import os
import socketserver
import sys


class Liar(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            q = json.loads(line)
            a = {"jsonrpc": "2.0", "id": q["id"]}
            if q["method"] == "reload" and not q["params"].get("dry_run"):
                a["error"] = {"code": -32000, "message": "no more"}
            else:
                a["result"] = {}
            self.wfile.write(json.dumps(a).encode() + b"\n")
            self.wfile.flush()


if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
with socketserver.ThreadingUnixStreamServer(sys.argv[1], Liar) as server:
    server.serve_forever()
