// SPDX-License-Identifier: Apache-2.0
#include "control/logs/syslog.h"

#include <unistd.h>

#include <array>

#include "common/api/json.h"
#include "control/logs/fields.h"

namespace isthmus::control {

namespace {

// Severities of RFC 5424 table 2.
constexpr unsigned kError = 3, kWarning = 4, kInfo = 6;
/// RFC 5424 s6.3.2 wants a number of one's own in names that IANA does not know; 32473 is the one
/// for examples (RFC 5612), for Isthmus has none.
constexpr const char* kName = "nat64@32473";

unsigned severity(const LogRecord& r) {
    if (const Note* n = note_of(r)) {
        if (n->kind == "gap") return kError;
        return n->kind == info_of(EventKind::threshold_reached).name ? kWarning : kInfo;
    }
    switch (event_of(r)->kind) {
        case EventKind::addresses_exhausted:
        case EventKind::ports_exhausted:
        case EventKind::packet_refused:
        case EventKind::quota_exceeded:
        case EventKind::threshold_reached:
            return kWarning;
        default:
            return kInfo;
    }
}

/// RFC 5424 s6.3.3: three characters are escaped.
void param(std::string& out, std::string_view name, std::string_view value) {
    out += ' ';
    out += name;
    out += "=\"";
    for (const char c : value) {
        if (c == '"' || c == '\\' || c == ']') out += '\\';
        out += c;
    }
    out += '"';
}

}  // namespace

std::string syslog_message(const std::string& instance, const LogRecord& r, unsigned facility,
                           const std::string& header) {
    const Note* const n = note_of(r);
    const std::string kind = n != nullptr ? n->kind : std::string(info_of(event_of(r)->kind).name);
    std::string out = "<" + std::to_string(8 * facility + severity(r)) + ">1 " +
                      utc_text(time_of(r)) + " " + header + " " + kind + " [" + kName;
    if (!instance.empty()) param(out, "instance", instance);
    if (n != nullptr) {
        for (const auto& [key, value] : n->fields.items())
            param(out, key, value.is_string() ? value.get<std::string>() : api::to_text(value));
    } else {
        for_each_field(*event_of(r), [&](std::string_view name, const auto& value) {
            if constexpr (std::is_integral_v<std::decay_t<decltype(value)>>) {
                param(out, name, std::to_string(value));
            } else {
                param(out, name, value);
            }
        });
    }
    return out + "]";
}

Syslog::Syslog(const config::LogOutlet& to) : wire_(to), facility_(to.facility) {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == 0) host[0] = '-';
    header_ = std::string(host.data()) + " isthmus " + std::to_string(::getpid());
}

Status Syslog::deliver(const LogBatch& batch) {
    if (const Status open = wire_.open(); !open) return open.error();
    std::string stream;
    for (const LogRecord& r : batch.records) {
        const std::string m = syslog_message(batch.instance, r, facility_, header_);
        if (wire_.is_stream()) {
            stream += std::to_string(m.size()) + " " + m;
        } else if (const Status sent = wire_.send(m); !sent) {
            return sent.error();
        }
    }
    if (const Status sent = wire_.send(stream); !sent) return sent.error();
    return wire_.flush();
}

}  // namespace isthmus::control
