# SPDX-License-Identifier: Apache-2.0
"""The whole gateway, its two programs as they are installed, between two memif ports; our generator on another core.

What a packet costs the worker is what it counts itself, stage by stage, always (isthmusctl show workers); the ports'
own share is measured the same way with a program in the gateway's place that only forwards. Needs root (the punt
interfaces; a network namespace of its own keeps them apart) and two cores.
"""
import contextlib
import functools
import json
import os
import pathlib
import subprocess
import tempfile
import time

# Shorter than the kernel lets real-time threads run at a stretch (0.95 s of each second), with a rest between.
ROUND_MS, REST_S = 800, 0.3

CONFIG = """\
nat64 = {{ prefixes = [ "64:ff9b::/96" ]; pool = ( {{ addresses = "100.20.0.0/28"; }} ); lifetimes = {{ port_hold = 0; }}; }};
dataplane = {{
    socket = "{dir}/dataplane.sock"; file_prefix = "bench{pid}"; main_cpu = {other}; workers = [ {cpu} ];
    max_sessions = {sessions}; max_pool_addresses = 16;
    ports = (
        {{ name = "left"; device = "net_memif6,role=server,id=0,socket={dir}/left.sock,rsize=12,mac=02:00:00:00:00:00";
          addresses = [ "fd00:6::1/64" ]; routes = ( {{ to = "::/0"; via = "fd00:6::2"; }} );
          neighbours = ( {{ address = "fd00:6::2"; mac = "02:00:00:00:01:00"; }} ); }},
        {{ name = "right"; device = "net_memif4,role=server,id=0,socket={dir}/right.sock,rsize=12,mac=02:00:00:00:00:01";
          addresses = [ "192.0.2.1/30" ]; routes = ( {{ to = "0.0.0.0/0"; via = "192.0.2.2"; }} );
          neighbours = ( {{ address = "192.0.2.2"; mac = "02:00:00:00:01:01"; }} ); }} );
}};
control = {{ socket = "{dir}/control.sock"; state_dir = "{dir}/state"; }};
"""


class Failed(Exception):
    pass


def wait_for(what, seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"memif: {what}: not within {seconds} s")
        time.sleep(0.05)


