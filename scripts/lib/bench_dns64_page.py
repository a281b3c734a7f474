# SPDX-License-Identifier: Apache-2.0
"""The results of scripts/bench dns64 as a table, a page and a drawing."""
import html
import os
import platform
import subprocess

OURS = "isthmus-dns64"
FLOORS = {"echo", "bare forwarder", "echo by veth", "echo by xdp"}
COLUMNS = [("warm_us", "warm cache, us", "{:.2f}"), ("cold_us", "cold, us", "{:.1f}"),
           ("bytes_per_name", "bytes for a name", "{:.0f}")]


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{cpu}, {os.cpu_count()} CPUs, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}"


def commit(tree):
    done = subprocess.run(["git", "-C", tree, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode().strip() or "unknown"


def line_of(r):
    return ", ".join(f"{title} {form.format(r[key])}" for key, title, form in COLUMNS if key in r) or "ready"


def cell(r, key, form):
    if key not in r:
        return "-"
    median = r.get(key + "_median")
    return form.format(r[key]) + (f" ({form.format(median)})" if median else "")


def table(whole):
    rows = [["server", *(title for _, title, _ in COLUMNS)]]
    for name, r in whole["results"].items():
        rows.append([f"{name} {r['version']}".strip(), *(cell(r, key, form) for key, _, form in COLUMNS)])
    width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, width)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in width) + "|")
    return "\n".join(lines)


def drawing(whole):
    """One panel for each column: a bar for each server, the floor first."""
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 420" font-family="sans-serif" font-size="12">',
           '<rect width="900" height="420" fill="white"/>']
    for panel, (key, title, form) in enumerate(COLUMNS):
        bars = [(name, r[key]) for name, r in whole["results"].items() if key in r]
        if not bars:
            continue
        left, most = 10 + 300 * panel, max(v for _, v in bars)
        out.append(f'<text x="{left}" y="22" font-weight="bold">{html.escape(title)}</text>')
        for i, (name, value) in enumerate(bars):
            y = 38 + 36 * i
            colour = "#1f5fa8" if name.startswith(OURS) else "#999" if name in FLOORS else "#d09a5b"
            out.append(f'<text x="{left}" y="{y + 4}">{html.escape(name)}: {form.format(value)}</text>')
            out.append(f'<rect x="{left}" y="{y + 8}" width="{max(260 * value / most, 1):.0f}" height="14" '
                       f'fill="{colour}"/>')
    return "\n".join([*out, "</svg>", ""])


PAGE = """# isthmus-dns64 beside the others

Written by `scripts/bench dns64 --page` at commit {commit}.
{machine}

{table}

![CPU microseconds for a query, and bytes for a name](dns64.svg)

Microseconds: CPU time of the server's process, user and system, over the queries that were answered; one thread on one
core, dnsperf with 8 clients on the other, loopback, AAAA without EDNS. Warm: 10,000 names, all in the cache; the least of
the rounds, in which all servers took turns, and the median. Cold: {names:,} names, each asked once; AAAA and A go
upstream, to a program that answers at once. Bytes: growth of the resident set over these names, for each of them.

`echo` gives each datagram back: the kernel's share of any answer, with as few system calls as there can be. `bare
forwarder` makes the two questions and sends one answer: no cache, no checks. Both are `test/perf/dns_floor.cc`. The servers
are as Debian has them, with one thread, DNS64 on, validation off, room for all names, no log.

Rows `by veth` and `by xdp`: dnsperf in another network namespace, over a veth without offloads. `xdp`: frames are taken by AF_XDP in
copy mode (`listen = [ "xdp:..." ]`); `echo by xdp` is `test/perf/xdp_echo.cc`, with the same filter and sockets. There
the kernel's work to receive is done by whoever sends, and not counted; what it does to send is.
"""


def write(folder, whole):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dns64.svg").write_text(drawing(whole))
    (folder / "dns64.md").write_text(PAGE.format(commit=whole["commit"], machine=whole["machine"], names=whole["names"],
                                                 table=table(whole)))
