#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/bench --quick --json says what it promises, and nothing that cannot be: bench_test.py BUILD-FOLDER"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
ALWAYS = {"name", "direction", "flows", "burst", "pool", "frame_bytes", "clk_min", "clk_median"}
WITH_CLK = {"pipeline", "setup", "setup_again", "teardown", "dataplane", "wire", "scaling", "micro", "memif", "memif_wire", "memif_setup"}
WITHOUT = {"memory", "turn", "latency", "memif_clear"}
PERCENTILES = ["us_p50", "us_p90", "us_p99", "us_p999", "us_p9999", "us_max"]


def check(condition, what):
    if not condition:
        sys.exit(f"bench_test: {what}")


def check_result(r):
    check(ALWAYS <= r.keys(), f"lacks {ALWAYS - r.keys()}: {r}")
    check(r["name"] in WITH_CLK | WITHOUT, f"unknown name: {r}")
    check(r["direction"] in ("64", "46", "both"), f"unknown direction: {r}")
    check(0 <= r["clk_min"] <= r["clk_median"], f"not plausible: {r}")
    if r["name"] in WITH_CLK:
        # A packet in less than a cycle, or in a tenth of a second, is no measurement.
        check(1 <= r["clk_min"] <= r["clk_median"] < 2.6e8, f"not plausible: {r}")
    if r["name"] == "pipeline":
        check(r["clk_min"] >= 15, f"faster than the checksum alone: {r}")
        check(0 < sum(r["stages"].values()) < 5 * r["clk_median"] + 500, f"stages do not add up: {r}")
    if r["name"] == "latency":
        values = [r[k] for k in PERCENTILES]
        check(values == sorted(values) and values[0] > 0, f"percentiles do not rise: {r}")
    if r["name"] == "turn":
        check(0 < r["us_median"] <= r["us_p9999"] <= r["us_max"] and r["turns"] > 0, f"not plausible: {r}")
    if r["name"] == "memory":
        check(64 <= r["bytes_per_session"] < 1000, f"not plausible: {r}")
    if r["name"] == "memif":
        check(r["packets"] > 1000 and r["worker_clk"] > 15, f"not plausible: {r}")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        done = subprocess.run([TOP / "scripts/bench", "--quick", "--json", folder / "out.json", "--page", folder / "page",
                               "--build", sys.argv[1]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check(done.returncode == 0, f"it failed: {done.stdout[-2000:]}")
        out = json.loads((folder / "out.json").read_text())
        check(out["machine"] and out["commit"], "machine and commit are said")
        for r in out["results"]:
            check_result(r)
        names = {r["name"] for r in out["results"]}
        want = {n for n in WITH_CLK | WITHOUT if not n.startswith("memif")}
        if os.cpu_count() < 2:
            want -= {"scaling"}
        elif os.geteuid() == 0:
            want |= {n for n in WITH_CLK | WITHOUT if n.startswith("memif")}
        check(want <= names, f"missing: {want - names}; left out: {out['left_out']}")
        shapes = {(r["direction"], r["flows"], r["burst"]) for r in out["results"] if r["name"] == "pipeline"}
        for flows in (1000, 100000, 1000000):
            for direction in ("64", "46"):
                check((direction, flows, 64) in shapes, f"no pipeline {direction} with {flows} flows")
        loads = {r["load"] for r in out["results"] if r["name"] == "latency"}
        check(loads == {10, 50, 90}, f"loads {loads}")
        steps = {r["what"] for r in out["results"] if r["name"] == "turn"}
        check(steps >= {"fill", "reload", "pool", "expire", "clear", "nothing"}, f"turns of {steps}")
        page = (folder / "page/README.md").read_text()
        for plot in (folder / "page").glob("*.svg"):
            xml.etree.ElementTree.parse(plot)
            check(f"({plot.name})" in page, f"{plot.name} is not on the page")
        check(page.count(".svg)") >= 5, "the page has its plots")


main()
