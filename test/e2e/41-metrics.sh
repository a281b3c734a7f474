#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# /metrics: what promtool finds good, with the numbers of the traffic that passed, scraped by a real
# Prometheus under the shipped rules; nothing else is served and nothing can be changed. DPDK's
# telemetry has our commands. The rules' own tests pass, and they and the dashboard name no metric
# that there is not.
# ids: T-7659-001 T-6888-011
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
control_extra="http = { address = \"127.0.0.1\"; port = 9999; };
    logs = ( { type = \"json\"; file = \"$lab_dir/nat.json\"; } );"
gw_start
server_echo
ask 64 --count 5 --spread
url=http://127.0.0.1:9999
scrape() { in_ns gw curl -sS --fail --max-time 5 "$url/metrics" >"$lab_dir/metrics.txt"; }
bindings_seen() { scrape && grep -Eq '^isthmus_worker_bindings\{worker="0"\} 5$' "$lab_dir/metrics.txt"; }
wait_for 20 "5 bindings in /metrics" bindings_seen
applied_seen() { scrape && grep -q '^isthmus_policy_applied 1$' "$lab_dir/metrics.txt"; }
wait_for 5 "the policy in /metrics" applied_seen
promtool check metrics <"$lab_dir/metrics.txt" || fail "promtool does not like /metrics"
metrics=$(cat "$lab_dir/metrics.txt")
expect_match "metrics" '^isthmus_dataplane_up 1$' "$metrics"
expect_match "metrics" '^isthmus_policy_applied 1$' "$metrics"
expect_match "metrics" '^isthmus_translated_packets_total\{direction="6to4"\} 5$' "$metrics"
expect_match "metrics" '^isthmus_pool_ports_in_use\{pool="default",address="203.0.113.[0-9]+",protocol="udp"\} 5$' "$metrics"
expect_match "metrics" '^isthmus_subscriber_ports_bucket\{le="8"\} 1$' "$metrics"
expect_match "metrics" '^isthmus_dropped_packets_total\{reason="hop_limit"\} 0$' "$metrics"
expect_match "metrics" '^isthmus_log_outlet_up\{outlet="json-0",type="json"\} 1$' "$metrics"

# docs/metrics.md has the program's table, and the table has what is served: names, types, meanings.
table=$("$bin/control/isthmus-control" --print-metrics)
expect_equal "docs/metrics.md" "" "$(grep -Fxv -f "$top/docs/metrics.md" <<<"$table" || true)"
served=$(awk '$2 == "HELP" { help = $0; sub(/^# HELP [^ ]+ /, "", help) } $2 == "TYPE" { print $3 "|" $4 "|" help }' <<<"$metrics" | sort)
told=$(sed -nE 's/^\| `([a-z0-9_]+)` \| ([a-z]+) \| ([^|]*) \| (.*) \|$/\1|\2|\4/p' <<<"$table" | sort)
expect_equal "the table against a scrape" "" "$(diff <(echo "$told") <(echo "$served") || true)"

# Every metric that rules and dashboard name is there.
dir=$top/docs/prometheus
promtool check rules "$dir/isthmus.rules.yml" >/dev/null
promtool test rules "$dir/isthmus.rules.test.yml" >"$lab_dir/rules.log" || fail "$(cat "$lab_dir/rules.log")"
for name in $(grep -oh 'isthmus_[a-z0-9_]*' "$dir/isthmus.rules.yml" "$top/docs/grafana/isthmus.json" | sort -u); do
    grep -q "^${name}[ {]" "$lab_dir/metrics.txt" || fail "$name is no metric"
done

# A real Prometheus with the shipped rules, in the gateway's namespace.
cat >"$lab_dir/prometheus.yml" <<CONF
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [ "$dir/isthmus.rules.yml" ]
scrape_configs: [ { job_name: isthmus, static_configs: [ { targets: [ "127.0.0.1:9999" ] } ] } ]
CONF
lab_spawn prometheus gw prometheus --config.file="$lab_dir/prometheus.yml" --storage.tsdb.path="$lab_dir/tsdb" \
    --web.listen-address=127.0.0.1:9090 --log.level=warn
query() {
    in_ns gw curl -sS --max-time 5 --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
        /usr/bin/python3 -c 'import json, sys; r = json.load(sys.stdin)["data"]["result"]; print(r[0]["value"][1] if r else "none")'
}
scraped() { [ "$(query 'isthmus_translated_packets_total{job="isthmus",direction="6to4"}')" = 5 ]; }
wait_for 20 "Prometheus to have scraped" scraped
recorded() { [ "$(query 'isthmus:pool_ports:used_ratio{protocol="udp"} > 0')" != none ]; }
wait_for 20 "a recorded rule" recorded

# Nothing else is served, and nothing can be changed.
code() { in_ns gw curl -s -o "$lab_dir/body" -w '%{http_code}' --max-time 5 --path-as-is "$@"; }
expect_equal "another path" 404 "$(code "$url/etc/passwd")"
expect_equal "a way up" 404 "$(code "$url/../../etc/passwd")"
expect_equal "POST" 405 "$(code -X POST -d x "$url/metrics")"
expect_equal "HEAD" 200 "$(code -I "$url/metrics")"

# DPDK's telemetry, by its own tool.
telemetry() { dpdk-telemetry.py -f "$lab_id" <<<"$1" 2>&1; }
expect_match "telemetry summary" '"bindings": 5' "$(telemetry /isthmus/summary)"
expect_match "telemetry counters" '"translated_64": 5' "$(telemetry /isthmus/counters)"
expect_match "telemetry drops" '"hop_limit": 0' "$(telemetry /isthmus/drops)"
expect_match "telemetry worker" '"sessions": 5' "$(telemetry /isthmus/worker,0)"
expect_match "a worker that there is not" 'null' "$(telemetry /isthmus/worker,9)"

# Sixty connections that say nothing delay a scrape, and do not end it.
lab_spawn silent gw /usr/bin/python3 -c 'import socket, time
held = [socket.create_connection(("127.0.0.1", 9999)) for _ in range(60)]
print("ready", flush=True)
time.sleep(60)'
wait_for 10 "the silent connections" grep -q ready "$lab_dir/silent.log"
expect_match "a scrape beside them" "isthmus_dataplane_up 1" "$(in_ns gw curl -sS --max-time 12 http://127.0.0.1:9999/metrics)"
lab_stop silent KILL

# Without a dataplane the page says so, is still good, and an alert comes.
lab_stop dataplane KILL
down() { scrape && grep -q '^isthmus_dataplane_up 0$' "$lab_dir/metrics.txt"; }
wait_for 20 "isthmus_dataplane_up 0" down
promtool check metrics <"$lab_dir/metrics.txt" || fail "promtool does not like /metrics"
alert() { [ "$(query 'ALERTS{alertname="IsthmusDataplaneAway"}')" = 1 ]; }
wait_for 20 "an alert" alert
lab_stop prometheus TERM
lab_stop control TERM

# No port is opened when it is turned off; a port that is taken is no reason to die.
gw_start_dataplane
sed -i 's/http = {/http = { enabled = false;/' "$(gw_conf)"
gw_start_control
expect_no_match "listeners" ":9464|:9999" "$(in_ns gw ss -lnt)" # with its heading
