# SPDX-License-Identifier: Apache-2.0
# How long answers may be kept, and what a stale one becomes (chapter 5.3 of the checklist).

story T-2308-001: NODATA and NXDOMAIN for the lesser of SOA TTL and MINIMUM
ask www.example. TXT
up www.example. TXT NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
ns example. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
ttl 120
ask www.example. TXT
up www.example. TXT NXDOMAIN
ns example. 60 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NXDOMAIN rd ra
ns example. 60 SOA ns.example. admin.example. 1 3600 600 86400 120
ttl 60

story T-2308-001: at most three hours
ask www.example. TXT
up www.example. TXT NXDOMAIN
ns example. 86400 SOA ns.example. admin.example. 1 3600 600 86400 86400
reply NXDOMAIN rd ra
ns example. 86400 SOA ns.example. admin.example. 1 3600 600 86400 86400
ttl 10800

story T-2308-001 T-2308-011: a SOA says no more than its MINIMUM, signed or not, and lasts no longer than what it says
ask www.example. TXT do
up www.example. TXT NXDOMAIN
ns example. 3600 SOA ns.example. admin.example. 1 3600 600 86400 60
ns example. 3600 RRSIG SOA 8 1 3600 20300101000000 20200101000000 1 example. AAAA
ns www.example. 900 NSEC x.example. A RRSIG NSEC
age 50
reply NXDOMAIN rd ra
ns example. 10 SOA ns.example. admin.example. 1 3600 600 86400 60
ns example. 10 RRSIG SOA 8 1 3600 20300101000000 20200101000000 1 example. AAAA
ns www.example. 850 NSEC x.example. A RRSIG NSEC
ttl 60

story T-2308-003: a synthesis lives no longer than the negative AAAA, and counts down
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 100 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
age 40
reply NOERROR rd ra
an www.example. 60 AAAA 2001:db8:64::c000:201
ttl 100

story T-2308-010: a negative answer without SOA is not kept
ask www.example. TXT
up www.example. TXT NOERROR ra
reply NOERROR rd ra
ttl 0
ask www.example. TXT
up www.example. TXT NXDOMAIN ra
reply NXDOMAIN rd ra
ttl 0
ask www.example. AAAA
up www.example. AAAA NOERROR ra
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ttl 300

story T-2308-011: the SOA of a negative answer counts down
ask www.example. TXT
up www.example. TXT NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
age 100
reply NOERROR rd ra
ns example. 20 SOA ns.example. admin.example. 1 3600 600 86400 120

story T-2308-012: a huge TTL is seven days, also with the top bit set
ask www.example. A
up www.example. A NOERROR
an www.example. 2000000 A 192.0.2.1
reply NOERROR rd ra
an www.example. 604800 A 192.0.2.1
ttl 604800
ask www.example. A
up www.example. A NOERROR
an www.example. 4294967295 A 192.0.2.1
reply NOERROR rd ra
an www.example. 604800 A 192.0.2.1

story T-2308-005: what is stale goes out with 30 seconds
ask www.example. A
up www.example. A NOERROR stale
an www.example. 3600 A 192.0.2.1
reply NOERROR rd ra
an www.example. 30 A 192.0.2.1
ttl 0
ede 3

story T-2308-006: fresh A and a stale negative AAAA: synthesis with 30 seconds
ask www.example. AAAA
up www.example. AAAA NOERROR stale
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 3600 A 192.0.2.1
reply NOERROR rd ra
an www.example. 30 AAAA 2001:db8:64::c000:201
ede 3

story T-2308-006: a stale real AAAA beats synthesis
ask www.example. AAAA
up www.example. A NOERROR
an www.example. 3600 A 192.0.2.1
up www.example. AAAA NOERROR stale
an www.example. 3600 AAAA 2001:db8:1::1
reply NOERROR rd ra
an www.example. 30 AAAA 2001:db8:1::1
why has_aaaa

story T-2308-013: a stale NXDOMAIN says so
ask www.example. A
up www.example. A NXDOMAIN stale
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply NXDOMAIN rd ra
ns example. 30 SOA ns.example. admin.example. 1 3600 600 86400 900
ede 19
