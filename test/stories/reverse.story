# SPDX-License-Identifier: Apache-2.0
# Reverse names below a NAT64 prefix (RFC 6147 section 5.3.1).

story T-6147-ptr-001 T-6147-ptr-002: PTR below 2001:db8::/32: a CNAME that is followed
nat64 prefixes = [ "2001:db8::/32" ];
ask 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.2.4.6.3.3.6.c.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.2.4.6.3.3.6.c.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
why ptr_cname
ede 29

story T-6147-ptr-001 T-6147-ptr-002: PTR below 2001:db8:100::/40: a CNAME that is followed
nat64 prefixes = [ "2001:db8:100::/40" ];
ask 0.0.0.0.0.0.0.0.0.0.0.0.1.2.0.0.4.6.3.3.6.c.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 0.0.0.0.0.0.0.0.0.0.0.0.1.2.0.0.4.6.3.3.6.c.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
why ptr_cname
ede 29

story T-6147-ptr-001 T-6147-ptr-002: PTR below 2001:db8:122::/48: a CNAME that is followed
nat64 prefixes = [ "2001:db8:122::/48" ];
ask 0.0.0.0.0.0.0.0.0.0.1.2.4.6.0.0.3.3.6.c.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 0.0.0.0.0.0.0.0.0.0.1.2.4.6.0.0.3.3.6.c.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
why ptr_cname
ede 29

story T-6147-ptr-001 T-6147-ptr-002: PTR below 2001:db8:122:300::/56: a CNAME that is followed
nat64 prefixes = [ "2001:db8:122:300::/56" ];
ask 0.0.0.0.0.0.0.0.1.2.4.6.3.3.0.0.6.c.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 0.0.0.0.0.0.0.0.1.2.4.6.3.3.0.0.6.c.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
why ptr_cname
ede 29

story T-6147-ptr-001 T-6147-ptr-002: PTR below 2001:db8:122:344::/64: a CNAME that is followed
nat64 prefixes = [ "2001:db8:122:344::/64" ];
ask 0.0.0.0.0.0.1.2.4.6.3.3.6.c.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 0.0.0.0.0.0.1.2.4.6.3.3.6.c.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
why ptr_cname
ede 29

story T-6147-ptr-001 T-6147-ptr-002: PTR below 2001:db8:122:344::/96: a CNAME that is followed
nat64 prefixes = [ "2001:db8:122:344::/96" ];
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
why ptr_cname
ede 29

story T-6147-ptr-001 T-6147-ptr-002: PTR below 64:ff9b::/96: a CNAME that is followed
nat64 prefixes = [ "64:ff9b::/96" ];
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
why ptr_cname
ede 29

story T-6147-ptr-001: the well-known prefix counts although another one is configured
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 30 PTR www.example.
reply NOERROR rd ra
an 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. 30 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 30 PTR www.example.

story T-6147-ptr-001: outside of every prefix: resolved as usual
ask 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.b.d.0.1.0.0.2.ip6.arpa. PTR
up 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.b.d.0.1.0.0.2.ip6.arpa. PTR NOERROR
an 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.b.d.0.1.0.0.2.ip6.arpa. 300 PTR host.example.
reply NOERROR rd ra
an 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.b.d.0.1.0.0.2.ip6.arpa. 300 PTR host.example.
why plain

story T-6147-ptr-003: a target without PTR gives its NXDOMAIN or NODATA, no dangling CNAME
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NXDOMAIN
ns 100.51.198.in-addr.arpa. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NXDOMAIN rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 120 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 120
why ptr_no_target
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
ns 100.51.198.in-addr.arpa. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 120 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 120

story T-6147-ptr-003: a target that is a CNAME itself is skipped (RFC 2317)
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 CNAME 33.32-27.100.51.198.in-addr.arpa.
an 33.32-27.100.51.198.in-addr.arpa. 500 PTR www.example.
reply NOERROR rd ra
an 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 500 CNAME 33.32-27.100.51.198.in-addr.arpa.
an 33.32-27.100.51.198.in-addr.arpa. 500 PTR www.example.

story T-6147-ptr-003: a target that fails is SERVFAIL
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR timeout
reply SERVFAIL rd ra

