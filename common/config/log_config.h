// SPDX-License-Identifier: Apache-2.0
// What an operator may say of logs and of control's HTTP port; part of the model (config.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace isthmus::config {

enum class LogType : std::uint8_t { json, syslog, ipfix };
enum class LogTransport : std::uint8_t { udp, tcp, tls, unix_socket };
enum class LogPathDown : std::uint8_t { translate, refuse };

/// One element of control.logs. All take effect when isthmus-control starts.
struct LogOutlet {
    /// Over TLS: who the collector is, and who we are.
    struct Tls {
        std::string ca;                // file; empty: the system's certificates
        std::string name;              // that its certificate bears; empty: its address
        std::string certificate, key;  // files; empty: we have none
        friend bool operator==(const Tls&, const Tls&) = default;
    };
    LogType type = LogType::json;
    std::string file;                  // json
    std::uint32_t max_size_mib = 100;  // json: of one file
    std::uint32_t max_hours = 0;       // json: of its first line; 0: any
    std::uint32_t max_files = 10;      // json: the newest included
    std::string address;               // syslog, ipfix: of the collector
    std::uint16_t port = 0;            // 0: the registered one
    LogTransport transport = LogTransport::udp;
    Tls tls;
    std::uint8_t facility = 16;           // syslog: local0
    std::uint32_t domain = 1;             // ipfix: observation domain
    std::uint32_t template_seconds = 60;  // ipfix over UDP: templates are sent again
    bool cleartext = false;               // the collector is not on this host, and that is known
    std::uint32_t spool_mib = 64;         // on disk, while the collector is away; 0: none
    friend bool operator==(const LogOutlet&, const LogOutlet&) = default;
};

/// control.alarms, told to the logs; 0: none. They take effect when isthmus-control starts.
struct Alarms {
    std::uint32_t pool_high = 0, pool_low = 0;  // percent of a pool's ports
    std::uint32_t bindings_high = 0, subscribers_high = 0;
    std::uint32_t quiet_seconds = 60;  // between two alarms of one kind
    friend bool operator==(const Alarms&, const Alarms&) = default;
};

/// control.log: which events, for all outlets.
struct LogEvents {
    bool bindings = true;
    bool sessions = false;
    bool blocks = true;
    bool addresses = true;
    bool refusals = true;
    LogPathDown when_down = LogPathDown::translate;
    std::uint32_t mark_seconds = 60;
    std::uint32_t waiting_most = 200'000;  // records in memory
    friend bool operator==(const LogEvents&, const LogEvents&) = default;
};

struct HttpConfig {
    bool enabled = true;
    std::string address = "127.0.0.1";
    std::uint16_t port = 9464;
    friend bool operator==(const HttpConfig&, const HttpConfig&) = default;
};

}  // namespace isthmus::config
