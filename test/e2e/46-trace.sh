#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# trace says what each stage decided; capture and the last dropped packets are files that tshark
# reads: the same packet before and after, the reason of a drop as its comment.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
server_echo

shark() { # FILE FILTER FIELD...: one line for each packet, fields separated by |
    local file=$1 filter=$2 field args=()
    shift 2
    for field; do args+=(-e "$field"); done
    tshark -n -r "$file" -Y "$filter" -T fields -E separator='|' -E occurrence=f "${args[@]}" 2>"$lab_dir/shark.err" ||
        fail "tshark: $(cat "$lab_dir/shark.err")"
}

ask 100 --count 1 # neighbours are known from now on

# A trace of one subscriber: both directions, stage by stage.
ctl trace --subscriber "$client_addr" --protocol udp --count 2 >"$lab_dir/trace.out" 2>"$lab_dir/trace.err" &
tracer=$!
wait_for 5 "the trace to begin" grep -q recording "$lab_dir/trace.err"
ask 100 --count 1
wait "$tracer" || fail "trace: $(cat "$lab_dir/trace.err")"
text=$(cat "$lab_dir/trace.out")
expect_match "arrival" "arrive +received on p6, .*$client_addr -> .* udp [0-9]+ -> 7" "$text"
expect_match "classification" "classify +6 to 4, prefix $pref64" "$text"
expect_match "parse" "parse +udp [0-9]+ -> 7, hop limit 64" "$text"
expect_match "look-up" "look up +binding: none" "$text"
expect_match "decision" "decide +sent; binding $client_addr [0-9]+ <-> 203.0.113.[0-9]+ [0-9]+" "$text"
expect_match "what moved" "bindings_created \+1" "$text"
expect_match "the packet sent" "send +sent on p4, .*203.0.113.* -> $server_addr udp [0-9]+ -> 7" "$text"
expect_match "the way back" "classify +4 to 6, pool address 203.0.113" "$text"
expect_match "its look-up" "look up +binding: found" "$text"

# A capture: each packet twice, equal payloads, and the comment says which is which.
ctl capture --remote "$server_addr" --count 4 --write "$lab_dir/flow.pcapng" 2>"$lab_dir/capture.err" &
capturer=$!
wait_for 5 "the capture to begin" grep -q recording "$lab_dir/capture.err"
ask 100 --count 2
wait "$capturer" || fail "capture: $(cat "$lab_dir/capture.err")"
expect_equal "mode of the file" 600 "$(stat -c %a "$lab_dir/flow.pcapng")"
all=$(shark "$lab_dir/flow.pcapng" udp frame.interface_name ipv6.src ip.dst udp.payload frame.comment)
expect_equal "packets captured" 8 "$(wc -l <<<"$all")"
expect_equal "before" 4 "$(grep -c 'before translation, packet [0-9]* of worker 0; sent' <<<"$all")"
expect_equal "after" 4 "$(grep -c 'after translation, packet [0-9]* of worker 0' <<<"$all")"
expect_match "as received" "^p6 received\|$client_addr\|\|" "$all"
expect_match "as sent" "^p4 sent\|\|$server_addr\|" "$all"
before=$(grep '^p6 received' <<<"$all" | cut -d'|' -f4)
after=$(grep '^p4 sent' <<<"$all" | cut -d'|' -f4)
expect_equal "payload before and after" "$before" "$after"
checksums=$(tshark -n -r "$lab_dir/flow.pcapng" -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE -Y udp -T fields \
    -E separator=, -e ip.checksum.status -e udp.checksum.status 2>"$lab_dir/shark.err" | sort | uniq -c | xargs)
expect_equal "good checksums: UDP behind IPv6, IPv4 and UDP" "4 ,1 4 1,1" "$checksums"

# ping: echo requests and replies, each before and after.
ctl capture --protocol icmp --remote "$server_addr" --count 4 --seconds 10 --write "$lab_dir/ping.pcapng" 2>"$lab_dir/capture3.err" &
capturer=$!
wait_for 5 "the capture to begin" grep -q recording "$lab_dir/capture3.err"
in_ns client6 ping -c 2 -i 0.2 -W 2 "$(v6_of "$server_addr")" >"$lab_dir/ping6.out"
wait "$capturer" || fail "capture: $(cat "$lab_dir/capture3.err")"
for side in "p6 received:icmpv6.type == 128" "p4 sent:icmp.type == 8" "p4 received:icmp.type == 0" "p6 sent:icmpv6.type == 129"; do
    expect_equal "$side" 2 "$(shark "$lab_dir/ping.pcapng" "frame.interface_name == \"${side%:*}\" && ${side#*:}" frame.number | wc -l)"
done

