# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One place for the build's flags. Sourced after common.sh.

# Precompiled headers: ccache sees that they change by their content.
export CCACHE_SLOPPINESS=pch_defines,time_macros

# configure_tree DIR [MESON OPTION...]: sets DIR up, or takes it as it is when it was set up before.
configure_tree() {
    local dir=$1
    shift
    if [ -f "$dir/build.ninja" ]; then
        return 0
    fi
    rm -rf "$dir"
    (cd "$top" && meson setup "$dir" "$@") >"$dir.setup.log" 2>&1 || {
        cat "$dir.setup.log" >&2
        die "meson could not set up $dir"
    }
    rm -f "$dir.setup.log"
}

# build_tree DIR [TARGET...]
build_tree() {
    local dir=$1
    shift
    ninja -C "$dir" "$@" >"$dir/build.log" 2>&1 || {
        tail -n 60 "$dir/build.log" >&2
        die "the build failed; the complete log is $dir/build.log"
    }
}

# cpu_seconds: what this shell's commands used of the processors so far.
cpu_seconds() {
    local ticks
    ticks=$(awk '{ sub(/.*\) /, ""); print $14 + $15 }' "/proc/$$/stat")
    printf '%d' $((ticks / $(getconf CLK_TCK)))
}

# The programs, optimised and with symbols: all targets, or those named. Tells what it took: on a busy machine
# CPU time says more than the clock, and ccache saves what it knows. A tree that has the tests keeps them.
build_release() { # DIR TESTS(true|false) [TARGET...]
    local dir=$1 tests=$2 start cpu how=clean
    shift 2
    [ ! -f "$dir/build.ninja" ] || how="not clean"
    say "building in $dir; the first time takes some minutes"
    start=$(now_ms) cpu=$(cpu_seconds)
    configure_tree "$dir" --buildtype=debugoptimized -Dtests="$tests"
    [ "$tests" = false ] || meson configure "$dir" -Dtests=true >/dev/null
    build_tree "$dir" "$@"
    grep -q ccache "$dir/build.ninja" && how+=", with ccache"
    say "built in $(seconds_since "$start") s ($how), $(($(cpu_seconds) - cpu)) s of CPU time"
}

# unit_suite DIR FIELD [PROGRAM...]: what the unit suite runs, all of it or only these programs; FIELD: name, program.
unit_suite() {
    meson introspect "$1" --tests | /usr/bin/python3 -c '
import json, os, sys
tree, field, only = sys.argv[1], sys.argv[2], sys.argv[3:]
rows = [(t["name"], os.path.relpath(t["cmd"][0], tree)) for t in json.load(sys.stdin) if any("unit" in s for s in t["suite"])]
rows = [r for r in rows if not only or r[1] in only]
print("\n".join(sorted({r[field == "program"] for r in rows})))' "$@"
}
