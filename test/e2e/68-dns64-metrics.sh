#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# /metrics of isthmus-dns64: what promtool finds good, with the numbers of the traffic that passed, scraped by a
# real Prometheus under the shipped rules, whose own tests pass; they and the dashboard name no metric that there
# is not. Nothing else is served; a port that is taken is no reason to answer nobody.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
conf=$lab_dir/dns64.conf
chmod 755 "$lab_dir"
write_conf() { # METRICS
    cat >"$conf" <<CONF
nat64 = { prefixes = [ "$pref64" ]; };
dns64 = {
    listen = [ "[::1]:53" ]; upstreams = [ "127.0.0.2:5300", "127.0.0.3:5300" ]; user = "nobody"; threads = 2;
    socket = "$lab_dir/dns64.sock"; metrics = "$1"; limits = { rate = 60; };
};
CONF
}
start() {
    : >"$lab_dir/dns64.log" # what an earlier one said does not count
    lab_spawn dns64 dns "$bin/dns64/isthmus-dns64" -c "$conf"
    wait_for 5 "isthmus-dns64" grep -q ready "$lab_dir/dns64.log"
}
write_conf "[::1]:9999"
expect_status "IPv6" 1 in_ns dns "$bin/dns64/isthmus-dns64" -c "$conf" --check
write_conf "127.0.0.1"
expect_status "no port" 1 in_ns dns "$bin/dns64/isthmus-dns64" -c "$conf" --check
expect_match "no port" 'dns64.metrics: "127.0.0.1" is no IPv4 address with a port; write "127.0.0.1:9465"' "$out"
write_conf "127.0.0.1:9999"
spawn_py upstream dns dns_upstream 127.0.0.2 5300
wait_for 5 "the resolver" grep -q ready "$lab_dir/upstream.log"
start

url=http://127.0.0.1:9999
scrape() { in_ns dns curl -gsS --fail --max-time 5 "$url/metrics" >"$lab_dir/metrics.txt"; }
wait_for 10 "/metrics" scrape
query() { in_ns dns dig @::1 +tries=1 +timeout=4 "$@" >/dev/null || true; }
for name in v4only short mapped; do query "$name.example" AAAA; done
query both.example AAAA
query broken.example AAAA
query +cd +dnssec v4only.example AAAA
query nothing.example AAAA
query +tcp v4only.example A
query +opcode=notify v4only.example A
in_ns dns bash -c 'printf xx >/dev/udp/::1/53'
seen() { scrape && grep -q '^isthmus_dns64_malformed_dropped_queries_total 1$' "$lab_dir/metrics.txt"; }
wait_for 10 "the last query in /metrics" seen
# What is copied from the workers is a second old at most.
cached() { scrape && ! grep -q '^isthmus_dns64_cache_entries 0$' "$lab_dir/metrics.txt"; }
wait_for 5 "the cache in /metrics" cached
promtool check metrics <"$lab_dir/metrics.txt" || fail "promtool does not like /metrics"
metrics=$(cat "$lab_dir/metrics.txt")
has() { expect_match "metrics" "^isthmus_dns64_$1\$" "$metrics"; }
has 'queries_total\{protocol="udp"\} 9'
has 'queries_total\{protocol="tcp"\} 1'
has 'answers_total\{why="synthesized"\} 2'
has 'answers_total\{why="synthesized_ignoring_aaaa"\} 1'
has 'answers_total\{why="synthesized_after_failure"\} 1'
has 'answers_total\{why="has_aaaa"\} 1'
has 'answers_total\{why="client_checks"\} 1'
has 'answers_total\{why="nxdomain"\} 1'
has 'answers_total\{why="plain"\} 1'
has 'answers_total\{why="not_implemented"\} 1'
has 'answers_total\{why="bogus"\} 0'
has 'rcodes_total\{rcode="NXDOMAIN"\} 1'
has 'rcodes_total\{rcode="NOTIMP"\} 1'
has 'answer_seconds_count 9'
has 'cache_misses_total [78]'
has 'cache_limit_bytes [1-9][0-9]+'
has 'upstream_faults_total\{fault="error_answer"\} [1-9]'
has 'upstream_healthy_threads\{upstream="127.0.0.2:5300"\} 2'
has 'upstream_response_seconds_count\{upstream="127.0.0.2:5300"\} [1-9][0-9]*'
has 'upstream_sent_queries_total\{protocol="udp"\} [1-9][0-9]*'