class Generator:
    """memif_bench, taking orders."""

    def __init__(self, program, folder, cpu, flows, watch):
        self.proc = subprocess.Popen(
            [program, "generate", folder / "left.sock", folder / "right.sock", "--cpu", str(cpu), "--flows", str(flows),
             *(["--watch", watch] if watch else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self):
        line = self.proc.stdout.readline()
        if not line:
            raise Failed("memif: the generator gave up")
        return json.loads(line)

    def order(self, text):
        print(text, file=self.proc.stdin, flush=True)
        return self.answer()

    def end(self):
        self.proc.stdin.close()
        self.proc.wait(timeout=10)


def thread_of(pid, cpu):
    """/proc status file of the thread that may run only on `cpu`: the worker."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if os.sched_getaffinity(int(task.name)) == {cpu} and task.name != str(pid):
            return task
    return None


@functools.cache
def may_have_realtime():
    """Root in a container may lack the right to it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        return False
    return True


@contextlib.contextmanager
def realtime(*threads):
    """Nobody else on these threads' cores, meanwhile: not before the ports are connected, since DPDK's own threads
    need a core for that."""
    if not may_have_realtime():
        yield
        return
    for thread in threads:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        for thread in threads:
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def wire(bench, folder, cpus, rounds):
    """What the ports cost by themselves."""
    server = subprocess.Popen([bench, "wire", folder / "left.sock", folder / "right.sock", "--cpu", str(cpus[1])],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        server.stdout.readline()
        generator = Generator(bench, folder, cpus[0], 1000, f"/proc/{server.pid}/status")
        threads = (server.pid, generator.proc.pid)
        results = [dict(quietest(generator, threads, f"run {direction} {ROUND_MS}", rounds, "clk_median"), name="memif_wire")
                   for direction in ("64", "46")]
        generator.end()
        server.stdin.close()
        clk = json.loads(server.stdout.readline())["clk_median"]
        for r in results:
            r["worker_clk"] = clk
        return results
    finally:
        server.kill()
        server.wait()


class Gateway:
    def __init__(self, build, folder, cpus, flows):
        self.build, self.folder, self.started = build, folder, []
        conf = folder / "isthmus.conf"
        (folder / "state").mkdir(exist_ok=True)
        conf.write_text(CONFIG.format(dir=folder, pid=os.getpid(), other=cpus[0], cpu=cpus[1], sessions=flows + 64))
        log = open(folder / "log", "w")
        for program in ("dataplane/isthmus-dataplane", "control/isthmus-control"):
            # unshare runs the program in its own place: the process is the program.
            self.started.append(subprocess.Popen(["unshare", "--net", "--", build / program, "-c", conf], stdout=log, stderr=log))
            wait_for(f"{program} is ready", 20, lambda: self.says("ready" if len(self.started) == 1 else "dataplane"))
        wait_for("the policy", 10, lambda: self.ctl("check").returncode == 0)

    def says(self, word):
        text = (self.folder / "log").read_text()
        if any(p.poll() is not None for p in self.started):
            raise Failed(f"memif: the gateway does not start: {text[-1500:]}")
        return word in text

    def ctl(self, *words):
        return subprocess.run([self.build / "control/isthmusctl", "--socket", self.folder / "control.sock", *words],
                              capture_output=True, text=True)

    def stages(self):
        worker = json.loads(self.ctl("show", "workers", "--json").stdout)[0]
        return {name: s["cycles"] for name, s in worker["stages"].items()}, worker["stages"]["receive"]["packets"]

    def end(self):
        for p in reversed(self.started):
            p.terminate()
            p.wait(timeout=15)


def quietest(generator, threads, order, rounds, key):
    """The answer with the least of `key`."""
    answers = []
    for _ in range(rounds):
        time.sleep(REST_S)
        with realtime(*threads):
            answers.append(generator.order(order))
    return min(answers, key=lambda r: r[key])


def measured(gateway, generator, threads, direction, rounds):
    """The round with the least cycles in the worker."""
    answers = []
    for _ in range(rounds):
        before, n_before = gateway.stages()
        r = quietest(generator, threads, f"run {direction} {ROUND_MS}", 1, "clk_min")
        after, n_after = gateway.stages()
        stages = {k: round((after[k] - before[k]) / max(1, n_after - n_before), 1) for k in after}
        answers.append(dict(r, name="memif", stages=stages, worker_clk=round(sum(stages.values()), 1)))
    return min(answers, key=lambda r: r["worker_clk"])


def with_flows(gateway, generator, threads, rounds, delays):
    setup = dict(quietest(generator, threads, "fill", 1, "clk_min"), name="memif_setup")
    rates = [measured(gateway, generator, threads, direction, rounds) for direction in ("64", "46")]
    most = tsc_hz() / rates[0]["clk_median"]
    found = [dict(quietest(generator, threads, f"delay {most * load / 100:.0f} {ROUND_MS}", rounds, "us_p999"), load=load)
             for load in ((10, 50, 90) if delays else ())]
    return [setup, *rates, *found]


def cleared(gateway, flows):
    begin = time.monotonic()
    done = gateway.ctl("clear", "sessions", "--all", "--json")
    if done.returncode != 0:
        raise Failed(f"memif: clear: {done.stderr}")
    seconds = time.monotonic() - begin
    clk = round(seconds * tsc_hz() / flows, 1)
    return {"name": "memif_clear", "direction": "both", "flows": flows, "burst": 0, "pool": 16, "frame_bytes": 0,
            "clk_min": clk, "clk_median": clk, "seconds": round(seconds, 3), "answer": json.loads(done.stdout)}


def run(build, flows, quick):
    """Results, or why there are none."""
    cpus = sorted(os.sched_getaffinity(0))[-2:]
    if os.geteuid() != 0 or len(cpus) < 2:
        raise Failed("memif: needs root and two CPUs")
    bench, rounds = build / "test/perf/memif_bench", 1 if quick else 4
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as name:
        folder = pathlib.Path(name)
        results = wire(bench, folder, cpus, rounds)
        for n in flows:
            gateway = Gateway(build, folder, cpus, n)
            try:
                worker = thread_of(gateway.started[0].pid, cpus[1])
                generator = Generator(bench, folder, cpus[0], n, worker / "status")
                threads = (int(worker.name), generator.proc.pid)
                results += with_flows(gateway, generator, threads, rounds, n == flows[0])
                results.append(cleared(gateway, n))
                generator.end()
            finally:
                gateway.end()
    return results


def tsc_hz():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("bogomips"):
            return float(line.split(":")[1]) * 1e6 / 2  # twice the TSC's rate, exactly, on x86
    raise Failed("memif: no x86")
