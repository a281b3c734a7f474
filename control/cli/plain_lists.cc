// SPDX-License-Identifier: Apache-2.0
#include "control/cli/plain_lists.h"

#include <iostream>
#include <memory>
#include <vector>

#include "control/cli/rows.h"
#include "control/cli/table.h"
#include "control/cli/workers.h"

namespace isthmus::cli {

namespace {

using How = RowFilter::How;

struct Plain {
    const char* name;
    const char* help;
    std::vector<Column> columns;
    std::vector<RowFilter> filters;
    std::vector<std::string> orders;
};

const Plain kPools{"pools",
                   "addresses of the pool, with ports in use and free",
                   {{"address", "address"},
                    {"pool", "pool"},
                    {"ports", "ports"},
                    {"state", "state"},
                    {"tcp_in_use", "tcp used"},
                    {"tcp_free", "tcp free"},
                    {"udp_in_use", "udp used"},
                    {"udp_free", "udp free"},
                    {"icmp_in_use", "icmp used"},
                    {"icmp_free", "icmp free"}},
                   {{"--pool", "pool", "name of the pool", How::equal},
                    {"--address", "address", "address or prefix", How::within},
                    {"--state", "state", "active or draining", How::equal}},
                   {"address", "pool", "state", "tcp_in_use", "udp_in_use", "icmp_in_use",
                    "tcp_free", "udp_free", "icmp_free"}};

const Plain kPrefixes{
    "prefixes",
    "the NAT64 prefixes",
    {{"prefix", "prefix"}, {"well_known", "well-known"}, {"local_use", "local use"}, {"id", "id"}},
    {{"--prefix", "prefix", "this one", How::equal}},
    {"prefix", "id"}};

const Plain kCounters{"counters",
                      "what was counted since the dataplane started",
                      {{"counter", "counter"}, {"value", "value"}, {"help", "help"}},
                      {{"--name", "counter", "those with this in their name", How::part}},
                      {"counter", "value"}};

const Plain kDrops{
    "drops",
    "dropped packets by reason",
    {{"reason", "reason"}, {"packets", "packets"}, {"help", "help"}, {"source", "source"}},
    {{"--reason", "reason", "those with this in their name", How::part}},
    {"reason", "packets"}};

const Plain kPorts{
    "ports",
    "the ports, as their devices see them",
    {{"name", "name"},
     {"driver", "driver"},
     {"link", "link"},
     {"link_mbps", "Mbit/s"},
     {"mtu_bytes", "MTU"},
     {"rx_packets", "packets in"},
     {"tx_packets", "packets out"},
     {"rx_missed", "missed"},
     {"rx_no_buffer", "no buffer"},
     {"rx_errors", "errors in"},
     {"tx_errors", "errors out"},
     {"punted", "to the kernel"}},
    {{"--name", "name", "this port", How::equal}, {"--link", "link", "up or down", How::equal}},
    {"name", "link", "rx_packets", "tx_packets", "rx_missed", "punted"}};

const Plain kWorkers{"workers",
                     "the workers, their CPUs and their share of the state",
                     {},
                     {{"--worker", "id", "this one", How::equal}},
                     {"bindings", "sessions", "subscribers", "busy_cycles", "rx_packets"}};

const Plain kNeighbours{
    "neighbours",
    "next hops with their link addresses",
    {{"address", "address"}, {"mac", "MAC"}, {"port", "port"}, {"vlan", "vlan"}},
    {{"--address", "address", "address or prefix", How::within},
     {"--port", "port", "name of the port", How::equal},
     {"--mac", "mac", "this link address", How::equal}},
    {"address", "mac", "port", "vlan"}};

/// What a port counts, then what it is: in one line each they would fit no terminal.
void print_ports(const Json& rows) {
    print_table(std::cout, rows, true, kPorts.columns);
    std::cout << "\n";
    print_table(std::cout, rows, true,
                {{"name", "name"},
                 {"mac", "MAC"},
                 {"rx_queues", "queues"},
                 {"steering", "steering"},
                 {"device", "device"}});
}

/// "draining until 2026-11-25T07:00:00Z", where there is a deadline.
Json with_ends(Json rows) {
    for (Json& r : rows) {
        if (const auto end = api::number_of(r, "drain_until_unix_seconds", 0); end != 0)
            r["state"] = api::text_of(r, "state") + " until " + time_text(end);
    }
    return rows;
}

/// The answer as rows: counters come as an object, drops with those that never occurred.
Json rows_of(const std::string& name, Json answer, bool all) {
    Json rows = Json::array();
    if (name == "counters") {
        for (const auto& [key, c] : answer.items())
            rows.push_back({{"counter", key}, {"value", c["value"]}, {"help", c["help"]}});
        return rows;
    }
    if (name != "drops" || all) return answer;
    for (const Json& d : answer) {
        if (d.value("packets", Json()) != 0) rows.push_back(d);
    }
    return rows;
}

/// Counters in JSON keep the shape of the answer: a name leads to its value.
Json as_object(const Json& rows) {
    Json out = Json::object();
    for (const Json& r : rows)
        out[r["counter"].get<std::string>()] = {{"value", r["value"]}, {"help", r["help"]}};
    return out;
}

int show(Asker& ask, const Plain& list, const RowChoice& choice, bool all) {
    Json answer;
    const std::string name = list.name;
    if (const int rc = ask.request("show." + name, Json::object(), answer); rc != kDone) return rc;
    const Json rows = rows_of(name, std::move(answer), all);
    const auto chosen = choice.of(rows);
    if (chosen && !choice.counts()) {
        if (name == "pools" && !ask.json) {
            print_table(std::cout, with_ends(*chosen), true, list.columns);
            return kDone;
        }
        if (name == "counters" && ask.json) {
            print_json(as_object(*chosen));
            return kDone;
        }
        if (name == "workers" && !ask.json && !chosen->empty()) {
            print_workers(std::cout, *chosen);
            return kDone;
        }
        if (name == "ports" && !ask.json && !chosen->empty()) {
            print_ports(*chosen);
            return kDone;
        }
    }
    return choice.print(ask, rows, "show " + name, list.columns);
}

}  // namespace

void add_plain_lists(args::Command& parent, Asker& ask, int& rc) {
    for (const Plain* list :
         {&kPools, &kPrefixes, &kCounters, &kDrops, &kPorts, &kWorkers, &kNeighbours}) {
        auto* c = parent.add_subcommand(list->name, list->help)->fallthrough();
        const auto choice = std::make_shared<RowChoice>();
        const auto all = std::make_shared<bool>(false);
        choice->add_options(*c, list->filters, list->orders);
        if (list == &kDrops) c->add_flag("--all", *all, "reasons that never occurred too");
        c->callback([&ask, &rc, list, choice, all] { rc = show(ask, *list, *choice, *all); });
    }
}

}  // namespace isthmus::cli
