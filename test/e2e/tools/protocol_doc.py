#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The chapter "Methods" of docs/control-protocol.md: made from real answers, and held against the programs.

  protocol_doc.py check SOCKET FILE    exit 1 when a method of the socket is not in the file, the file has one that
                                       the socket does not know, a right differs, or an answer has other fields
  protocol_doc.py write SOCKET FILE    asks every method and writes the chapter anew

Lists in examples are cut to their first element. Fields, not values, are compared.
"""
import json
import pathlib
import re
import socket
import sys

MARK = "<!-- Made by test/e2e/49-protocol.sh --write; do not edit below. -->"

LIST = "subscriber (prefix or address), limit, count (true: only how many), sort, cursor"
FLOW = f"protocol, port, local (a pool address), {LIST}"
# method -> (what it does, its parameters, parameters of the example)
METHODS = {
    "methods": ("The methods of this socket and the right that each needs.", "", {}),
    "version": ("What answers here.", "", {}),
    "status": ("What runs; whether the file is what runs; whether the dataplane is there.", "", {}),
    "show.config": ("The policy in the file's syntax.", "which (running, file, diff), back (so many changes ago)", {"which": "diff"}),
    "show.history": ("Who changed the policy, when, and what that closed.", "id: one change with its values", {}),
    "show.pools": ("Pool addresses, with ports in use and free.", "", {}),
    "show.prefixes": ("The NAT64 prefixes.", "", {}),
    "show.counters": ("Everything that is counted.", "", {}),
    "show.drops": ("Dropped packets by reason.", "", {}),
    "show.dropped": ("The last dropped packets of each reason, with their first bytes.", "reason", {"reason": "no_binding"}),
    "show.ports": ("The ports, as their devices see them.", "", {}),
    "show.workers": ("The workers, their cycles and their share of the state.", "", {}),
    "show.neighbours": ("Next hops with their link addresses.", "", {}),
    "show.routes": ("Routes as the workers use them.", "", {}),
    "show.bindings": ("A page of bindings (see Lists).", FLOW, {"protocol": "udp", "limit": 1}),
    "show.sessions": ("A page of sessions (see Lists).", f"remote, remote_port, state, {FLOW}", {"subscriber": "2001:db8:6:c::/64", "state": "open", "limit": 1}),
    "show.subscribers": ("A page of subscribers (see Lists).", f"local, {LIST}", {"sort": "sessions", "limit": 1}),
    "show.blocks": ("A page of port blocks (see Lists); refused when there are none.", f"local, port, {LIST}", {}),
    "show.stateless": ("A page of the mappings without state, or one of them.", "address: what it is mapped to; cursor", {}),
    "show.logs": ("The NAT's logs: where they go, what was delivered, what was lost.", "", {}),
    "whois": ("Who used an address and port at a time: from the logs, or by calculation.",
              "address, port, protocol, at (a time in UTC)", {"address": "203.0.113.1", "port": 4711, "protocol": "tcp", "at": "2026-11-03T10:02:00Z"}),
    "explain": ("What would become of a packet now, and why; nothing is sent.",
                "source, destination (addresses), source_id, destination_id (ports), protocol (tcp when not given), tcp (syn or data), bytes",
                {"source": "2001:db8:6:c::2", "destination": "2001:db8:64::c633:640a", "destination_id": 443, "protocol": "tcp"}),
    "deterministic": ("RFC 7422, both ways; refused when it is off.", "address", {"address": "203.0.113.1:4711"}),
    "check": ("Looks whether the invariants of the tables hold, in every worker.", "", {}),
    "trace.start": ("Begins to record what every stage decides for matching packets; one trace at a time.",
                    "subscriber, remote, protocol, drop (a reason, or any), count, seconds, bytes (kept of each packet)",
                    {"subscriber": "2001:db8:6:c::/64", "count": 10, "seconds": 5}),
    "trace.read": ("What was recorded since the last reading. A trace that nobody reads for 10 s ends.", "trace: the number from trace.start", {"trace": 1}),
    "trace.stop": ("Ends the trace.", "trace", {"trace": 1}),
    "reload": ("Makes the configuration file what runs.", "dry_run, confirm_seconds (goes back unless confirm comes)", {"dry_run": True}),
    "confirm": ("What reload with confirm_seconds changed stays.", "", {}),
    "rollback": ("Back to an earlier policy.", "back (1: the one before), dry_run", {"dry_run": True}),
    "pool.add": ("Adds addresses to the pool.", "addresses (address, prefix or range), ports, dry_run", {"addresses": "203.0.113.64", "dry_run": True}),
    "pool.remove": ("Removes addresses and closes their sessions.", "addresses, dry_run", {"addresses": "203.0.113.0/28", "dry_run": True}),
    "pool.drain": ("No new bindings on addresses; they leave the pool when empty, or at the deadline.", "addresses, deadline (30m), dry_run", {"addresses": "203.0.113.0/28", "dry_run": True}),
    "pool.undrain": ("New bindings again.", "addresses, dry_run", {"addresses": "203.0.113.0/28"}),
    "prefix.add": ("Adds a NAT64 prefix.", "prefix, dry_run", {"prefix": "2001:db8:65::/96", "dry_run": True}),
    "prefix.remove": ("Removes a prefix and closes its sessions.", "prefix, dry_run", {"prefix": "2001:db8:65::/96", "dry_run": True}),
    "eam.add": ("Adds an explicit address mapping.", "ipv4, ipv6 (addresses or prefixes), dry_run",
                {"ipv4": "192.0.2.200", "ipv6": "2001:db8:6:c::9", "dry_run": True}),
    "eam.remove": ("Takes one away; refused when there is none.", "prefix (either side of it), dry_run", {"prefix": "192.0.2.200", "dry_run": True}),
    "static.add": ("Binds an address and ports to a host.", "protocol, ipv4, ports, ipv6, ipv6_ports, outside_pool, force, dry_run",
                   {"protocol": "tcp", "ipv4": "203.0.113.1", "ports": "8080", "ipv6": "2001:db8:6:c::2", "ipv6_ports": "80", "dry_run": True}),
    "static.remove": ("Removes such a binding and closes its sessions.", "protocol, ipv4, ports, dry_run", {"protocol": "tcp", "ipv4": "203.0.113.1", "ports": "8080", "dry_run": True}),
    "clear": ("Closes sessions; says how many.", "one of all, subscriber, pool_address, remote; protocol, x_id, t_id, z_id; dry_run", {"remote": "192.0.2.1", "dry_run": True}),
}


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(path)
        self.lines = self.sock.makefile()

    def ask(self, method, params):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.sock.sendall(json.dumps(request).encode() + b"\n")
        return request, json.loads(self.lines.readline())


def cut(value):
    """Lists to their first element, long texts to their beginning."""
    if isinstance(value, dict):
        return {k: cut(v) for k, v in value.items()}
    if isinstance(value, list):
        return [cut(v) for v in value[:1]]
    if isinstance(value, str) and len(value) > 90:
        return value[:87] + "..."
    return value


def shape(value):
    """Names of fields, at every depth; of lists the first element's."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in sorted(value.items())}
    return [shape(v) for v in value[:1]] if isinstance(value, list) else None


