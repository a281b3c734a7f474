#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays test/stories/*.story over the wire: the real program, a resolver that says what the story says, a client
by UDP and by TCP. dns_stories.py FILE...

Each story has a server of its own. So that no question is answered from the cache, the label "example" is
replaced by another one for each question; where that cannot be, the server is started anew. Left out is what no
wire can carry: `stale`, `bogus`, `secure` and `age`, and the words `why` and `ttl`."""
import itertools
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import dns.rcode

import dnsexpect
import dnslab

LIMITS = "limits = { aaaa_timeout_ms = 400; total_timeout_ms = 1200; retransmit_ms = 150; };"
ports = itertools.count(100)  # below 1024: there the server's own sockets do not go
lock = threading.Lock()


def stories(file):
    out = []
    for line in open(file, encoding="utf-8"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "story":
            out.append({"title": line.strip()[6:], "lines": []})
        else:
            out[-1]["lines"].append((words[0], words[1:], line.strip()[len(words[0]) + 1:]))
    return out


def exchanges(story):
    """[(policy, client, ask words, ups, reply)] in order."""
    nat64, dns64, client, out = "", "", dnslab.CLIENT6, []
    target = None
    for word, words, rest in story["lines"]:
        if word == "nat64":
            nat64 += rest + "\n"
        elif word == "dns64":
            dns64 += rest + "\n"
        elif word == "client":
            client = rest
        elif word == "ask":
            out.append({"nat64": nat64, "dns64": dns64, "client": client, "ask": words, "ups": [], "skip": False})
        elif word == "up":
            out[-1]["ups"].append({"words": words, "an": [], "ns": [], "ar": []})
            target = out[-1]["ups"][-1]
            if {"stale", "bogus", "secure"} & set(words):
                out[-1]["skip"] = True
        elif word == "reply":
            target = out[-1]["reply"] = {"words": words, "an": [], "ns": [], "ar": []}
        elif word in ("an", "ns", "ar"):
            target[word].append(rest)
        elif word == "ede":
            out[-1]["ede"] = rest
        elif word == "age":
            out[-1]["skip"] = True
    return out


def renamed(x, label):
    """The same exchange about other names."""
    def text(t):
        return re.sub(r"\bexample\b", label, re.sub(r"\bExample\b", label.capitalize(),
                                                    re.sub(r"\bExAmPlE\b", label.upper(), t)))

    def part(p):
        return {k: [text(w) for w in v] for k, v in p.items()}
    return {**x, "ask": [text(x["ask"][0]), *x["ask"][1:]], "ups": [part(u) for u in x["ups"]], "reply": part(x["reply"])}


class Script:
    """What upstream says in one exchange."""

    def __init__(self, ups):
        self.ups = {}
        for u in ups:
            name, kind, result, *more = u["words"]
            flags = [f for f in more if f in ("aa", "ra", "ad", "tc")]
            self.ups[name.lower(), kind, "cd" in more] = (result, flags, u)
        self.unexpected = []

    def __call__(self, q):
        kind = q.type if not q.type.startswith("TYPE") else q.type
        key = q.name.to_text().lower(), kind, q.cd
        for k in (key, (key[0], f"TYPE{int(q.message.question[0].rdtype)}", q.cd)):
            if k in self.ups:
                result, flags, u = self.ups[k]
                if result in ("timeout", "unreachable"):
                    return
                q.answer(result, u["an"], u["ns"], u["ar"], " ".join(flags))
                return
        self.unexpected.append(key)


def play(x, via, port):
    name, kind, *words = x["ask"]
    size = next((int(w[5:]) for w in words if w.startswith("size=")), 1232)
    cls = next((w[6:] for w in words if w.startswith("class=")), "IN")
    via = "tcp" if "tcp" in words else via
    r = dnslab.Client(port, x["client"], via).ask(
        name, kind, do="do" in words, cd="cd" in words, ad="ad" in words, rd="nord" not in words,
        edns="noedns" not in words, size=size, cls=cls)
    if r is None:
        return "no answer"
    want = x["reply"]
    over_tcp = via == "tcp" and "tc" in want["words"]
    got = (dns.rcode.to_text(r.rcode()) + " " + dnsexpect.flags_of(r)).strip()
    head = " ".join(w for w in want["words"] if not (over_tcp and w == "tc"))
    if got != head:
        return f"{got}; {head} expected"
    if over_tcp:
        return ""  # whole over TCP: dns_cases.py looks at that
    for section, have in (("an", r.answer), ("ns", r.authority), ("ar", r.additional)):
        have = dnsexpect.texts(have)
        if via == "tcp" and "left out" in x["title"]:
            have = have[:len(want[section])]
        if have != dnsexpect.wanted(*want[section]):
            return f"section {section}: {have}, expected {dnsexpect.wanted(*want[section])}"
    ede = [str(c) for c in dnsexpect.ede_of(r)] or ["none"]
    if "ede" in x and ede != [x["ede"]]:
        return f"EDE {ede}; {x['ede']} expected"
    return ""


def run(story):
    port = next(ports)
    faults, n = [], 0
    upstream = dnslab.Upstream("127.0.0.1", port)
    server, policy = None, None
    for number, x in enumerate(exchanges(story)):
        x["title"] = story["title"]
        if x["skip"]:
            continue
        lists = re.search(r'"[^"]*example[^"]*"', x["dns64"])
        for via in ("udp", "tcp"):
            fresh = lists or "example" not in x["ask"][0]
            y = x if fresh else renamed(x, f"example{number}{via[0]}")
            if server and (fresh or policy != (x["nat64"], x["dns64"])):
                server.stop()
                server = None
            upstream.other = script = Script(y["ups"])
            try:
                if not server:
                    policy = (x["nat64"], x["dns64"])
                    server = dnslab.Server(x["dns64"] + LIMITS + " cache = { memory_mib = 4; };",
                                           x["nat64"] or 'prefixes = [ "2001:db8:64::/96" ];', port, ("127.0.0.1", port))
                fault = play(y, via, port)
            except Exception as e:  # pylint: disable=broad-except
                fault = f"{type(e).__name__}: {e}"
            n += 1
            asked = {(n, t) for n, t, _ in script.unexpected}
            # With AAAA and A asked at once, an A that nobody scripted is thrown away.
            if [a for a in asked if a[1] != "A"]:
                fault = fault or f"asked upstream: {sorted(asked)}"
            if fault:
                faults.append(f"{y['ask']} {via}: {fault}")
    if server:
        if not server.is_alive():
            faults.append("isthmus-dns64 ended: " + server.log.read_text())
        server.stop()
    upstream.close()
    return story["title"], n, faults


def main(files):
    all_stories = [s for f in files for s in stories(f)]
    clients = {rest for s in all_stories for word, _, rest in s["lines"] if word == "client"}
    dnslab.local_addresses(*clients)
    bad = total = 0
    with ThreadPoolExecutor(6) as pool:
        for title, n, faults in pool.map(run, all_stories):
            total += n
            bad += bool(faults)
            for f in faults:
                print(f"not ok - {title}\n  {f}", flush=True)
    print(f"{len(all_stories)} stories, {total} questions, {bad} stories failed")
    return 1 if bad or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