story T-6147-ptr-004: fewer nibbles: an empty non-terminal
ask 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
ask c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
ask 2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600

story T-6147-ptr-004: more labels, no hexadecimal or a u octet that is not zero: no such name
ask 1.1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
ask x.x.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
ask g.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
ask 10.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
nat64 prefixes = [ "2001:db8:122:344::/64" ];
ask 0.0.0.0.0.0.1.2.4.6.3.3.6.c.1.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600

story T-6147-ptr-004: bits of the suffix are ignored, as the translator ignores them
nat64 prefixes = [ "2001:db8:122:344::/64" ];
ask 7.7.0.0.1.0.1.2.4.6.3.3.6.c.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 7.7.0.0.1.0.1.2.4.6.3.3.6.c.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.

story T-6147-ptr-005: embedded private addresses are not asked for upstream
ask 3.0.2.0.1.0.a.0.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
why local_zone
ask 1.0.0.0.f.1.c.a.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
why local_zone
ask 7.0.7.0.8.a.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
why local_zone
ask 1.0.0.0.0.4.4.6.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
why local_zone
ask 1.0.0.0.0.0.f.7.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
why local_zone
ask 3.0.3.0.e.f.9.a.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
why local_zone
ask 3.0.2.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600
why local_zone
dns64 resolve_zones = [ "10.in-addr.arpa" ];
ask 3.0.2.0.1.0.a.0.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
up 3.2.1.10.in-addr.arpa. PTR NOERROR
an 3.2.1.10.in-addr.arpa. 300 PTR a.lan.
reply NOERROR rd ra
an 3.0.2.0.1.0.a.0.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 300 CNAME 3.2.1.10.in-addr.arpa.
an 3.2.1.10.in-addr.arpa. 300 PTR a.lan.

story T-6147-ptr-005: the zones of RFC 6303 themselves
ask 3.2.1.10.in-addr.arpa. PTR
reply NXDOMAIN aa rd ra
ns 10.in-addr.arpa. 600 SOA 10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 600
ask 1.1.168.192.in-addr.arpa. PTR
reply NXDOMAIN aa rd ra
ns 168.192.in-addr.arpa. 600 SOA 168.192.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 600
ask 1.0.0.127.in-addr.arpa. PTR
reply NXDOMAIN aa rd ra
ns 127.in-addr.arpa. 600 SOA 127.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 600
ask 10.in-addr.arpa. PTR
reply NOERROR aa rd ra
ns 10.in-addr.arpa. 600 SOA 10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 600
ask 10.in-addr.arpa. SOA
reply NOERROR aa rd ra
an 10.in-addr.arpa. 600 SOA 10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 600
ask d.f.ip6.arpa. NS
reply NOERROR aa rd ra
an d.f.ip6.arpa. 600 NS d.f.ip6.arpa.

story T-6147-ptr-005: DS of a zone of RFC 6303 is its parent's
ask 10.in-addr.arpa. DS
up 10.in-addr.arpa. DS NOERROR
ns in-addr.arpa. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
ns in-addr.arpa. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
why plain

story T-6147-ptr-005: switched off
dns64 local_reverse = "off";
ask 3.2.1.10.in-addr.arpa. PTR
up 3.2.1.10.in-addr.arpa. PTR NOERROR
an 3.2.1.10.in-addr.arpa. 300 PTR a.lan.
reply NOERROR rd ra
an 3.2.1.10.in-addr.arpa. 300 PTR a.lan.

story T-6147-ptr-006: another type at a mapped name: the same CNAME
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. TXT
up 33.100.51.198.in-addr.arpa. TXT NOERROR
ns 100.51.198.in-addr.arpa. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
an 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 120 CNAME 33.100.51.198.in-addr.arpa.
ns 100.51.198.in-addr.arpa. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. CNAME
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. ANY
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.

story T-6147-ptr-007: the CNAME under DO is unsigned and not authentic
dns64 validation = "trust-ad";
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR do
up 33.100.51.198.in-addr.arpa. PTR NOERROR ad
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
an 33.100.51.198.in-addr.arpa. 3600 RRSIG PTR 8 6 3600 20300101000000 20200101000000 1 100.51.198.in-addr.arpa. AAAA
reply NOERROR rd ra
an 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
an 33.100.51.198.in-addr.arpa. 3600 RRSIG PTR 8 6 3600 20300101000000 20200101000000 1 100.51.198.in-addr.arpa. AAAA
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR do cd
up 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR NXDOMAIN cd
ns ip6.arpa. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NXDOMAIN rd ra cd
ns ip6.arpa. 120 SOA ns.example. admin.example. 1 3600 600 86400 120

