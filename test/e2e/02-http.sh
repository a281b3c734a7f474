#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file fetched over TCP arrives whole.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
head -c 20000000 /dev/urandom >"$lab_dir/file"
lab_spawn http server4 /usr/bin/python3 -m http.server 8080 --bind "$server_addr" --directory "$lab_dir"
wait_for 30 "the web server" lab_listening server4 tcp 8080
in_ns client6 curl -sS -m 30 -o "$lab_dir/got" "http://[$(v6_of "$server_addr")]:8080/file"
cmp "$lab_dir/file" "$lab_dir/got"
