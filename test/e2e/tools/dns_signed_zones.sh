# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A private internet's names for the tests of recursion: a signed root, a signed zone below it in which some
# records were changed after signing, and one that is not signed. named serves them at the addresses of the
# root servers, which libunbound knows by heart, in a namespace that has no way out.

root_v4=(198.41.0.4 170.247.170.2 192.33.4.12 199.7.91.13 192.203.230.10 192.5.5.241 192.112.36.4
    198.97.190.53 192.36.148.17 192.58.128.30 193.0.14.129 199.7.83.42 202.12.27.33)

sign_zone() { # ZONE FILE: FILE.signed, DSSET in dsset-ZONE; the key-signing key's record in FILE.key
    local ksk
    ksk=$(dnssec-keygen -q -a ECDSAP256SHA256 -f KSK "$1")
    dnssec-keygen -q -a ECDSAP256SHA256 "$1" >"$2.zsk"
    # Valid from an hour ago for a week: the clock of the machine is what it is.
    dnssec-signzone -q -S -s now-1h -e now+7d -o "$1" -f "$2.signed" "$2" >"$2.log" 2>&1 || fail "signing $1: $(cat "$2.log")"
    grep -v '^;' "$ksk.key" >"$2.key"
}

# Changes one record of a signed zone, whose signature is then of something else.
tamper() { # FILE OLD NEW
    grep -q "$2" "$1" || fail "nothing to change in $1: $2"
    sed -i "s/$2/$3/" "$1"
}

write_zones() { # DIR: zone files, named.conf, root.key
    cd "$1" || return 1
    cat >example <<'ZONE'
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
ns A 198.41.0.4
v4only A 192.0.2.33
both A 192.0.2.34
both AAAA 2001:db8:1::34
forged A 192.0.2.35
forged6 A 192.0.2.36
forged6 AAAA 2001:db8:1::36
denied A 192.0.2.37
alias CNAME v4only
ZONE
    cat >plain <<'ZONE'
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
ns A 198.41.0.4
v4only A 192.0.2.40
ZONE
    sign_zone example example
    cat >root - dsset-example. <<'ZONE'
$TTL 3600
. SOA a.root-servers.net. hostmaster. 1 7200 3600 1209600 60
. NS a.root-servers.net.
a.root-servers.net. A 198.41.0.4
example. NS ns.example.
ns.example. A 198.41.0.4
plain. NS ns.plain.
ns.plain. A 198.41.0.4
ZONE
    sign_zone . root
    tamper example.signed '192\.0\.2\.35' 192.0.2.99           # an A record
    tamper example.signed '2001:db8:1::36' 2001:db8:1::99      # an AAAA record
    tamper example.signed 'forged\.example\. A RRSIG' 'forged.example. A TXT RRSIG' # what there is beside denied's A
    mv root.key trust
    mv trust root.key
    cat >named.conf <<CONF
options { directory "$1"; pid-file none; session-keyfile none; listen-on { any; }; listen-on-v6 { none; };
    recursion no; dnssec-validation no; empty-zones-enable no; };
controls { };
zone "." { type primary; file "root.signed"; };
zone "example" { type primary; file "example.signed"; };
zone "plain" { type primary; file "plain"; };
CONF
    cd "$OLDPWD" || return 1
}