story T-6147-ptr-008: a prefix inside a locally served zone comes first
nat64 prefixes = [ "fd00:64::/96" ];
ask 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.0.0.d.f.ip6.arpa. PTR
up 33.100.51.198.in-addr.arpa. PTR NOERROR
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
reply NOERROR rd ra
an 1.2.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.0.0.d.f.ip6.arpa. 600 CNAME 33.100.51.198.in-addr.arpa.
an 33.100.51.198.in-addr.arpa. 3600 PTR www.example.
ask 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.6.0.0.0.0.d.f.ip6.arpa. PTR
reply NXDOMAIN aa rd ra
ns d.f.ip6.arpa. 600 SOA d.f.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600

story T-7050-005: PTR of the well-known addresses, under every prefix
ask a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.
why ptr_well_known
ask b.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an b.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.
why ptr_well_known
ask a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. PTR
reply NOERROR aa rd ra
an a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. 600 PTR ipv4only.arpa.
why ptr_well_known
ask b.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. PTR
reply NOERROR aa rd ra
an b.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. 600 PTR ipv4only.arpa.
why ptr_well_known
ask a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. TXT
reply NOERROR aa rd ra
ns 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 SOA 0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. nobody.invalid. 1 3600 1200 604800 600

story T-7050-005: PTR of the well-known addresses under 2001:db8::/32
nat64 prefixes = [ "2001:db8::/32" ];
ask 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.a.0.0.0.0.0.c.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.a.0.0.0.0.0.c.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.
ask 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.a.0.0.0.0.0.c.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.a.0.0.0.0.0.c.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.

story T-7050-005: PTR of the well-known addresses under 2001:db8:100::/40
nat64 prefixes = [ "2001:db8:100::/40" ];
ask 0.0.0.0.0.0.0.0.0.0.0.0.a.a.0.0.0.0.0.0.0.c.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.0.0.0.0.0.0.a.a.0.0.0.0.0.0.0.c.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.
ask 0.0.0.0.0.0.0.0.0.0.0.0.b.a.0.0.0.0.0.0.0.c.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.0.0.0.0.0.0.b.a.0.0.0.0.0.0.0.c.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.

story T-7050-005: PTR of the well-known addresses under 2001:db8:122::/48
nat64 prefixes = [ "2001:db8:122::/48" ];
ask 0.0.0.0.0.0.0.0.0.0.a.a.0.0.0.0.0.0.0.c.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.0.0.0.0.a.a.0.0.0.0.0.0.0.c.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.
ask 0.0.0.0.0.0.0.0.0.0.b.a.0.0.0.0.0.0.0.c.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.0.0.0.0.b.a.0.0.0.0.0.0.0.c.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.

story T-7050-005: PTR of the well-known addresses under 2001:db8:122:300::/56
nat64 prefixes = [ "2001:db8:122:300::/56" ];
ask 0.0.0.0.0.0.0.0.a.a.0.0.0.0.0.0.0.c.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.0.0.a.a.0.0.0.0.0.0.0.c.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.
ask 0.0.0.0.0.0.0.0.b.a.0.0.0.0.0.0.0.c.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.0.0.b.a.0.0.0.0.0.0.0.c.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.

story T-7050-005: PTR of the well-known addresses under 2001:db8:122:344::/64
nat64 prefixes = [ "2001:db8:122:344::/64" ];
ask 0.0.0.0.0.0.a.a.0.0.0.0.0.c.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.a.a.0.0.0.0.0.c.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.
ask 0.0.0.0.0.0.b.a.0.0.0.0.0.c.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an 0.0.0.0.0.0.b.a.0.0.0.0.0.c.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR ipv4only.arpa.

story T-7050-013: nat64_fqdn names the gateway instead
dns64 nat64_fqdn = "nat64.example.net";
ask b.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR
reply NOERROR aa rd ra
an b.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 600 PTR nat64.example.net.