def differs(a, b):
    """Where two shapes differ, or None. An empty list says nothing about its elements."""
    if isinstance(a, list) and isinstance(b, list):
        return differs(a[0], b[0]) if a and b else None
    if isinstance(a, dict) and isinstance(b, dict):
        for k in sorted(a.keys() | b.keys()):
            if k not in a or k not in b:
                return k
            inner = differs(a[k], b[k])
            if inner:
                return f"{k}.{inner}"
        return None
    return None if a is None and b is None else "kind of value"


def chapter(client, rights):
    out = [MARK, "", "## Methods", ""]
    for name in METHODS:
        if name not in rights:
            continue
        what, params, example = METHODS[name]
        request, answer = client.ask(name, example)
        answer = cut(answer)
        if name == "show.counters":
            first = sorted(answer["result"])[0]
            answer["result"] = {first: answer["result"][first]}
        out += [f"### {name}", "", f"{what} Right: {rights[name]}." + (f" Parameters: {params}." if params else ""), "",
                "```json", json.dumps(request), json.dumps(answer), "```", ""]
    return "\n".join(out).rstrip() + "\n"


def documented(text):
    found = {}
    for part in re.split(r"^### ", text.split(MARK, 1)[1], flags=re.M)[1:]:
        name = part.splitlines()[0].strip()
        right = re.search(r"Right: (\w+)\.", part)
        block = re.search(r"```json\n(.*)\n(.*)\n```", part)
        found[name] = (right[1], json.loads(block[1]), json.loads(block[2]))
    return found


def check(client, rights, text):
    wrong = []
    found = documented(text)
    for name in sorted(rights.keys() - found.keys()):
        wrong.append(f"{name}: not in the document (add it to METHODS of this tool, and write)")
    for name in sorted(found.keys() - rights.keys()):
        wrong.append(f"{name}: in the document, and there is no such method")
    for name in found.keys() & rights.keys():
        right, request, then = found[name]
        if right != rights[name]:
            wrong.append(f"{name}: needs the right {rights[name]}, the document says {right}")
    for name in METHODS:
        if name not in found or name not in rights or name == "show.counters":
            continue
        now = cut(client.ask(name, found[name][1]["params"])[1])
        where = differs(shape(found[name][2]), shape(now))
        if where:
            wrong.append(f"{name}: the answer is another one: {where}")
    return wrong


def main():
    order, path, file = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    client = Client(path)
    rights = {m["method"]: m["right"] for m in client.ask("methods", {})[1]["result"]}
    text = file.read_text()
    if order == "write":
        missing = sorted(rights.keys() - METHODS.keys())
        if missing:
            sys.exit(f"protocol_doc: not in METHODS: {', '.join(missing)}")
        file.write_text(text.split(MARK)[0] + chapter(client, rights))
        return
    wrong = check(client, rights, text)
    print("\n".join(wrong) or f"{len(rights)} methods, as {file.name} says")
    sys.exit(1 if wrong else 0)


main()
