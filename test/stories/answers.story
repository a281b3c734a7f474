# SPDX-License-Identifier: Apache-2.0
# When an AAAA is made, and of what (chapter 5.1 of the checklist).

story T-6147-ans-001: another class is passed as it is
ask version.example. AAAA class=CH
up version.example. AAAA NOERROR aa class=CH
an version.example. 60 CH TXT "x"
reply NOERROR rd ra
an version.example. 60 CH TXT "x"
why not_in_class
ttl 0

story T-6147-ans-001: an empty answer of another class is never synthesized
ask www.example. AAAA class=CH
up www.example. AAAA NOERROR class=CH
reply NOERROR rd ra
why not_in_class

story T-6147-ans-002: a real AAAA is returned, and nothing is made
ask www.example. AAAA
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
up www.example. AAAA NOERROR
an www.example. 100 AAAA 2001:db8:1::1
an www.example. 100 AAAA 2001:db8:1::2
reply NOERROR rd ra
an www.example. 100 AAAA 2001:db8:1::1
an www.example. 100 AAAA 2001:db8:1::2
why has_aaaa
ede none
ttl 100

story T-6147-ans-003: real AAAA below a name of ignore_aaaa are ignored
dns64 parallel = false; ignore_aaaa = [ "Broken.example" ];
ask a.broken.Example. AAAA
up a.broken.example. AAAA NOERROR
an a.broken.example. 100 AAAA 2001:db8:1::1
up a.broken.example. A NOERROR
an a.broken.example. 300 A 192.0.2.1
reply NOERROR rd ra
an a.broken.Example. 300 AAAA 2001:db8:64::c000:201
why synthesized_ignoring_aaaa
ede 29
# not for who validates by himself
ask a.broken.example. AAAA cd
up a.broken.example. AAAA NOERROR cd
an a.broken.example. 100 AAAA 2001:db8:1::1
reply NOERROR rd ra cd
an a.broken.example. 100 AAAA 2001:db8:1::1
why has_aaaa
# and not for others
ask notbroken.example. AAAA
up notbroken.example. AAAA NOERROR
an notbroken.example. 100 AAAA 2001:db8:1::1
reply NOERROR rd ra
an notbroken.example. 100 AAAA 2001:db8:1::1

