# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every end-to-end test starts with. A test is a file NN-name.sh that proves one behaviour with
# real programs and kernels on both sides of the gateway. It fails by any command that fails, and by
# expect_* below; there is no way to skip.
#
# A line `# ids: T-...` in a test names the rows of docs/rfc-compliance.md that it proves.

set -euo pipefail
# shellcheck source=scripts/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/lab.sh
. "$top/scripts/lib/lab.sh"
# shellcheck source=scripts/lib/gateway.sh
. "$top/scripts/lib/gateway.sh"

tools=$top/test/e2e/tools
export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C

py() { # NS TOOL ARGUMENTS...
    local ns=$1 tool=$2
    shift 2
    chmod 755 "$lab_dir" # servers that a tool starts drop their rights
    TMPDIR=$lab_dir in_ns "$ns" /usr/bin/python3 "$tools/$tool.py" "$@"
}

spawn_py() { # KEY NS TOOL ARGUMENTS...
    local key=$1 ns=$2 tool=$3
    shift 3
    lab_spawn "$key" "$ns" /usr/bin/python3 "$tools/$tool.py" "$@"
}

fail() {
    printf 'FAILED at %s:%s: %s\n' "${BASH_SOURCE[-1]##*/}" "${BASH_LINENO[-2]}" "$*" >&2
    exit 1
}

# A failed test shows what the programs said and what they counted.
lab_at_exit() {
    [ "$1" = 0 ] && return
    local log
    for log in "$lab_dir"/*.log; do
        [ -s "$log" ] && printf -- '--- %s\n%s\n' "${log##*/}" "$(tail -n 40 "$log")"
    done
    if lab_alive control; then
        printf -- '--- drops\n'
        timeout 5 "$bin/control/isthmusctl" --socket "$lab_dir/control.sock" show drops
    fi
} >&2 2>&1

expect_equal() { # WHAT WANT GOT
    [ "$2" = "$3" ] || fail "$1: $2 expected, $3 found"
}

expect_match() { # WHAT REGEX TEXT
    grep -Eq -- "$2" <<<"$3" || fail "$1: no match for /$2/ in: $3"
}

# A command that failed has said nothing, and so nothing that must not be there: an empty text proves nothing.
expect_no_match() { # WHAT REGEX TEXT
    [ -n "$3" ] || fail "$1: there is no text to look at"
    ! grep -Eq -- "$2" <<<"$3" || fail "$1: /$2/ must not be in: $3"
}

expect_status() { # WHAT WANT COMMAND...: exit status; the output of both streams is left in `out`
    local what=$1 want=$2 rc=0
    shift 2
    out=$("$@" 2>&1) || rc=$?
    [ "$rc" = "$want" ] || fail "$what: exit status $want expected, $rc found; it said: $out"
}

# drops REASON: the counter's value, of all workers.
drops() { ctl_value "" show drops | /usr/bin/python3 "$tools/drop_value.py" "$1"; }

# The echo server of server4 on UDP port 7, and that the client reaches it.
server_echo() {
    : >"$lab_dir/echo.log" # what an earlier one said does not count
    spawn_py echo server4 udp echo "$server_addr" 7 "$@"
    wait_for 5 "the echo server" grep -q ready "$lab_dir/echo.log"
}

ask() { py client6 udp ask "$(v6_of "$server_addr")" 7 "$@"; }

iperf_server() { # [ARGUMENTS...]
    lab_spawn iperf server4 iperf3 -s -B "$server_addr" "$@"
    wait_for 5 "iperf3" lab_listening server4 tcp 5201
}

# iperf ARGUMENTS...: bits per second received, as a whole number.
iperf() {
    in_ns client6 iperf3 -J -c "$(v6_of "$server_addr")" "$@" >"$lab_dir/iperf.json" ||
        fail "iperf3 $*: $(tail -n 5 "$lab_dir/iperf.json")"
    /usr/bin/python3 "$tools/json_value.py" end <"$lab_dir/iperf.json" >"$lab_dir/iperf-end.json"
}

iperf_value() { /usr/bin/python3 "$tools/json_value.py" "$1" <"$lab_dir/iperf-end.json"; }
