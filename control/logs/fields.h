// SPDX-License-Identifier: Apache-2.0
// The fields of an event by name, in their order: what JSON and syslog say of it
// (docs/logging.md).
#pragma once

#include <string>
#include <string_view>

#include "common/api/event.h"

namespace isthmus::control {

[[nodiscard]] inline std::string subscriber_text(const api::Event& e) {
    return e.x_bits == 128 ? e.x.text() : e.x.text() + "/" + std::to_string(e.x_bits);
}

/// fn(std::string_view name, value): the value is std::uint64_t or a text without anything to
/// escape.
template <typename Fn>
void for_each_field(const api::Event& e, Fn&& fn) {
    const auto number = [&](std::string_view name, std::uint64_t v) { fn(name, v); };
    const auto text = [&](std::string_view name, const std::string& v) {
        fn(name, std::string_view(v));
    };
    number("worker", e.worker);
    number("seq", e.sequence);
    const bool session =
        e.kind == EventKind::session_created || e.kind == EventKind::session_removed;
    switch (e.kind) {
        case EventKind::binding_created:
        case EventKind::binding_removed:
        case EventKind::session_created:
        case EventKind::session_removed:
            text("protocol", std::string(name_of(e.proto)));
            text("x", e.x.text());
            number("x_id", e.x_id);
            text("t", e.t.text());
            number("t_id", e.t_id);
            if (!session) return;
            text("z", e.z.text());
            number("z_id", e.z_id);
            return;
        case EventKind::block_created:
        case EventKind::block_removed:
            text("x", subscriber_text(e));
            text("t", e.t.text());
            number("t_first", e.t_id);
            number("t_last", e.t_last);
            return;
        case EventKind::address_bound:
        case EventKind::address_freed:
            text("x", subscriber_text(e));
            text("t", e.t.text());
            return;
        case EventKind::addresses_exhausted:
        case EventKind::ports_exhausted:
            text("protocol", std::string(name_of(e.proto)));
            text("x", subscriber_text(e));
            if (e.kind == EventKind::ports_exhausted) text("t", e.t.text());
            number("pool", e.group);
            number("suppressed", e.suppressed);
            return;
        case EventKind::packet_refused:
            text("protocol", std::string(name_of(e.proto)));
            text("x", e.x.text());
            text("t", e.t.text());
            text("z", e.z.text());
            text("reason", std::string(info_of(e.why).name));
            number("suppressed", e.suppressed);
            return;
        case EventKind::threshold_reached:
            text("threshold", "subscriber_ports_high");
            text("protocol", std::string(name_of(e.proto)));
            text("x", subscriber_text(e));
            number("limit", e.limit);
            number("suppressed", e.suppressed);
            return;
        case EventKind::quota_exceeded:
        case EventKind::count_:
            text("protocol", std::string(name_of(e.proto)));
            text("x", subscriber_text(e));
            text("reason", std::string(info_of(e.why).name));
            number("limit", e.limit);
            number("suppressed", e.suppressed);
            return;
    }
}

}  // namespace isthmus::control