# curl: a whole file passes while everything is recorded; what the recorder had no room for it says.
head -c 3000000 /dev/urandom >"$lab_dir/file"
lab_spawn http server4 /usr/bin/python3 -m http.server 8080 --bind "$server_addr" --directory "$lab_dir"
wait_for 30 "the web server" lab_listening server4 tcp 8080
ctl capture --subscriber 2001:db8:6:c::/64 --count 1000000 --seconds 2 --bytes 100 --write - >"$lab_dir/curl.pcapng" 2>"$lab_dir/capture4.err" &
capturer=$!
wait_for 5 "the capture to begin" grep -q recording "$lab_dir/capture4.err"
in_ns client6 curl -sS -m 10 -o "$lab_dir/got" "http://[$(v6_of "$server_addr")]:8080/file"
cmp "$lab_dir/file" "$lab_dir/got" || fail "the file that passed while a capture ran is another one"
wait "$capturer" || fail "capture: $(cat "$lab_dir/capture4.err")"
curl_in=$(shark "$lab_dir/curl.pcapng" 'frame.interface_name == "p6 received" && tcp.flags.syn == 1' ipv6.dst tcp.dstport frame.comment)
expect_match "the SYN" "^$(v6_of "$server_addr")\|8080\|before translation, packet [0-9]+ of worker 0; sent; binding $client_addr [0-9]+ <-> 203.0.113" "$curl_in"
expect_match "the SYN as sent" "^$server_addr\|8080\|after translation" \
    "$(shark "$lab_dir/curl.pcapng" 'frame.interface_name == "p4 sent" && tcp.flags.syn == 1' ip.dst tcp.dstport frame.comment)"
expect_match "the request" "GET /file" "$(tshark -n -r "$lab_dir/curl.pcapng" -d tcp.port==8080,http -Y 'frame.interface_name == "p6 received"' -V 2>/dev/null | grep -m 1 GET)"

# A drop of one reason, in a capture and among the last dropped packets.
ctl capture --drop no_binding --count 1 --seconds 10 --write "$lab_dir/drop.pcapng" 2>"$lab_dir/capture2.err" &
capturer=$!
wait_for 5 "the capture to begin" grep -q recording "$lab_dir/capture2.err"
ask 50 --count 1
in_ns server4 ping -c 1 -W 1 203.0.113.2 >"$lab_dir/ping.out" || true
in_ns server4 bash -c 'echo stray >/dev/udp/203.0.113.2/9' || true
wait "$capturer" || fail "capture: $(cat "$lab_dir/capture2.err")"
expect_match "the comment" "dropped: no_binding .*packet [0-9]+ of worker" \
    "$(shark "$lab_dir/drop.pcapng" 'frame.interface_name == "p4 received"' frame.comment)"
ctl show dropped --reason no_binding --write "$lab_dir/dropped.pcapng"
expect_match "the last dropped" "^$server_addr\|dropped: no_binding" \
    "$(shark "$lab_dir/dropped.pcapng" ip ip.src frame.comment)"
expect_match "as text" "no_binding +on p4, worker 0, [0-9]+ bytes: $server_addr -> 203.0.113.2" "$(ctl show dropped)"

# Refusals are sentences; a trace whose reader is gone does not stay on.
expect_status "an unknown reason" 1 ctl trace --drop nonsense
expect_match "what it says" "is no drop reason" "$out"
expect_status "no subscriber" 1 ctl trace --subscriber 2001:db8::/200
expect_status "no protocol" 2 ctl trace --protocol sctp
expect_match "what it says" "tcp, udp, icmp" "$out"
expect_status "no count" 2 ctl trace --count 0
expect_status "no parameter of that name" 0 py gw rpc "$lab_dir/control.sock" trace.start '{"remotee": "192.0.2.1"}'
expect_match "what it says" "remotee: is no parameter here" "$out"
echo precious >"$lab_dir/kept"
expect_status "a refused capture" 1 ctl capture --remote 2001:db8::1 --write "$lab_dir/kept"
expect_equal "the file of a refused capture" precious "$(cat "$lab_dir/kept")"
expect_status "a file that cannot be written" 1 ctl capture --write "$lab_dir/no/such" --count 1
expect_match "what it says" "cannot be written" "$out"
"$bin/control/isthmusctl" --socket "$lab_dir/control.sock" trace --seconds 600 >/dev/null 2>"$lab_dir/long.err" &
tracer=$!
wait_for 5 "the trace to begin" grep -q recording "$lab_dir/long.err"
expect_status "a second trace" 1 ctl trace --count 1
expect_match "what it says" "running already" "$out"
kill -INT "$tracer"
wait "$tracer" || fail "an interrupted trace ends well"
expect_status "the next trace" 0 ctl trace --count 1 --seconds 1
