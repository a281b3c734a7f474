# SPDX-License-Identifier: Apache-2.0
# ipv4only.arpa (RFC 7050, 8880) and names that mean something here only (RFC 6761, 7686).

story T-7050-001: AAAA ipv4only.arpa: every prefix with both addresses
nat64 prefixes = [ "2001:db8:64::/96", "2001:db8:100::/40" ];
ask ipv4only.arpa. AAAA
reply NOERROR aa rd ra
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:aa
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:ab
an ipv4only.arpa. 600 AAAA 2001:db8:1c0:0:aa::
an ipv4only.arpa. 600 AAAA 2001:db8:1c0:0:ab::
why ipv4only

story T-7050-001: also under the well-known prefix
nat64 prefixes = [ "64:ff9b::/96" ];
ask IPV4only.ARPA. AAAA
reply NOERROR aa rd ra
an IPV4only.ARPA. 600 AAAA 64:ff9b::c000:aa
an IPV4only.ARPA. 600 AAAA 64:ff9b::c000:ab

story T-7050-002 T-7050-009: A is local, other types are NODATA with an SOA, below is nothing
ask ipv4only.arpa. A
reply NOERROR aa rd ra
an ipv4only.arpa. 600 A 192.0.0.170
an ipv4only.arpa. 600 A 192.0.0.171
ask ipv4only.arpa. NS
reply NOERROR aa rd ra
ns ipv4only.arpa. 600 SOA ipv4only.arpa. nobody.invalid. 1 3600 1200 604800 600
ask ipv4only.arpa. SOA
reply NOERROR aa rd ra
ns ipv4only.arpa. 600 SOA ipv4only.arpa. nobody.invalid. 1 3600 1200 604800 600
ask ipv4only.arpa. TXT
reply NOERROR aa rd ra
ns ipv4only.arpa. 600 SOA ipv4only.arpa. nobody.invalid. 1 3600 1200 604800 600
ask ipv4only.arpa. TYPE65
reply NOERROR aa rd ra
ns ipv4only.arpa. 600 SOA ipv4only.arpa. nobody.invalid. 1 3600 1200 604800 600
ask x.ipv4only.arpa. AAAA
reply NXDOMAIN aa rd ra
ns ipv4only.arpa. 600 SOA ipv4only.arpa. nobody.invalid. 1 3600 1200 604800 600
ask a.b.ipv4only.arpa. DS
reply NXDOMAIN aa rd ra
ns ipv4only.arpa. 600 SOA ipv4only.arpa. nobody.invalid. 1 3600 1200 604800 600

story T-7050-002 T-7050-008: DS alone goes upstream
ask ipv4only.arpa. DS
up ipv4only.arpa. DS NOERROR
ns arpa. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
ns arpa. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
why plain

story T-7050-004: CD and DO change nothing for it
dns64 validation = "trust-ad";
ask ipv4only.arpa. AAAA do
reply NOERROR aa rd ra
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:aa
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:ab
ask ipv4only.arpa. AAAA do cd
reply NOERROR aa rd ra cd
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:aa
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:ab
ask ipv4only.arpa. AAAA cd ad
reply NOERROR aa rd ra cd
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:aa
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:ab

story T-7050-010: without DNS64 the name is like others
dns64 views = ( { name = "plain"; clients = [ "2001:db8:5::/48" ]; synthesis = false; } );
client 2001:db8:5::1
ask ipv4only.arpa. AAAA
up ipv4only.arpa. AAAA NOERROR
ns ipv4only.arpa. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
ns ipv4only.arpa. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
why view_off

story T-7050-011: prefixes of special ranges are not announced
nat64 prefixes = [ "2001:db8:64::/96" ];
dns64 ranges = ( { ipv4 = "198.51.100.0/24"; prefixes = [ "2001:db8:a::/96" ]; } );
ask ipv4only.arpa. AAAA
reply NOERROR aa rd ra
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:aa
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:ab

