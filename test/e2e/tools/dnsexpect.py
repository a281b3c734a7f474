#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is expected of an answer, and cases that say so: parts of the DNS64 tests (dnslab.py has the others)."""
import pathlib
import re
from concurrent.futures import ThreadPoolExecutor

import dns.edns
import dns.flags
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

PARTS = ("dnsexpect", "dnslab")  # a fault is told by the case's line, not by theirs


def rrsets(*lines):
    """Records as text, "NAME TTL TYPE DATA", to RRsets in this order: one for each record."""
    out = []
    for line in lines:
        name, ttl, kind, *data = line.split(" ", 3)
        cls = "IN"
        if kind in ("IN", "CH"):
            cls = kind
            kind, *data = data[0].split(" ", 1)
        out.append(dns.rrset.from_text(name, 0, cls, kind, data[0] if data else ""))
        out[-1].ttl = int(ttl)
    return out


def flags_of(r):
    """Without QR, which is always there."""
    if not r.flags & dns.flags.QR:
        raise AssertionError("QR=0")
    if r.flags & 0x0040:
        raise AssertionError("Z is set")
    return " ".join(f for f in ("aa", "tc", "rd", "ra", "ad", "cd") if r.flags & getattr(dns.flags, f.upper()))


def texts(section):
    """Records as sorted out of RRsets, in order."""
    out = []
    for rrset in section:
        for rdata in rrset:
            out.append(f"{rrset.name} {rrset.ttl} {dns.rdataclass.to_text(rrset.rdclass)} "
                       f"{dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()}")
    return out


def wanted(*lines):
    return texts(rrsets(*lines))


def ede_of(r):
    return [o.code for o in r.options if isinstance(o, dns.edns.EDEOption)]


def option_of(r, code):
    for o in r.options:
        if int(o.otype) == code:
            return getattr(o, "data", o)
    return None


def equal(what, want, got):
    if want != got:
        raise AssertionError(f"{what}: {want!r} expected, {got!r} found")


def true(what, good):
    if not good:
        raise AssertionError(what)


def counted_down(want, got):
    """Equal but for TTLs that a busy machine let run up to three seconds."""
    def split(line):
        name, ttl, rest = line.split(" ", 2)
        return (name, rest), int(ttl)
    pairs = [(split(w), split(g)) for w, g in zip(want, got)]
    return len(want) == len(got) and all(w[0] == g[0] and 0 <= w[1] - g[1] <= min(3, w[1]) for w, g in pairs)


def expect(r, head, an=None, ns=None, ar=None, ede=None):
    """The whole of an answer; None: not looked at."""
    true("no answer", r is not None)
    equal("header", head, (dns.rcode.to_text(r.rcode()) + " " + flags_of(r)).strip())
    for what, want, got in (("answer", an, r.answer), ("authority", ns, r.authority), ("additional", ar, r.additional)):
        if want is not None:
            want, got = wanted(*want), texts(got)
            if not counted_down(want, got):
                equal(what, want, got)
    if ede is not None:
        equal("EDE", ede, ede_of(r))
    return r


class Suite:
    """Cases: functions with a title "T-...: what". Each gets the suite's context, and runs on its own, several
    at a time. `each_way`: once by UDP and once by TCP."""

    def __init__(self):
        self.cases = []

    def case(self, title, each_way=False):
        def keep(function):
            for via in ("udp", "tcp") if each_way else (None,):
                self.cases.append((title + (f" ({via})" if via else ""), function, via))
            return function
        return keep

    def run(self, context, script=None, only=None, threads=16):
        """`script`: the shell test; the ids in its `# ids:` lines must be those of the cases."""
        bad = 0

        def one(case):
            title, function, via = case
            try:
                function(context, via) if via else function(context)
                return title, ""
            except Exception as e:  # pylint: disable=broad-except
                where = e.__traceback__
                while where.tb_next and pathlib.Path(where.tb_next.tb_frame.f_code.co_filename).stem not in PARTS:
                    where = where.tb_next
                return title, f"line {where.tb_lineno}: {type(e).__name__}: {e}"
        chosen = [c for c in self.cases if not only or only in c[0]]
        with ThreadPoolExecutor(threads) as pool:
            for title, fault in pool.map(one, chosen):
                if fault:
                    bad += 1
                    print(f"not ok - {title}\n  {fault}", flush=True)
        if script:
            said = set(re.findall(r"T-[0-9A-Za-z-]+", " ".join(
                line for line in open(script, encoding="utf-8") if line.startswith("# ids:"))))
            have = set(re.findall(r"T-[0-9A-Za-z-]+[0-9]", " ".join(c[0] for c in self.cases)))
            if said != have:
                print(f"not ok - ids of {script}: without a case {said - have}, not named {have - said}")
                bad += 1
        print(f"{len(chosen)} cases, {bad} failed")
        return 1 if bad or not chosen else 0