# The cache answers: hits, in time 0; then a flood of one client is limited.
for _ in 1 2 3 4 5 6 7 8; do query v4only.example AAAA; done
wait_for 5 "hits" eval 'scrape && [ "$(awk "/^isthmus_dns64_cache_hits_total/ { print \$2 }" "$lab_dir/metrics.txt")" -ge 6 ]'
printf 'v4only.example AAAA\n' >"$lab_dir/names"
in_ns dns dnsperf -s ::1 -d "$lab_dir/names" -n 150 -q 150 -t 0.2 >"$lab_dir/dnsperf.log" 2>&1 || true
wait_for 5 "the rate limit" eval 'scrape && awk "/^isthmus_dns64_rate_limited_queries_total/ { n += \$2 } END { exit n < 40 }" "$lab_dir/metrics.txt"'

# Every metric that rules and dashboard name is there; each metric of the manual too.
dir=$top/docs/prometheus
promtool check rules "$dir/isthmus-dns64.rules.yml" >/dev/null
promtool test rules "$dir/isthmus-dns64.rules.test.yml" >"$lab_dir/rules.log" || fail "$(cat "$lab_dir/rules.log")"
for name in $(grep -oh 'isthmus_dns64_[a-z0-9_]*' "$dir/isthmus-dns64.rules.yml" "$top/docs/grafana/isthmus-dns64.json" | sort -u); do
    grep -q "^${name}[ {]" "$lab_dir/metrics.txt" || fail "$name is no metric"
done
table=$("$bin/dns64/isthmus-dns64" --print-metrics)
expect_match "the table" "isthmus_dns64_queries_total" "$table"
expect_equal "docs/metrics.md" "" "$(grep -Fxv -f "$top/docs/metrics.md" <<<"$table" || true)"
for name in $(grep -o '^| `isthmus_dns64_[a-z0-9_]*' <<<"$table" | tr -d '|` '); do
    grep -q "^# TYPE $name " "$lab_dir/metrics.txt" || fail "$name is in the manual only"
done

# A real Prometheus with the shipped rules.
cat >"$lab_dir/prometheus.yml" <<CONF
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [ "$dir/isthmus-dns64.rules.yml" ]
scrape_configs: [ { job_name: isthmus-dns64, static_configs: [ { targets: [ "127.0.0.1:9999" ] } ] } ]
CONF
lab_spawn prometheus dns prometheus --config.file="$lab_dir/prometheus.yml" --storage.tsdb.path="$lab_dir/tsdb" \
    --web.listen-address=127.0.0.1:9090 --log.level=warn
prom() {
    in_ns dns curl -sS --max-time 5 --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
        /usr/bin/python3 -c 'import json, sys; r = json.load(sys.stdin)["data"]["result"]; print(r[0]["value"][1] if r else "none")'
}
scraped() { [ "$(prom 'isthmus_dns64_answers_total{job="isthmus-dns64",why="has_aaaa"}')" = 1 ]; }
wait_for 20 "Prometheus to have scraped" scraped
lab_stop prometheus TERM

code() { in_ns dns curl -gs -o "$lab_dir/body" -w '%{http_code}' --max-time 5 --path-as-is "$@"; }
expect_equal "another path" 404 "$(code "$url/etc/passwd")"
expect_equal "POST" 405 "$(code -X POST -d x "$url/metrics")"
lab_stop dns64 TERM 5 || fail "isthmus-dns64 did not end"

# The port is taken: said once, and clients are served. None: nothing listens.
lab_spawn taken dns /usr/bin/python3 -m http.server -b 127.0.0.1 9999
wait_for 5 "the other program" lab_listening dns tcp 9999
start
wait_for 5 "the word about the port" grep -q "dns64.metrics: cannot listen on 127.0.0.1:9999.*goes on without metrics" "$lab_dir/dns64.log"
expect_equal "clients are served" 192.0.2.33 "$(in_ns dns dig @::1 +short v4only.example A)"
lab_stop dns64 TERM 5
lab_stop taken KILL
write_conf ""
start
expect_no_match "listeners" ":9465|:9999" "$(in_ns dns ss -lnt)"
