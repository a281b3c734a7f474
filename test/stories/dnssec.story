# SPDX-License-Identifier: Apache-2.0
# DNSSEC bits, EDNS and sizes (chapter 5.2 of the checklist).

story T-6147-sec-001: DO=0 and CD=0: synthesis
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-sec-001: what validation found bogus is SERVFAIL
dns64 parallel = false;
ask www.example. AAAA
up www.example. AAAA NOERROR bogus
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply SERVFAIL rd ra
why bogus
ede 6
ask www.example. AAAA
up www.example. AAAA NOERROR secure
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR bogus
an www.example. 300 A 192.0.2.1
reply SERVFAIL rd ra
why bogus

story T-6147-sec-002: validated before A is asked; secure synthesis with DO
dns64 parallel = false;
ask www.example. AAAA do
up www.example. AAAA NOERROR secure
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR secure
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra ad
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-sec-002: break_dnssec off: the validated negative instead
dns64 break_dnssec = false; validation = "trust-ad";
ask www.example. AAAA do
up www.example. AAAA NOERROR ad
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply NOERROR rd ra ad
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
why client_wants_dnssec
# insecure data is synthesized all the same
ask www.example. AAAA do
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
# and who did not ask for DNSSEC gets it too
ask www.example. AAAA
up www.example. AAAA NOERROR ad
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR ad
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-sec-003: AD=1 if both answers had it and upstream is trusted and DO=1
dns64 validation = "trust-ad";
ask www.example. AAAA do
up www.example. AAAA NOERROR ad
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR ad
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra ad
an www.example. 300 AAAA 2001:db8:64::c000:201
ask www.example. AAAA do
up www.example. AAAA NOERROR ad
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ask www.example. AAAA do
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR ad
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-sec-003: an upstream that is not trusted says nothing by AD
ask www.example. AAAA do
up www.example. AAAA NOERROR ad
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR ad
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ask www.example. A do
up www.example. A NOERROR ad
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 A 192.0.2.1

story T-6147-sec-004: DO=1 and CD=1: as it is, excluded AAAA and NSEC too
ask www.example. AAAA do cd
up www.example. AAAA NOERROR cd
an www.example. 300 AAAA ::ffff:192.0.2.1
an www.example. 300 RRSIG AAAA 8 2 300 20300101000000 20200101000000 1 example. AAAA
reply NOERROR rd ra cd
an www.example. 300 AAAA ::ffff:192.0.2.1
an www.example. 300 RRSIG AAAA 8 2 300 20300101000000 20200101000000 1 example. AAAA
why has_aaaa
ask www.example. AAAA do cd
up www.example. AAAA NOERROR cd
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
ns example. 900 RRSIG SOA 8 1 900 20300101000000 20200101000000 1 example. AAAA
ns www.example. 900 NSEC x.example. A RRSIG NSEC
ns www.example. 900 RRSIG NSEC 8 2 900 20300101000000 20200101000000 1 example. AAAA
reply NOERROR rd ra cd
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
ns example. 900 RRSIG SOA 8 1 900 20300101000000 20200101000000 1 example. AAAA
ns www.example. 900 NSEC x.example. A RRSIG NSEC
ns www.example. 900 RRSIG NSEC 8 2 900 20300101000000 20200101000000 1 example. AAAA
why client_checks

story T-6147-sec-004: also unsigned
ask www.example. AAAA do cd
up www.example. AAAA NOERROR cd
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply NOERROR rd ra cd
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900

story T-6147-sec-005: CD=1 alone: no synthesis
ask www.example. AAAA cd
up www.example. AAAA NOERROR cd
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply NOERROR rd ra cd
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
why client_checks

story T-6147-sec-005: the knob: CD=1 alone is synthesized, with DO never
dns64 cd_only = "synthesize";
ask www.example. AAAA cd
up www.example. AAAA NOERROR cd
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR cd
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra cd
an www.example. 300 AAAA 2001:db8:64::c000:201
ask www.example. AAAA cd do
up www.example. AAAA NOERROR cd
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply NOERROR rd ra cd
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900

