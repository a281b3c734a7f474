# SPDX-License-Identifier: Apache-2.0
"""The page of scripts/bench: Markdown and plots, from the object that --json writes."""
from bench_svg import lines, short, stacked

NAMES = {"64": "6 to 4", "46": "4 to 6"}
MARKS = {1000: 90, 1000000: 150, 10000000: 180}  # clk, bursts of 64; what this project asks of itself
STEPS = {"fill": "sessions are made", "reload": "the policy changes every 8 turns", "list": "another core reads all sessions",
         "pool": "full addresses leave and come back", "expire": "all sessions expire at once", "clear": "all sessions are cleared",
         "nothing": "nothing is done"}
PERCENTILES = {50: "us_p50", 90: "us_p90", 99: "us_p99", 99.9: "us_p999", 99.99: "us_p9999"}


def table(head, rows):
    text = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(text + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])


def is_usual(r):
    """The fixed workload's own shape: others are shown in a table of their own."""
    return r["protocol"] == "udp" and r["port_block"] == 0 and r["frame_bytes"] in (84, 64) and \
        r["mode"] == "nat64" and r["ports_of_host"] == 16 and r["sessions_of_binding"] == 1 and \
        r["pool"] == (256 if r["flows"] > 10 ** 6 else 16)


class Page:
    def __init__(self, out):
        self.out, self.plots, self.text = out, {}, []

    def of(self, *names, **fields):
        return [r for r in self.out["results"] if r["name"] in names and all(r.get(k) == v for k, v in fields.items())]

    def say(self, *paragraphs):
        self.text += [p for paragraph in paragraphs for p in (paragraph, "")]

    def plot(self, name, alt, svg):
        self.plots[name] = svg
        self.say(f"![{alt}]({name}.svg)")

    def mpps(self, clk):
        return f"{self.out['tsc_hz'] / clk / 1e6:.1f}"

    def head(self):
        load = ", ".join(f"{x:.1f}" for x in self.out["load"])
        self.say("# Performance",
                 "Written by `scripts/bench`; do not edit. The workload and how to read the figures: `docs/benchmarking.md`. The unit is TSC "
                 "cycles (clk) for a packet on one core: the least and the median of many short windows. Windows in which the kernel gave "
                 "the core to another program are left out; what the hypervisor or other programs did to the caches is in.",
                 f"Machine: {self.out['machine']}; the TSC runs at {self.out['tsc_hz'] / 1e9:.3f} GHz  \n"
                 f"Commit: {self.out['commit']}, {self.out['date']}  \nLoad average before and after: {load}  \n"
                 f"Command: `{self.out['command']}`")
        if max(self.out["load"]) > 2:
            self.say("**The machine was busy with other programs during this run**: delays, stalls and clearing are theirs as much as the "
                     "gateway's; `clk_min` suffers least.")
        for what in self.out["left_out"]:
            self.say(f"**Not measured in this run:** {what}")

    def pipeline(self):
        found = self.of("pipeline")
        self.say("## The pure pipeline",
                 "From \"frame in\" to \"frame ready to send\": link header, classification, state, translation with checksums, route and "
                 "neighbour, counters, housekeeping. No device and no generator. Flows in random order, each a binding of its own.")
        by_flows, by_burst = {}, {}
        for r in filter(is_usual, found):
            if r["burst"] == 64:
                by_flows.setdefault(NAMES[r["direction"]], {})[r["flows"]] = r["clk_min"]
            if r["flows"] in (1000, 10 ** 6):
                by_burst.setdefault(f"{NAMES[r['direction']]}, {short(r['flows'])} flows", {})[r["burst"]] = r["clk_min"]
        if by_flows:
            self.plot("flows", "cycles by flows", lines("A packet in bursts of 64", "TSC cycles", "flows", by_flows))
            rows = [(NAMES[r["direction"]], short(r["flows"]), f"{r['clk_min']:.1f}", f"{r['clk_median']:.1f}", self.mpps(r["clk_median"]),
                     MARKS.get(r["flows"], "")) for r in found if is_usual(r) and r["burst"] == 64]
            self.say(table(["", "flows", "clk, least", "clk, median", "million packets/s at the median", "our mark"], rows))
            above = [f"{NAMES[r['direction']]} with {short(r['flows'])} flows ({r['clk_min']:.0f}, the mark is {MARKS[r['flows']]})"
                     for r in found if is_usual(r) and r["burst"] == 64 and r["clk_min"] > MARKS.get(r["flows"], r["clk_min"])]
            if above:
                self.say(f"Above our own marks in this run: {', '.join(above)}. Where the cycles go is shown by stage below; a machine whose "
                         "caches are shared or whose memory is slower shows it first in the rows with many flows.")
        if by_burst:
            self.plot("burst", "cycles by burst size", lines("A packet, by the size of the burst it came in", "TSC cycles",
                                                              "packets in a burst", by_burst))
        stages = {f"{NAMES[r['direction']]}\n{short(r['flows'])}": r["stages"] for r in found
                  if is_usual(r) and r["burst"] == 64 and r["flows"] in (1000, 10 ** 6)}
        if stages:
            self.plot("stages", "cycles by stage", stacked("Where the cycles go, bursts of 64", "TSC cycles", stages))
        rows = [(NAMES[r["direction"]], f"{r['mode']} {r['entries'] or ''}", short(r["flows"]), r["burst"], r["pool"], r["frame_bytes"],
                 r["protocol"], r["port_block"] or "-", r["sessions_of_binding"],
                 f"{r['clk_min']:.1f}", f"{r['clk_median']:.1f}") for r in found if not is_usual(r) or r["burst"] != 64]
        self.say("Other shapes; `eam` and `siit` are translated without state, by so many explicit mappings or by prefix:",
                 table(["", "mode", "flows", "burst", "pool", "frame", "protocol", "port block", "sessions of a binding", "clk", "median"], rows))

    def sessions(self):
        self.say("## Sessions", "A new session, its binding and its port included, in bursts of 64; and what a binding's end costs: all expire "
                 "together, or one order clears all. The first sessions of a process meet code and tables that no cache holds yet: with a "
                 "thousand flows that is all of them, so they are made again after a clearing.")
        what = {"setup": "made", "setup_again": "made again, after a clearing", "teardown": "ended"}
        rows = [(what[r["name"]] + (f" ({r['what']})" if r["name"] == "teardown" else ""), short(r["flows"]), r["pool"], r["protocol"],
                 r["port_block"] or "-", f"{r['clk_min']:.0f}", f"{r['clk_median']:.0f}", self.mpps(r["clk_median"]))
                for r in self.of("setup", "setup_again", "teardown")]
        self.say(table(["", "flows", "pool", "protocol", "port block", "clk", "median", "millions/s at the median"], rows))
        rows = [(short(r["flows"]), r["pool"], f"{r['bytes_per_session']:.0f}", f"{r['pool_bytes_per_address'] / 1024:.0f}",
                 f"{r['huge_pages'] * 100:.0f} %") for r in self.of("memory")]
        self.say("## Memory", "Of tables, by arithmetic; `isthmus-dataplane --size` says it for a configuration.",
                 table(["sessions", "pool", "bytes for a session", "KiB for a pool address", "on huge pages in this run"], rows))

    def stalls(self):
        rows = [(STEPS[r["what"]], short(r["flows"]), f"{r['us_median']:.2f}", f"{r['us_p9999']:.1f}", f"{r['us_max']:.1f}", f"{r['turns']:,}",
                 r["preempted"], r["steal_ms"]) for r in self.of("turn")]
        self.say("## Stalls", "How long a worker's turn takes, in microseconds. Turns in which the kernel took the core away are counted apart; "
                 "interrupts and the hypervisor are in. The last row is what the machine alone does: turns that only wait until as much "
                 "time has gone by as the longest of the medians; what is longer than that is no work of the gateway's, here and above.",
                 table(["while", "flows", "median", "99.99 %", "longest", "turns", "preempted", "stolen, ms"], rows))

    def latency(self):
        self.say("## Delay")
        for where, device, say in (
                ("pipeline", None, "Of the pipeline: packets arrive evenly at a share of what bursts of 64 take, each waits for the turn that "
                 "takes it and leaves when that turn ends. Turns are measured, arrivals are arithmetic: no wire is in it."),
                ("memif", "memif", "Through the gateway's own programs over memif, from the time a packet was due at the generator until "
                 "it is received there: both wires and the generator's own turns are in it. The share is of the highest rate below. "
                 "Rounds of 0.8 s; the quietest of four is shown.")):
            found = self.of("latency", device=device)
            if not found:
                continue
            series = {f"{r['load']} % load": {p: max(r[key], 0.01) for p, key in PERCENTILES.items()} for r in found}
            self.say(say)
            self.plot(f"delay-{where}", "delay", lines(f"Delay, {'over memif' if device else 'pipeline alone'}, {short(found[0]['flows'])} flows",
                                                       "microseconds", "percentile", series, True, lambda x: f"{x:g} %"))
            rows = [(f"{r['load']} %", f"{r['packets']:,}", r.get("lost", 0), *(f"{r[k]:.2f}" for k in PERCENTILES.values()), f"{r['us_max']:.1f}")
                    for r in found]
            self.say(table(["load", "packets", "lost", *(f"{p:g} %" for p in PERCENTILES), "longest"], rows))

    def ports(self):
        self.say("## With ports", "A worker's whole turn as it runs in production. *Rings*: DPDK devices in memory of the same core (net_ring), so "
                 "the wire costs next to nothing. *memif*: isthmus-dataplane and isthmus-control as they are installed, our generator "
                 "on the other core, no loss allowed; \"worker\" is what the worker counts itself (`isthmusctl show workers`), \"wire\" "
                 "what a program in its place takes that only forwards.")
        bars, rows = {}, []
        wire = {r["direction"]: r for r in self.of("memif_wire")}
        for r in self.of("dataplane", "memif"):
            whole = r.get("worker_clk", r["clk_min"])
            if r["name"] == "memif":
                own, device, rate = wire[r["direction"]]["worker_clk"], "memif", self.mpps(r["clk_median"])
            else:
                same = self.of("wire", direction=r["direction"], flows=r["flows"])
                own, device, rate = same[0]["clk_min"], "rings", ""
            bars[f"{device}, {short(r['flows'])}\n{NAMES[r['direction']]}"] = {"gateway": whole - own, "wire": own}
            rows.append((device, NAMES[r["direction"]], short(r["flows"]), f"{whole:.1f}", f"{own:.1f}", f"{whole - own:.1f}", rate))
        if bars:
            self.plot("ports", "cycles with ports", stacked("A worker's whole turn, bursts of 64", "TSC cycles for a packet", bars))
            self.say(table(["ports", "", "flows", "worker", "wire", "difference", "million packets/s through"], rows))
        for r in wire.values():
            self.say(f"The wire alone, with the same generator, {NAMES[r['direction']]}: {self.mpps(r['clk_median'])} million packets/s.")
        rows = [(short(r["flows"]), f"{r['clk_min']:.0f}", f"{r['clk_median']:.0f}", self.mpps(r["clk_median"])) for r in self.of("memif_setup")]
        if rows:
            self.say("New sessions through the gateway over memif, at most 1,024 packets on their way:",
                     table(["sessions", "clk, best 8,192", "clk, all", "million sessions/s"], rows))
        for r in self.of("memif_clear"):
            self.say(f"`isthmusctl clear sessions --all` with {short(r['flows'])} sessions: {r['seconds'] * 1000:.0f} ms from command to answer "
                     f"(an idle worker naps between its turns).")

    def rest(self):
        rows = [(r["workers"], NAMES[r["direction"]], f"{r['clk_min']:.1f}", f"{r['clk_median']:.1f}", f"{r['times']:.2f}")
                for r in self.of("scaling")]
        if rows:
            self.say("## Scaling", "The pure pipeline with 100 k flows, alone and while the machine's other core runs another worker with "
                     "tables and traffic of its own. Two cores are all there are: no claim beyond two is made, and the generator, "
                     "the kernel and everybody else share them.",
                     table(["workers", "", "clk of one", "median", "times one worker's rate"], rows))
        rows = [(r["what"], short(r["flows"]) if r["flows"] else "-", f"{r['clk_min']:.1f}", f"{r['clk_median']:.1f}")
                for r in self.of("micro")]
        self.say("## The parts alone", "For one operation among thousands that do not wait for each other: throughput, not delay.",
                 table(["", "entries", "clk", "median"], rows))
        commands = list(dict.fromkeys(r["command"] for r in self.out["results"] if "command" in r))
        self.say("## The commands", "What ran, in build-rel/test/perf, each pinned to one core with --cpu and --realtime; the memif part is "
                 "`scripts/lib/bench_memif.py`.", "\n".join(f"    {c}" for c in commands))


def page(out):
    """Markdown, and plots {name: svg}."""
    p = Page(out)
    for part in (p.head, p.pipeline, p.sessions, p.stalls, p.latency, p.ports, p.rest):
        part()
    return "\n".join(p.text).rstrip() + "\n", p.plots
