#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy within a budget of time: scripts/check --tidy [SECONDS] [PATH...]

  tidy.py BUILD SECONDS [PATH...]     PATH: parts of file names; none: every source, tests too

A file that was clean is not looked at again until it, a header of the project that it includes, or a .clang-tidy changes
(stamps in BUILD/tidy). What was changed longest ago comes last. Says what it found, and how many files it did not
reach: run it again for those. Exit status 1 when something was found."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = ("common", "dataplane", "control", "dns64", "test")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def closure(path, seen):
    """The project's own files that a source is made of."""
    if path in seen or not (TOP / path).is_file():
        return seen
    seen.add(path)
    for name in INCLUDE.findall((TOP / path).read_text()):
        closure(name, seen)
    return seen


def stamp_of(source):
    digest = hashlib.sha256()
    for folder in reversed(pathlib.PurePath(source).parents):
        if (TOP / folder / ".clang-tidy").is_file():
            digest.update((TOP / folder / ".clang-tidy").read_bytes())
    for name in sorted(closure(source, set())):
        digest.update((TOP / name).read_bytes())
    return digest.hexdigest()


def sources(build):
    commands = json.loads((build / "compile_commands.json").read_text())
    found = {os.path.relpath(os.path.join(c["directory"], c["file"]), TOP) for c in commands}
    kept = [f for f in found if f.endswith(".cc") and f.split("/")[0] in FOLDERS]
    return sorted(kept, key=lambda f: -(TOP / f).stat().st_mtime)


def without_pch(build, folder):
    """The compile commands in `folder`, without GCC's precompiled headers and parameters, which clang does not know."""
    commands = json.loads((build / "compile_commands.json").read_text())
    for c in commands:
        c["command"] = re.sub(r" -include \S+|-fpch-preprocess|-Winvalid-pch| --param=\S+", "", c["command"])
    (folder / "compile_commands.json").write_text(json.dumps(commands))
    return folder


def look_at(build, source, deadline):
    """None: not reached; else what was found."""
    left = deadline - time.monotonic()
    if left < 5:
        return None
    try:
        run = subprocess.run(["clang-tidy-14", "-quiet", "-p", str(build), source], cwd=TOP, text=True,
                             capture_output=True, timeout=left)
    except subprocess.TimeoutExpired:
        return None
    # GCC's own flags in the compile commands are no finding.
    return run.stdout.strip() if run.returncode else ""


def main():
    build, budget, wanted = pathlib.Path(sys.argv[1]).resolve(), float(sys.argv[2]), sys.argv[3:]
    if not (build / "compile_commands.json").is_file():
        sys.exit(f"tidy: no {build}/compile_commands.json: meson setup build")
    stamps = build / "tidy"
    stamps.mkdir(exist_ok=True)
    without_pch(build, stamps)
    todo, clean = [], 0
    for source in sources(build):
        if wanted and not any(w in source for w in wanted):
            continue
        stamp, now = stamps / source.replace("/", "_"), stamp_of(source)
        if stamp.is_file() and stamp.read_text() == now:
            clean += 1
        else:
            todo.append((source, stamp, now))
    deadline, found, missed = time.monotonic() + budget, 0, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        looked_at = pool.map(lambda row: look_at(stamps, row[0], deadline), todo)
        for (source, stamp, now), said in zip(todo, looked_at):
            if said is None:
                missed.append(source)
            elif said:
                found += 1
                print(said, flush=True)
            else:
                clean += 1
                stamp.write_text(now)
    print(f"clang-tidy: {clean} files clean, {found} with findings, {len(missed)} not reached in {budget:.0f} s")
    return 1 if found else 0


sys.exit(main())