story T-6147-sec-006: signatures over CNAME and DNAME stay, over A go; NSEC of the AAAA stays away
ask www.old.example. AAAA do
up www.old.example. AAAA NOERROR
an old.example. 400 DNAME new.example.
an old.example. 400 RRSIG DNAME 8 2 400 20300101000000 20200101000000 1 example. AAAA
an www.old.example. 400 CNAME www.new.example.
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
ns www.new.example. 900 NSEC x.example. A RRSIG NSEC
up www.old.example. A NOERROR
an old.example. 400 DNAME new.example.
an old.example. 400 RRSIG DNAME 8 2 400 20300101000000 20200101000000 1 example. AAAA
an www.old.example. 400 CNAME www.new.example.
an www.new.example. 300 CNAME host.example.
an www.new.example. 300 RRSIG CNAME 8 3 300 20300101000000 20200101000000 1 example. AAAA
an host.example. 300 A 192.0.2.1
an host.example. 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAA
reply NOERROR rd ra
an old.example. 400 DNAME new.example.
an old.example. 400 RRSIG DNAME 8 2 400 20300101000000 20200101000000 1 example. AAAA
an www.old.example. 400 CNAME www.new.example.
an www.new.example. 300 CNAME host.example.
an www.new.example. 300 RRSIG CNAME 8 3 300 20300101000000 20200101000000 1 example. AAAA
an host.example. 300 AAAA 2001:db8:64::c000:201

story T-6147-sec-008: EDE 29 for who speaks EDNS, and none when it is switched off
ask www.example. AAAA noedns
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ede none
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ede 29
dns64 ede = "off";
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
ede none

story T-6147-sec-008: ede = "all" says also why nothing was made
dns64 ede = "all"; exclude_names = [ "example" ];
ask www.example. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
reply NOERROR rd ra
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
ede 0

story T-6147-sec-018: the name is echoed as it was spelled
ask wWw.ExAmPlE. AAAA
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an wWw.ExAmPlE. 300 AAAA 2001:db8:64::c000:201

story T-6147-sec-020: ANY as one HINFO, on demand
dns64 any = "hinfo";
ask www.example. ANY
up www.example. ANY NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 200 TXT "x"
reply NOERROR rd ra
an www.example. 200 HINFO "RFC8482" ""
why any_minimal
# not where a CNAME owns the name
ask www.example. ANY
up www.example. ANY NOERROR
an www.example. 300 CNAME x.example.
reply NOERROR rd ra
an www.example. 300 CNAME x.example.
# nor for DO
ask www.example. ANY do
up www.example. ANY NOERROR
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 A 192.0.2.1

story T-6147-sec-021: transfers are for servers with zones
ask example. AXFR
reply NOTAUTH rd ra
why transfer
ask example. IXFR
reply NOTAUTH rd ra

story T-6147-sec-022: AD=1 in the query alone does not bring AD to a synthesis
dns64 validation = "trust-ad";
ask www.example. AAAA ad
up www.example. AAAA NOERROR ad
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR ad
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 AAAA 2001:db8:64::c000:201
# to a real answer it does (RFC 6840 s5.8)
ask www.example. A ad
up www.example. A NOERROR ad
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra ad
an www.example. 300 A 192.0.2.1
ask www.example. A
up www.example. A NOERROR ad
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 A 192.0.2.1
ask www.example. A do
up www.example. A NOERROR ad
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra ad
an www.example. 300 A 192.0.2.1

