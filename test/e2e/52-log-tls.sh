#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Logs to collectors over TLS (RFC 5425, RFC 7011 section 11): both ends show certificates and verify them; a collector with
# another name, or of another authority, gets nothing, and its records wait in the spool; one that wants a certificate of
# ours and gets none, likewise. IPFIX over TLS holds message by message.
# ids: T-8158-012
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
certs=$lab_dir/certs
mkdir "$certs"
authority() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$certs/$1.key" -out "$certs/$1.pem" 2>/dev/null
}
certificate() { # NAME AUTHORITY SUBJECT-ALTERNATIVE-NAME
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$certs/$1.key" -out "$certs/$1.csr" 2>/dev/null
    openssl x509 -req -in "$certs/$1.csr" -CA "$certs/$2.pem" -CAkey "$certs/$2.key" -CAcreateserial -days 2 \
        -extfile <(echo "subjectAltName=$3") -out "$certs/$1.pem" 2>/dev/null
}
authority ca
authority other
certificate collector ca DNS:logs.example
certificate byaddress ca IP:127.0.0.1
certificate stranger other DNS:logs.example
certificate gateway ca DNS:gw.example
tls="transport = \"tls\"; address = \"127.0.0.1\"; ca = \"$certs/ca.pem\";"
ours="certificate = \"$certs/gateway.pem\"; key = \"$certs/gateway.key\";"
control_extra="logs = (
      { type = \"syslog\"; port = 5601; name = \"logs.example\"; $tls $ours },
      { type = \"syslog\"; port = 5602; name = \"other.example\"; $tls $ours },
      { type = \"syslog\"; port = 5603; name = \"logs.example\"; $tls $ours },
      { type = \"syslog\"; port = 5605; name = \"logs.example\"; $tls facility = \"local1\"; },
      { type = \"ipfix\"; port = 5604; domain = 3; $tls } );"
collector() { # PORT CERTIFICATE: it wants one of ours
    spawn_py "at$1" gw collector tls "127.0.0.1:$1" "$lab_dir/$1.txt" "$certs/$2.pem" "$certs/$2.key" "$certs/ca.pem"
}
collector 5601 collector
collector 5602 collector
collector 5603 stranger
collector 5605 collector
spawn_py ipfix gw ipfix_sink --tls 127.0.0.1 5604 "$lab_dir/tls.ipfix" "$certs/byaddress.pem" "$certs/byaddress.key"
ready() { grep -q ready "$lab_dir/$1.log"; }
for name in at5601 at5602 at5603 at5605 ipfix; do wait_for 20 "$name" ready "$name"; done
gw_start
server_echo
ask 64 --count 3 --spread
bindings() { [ "$(grep binding_created "$lab_dir/$1.txt" | grep -o ' seq="[0-9]*"' | sort -u | wc -l)" = "$2" ]; }
wait_for 20 "three bindings over TLS" bindings 5601 3
state() { ctl_value "outlets.$1.state" show logs; }
spools() { [ "$(state "$1")" = spools ]; }
for n in 1 2 3; do wait_for 10 "outlet $n to spool" spools "$n"; done
said=$(ctl show logs)
expect_match "another name" 'hostname mismatch' "$said"
expect_match "another authority" 'self-signed certificate|unable to get local issuer' "$said"
expect_match "who has no certificate" 'certificate required' "$said"
expect_equal "to the wrong name" "" "$(cat "$lab_dir/5602.txt")"
expect_equal "to the wrong authority" "" "$(cat "$lab_dir/5603.txt")"
expect_match "where it goes" 'tls:127.0.0.1:5601' "$said"

# The right one is killed and comes back; and where a stranger was there is the right one.
lab_stop at5601 KILL
lab_stop at5603 KILL
ask 64 --count 2 --spread
collector 5601 collector
collector 5603 collector
wait_for 20 "what came meanwhile" bindings 5601 5
wait_for 20 "all of it, from the spool" bindings 5603 5
sleep 0.2
expect_status "IPFIX over TLS" 0 /usr/bin/python3 "$tools/ipfix_check.py" "$lab_dir/tls.ipfix" 3
expect_match "bindings" '10: 5' "$out"

sed 's/ key = "[^"]*";//' "$(gw_conf)" >"$lab_dir/half.conf"
expect_status "a certificate without its key" 1 "$bin/control/isthmus-control" -c "$lab_dir/half.conf" --check
expect_match "a certificate without its key" "together" "$out"
