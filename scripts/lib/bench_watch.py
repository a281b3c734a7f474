#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What looking costs the worker: its cycles for a packet with and without somebody who looks, in turns.

  scripts/lib/bench_watch.py scrape|list [--flows N] [--rounds N] [--build DIR]

scrape: /metrics once a second. list: `isthmusctl show sessions --json`, whole; with the memory of those that pass it
on. The worker has a core to itself; all else shares the other one with the generator. Needs root and two CPUs.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import threading
import time

import bench_memif

RUN_MS = 1500
PRIORITY = -10  # of all but the worker: the machine may be busy


def memory_mib(pid):
    """(resident, most ever) of a process."""
    lines = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(lines[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM"))


def cycles(gateway, generator):
    """TSC cycles of the worker for a packet in one run; housekeeping is none of a packet's."""
    before, n_before = gateway.stages()
    generator.order(f"run 64 {RUN_MS}")
    after, n_after = gateway.stages()
    return sum(after[k] - before[k] for k in after if k != "housekeeping") / max(1, n_after - n_before)


def scrape(control, stop, sizes):
    while not stop.wait(0 if not sizes else 1):
        done = subprocess.run(["nsenter", "-t", str(control), "-n", "curl", "-sf", "http://127.0.0.1:9464/metrics"],
                              capture_output=True, check=True)
        sizes.append(len(done.stdout))


def list_all(gateway, found):
    begin = time.monotonic()
    cli = subprocess.Popen([gateway.build / "control/isthmusctl", "--socket", gateway.folder / "control.sock", "--json",
                            "show", "sessions"], stdout=subprocess.PIPE)
    rows = subprocess.Popen(["wc", "-l"], stdin=cli.stdout, stdout=subprocess.PIPE, text=True)
    cli.stdout.close()
    while cli.poll() is None:
        try:
            found["isthmusctl_mib"] = max(found.get("isthmusctl_mib", 0), memory_mib(cli.pid)[1])
        except (FileNotFoundError, KeyError):
            pass
        time.sleep(0.2)
    found.update(rows=int(rows.communicate()[0]), seconds=round(time.monotonic() - begin, 1))


def compare(what, gateway, generator, rounds):
    control = gateway.started[1].pid
    alone, watched, found = [], [], {"control_mib_before": memory_mib(control)[0]}
    if what == "list":
        thread = threading.Thread(target=list_all, args=(gateway, found))
        alone += [cycles(gateway, generator) for _ in range(rounds)]
        thread.start()
        while thread.is_alive():
            watched.append(cycles(gateway, generator))
        thread.join()
        alone += [cycles(gateway, generator) for _ in range(rounds)]
    else:
        sizes = []
        for i in range(2 * rounds):
            if i % 4 in (0, 3):  # A B B A
                alone.append(cycles(gateway, generator))
                continue
            stop = threading.Event()
            thread = threading.Thread(target=scrape, args=(control, stop, sizes))
            thread.start()
            watched.append(cycles(gateway, generator))
            stop.set()
            thread.join()
        found.update(scrapes=len(sizes), bytes_of_one=max(sizes))
    return alone, watched, dict(found, control_mib_most=memory_mib(control)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("scrape", "list"))
    parser.add_argument("--flows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2] / "build")
    args = parser.parse_args()
    # A flow is a binding here: 10 million want 160 pool addresses.
    bench_memif.CONFIG = bench_memif.CONFIG.replace("100.20.0.0/28", "100.20.0.0/24").replace(
        "max_pool_addresses = 16", "max_pool_addresses = 256; log_events = 65536")
    wait_for = bench_memif.wait_for
    bench_memif.wait_for = lambda text, seconds, condition: wait_for(text, 10 * seconds, condition)  # tables of gigabytes
    os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    cpus = sorted(os.sched_getaffinity(0))[-2:]
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as name:
        gateway = bench_memif.Gateway(args.build, pathlib.Path(name), cpus, args.flows)
        try:
            worker = bench_memif.thread_of(gateway.started[0].pid, cpus[1])
            generator = bench_memif.Generator(args.build / "test/perf/memif_bench", pathlib.Path(name), cpus[0], args.flows,
                                              worker / "status")
            subprocess.run(["nsenter", "-t", str(gateway.started[1].pid), "-n", "ip", "link", "set", "lo", "up"], check=True)
            os.sched_setscheduler(int(worker.name), os.SCHED_FIFO, os.sched_param(1))
            generator.order("fill")
            alone, watched, found = compare(args.what, gateway, generator, args.rounds)
            generator.end()
        finally:
            gateway.end()
    for words, values in (("alone", alone), ("watched", watched)):
        print(f"{words}: least {min(values):.1f}, lower quartile {statistics.quantiles(values, n=4, method='inclusive')[0]:.1f}, "
              f"median {statistics.median(values):.1f} cycles for a packet, {len(values)} runs")
    print(", ".join(f"{key} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