story T-7050-012: the reverse names of 192.0.0.170 and .171 are not special
ask 170.0.0.192.in-addr.arpa. PTR
up 170.0.0.192.in-addr.arpa. PTR NOERROR
an 170.0.0.192.in-addr.arpa. 300 PTR ipv4only.arpa.
reply NOERROR rd ra
an 170.0.0.192.in-addr.arpa. 300 PTR ipv4only.arpa.
why plain

story T-7050-014: no list touches it
dns64 exclude_names = [ "arpa" ]; ignore_aaaa = [ "." ]; exclude_aaaa = [ "2001:db8:64::/96" ]; exclude_ipv4 = [ "192.0.0.0/24" ];
ask ipv4only.arpa. AAAA
reply NOERROR aa rd ra
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:aa
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:ab

story T-7050-007: localhost
ask localhost. AAAA
reply NOERROR aa rd ra
an localhost. 600 AAAA ::1
ask a.LocalHost. A
reply NOERROR aa rd ra
an a.LocalHost. 600 A 127.0.0.1
ask localhost. MX
reply NOERROR aa rd ra
ns localhost. 600 SOA localhost. nobody.invalid. 1 3600 1200 604800 600

story T-7050-007: invalid, test and onion do not exist
ask www.invalid. AAAA
reply NXDOMAIN aa rd ra
ns invalid. 600 SOA invalid. nobody.invalid. 1 3600 1200 604800 600
why special_name
ask www.test. A
reply NXDOMAIN aa rd ra
ns test. 600 SOA test. nobody.invalid. 1 3600 1200 604800 600
ask x.onion. AAAA
reply NXDOMAIN aa rd ra
ns onion. 600 SOA onion. nobody.invalid. 1 3600 1200 604800 600
dns64 resolve_zones = [ "test" ];
ask www.test. A
up www.test. A NOERROR
an www.test. 300 A 192.0.2.1
reply NOERROR rd ra
an www.test. 300 A 192.0.2.1

story T-7050-007: local (RFC 6762), home.arpa and resolver.arpa are not asked for upstream
ask printer.Local. AAAA
reply NXDOMAIN aa rd ra
ns Local. 600 SOA Local. nobody.invalid. 1 3600 1200 604800 600
why special_name
ask local. A
reply NXDOMAIN aa rd ra
ns local. 600 SOA local. nobody.invalid. 1 3600 1200 604800 600
ask _dns.resolver.arpa. SVCB
reply NXDOMAIN aa rd ra
ns resolver.arpa. 600 SOA resolver.arpa. nobody.invalid. 1 3600 1200 604800 600
why local_zone
ask nas.home.arpa. AAAA
reply NXDOMAIN aa rd ra
ns home.arpa. 600 SOA home.arpa. nobody.invalid. 1 3600 1200 604800 600
ask home.arpa. DS
up home.arpa. DS NOERROR
ns arpa. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
ns arpa. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
why plain
dns64 resolve_zones = [ "local", "home.arpa" ];
ask printer.local. A
up printer.local. A NOERROR
an printer.local. 60 A 10.0.0.9
reply NOERROR rd ra
an printer.local. 60 A 10.0.0.9

story T-7050-008: an alias of ipv4only.arpa goes nowhere else
ask alias.example. AAAA
up alias.example. A NOERROR
an alias.example. 300 CNAME ipv4only.arpa.
up alias.example. AAAA NOERROR
an alias.example. 300 CNAME ipv4only.arpa.
reply NOERROR rd ra
an alias.example. 300 CNAME ipv4only.arpa.
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:aa
an ipv4only.arpa. 600 AAAA 2001:db8:64::c000:ab
why has_aaaa

story T-7050-007: aliases of names that are answered here
ask a.example. AAAA
up a.example. A NOERROR
an a.example. 300 CNAME b.invalid.
up a.example. AAAA NOERROR
an a.example. 300 CNAME b.invalid.
reply NXDOMAIN rd ra
an a.example. 300 CNAME b.invalid.
ns invalid. 600 SOA invalid. nobody.invalid. 1 3600 1200 604800 600
ask a.example. A
up a.example. A NOERROR
an a.example. 300 CNAME b.localhost.
reply NOERROR rd ra
an a.example. 300 CNAME b.localhost.
an b.localhost. 600 A 127.0.0.1
