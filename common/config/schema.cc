// SPDX-License-Identifier: Apache-2.0
#include "common/base/limits.h"
#include "common/config/schema_rows.h"

namespace isthmus::config {

namespace {

// A row has as many words as it has, and a table as many rows.
// NOLINTBEGIN(readability-function-size)
void logs(Rows& rows) {
    rows.boolean("control.log", "bindings", true,
                 "record bindings; not those inside a port block or a deterministic range",
                 ISTHMUS_FIELD(control.log.bindings));
    rows.boolean("control.log", "sessions", true,
                 "record sessions, with their destinations (RFC 6888 REQ-12 advises against)",
                 ISTHMUS_FIELD(control.log.sessions));
    rows.boolean("control.log", "blocks", true, "record port blocks",
                 ISTHMUS_FIELD(control.log.blocks));
    rows.boolean("control.log", "addresses", true,
                 "record which subscriber is paired with which address",
                 ISTHMUS_FIELD(control.log.addresses));
    rows.boolean("control.log", "refusals", true, "record exhausted pools and exceeded quotas",
                 ISTHMUS_FIELD(control.log.refusals));
    rows.choice("control.log", "when_down", {"translate", "refuse"}, true,
                "what happens while a log takes no records: translate: when no more can wait they "
                "are lost, and a gap record says which; refuse: new bindings and blocks are "
                "refused (drop reason log_path_down)",
                ISTHMUS_FIELD(control.log.when_down));
    rows.number("control.log", "mark_seconds", 1, 86400, true, "seconds",
                "between two marks, which say up to where the log is complete",
                ISTHMUS_FIELD(control.log.mark_seconds));
    rows.number("control.log", "waiting_most", 1000, 100000000, true, "records",
                "that wait in memory, of about 100 bytes each, for a log that takes none",
                ISTHMUS_FIELD(control.log.waiting_most));
    const char* const at = "control.alarms";
    rows.number(at, "pool_high", 0, 100, true, "percent",
                "of a pool's ports in use, of the protocol that uses most: from there on "
                "threshold_reached is recorded (RFC 8158 section 4.5); 0: never",
                ISTHMUS_FIELD(control.alarms.pool_high));
    rows.number(at, "pool_low", 0, 100, true, "percent",
                "the same when a pool falls back to it; 0: never",
                ISTHMUS_FIELD(control.alarms.pool_low));
    rows.number(at, "bindings_high", 0, 1000000000, true, "bindings", "of the gateway; 0: never",
                ISTHMUS_FIELD(control.alarms.bindings_high));
    rows.number(at, "subscribers_high", 0, 1000000000, true, "subscribers",
                "with bindings; 0: never", ISTHMUS_FIELD(control.alarms.subscribers_high));
    rows.number(at, "quiet_seconds", 10, 3600, true, "seconds",
                "between two records of the same threshold (RFC 7659 section 3.1.2)",
                ISTHMUS_FIELD(control.alarms.quiet_seconds));
    rows.boolean("control.http", "enabled", true, "serve /metrics and the status page",
                 ISTHMUS_FIELD(control.http.enabled));
    rows.text("control.http", "address", true, "IPv4 or IPv6 address to listen on",
              ISTHMUS_FIELD(control.http.address));
    rows.number("control.http", "port", 1, 65535, true, "", "TCP port to listen on",
                ISTHMUS_FIELD(control.http.port));
}

std::vector<Key> make() {
    Rows rows;
    nat64_rows(rows);
    rows.text("dataplane", "socket", true, "Unix socket of isthmus-dataplane",
              ISTHMUS_FIELD(dataplane.socket));
    rows.text(
        "dataplane", "socket_group", true,
        "group that may use the socket, besides root: that of isthmus-control. A host without "
        "the default one: root only",
        ISTHMUS_FIELD(dataplane.socket_group));
    rows.number("dataplane", "main_cpu", 0, 1023, true, "", "CPU of the main thread",
                ISTHMUS_FIELD(dataplane.main_cpu));
    rows.choice("dataplane", "idle", {"auto", "poll", "sleep"}, true,
                "what a worker does without packets; auto: sleep on virtual devices",
                ISTHMUS_FIELD(dataplane.idle));
    rows.choice("dataplane", "hugepages", {"auto", "yes", "no"}, true, "",
                ISTHMUS_FIELD(dataplane.hugepages));
    rows.number("dataplane", "memory_mib", 0, 1048576, true, "MiB",
                "memory for DPDK; 0: as much as the buffers need",
                ISTHMUS_FIELD(dataplane.memory_mib));
    rows.text("dataplane", "file_prefix", true, "DPDK file prefix; one for each instance",
              ISTHMUS_FIELD(dataplane.file_prefix));
    rows.text("dataplane", "punt_netns", true,
              "network namespace of the punt interfaces; empty: ours",
              ISTHMUS_FIELD(dataplane.punt_netns));
    rows.number("dataplane", "max_sessions", 64, 200000000, true, "sessions", "of all workers",
                ISTHMUS_FIELD(dataplane.max_sessions));
    rows.number("dataplane", "max_bindings", 0, 200000000, true, "bindings", "0: as max_sessions",
                ISTHMUS_FIELD(dataplane.max_bindings));
    rows.number("dataplane", "max_subscribers", 0, 100000000, true, "subscribers",
                "0: a sixteenth of max_bindings, at least 4096",
                ISTHMUS_FIELD(dataplane.max_subscribers));
    rows.number("dataplane", "max_pool_addresses", 1, limits::kPoolAddresses, true, "addresses",
                "some 850 KiB each, for each worker", ISTHMUS_FIELD(dataplane.max_pool_addresses));
    rows.choice(
        "dataplane", "unknown_ports", {"use", "rest"}, true,
        "ports of which no record is left (the machine was booted, or this is the cold standby "
        "of another one): use them at once, or let all rest for lifetimes.port_hold first",
        ISTHMUS_FIELD(dataplane.unknown_ports));
    rows.number(
        "dataplane", "log_events", 0, 67108864, true, "records",
        "of the NAT's logs that wait for isthmus-control, of all workers, 64 bytes each; 0: "
        "as many as bindings, at least 65536, at most 4194304",
        ISTHMUS_FIELD(dataplane.log_events));
    rows.number("dataplane", "buffers", 0, 16777216, true, "packet buffers", "0: computed",
                ISTHMUS_FIELD(dataplane.buffers));
    rows.text("control", "socket", true, "Unix socket for isthmusctl",
              ISTHMUS_FIELD(control.socket));
    rows.text("control", "read_group", false,
              "groups whose members may look, besides root; several with commas between",
              ISTHMUS_FIELD(control.read_group));
    rows.text("control", "read_users", false, "users who may look, besides root",
              ISTHMUS_FIELD(control.read_users));
    rows.text("control", "admin_group", false,
              "groups whose members may change and look, besides root",
              ISTHMUS_FIELD(control.admin_group));
    rows.text("control", "admin_users", false, "users who may change and look, besides root",
              ISTHMUS_FIELD(control.admin_users));
    rows.text("control", "state_dir", true, "where the running policy and its history are kept",
              ISTHMUS_FIELD(control.state_dir));
    rows.text("control", "log_level", false, "debug, info, warn or error",
              ISTHMUS_FIELD(control.log_level));
    logs(rows);
    dns64_rows(rows);
    return std::move(rows.keys);
}

// NOLINTEND(readability-function-size)

}  // namespace

const std::vector<Key>& schema() {
    static const std::vector<Key> kKeys = make();
    return kKeys;
}

}  // namespace isthmus::config