story T-6147-sec-023: DNSSEC records are for DO=1, or for who asks for them by type
ask www.example. A
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAA
ns example. 900 NS ns.example.
ns example. 900 RRSIG NS 8 1 900 20300101000000 20200101000000 1 example. AAAA
reply NOERROR rd ra
an www.example. 300 A 192.0.2.1
ns example. 900 NS ns.example.
ask www.example. A do
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAA
reply NOERROR rd ra
an www.example. 300 A 192.0.2.1
an www.example. 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAA
ask www.example. RRSIG
up www.example. RRSIG NOERROR
an www.example. 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAA
reply NOERROR rd ra
an www.example. 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAA
ask www.example. NSEC
up www.example. NSEC NOERROR
an www.example. 300 NSEC x.example. A RRSIG NSEC
an www.example. 300 RRSIG NSEC 8 2 300 20300101000000 20200101000000 1 example. AAAA
reply NOERROR rd ra
an www.example. 300 NSEC x.example. A RRSIG NSEC
ask no.example. A
up no.example. A NXDOMAIN
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
ns example. 900 RRSIG SOA 8 1 900 20300101000000 20200101000000 1 example. AAAA
ns example. 900 NSEC x.example. NS SOA RRSIG NSEC
reply NXDOMAIN rd ra
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900

story T-6147-sec-023: CD is copied and sent on; data as it comes
ask www.example. A cd
up www.example. A NOERROR cd
an www.example. 300 A 192.0.2.1
reply NOERROR rd ra cd
an www.example. 300 A 192.0.2.1

story T-6147-sec-030: RD=0 is refused, and the reason is said
ask www.example. A nord
reply REFUSED ra
why no_recursion_wanted
ede 20

story T-6147-sec-013: too long for the client: TC and nothing of the set
ask www.example. AAAA size=512
up www.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
an www.example. 300 A 192.0.2.2
an www.example. 300 A 192.0.2.3
an www.example. 300 A 192.0.2.4
an www.example. 300 A 192.0.2.5
an www.example. 300 A 192.0.2.6
an www.example. 300 A 192.0.2.7
an www.example. 300 A 192.0.2.8
an www.example. 300 A 192.0.2.9
an www.example. 300 A 192.0.2.10
an www.example. 300 A 192.0.2.11
an www.example. 300 A 192.0.2.12
an www.example. 300 A 192.0.2.13
an www.example. 300 A 192.0.2.14
an www.example. 300 A 192.0.2.15
an www.example. 300 A 192.0.2.16
an www.example. 300 A 192.0.2.17
an www.example. 300 A 192.0.2.18
reply NOERROR tc rd ra

story T-6147-sec-013: additional data that does not fit is left out without TC
ask www.example. A noedns
up www.example. A NOERROR
an www.example. 300 A 192.0.2.1
ar x.example. 300 TXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
ar y.example. 300 TXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
ar z.example. 300 TXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
reply NOERROR rd ra
an www.example. 300 A 192.0.2.1

story T-6147-sec-040: unknown types and labels of any octets
ask www.example. TYPE65280
up www.example. TYPE65280 NOERROR
an www.example. 300 TYPE65280 \# 6 c00cff000102
reply NOERROR rd ra
an www.example. 300 TYPE65280 \# 6 c00cff000102
ask a\000\255\.b.example. AAAA
up a\000\255\.b.example. AAAA NOERROR
ns example. 900 SOA ns.example. admin.example. 1 3600 600 86400 900
up a\000\255\.b.example. A NOERROR
an a\000\255\.b.example. 300 A 192.0.2.1
reply NOERROR rd ra
an a\000\255\.b.example. 300 AAAA 2001:db8:64::c000:201

story T-9460-001 T-9460-002 T-9460-003: HTTPS and SVCB pass octet by octet
ask www.example. TYPE65
up www.example. TYPE65 NOERROR
an www.example. 300 TYPE65 \# 24 0001000001000302683200040004c0000201fde800020102
ar www.example. 300 A 192.0.2.1
reply NOERROR rd ra
an www.example. 300 TYPE65 \# 24 0001000001000302683200040004c0000201fde800020102
ar www.example. 300 A 192.0.2.1
why plain