story T-6147-ans-003: ignored AAAA of a name without A give an empty answer
dns64 ignore_aaaa = [ "example" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 100 AAAA 2001:db8:1::1
up www.example. A NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
why no_a
ttl 0

story T-6147-ans-004: NXDOMAIN is NXDOMAIN, and A is not asked
dns64 parallel = false;
ask no.example. AAAA
up no.example. AAAA NXDOMAIN aa
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NXDOMAIN rd ra
ns example. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
why nxdomain
ede none
ttl 120

story T-6147-ans-004: parallel, the A that came first is thrown away
ask no.example. AAAA
up no.example. A NOERROR
an no.example. 300 A 192.0.2.1
up no.example. AAAA NXDOMAIN
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NXDOMAIN rd ra
ns example. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
why nxdomain

story T-6147-ans-005: REFUSED to AAAA, and the A is used
dns64 parallel = false;
ask www.example. AAAA
up www.example. AAAA REFUSED
up www.example. A NOERROR
an www.example. 700 A 192.0.2.1
reply NOERROR rd ra
an www.example. 600 AAAA 2001:db8:64::c000:201
why synthesized_after_failure
ede 29
ttl 600

story T-6147-ans-005: NOTIMP, FORMERR and NOTAUTH to AAAA, and the A is used
ask www.example. AAAA
up www.example. AAAA NOTIMP
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
why synthesized_after_failure
ask www.example. AAAA
up www.example. AAAA FORMERR
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ask www.example. AAAA
up www.example. AAAA NOTAUTH
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ask www.example. AAAA
up www.example. AAAA YXDOMAIN
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-ans-005 T-6147-ans-006: SERVFAIL twice is a failure like others
dns64 parallel = false;
ask www.example. AAAA
up www.example. AAAA SERVFAIL
up www.example. AAAA SERVFAIL cd
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
why synthesized_after_failure

story T-6147-ans-006: SERVFAIL, but data without validation: bogus, and no synthesis
ask www.example. AAAA
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
up www.example. AAAA SERVFAIL
up www.example. AAAA NOERROR cd
an www.example. 300 AAAA 2001:db8:1::1
reply SERVFAIL rd ra
why bogus
ede 6
ttl 0

story T-6147-ans-006: SERVFAIL, but a clean negative without validation: bogus
dns64 parallel = false;
ask www.example. AAAA
up www.example. AAAA SERVFAIL
up www.example. AAAA NOERROR cd
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply SERVFAIL rd ra
why bogus
ask www.example. AAAA
up www.example. AAAA SERVFAIL
up www.example. AAAA NXDOMAIN cd
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply SERVFAIL rd ra
why bogus

story T-6147-ans-006: SERVFAIL, and nothing more is to be had: the A is used
ask www.example. AAAA
up www.example. AAAA SERVFAIL
up www.example. AAAA timeout cd
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-ans-007: no answer to AAAA in time, and the A is used
dns64 parallel = false;
ask www.example. AAAA
up www.example. AAAA timeout
up www.example. A NOERROR
an www.example. 3600 A 192.0.2.1
reply NOERROR rd ra
an www.example. 600 AAAA 2001:db8:64::c000:201
why synthesized_after_failure
ask www.example. AAAA
up www.example. AAAA unreachable
up www.example. A NOERROR
an www.example. 60 A 192.0.2.1
reply NOERROR rd ra
an www.example. 60 AAAA 2001:db8:64::c000:201

story T-6147-ans-008 T-6147-ans-030: neither AAAA nor A: the AAAA query's own negative
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
up www.example. A NOERROR
ns example. 900 SOA ns.example. admin.example. 2 3600 600 86400 900
reply NOERROR rd ra
ns example. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
why no_a
ede none
ttl 120

story T-6147-ans-008: A fails: SERVFAIL
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
up www.example. A SERVFAIL
reply SERVFAIL rd ra
why a_failed
ttl 0
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
up www.example. A timeout
reply SERVFAIL rd ra
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
up www.example. A REFUSED
reply SERVFAIL rd ra

story T-6147-ans-008: AAAA failed and A is empty: SERVFAIL, lest a fault is kept as "no AAAA"
ask www.example. AAAA
up www.example. AAAA timeout
up www.example. A NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply SERVFAIL rd ra
why failed
ttl 0
ask www.example. AAAA
up www.example. AAAA REFUSED
up www.example. A NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply SERVFAIL rd ra
why failed
ask www.example. AAAA
up www.example. AAAA timeout
up www.example. A timeout
reply SERVFAIL rd ra

story T-6147-ans-009 T-6147-ans-017 T-6147-ans-024: AAAA from A, the A records are not shown
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 300 A 198.51.100.2
reply NOERROR rd ra
an www.example. 300 IN AAAA 2001:db8:64::c000:201
an www.example. 300 IN AAAA 2001:db8:64::c633:6402
why synthesized
ede 29
ttl 300

story T-6147-ans-010: AAAA of ::ffff:0:0/96 alone count as none
dns64 parallel = false;
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 100 AAAA ::ffff:192.0.2.1
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
why synthesized_ignoring_aaaa

story T-6147-ans-010: the set of excluded AAAA is the operator's
dns64 exclude_aaaa = [ "2001:db8:1::/48" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 100 AAAA 2001:db8:1::1
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
# it replaces the default
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 100 AAAA ::ffff:192.0.2.1
reply NOERROR rd ra
an www.example. 100 AAAA ::ffff:192.0.2.1

story T-6147-ans-010: excluded AAAA at the end of a chain count as none
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 100 CNAME host.example.
an host.example. 100 AAAA ::ffff:192.0.2.1
up www.example. A NOERROR
an www.example. 100 CNAME host.example.
an host.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 100 CNAME host.example.
an host.example. 300 AAAA 2001:db8:64::c000:201
why synthesized_ignoring_aaaa

story T-6147-ans-011: of mixed AAAA the usable ones are returned
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 100 AAAA ::ffff:192.0.2.1
an www.example. 100 AAAA 2001:db8:1::1
reply NOERROR rd ra
an www.example. 100 AAAA 2001:db8:1::1
why has_aaaa

story T-6147-ans-012: an excluded AAAA reaches nobody, also where there is no A
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 100 AAAA ::ffff:192.0.2.1
up www.example. A NOERROR
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
why no_a

story T-6147-ans-012: an excluded AAAA reaches nobody for a name that is not synthesized
dns64 exclude_names = [ "example" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 100 AAAA ::ffff:192.0.2.1
reply NOERROR rd ra
why name_excluded

story T-6147-ans-012: nor by its signature or for DO
ask www.example. AAAA do
up www.example. AAAA NOERROR ad
an www.example. 100 AAAA ::ffff:192.0.2.1
an www.example. 100 RRSIG AAAA 8 2 100 20300101000000 20200101000000 1 example. AAAA
up www.example. A NOERROR ad
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NOERROR rd ra
why no_a

story T-6147-ans-013: the signature over a filtered set goes with it, and AD
dns64 validation = "trust-ad";
ask www.example. AAAA do
up www.example. AAAA NOERROR ad
an www.example. 100 AAAA ::ffff:192.0.2.1
an www.example. 100 AAAA 2001:db8:1::1
an www.example. 100 RRSIG AAAA 8 2 100 20300101000000 20200101000000 1 example. AAAA
reply NOERROR rd ra
an www.example. 100 AAAA 2001:db8:1::1

story T-6147-ans-014: a CNAME is kept before the synthetic AAAA
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 200 CNAME host.example.
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 200 CNAME host.example.
an host.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 200 CNAME host.example.
an host.example. 300 AAAA 2001:db8:64::c000:201
ttl 200

story T-6147-ans-014: a chain whose links came in any order is written in order, once
ask www.example. AAAA
up www.example. AAAA NOERROR
an b.example. 200 CNAME c.example.
an www.example. 200 CNAME a.example.
an a.example. 200 CNAME b.example.
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an c.example. 300 A 192.0.2.1
an b.example. 200 CNAME c.example.
an a.example. 200 CNAME b.example.
an www.example. 200 CNAME a.example.
reply NOERROR rd ra
an www.example. 200 CNAME a.example.
an a.example. 200 CNAME b.example.
an b.example. 200 CNAME c.example.
an c.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-ans-014: an authoritative upstream gives the CNAME alone: the chain is followed
ask www.example. AAAA
up www.example. AAAA NOERROR aa
an www.example. 200 CNAME host.example.net.
up host.example.net. AAAA NOERROR aa
ns example.net. 900 SOA ns.example.net. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR aa
an www.example. 200 CNAME host.example.net.
up host.example.net. A NOERROR aa
an host.example.net. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 200 CNAME host.example.net.
an host.example.net. 300 AAAA 2001:db8:64::c000:201
why synthesized

story T-6147-ans-014: real AAAA at the end of a chain
ask www.example. AAAA
up www.example. AAAA NOERROR aa
an www.example. 200 CNAME host.example.net.
up host.example.net. AAAA NOERROR aa
an host.example.net. 100 AAAA 2001:db8:1::1
reply NOERROR rd ra
an www.example. 200 CNAME host.example.net.
an host.example.net. 100 AAAA 2001:db8:1::1
why has_aaaa

story T-6147-ans-015: DNAME and its CNAME are both kept
ask www.old.example. AAAA
up www.old.example. AAAA NOERROR
an old.example. 400 DNAME new.example.
an www.old.example. 400 CNAME www.new.example.
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.old.example. A NOERROR
an old.example. 400 DNAME new.example.
an www.old.example. 400 CNAME www.new.example.
an www.new.example. 300 A 192.0.2.1
reply NOERROR rd ra
an old.example. 400 DNAME new.example.
an www.old.example. 400 CNAME www.new.example.
an www.new.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-ans-015: a CNAME that upstream left out behind its DNAME is made
ask www.old.example. AAAA
up www.old.example. AAAA NOERROR
an old.example. 400 DNAME new.example.
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.old.example. A NOERROR
an old.example. 400 DNAME new.example.
an www.new.example. 300 A 192.0.2.1
reply NOERROR rd ra
an old.example. 400 DNAME new.example.
an www.old.example. 400 CNAME www.new.example.
an www.new.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-ans-016: a loop is SERVFAIL
ask a.example. AAAA
up a.example. AAAA NOERROR
an a.example. 200 CNAME b.example.
an b.example. 200 CNAME a.example.
reply SERVFAIL rd ra
why chain_too_long
ttl 0

story T-6147-ans-016: a loop in the A answer is SERVFAIL, and a name that is its own alias
ask a.example. AAAA
up a.example. AAAA timeout
up a.example. A NOERROR
an a.example. 200 CNAME b.example.
an b.example. 200 CNAME a.example.
reply SERVFAIL rd ra
why chain_too_long
ask a.example. A
up a.example. A NOERROR
an a.example. 200 CNAME a.example.
reply SERVFAIL rd ra
why chain_too_long

story T-6147-ans-016: sixteen links are followed
ask n0.example. A
up n0.example. A NOERROR
an n0.example. 200 CNAME n1.example.
an n1.example. 200 CNAME n2.example.
an n2.example. 200 CNAME n3.example.
an n3.example. 200 CNAME n4.example.
an n4.example. 200 CNAME n5.example.
an n5.example. 200 CNAME n6.example.
an n6.example. 200 CNAME n7.example.
an n7.example. 200 CNAME n8.example.
an n8.example. 200 CNAME n9.example.
an n9.example. 200 CNAME n10.example.
an n10.example. 200 CNAME n11.example.
an n11.example. 200 CNAME n12.example.
an n12.example. 200 CNAME n13.example.
an n13.example. 200 CNAME n14.example.
an n14.example. 200 CNAME n15.example.
an n15.example. 200 CNAME n16.example.
an n16.example. 300 A 192.0.2.1
reply NOERROR rd ra
an n0.example. 200 CNAME n1.example.
an n1.example. 200 CNAME n2.example.
an n2.example. 200 CNAME n3.example.
an n3.example. 200 CNAME n4.example.
an n4.example. 200 CNAME n5.example.
an n5.example. 200 CNAME n6.example.
an n6.example. 200 CNAME n7.example.
an n7.example. 200 CNAME n8.example.
an n8.example. 200 CNAME n9.example.
an n9.example. 200 CNAME n10.example.
an n10.example. 200 CNAME n11.example.
an n11.example. 200 CNAME n12.example.
an n12.example. 200 CNAME n13.example.
an n13.example. 200 CNAME n14.example.
an n14.example. 200 CNAME n15.example.
an n15.example. 200 CNAME n16.example.
an n16.example. 300 A 192.0.2.1

story T-6147-ans-018: TTL is the least of A, SOA and MINIMUM
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 50 A 192.0.2.1
reply NOERROR rd ra
an www.example. 50 AAAA 2001:db8:64::c000:201
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 200 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 3000 A 192.0.2.1
reply NOERROR rd ra
an www.example. 200 AAAA 2001:db8:64::c000:201
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 100
up www.example. A NOERROR
an www.example. 3000 A 192.0.2.1
reply NOERROR rd ra
an www.example. 100 AAAA 2001:db8:64::c000:201
ttl 100
# the SOA that counts is the AAAA query's, not the A query's
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 1800 SOA ns.example. admin.example. 1 3600 600 86400 1800
up www.example. A NOERROR
an www.example. 3000 A 192.0.2.1
ns example. 10 SOA ns.example. admin.example. 1 3600 600 86400 10
reply NOERROR rd ra
an www.example. 1800 AAAA 2001:db8:64::c000:201
ns example. 10 SOA ns.example. admin.example. 1 3600 600 86400 10

story T-6147-ans-018: the SOA of the chain's end counts
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 5000 CNAME host.example.net.
ns example.net. 70 SOA ns.example.net. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 5000 CNAME host.example.net.
an host.example.net. 5000 A 192.0.2.1
reply NOERROR rd ra
an www.example. 5000 CNAME host.example.net.
an host.example.net. 70 AAAA 2001:db8:64::c000:201

story T-6147-ans-019: without an SOA at most 600
ask www.example. AAAA
up www.example. AAAA NOERROR ra
up www.example. A NOERROR
an www.example. 3000 A 192.0.2.1
reply NOERROR rd ra
an www.example. 600 AAAA 2001:db8:64::c000:201
ask www.example. AAAA
up www.example. AAAA NOERROR ra
up www.example. A NOERROR
an www.example. 30 A 192.0.2.1
reply NOERROR rd ra
an www.example. 30 AAAA 2001:db8:64::c000:201

story T-6147-ans-020: ranges pick their prefixes by longest match, in one answer
nat64 prefixes = [ "2001:db8:64::/96" ];
dns64 ranges = ( { ipv4 = "198.51.100.0/24"; prefixes = [ "2001:db8:a::/96" ]; }, { ipv4 = "198.51.100.128/25"; prefixes = [ "2001:db8:b::/96" ]; }, { ipv4 = "203.0.113.0/24"; prefixes = [ ]; } );
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 300 A 198.51.100.1
an www.example. 300 A 198.51.100.129
an www.example. 300 A 203.0.113.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
an www.example. 300 AAAA 2001:db8:a::c633:6401
an www.example. 300 AAAA 2001:db8:b::c633:6481

story T-6147-ans-020: a range without prefixes is not synthesized
nat64 prefixes = [ "2001:db8:64::/96" ];
dns64 ranges = ( { ipv4 = "203.0.113.0/24"; prefixes = [ ]; } );
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 203.0.113.1
reply NOERROR rd ra
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
why ipv4_excluded

story T-6147-ans-021: under the well-known prefix a private A is not used
nat64 prefixes = [ "64:ff9b::/96" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 10.0.0.1
an www.example. 300 A 8.8.8.8
an www.example. 300 A 172.16.0.1
an www.example. 300 A 192.168.1.1
reply NOERROR rd ra
an www.example. 300 AAAA 64:ff9b::808:808
why synthesized

story T-6147-ans-021: none is left: the empty AAAA answer
nat64 prefixes = [ "64:ff9b::/96" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.168.1.1
reply NOERROR rd ra
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
why ipv4_not_global
# TEST-NETs are not global either, nor is shared address space
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 300 A 198.18.0.1
an www.example. 300 A 169.254.1.1
an www.example. 300 A 127.0.0.1
an www.example. 300 A 0.0.0.0
an www.example. 300 A 224.0.0.1
an www.example. 300 A 255.255.255.255
reply NOERROR rd ra
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
why ipv4_not_global
# the well-known addresses are exempt
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.0.170
an www.example. 300 A 192.0.0.171
reply NOERROR rd ra
an www.example. 300 AAAA 64:ff9b::c000:aa
an www.example. 300 AAAA 64:ff9b::c000:ab

story T-6147-ans-021: the knob allows what RFC 6147 section 7 shows
nat64 prefixes = [ "64:ff9b::/96" ]; wkp_allow_non_global = true;
ask h2.example. AAAA
up h2.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up h2.example. A NOERROR
an h2.example. 300 A 192.0.2.1
reply NOERROR rd ra
an h2.example. 300 AAAA 64:ff9b::c000:201

story T-6147-ans-022: under a prefix of one's own private addresses are mapped, special ones not
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 0.0.0.1
an www.example. 300 A 10.0.0.1
an www.example. 300 A 127.0.0.1
an www.example. 300 A 169.254.0.1
an www.example. 300 A 172.16.0.1
an www.example. 300 A 192.168.0.1
an www.example. 300 A 224.0.0.1
an www.example. 300 A 240.0.0.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::a00:1
an www.example. 300 AAAA 2001:db8:64::ac10:1
an www.example. 300 AAAA 2001:db8:64::c0a8:1

story T-6147-ans-023: no prefix anywhere: the well-known one
nat64 copy_traffic_class = true;
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 8.8.8.8
reply NOERROR rd ra
an www.example. 300 AAAA 64:ff9b::808:808

story T-6147-ans-024: the six lengths, as RFC 6052 section 2.4 has them
nat64 prefixes = [ "2001:db8::/32" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.33
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:c000:221::

story T-6147-ans-024 T-6147-ans-025: one address for each prefix, in the order written
nat64 prefixes = [ "2001:db8:122:344::/96", "2001:db8:100::/40", "2001:db8:122::/48", "2001:db8:123:300::/56", "2001:db8:124:344::/64" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.33
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:122:344::c000:221
an www.example. 300 AAAA 2001:db8:1c0:2:21::
an www.example. 300 AAAA 2001:db8:122:c000:2:2100::
an www.example. 300 AAAA 2001:db8:123:3c0:0:221::
an www.example. 300 AAAA 2001:db8:124:344:c0:2:2100:0

story T-6147-ans-025: two prefixes, two addresses: all of the first prefix come first
nat64 prefixes = [ "2001:db8:b::/96", "2001:db8:a::/96" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 300 A 192.0.2.2
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:b::c000:201
an www.example. 300 AAAA 2001:db8:b::c000:202
an www.example. 300 AAAA 2001:db8:a::c000:201
an www.example. 300 AAAA 2001:db8:a::c000:202

story T-6147-ans-026: one after the other: A is asked behind the negative AAAA
dns64 parallel = false;
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-ans-027: other types as they are
ask www.example. A
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
ns example. 900 NS ns.example.
ar ns.example. 900 A 192.0.2.53
reply NOERROR rd ra
an www.example. 300 A 192.0.2.1
ns example. 900 NS ns.example.
ar ns.example. 900 A 192.0.2.53
why plain
ask www.example. MX
up www.example. MX NOERROR
an www.example. 300 MX 10 mail.example.
ar mail.example. 300 A 192.0.2.25
reply NOERROR rd ra
an www.example. 300 MX 10 mail.example.
ar mail.example. 300 A 192.0.2.25
ask www.example. TXT
up www.example. TXT NOERROR
an www.example. 300 TXT "a" "b"
reply NOERROR rd ra
an www.example. 300 TXT "a" "b"
ask _x._tcp.example. SRV
up _x._tcp.example. SRV NOERROR
an _x._tcp.example. 300 SRV 1 2 80 www.example.
reply NOERROR rd ra
an _x._tcp.example. 300 SRV 1 2 80 www.example.

story T-6147-ans-027: nothing is added to ANY
ask www.example. ANY
up www.example. ANY NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 300 TXT "x"
reply NOERROR rd ra
an www.example. 300 A 192.0.2.1
an www.example. 300 TXT "x"
why plain

story T-6147-ans-028 T-6147-ans-029: authority and additional come from the A response, untouched
ask www.example. AAAA
up www.example. AAAA NOERROR aa
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR aa
an www.example. 300 A 192.0.2.1
ns example. 3600 NS ns.example.
ar ns.example. 3600 A 192.0.2.53
ar ns.example. 3600 AAAA 2001:db8:1::53
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ns example. 3600 NS ns.example.
ar ns.example. 3600 A 192.0.2.53
ar ns.example. 3600 AAAA 2001:db8:1::53

story T-6147-ans-031: by the client's address: prefix, or no synthesis at all
dns64 views = ( { name = "plain"; clients = [ "2001:db8:5::/48", "198.51.100.0/24" ]; synthesis = false; }, { name = "other"; clients = [ "2001:db8:5:6::/64" ]; prefixes = [ "2001:db8:6464::/96" ]; } );
client 2001:db8:5::1
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply NOERROR rd ra
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
why view_off
client 198.51.100.7
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 60 AAAA ::ffff:192.0.2.1
reply NOERROR rd ra
an www.example. 60 AAAA ::ffff:192.0.2.1
client 2001:db8:5:6::1
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:6464::c000:201
client 2001:db8:77::1
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-ans-031: lists of names that are, or are not, synthesized
dns64 include_names = [ "example" ]; exclude_names = [ "no.example" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ask a.no.example. AAAA
up a.no.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply NOERROR rd ra
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
why name_excluded
ask www.example.net. AAAA
up www.example.net. AAAA NOERROR
ns example.net. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply NOERROR rd ra
ns example.net. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
why name_not_included

story T-6147-ans-020: IPv4 addresses that the operator excludes
dns64 exclude_ipv4 = [ "192.0.2.0/24" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 300 A 198.51.100.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c633:6401

story T-6147-ans-033: unequal TTLs become one, repeated addresses one
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 60 A 192.0.2.2
an www.example. 200 A 192.0.2.1
reply NOERROR rd ra
an www.example. 60 AAAA 2001:db8:64::c000:201
an www.example. 60 AAAA 2001:db8:64::c000:202

story T-6147-ans-033: no set goes out with unequal TTLs, nor with a record twice
ask www.example. A do
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 60 A 192.0.2.2
an www.example. 200 A 192.0.2.1
an www.example. 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAA
ns example. 500 NS ns1.example.
ns example. 400 NS ns2.example.
ar ns1.example. 90 A 192.0.2.53
ar ns1.example. 80 AAAA 2001:db8::53
ar ns1.example. 70 A 192.0.2.54
reply NOERROR rd ra
an www.example. 60 A 192.0.2.1
an www.example. 60 A 192.0.2.2
an www.example. 60 RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAA
ns example. 400 NS ns1.example.
ns example. 400 NS ns2.example.
ar ns1.example. 70 A 192.0.2.53
ar ns1.example. 80 AAAA 2001:db8::53
ar ns1.example. 70 A 192.0.2.54
ttl 60
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 300 AAAA 2001:db8:1::1
an www.example. 60 AAAA 2001:db8:1::2
reply NOERROR rd ra
an www.example. 60 AAAA 2001:db8:1::1
an www.example. 60 AAAA 2001:db8:1::2

story T-6147-ans-034: records of other names, and A outside the answer section, are not mapped
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an evil.example. 300 A 192.0.2.66
an evil.example. 300 CNAME www.example.
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR ra
an evil.example. 300 A 192.0.2.66
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
ar www.example. 300 A 192.0.2.67
reply NOERROR rd ra
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
why no_a

story T-6147-ans-034: for other types too
ask www.example. A
up www.example. A NOERROR
an evil.example. 300 A 192.0.2.66
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 A 192.0.2.1

story T-6147-ans-034: an AAAA of another name is not a usable AAAA
ask www.example. AAAA
up www.example. AAAA NOERROR
an evil.example. 300 AAAA 2001:db8:1::66
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-ans-035: a chain that ends in NXDOMAIN
ask www.example. AAAA
up www.example. AAAA NXDOMAIN
an www.example. 200 CNAME gone.example.
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 60
reply NXDOMAIN rd ra
an www.example. 200 CNAME gone.example.
ns example. 60 SOA ns.example. admin.example. 1 3600 600 86400 60
why nxdomain
ttl 60
ask www.example. A
up www.example. A NOERROR aa
an www.example. 200 CNAME gone.example.net.
up gone.example.net. A NXDOMAIN aa
ns example.net. 900 SOA ns.example. admin.example. 1 3600 600 86400 60
reply NXDOMAIN rd ra
an www.example. 200 CNAME gone.example.net.
ns example.net. 60 SOA ns.example. admin.example. 1 3600 600 86400 60

story T-6147-ans-036: NODATA to AAAA and NXDOMAIN to A
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NXDOMAIN
ns example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120
reply NXDOMAIN rd ra
ns example. 120 SOA ns.example. admin.example. 1 3600 600 86400 120
why a_nxdomain

story T-6147-ans-037: TTL 0 stays 0, and is not kept
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 0 A 192.0.2.1
reply NOERROR rd ra
an www.example. 0 AAAA 2001:db8:64::c000:201
ttl 0
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 0 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 0 AAAA 2001:db8:64::c000:201
ttl 0

story T-6147-ans-038: AAAA inside our prefix or the well-known one are real
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 300 AAAA 2001:db8:64::c000:299
an www.example. 300 AAAA 64:ff9b::808:808
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:299
an www.example. 300 AAAA 64:ff9b::808:808
why has_aaaa

story T-6147-ans-038: unless they are excluded
dns64 exclude_aaaa = [ "::ffff:0:0/96", "64:ff9b::/96" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
an www.example. 300 AAAA 64:ff9b::808:808
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-ans-039: a prefix inside 64:ff9b:1::/48 maps private addresses
nat64 prefixes = [ "64:ff9b:1::/96" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 10.0.0.1
reply NOERROR rd ra
an www.example. 300 AAAA 64:ff9b:1::a00:1

story T-6147-ans-008: a referral is no answer
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 NS ns.example.
ar ns.example. 900 A 192.0.2.53
up www.example. A NOERROR
ns example. 900 NS ns.example.
ar ns.example. 900 A 192.0.2.53
reply SERVFAIL rd ra
