#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The chapters of methods of docs/control-protocol.md: made from real answers, and held against the programs.

  protocol_doc.py check SOCKET FILE [dns64]    of isthmus-control, or of isthmus-dns64; exit 1 when a method of the socket is not in the file, the file has one that
                                               the socket does not know, a right differs, or an answer has other fields
  protocol_doc.py write SOCKET FILE [dns64]    asks every method and writes the chapter anew

Lists in examples are cut to their first element. Fields, not values, are compared.
"""
import json
import pathlib
import re
import socket
import sys

MARK = "<!-- Made by test/e2e/49-protocol.sh --write; do not edit below. -->"
MARK_DNS64 = "<!-- The same, of isthmus-dns64. -->"

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
    "show.routes": ("A page of the routes as the workers use them (see Lists).", "to (an address that they cover, the longest prefix last), port_name, limit, count, cursor", {"to": "198.51.100.2"}),
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
    "reload": ("Makes the configuration file what runs; of isthmus-dns64 too, when the file has a section dns64: then dns64 has its state "
               "(reloaded, would_reload, waits_for_confirmation, follows, not_running, failed) and why.", "dry_run, confirm_seconds (goes back unless confirm comes)", {"dry_run": True}),
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

QUESTION = "type (AAAA when not given, of addresses PTR), client (address; without: of the default view), do, cd"
OF_DNS64 = {
    "methods": METHODS["methods"],
    "version": METHODS["version"],
    "status": ("What runs; whether the file is what runs; what the views give.", "", {}),
    "counters": ("Everything that is counted.", "", {}),
    "upstreams": ("The resolvers that are asked: health, round-trip time, a histogram of response times (1, 2, 5, 10, 20, "
                  "50, 100, 200, 500, 2000 ms and above).", "", {}),
    "explain": ("What would be answered now, and why. Upstreams may be asked; the cache stays as it is.",
                f"name (or an address), {QUESTION}", {"name": "v4only.example"}),
    "cache.show": ("A page of entries (see Lists).", "name, zone (with all below), type, records (true: with them), limit, count (true: only how many), cursor",
                   {"name": "v4only.example", "type": "AAAA", "records": True, "limit": 1}),
    "cache.flush": ("Forgets entries; says how many.", "one of name, zone (with all below), all (true)", {"name": "nothing.example"}),
    "pref64": ("The prefixes for router advertisements (RFC 8781): option as hexadecimal octets.",
               "view, lifetime_seconds, max_interval_seconds (600 when not given: the lifetime is three times that)", {"lifetime_seconds": 1800}),
    "follow": ("Takes section nat64 from this text in place of the file's, until the next reload: isthmus-control says so when the "
               "gateway's policy is not the file's.", "policy", {"policy": 'nat64: { prefixes = ( "2001:db8:64::/96" ); };'}),
    "reload": ("Makes the configuration file what runs.", "dry_run (only says whether it would be taken)", {}),
}
COUNTERS = ("show.counters", "counters")


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


def chapter(client, rights, methods, head):
    out = [*head, ""]
    for name in methods:
        if name not in rights:
            continue
        what, params, example = methods[name]
        request, answer = client.ask(name, example)
        answer = cut(answer)
        if name in COUNTERS:
            first = sorted(answer["result"])[0]
            answer["result"] = {first: answer["result"][first]}
        out += [f"### {name}", "", f"{what} Right: {rights[name]}." + (f" Parameters: {params}." if params else ""), "",
                "```json", json.dumps(request), json.dumps(answer), "```", ""]
    return "\n".join(out).rstrip() + "\n"


def documented(text):
    found = {}
    for part in re.split(r"^### ", text, flags=re.M)[1:]:
        name = part.splitlines()[0].strip()
        right = re.search(r"Right: (\w+)\.", part)
        block = re.search(r"```json\n(.*)\n(.*)\n```", part)
        found[name] = (right[1], json.loads(block[1]), json.loads(block[2]))
    return found


def check(client, rights, text, methods):
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
    for name in methods:
        if name not in found or name not in rights or name in COUNTERS:
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
    before, rest = file.read_text().split(MARK)
    mine, others = rest.split(MARK_DNS64) if MARK_DNS64 in rest else (rest, "")
    of_dns64 = sys.argv[4:] == ["dns64"]
    methods = OF_DNS64 if of_dns64 else METHODS
    if order == "write":
        missing = sorted(rights.keys() - methods.keys())
        if missing:
            sys.exit(f"protocol_doc: not among the methods: {', '.join(missing)}")
        if of_dns64:
            others = chapter(client, rights, methods, ["", "", "## Methods of isthmus-dns64"])
        else:
            mine = chapter(client, rights, methods, ["", "", "## Methods"]) + "\n"
        file.write_text(before + MARK + mine + MARK_DNS64 + others)
        return
    wrong = check(client, rights, others if of_dns64 else mine, methods)
    print("\n".join(wrong) or f"{len(rights)} methods, as {file.name} says")
    sys.exit(1 if wrong else 0)


main()
