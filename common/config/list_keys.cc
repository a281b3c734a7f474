// SPDX-License-Identifier: Apache-2.0
#include "common/config/manual.h"

namespace isthmus::config {

namespace {

void nat64_lists(std::vector<ListKey>& out) {
    out.push_back({"nat64.prefixes", false,
                   "NAT64 prefixes (RFC 6052). Empty: the well-known prefix, 64:ff9b::/96.",
                   "( \"64:ff9b::/96\" )", true});
    out.push_back(
        {"nat64.pool", false,
         "IPv4 addresses: \"198.51.100.0/28\", \"198.51.100.7\", a range with a dash, or "
         "{ addresses = \"...\"; ports = \"1024-65535\"; name = \"...\"; }. A pool with a name "
         "serves those whom nat64.rules send to it, the others serve everybody else. "
         "drain = true: no new bindings; drain_until = SECONDSL (Unix time): removed then.",
         "( \"203.0.113.0/28\" )", true});
    out.push_back({"nat64.rules", false,
                   "{ source = \"PREFIX\"; pool = \"NAME\"; }: who gets addresses of a named pool; "
                   "the longest source decides; pool \"default\" is the one without a name.",
                   "( { source = \"2001:db8:1::/48\"; pool = \"business\"; } )", false});
    out.push_back({"nat64.static", false,
                   "Static bindings. protocol: tcp, udp, icmp or all. ports: one or FIRST-LAST; "
                   "ipv6_ports: as many, without it the same. outside_pool = true: the IPv4 "
                   "address is not in the pool and serves static bindings only. At most 4096 "
                   "ports in all.",
                   "( { protocol = \"tcp\"; ipv4 = \"203.0.113.1\"; ports = \"80\"; ipv6 = "
                   "\"2001:db8::7\"; } )",
                   false});
    out.push_back({"nat64.exclude", false,
                   "Destinations that are not translated: \"192.0.2.0/24\", or { destination = "
                   "\"...\"; ports = \"1-1023\"; }.",
                   "( \"192.0.2.0/24\" )", false});
    out.push_back({"nat64.udp_timers", false,
                   "Lifetime of UDP sessions to a destination port; below 120 for ports 0 to 1023 "
                   "only (RFC 4787 REQ-5).",
                   "( { port = 53; seconds = 30; } )", false});
    out.push_back({"nat64.non_global", false,
                   "IPv4 prefixes that are not translated behind 64:ff9b::/96 (RFC 6052 section "
                   "3.1). It replaces the built-in table. At most 64.",
                   "( \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\" )", false});
    out.push_back(
        {"nat64.stateless.prefixes", false,
         "Prefixes behind which IPv4 addresses are translated without state (RFC 7915). "
         "The first one is used for IPv4 addresses that have no EAM entry; of several that contain "
         "an IPv6 address the longest decides. At most 16.",
         "( \"2001:db8:46::/96\" )", false});
    out.push_back({"nat64.stateless.ipv4", false,
                   "IPv4 prefixes: destinations that stand for hosts inside "
                   "nat64.stateless.prefixes. A CLAT writes \"0.0.0.0/0\". At most 16.",
                   "( \"192.0.2.0/24\" )", false});
    out.push_back({"nat64.stateless.eam", false,
                   "Explicit address mappings (RFC 7757). A host with an entry is translated "
                   "without state, behind nat64.prefixes too; on each side the longest prefix of "
                   "an address decides. force = true: although the IPv6 side lies in a NAT64 "
                   "prefix. At most 4096.",
                   "( { ipv4 = \"192.0.2.0/28\"; ipv6 = \"2001:db8:4::/124\"; } )", false});
    out.push_back({"nat64.icmp.rfc6791_pool", false,
                   "IPv4 addresses that speak for IPv6 routers without one of their own (RFC "
                   "6791), one at random. Empty: the address of the interface. At most 64.",
                   "( \"203.0.113.254\" )", false});
}

void dataplane_lists(std::vector<ListKey>& out) {
    out.push_back({"dataplane.workers", true,
                   "CPUs, one worker each. Empty: one worker on the last CPU.", "[ 2, 3 ]", false});
    out.push_back(
        {"dataplane.ports", true,
         "The ports: { name; device; mtu; addresses; routes; neighbours; vlans; rx_queues; "
         "descriptors; promiscuous; }. device: a PCI address, or a DPDK virtual device such as "
         "\"net_af_packet0,iface=eth1\". addresses and routes go to the punt interface, which "
         "bears the port's name in the kernel; FRR or ip(8) may do it instead. vlans: ids, or "
         "{ id; mtu; addresses; routes; neighbours; }: each has a punt interface PORT.ID of its "
         "own, without tags; what comes from other VLANs appears with its tag on the port's. A "
         "single arm is one port with IPv6 in one VLAN and IPv4 in another, or both untagged.",
         "(\n        { name = \"inside\";  device = \"0000:01:00.0\"; addresses = ( "
         "\"2001:db8:6::1/64\" ); },\n        { name = \"outside\"; device = \"0000:01:00.1\"; "
         "addresses = ( \"198.51.100.1/30\" );\n          routes = ( { to = \"0.0.0.0/0\"; via = "
         "\"198.51.100.2\"; } ); }\n    )",
         true});
    out.push_back({"dataplane.eal_args", true, "Further arguments for DPDK, as they are.",
                   "( \"--log-level=lib.eal:debug\" )", false});
}

void control_lists(std::vector<ListKey>& out) {
    out.push_back(
        {"control.logs", true,
         "The NAT's logs: who had which address and port, and when. type = \"json\": lines in "
         "a file that is rotated at max_size_mib, and when its first line is max_hours old (0: "
         "never). type = \"syslog\": { transport = \"udp\", \"tcp\", \"tls\" or \"unix\"; "
         "address; port = 514 (TLS 6514); facility = \"local0\"; spool_mib = 64; cleartext; }. "
         "type = \"ipfix\": { transport = \"udp\", \"tcp\" or \"tls\"; address; port = 4739 "
         "(TLS 4740); domain = 1; template_seconds = 60; spool_mib = 64; cleartext; }. spool_mib: "
         "on disk, in state_dir, while the collector is away. cleartext = true: the way to a "
         "collector that is not on this host is protected otherwise. With TLS: ca, a file "
         "(default: the system's certificates); name, that the collector's certificate must bear "
         "(default: its address); certificate and key, ours, when it wants one.",
         "( { type = \"json\"; file = \"/var/log/isthmus/nat.json\"; max_size_mib = 100; "
         "max_files = 10; } )",
         false});
}

void dns64_list_keys(std::vector<ListKey>& out) {
    out.push_back({"dns64.listen", true,
                   "Addresses to serve: \"192.0.2.53\", \"[2001:db8::53]:53\", "
                   "\"tls://192.0.2.53\". \"xdp:eth0\": UDP that arrives there for one of them is "
                   "taken by AF_XDP; alone, the interface's own addresses.",
                   "( \"[::]:53\" )", false});
    out.push_back({"dns64.upstreams", false, "Resolvers to ask.",
                   "( \"192.0.2.53\", \"[2001:db8::53]:53\" )", false});
    out.push_back({"dns64.upstream_source", false,
                   "Addresses of this host that upstreams are asked from, one drawn for each "
                   "socket (RFC 5452 section 9.2). Empty, and for upstreams of the other family: "
                   "as routing says.",
                   "( \"192.0.2.10\", \"192.0.2.11\", \"2001:db8::10\" )", false});
    out.push_back({"dns64.upstream_avoid_ports", false,
                   "Ports that no query to an upstream leaves from, besides those below 1024.",
                   "( \"4789\", \"5060-5061\" )", false});
    out.push_back({"dns64.allow", false,
                   "Networks that may ask, besides the clients of views. Empty: the networks of "
                   "our own interfaces.",
                   "( \"2001:db8::/32\" )", false});
    out.push_back({"dns64.resolve_zones", false,
                   "Special-use zones (RFC 6761) that are sent upstream all the same.",
                   "( \"home.arpa\" )", false});
    out.push_back({"dns64.cpus", true, "CPUs, one thread each, in place of dns64.threads.",
                   "[ 4, 5 ]", false});
    out.push_back({"dns64.prefixes", false,
                   "Prefixes of the default view. Empty: those of nat64.prefixes.",
                   "( \"64:ff9b::/96\" )", false});
    out.push_back({"dns64.ranges", false, "IPv4 ranges that have prefixes of their own.",
                   "( { ipv4 = \"10.0.0.0/8\"; prefixes = ( \"2001:db8:10::/96\" ); } )", false});
    out.push_back({"dns64.exclude_ipv4", false, "IPv4 addresses that are not synthesized from.",
                   "( \"10.0.0.0/8\" )", false});
    out.push_back({"dns64.exclude_aaaa", false,
                   "IPv6 addresses that do not count as an answer (RFC 6147 section 5.1.4). It "
                   "replaces the default.",
                   "( \"::ffff:0:0/96\" )", false});
    out.push_back({"dns64.exclude_names", false, "Names, with all below, never synthesized.",
                   "( \"ipv4only.example\" )", false});
    out.push_back({"dns64.include_names", false,
                   "When it is not empty: only these names, with all below, are synthesized.",
                   "( \"example.net\" )", false});
    out.push_back({"dns64.ignore_aaaa", false, "Names whose AAAA are ignored: always synthesized.",
                   "( \"broken.example\" )", false});
    out.push_back(
        {"dns64.gateways", false,
         "{ prefixes; status; }: whose prefixes these are, and where it says whether it is "
         "well: isthmus-control's socket, or http://ADDRESS:PORT of its control.http.",
         "( { prefixes = ( \"2001:db8:64::/96\" ); status = "
         "\"/run/isthmus/control/control.sock\"; } )",
         false});
    out.push_back({"dns64.views", false,
                   "{ name; clients; synthesis; break_dnssec; cd_only; } and the lists of the "
                   "default view, for clients by longest prefix.",
                   "( { name = \"dual\"; clients = ( \"2001:db8:2::/48\" ); synthesis = false; } )",
                   false});
}

}  // namespace

const std::vector<ListKey>& list_keys() {
    static const std::vector<ListKey> kKeys = [] {
        std::vector<ListKey> out;
        nat64_lists(out);
        dataplane_lists(out);
        control_lists(out);
        dns64_list_keys(out);
        return out;
    }();
    return kKeys;
}

}  // namespace isthmus::config
