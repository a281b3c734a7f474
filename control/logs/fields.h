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

/// The fields that several kinds of events have, and in which order. Each is given to
/// fn(std::string_view name, value): the value is std::uint64_t or a text without anything to
/// escape.
template <typename Fn>
class FieldsOf {
public:
    FieldsOf(const api::Event& e, Fn& fn) : e_(e), fn_(fn) {}
    void number(std::string_view name, std::uint64_t v) const { fn_(name, v); }
    void text(std::string_view name, const std::string& v) const { fn_(name, std::string_view(v)); }

    void protocol() const { text("protocol", std::string(name_of(e_.proto))); }
    void reason() const { text("reason", std::string(info_of(e_.why).name)); }
    void suppressed() const { number("suppressed", e_.suppressed); }
    void t() const { text("t", e_.t.text()); }
    void subscriber() const { text("x", subscriber_text(e_)); }
    void binding() const {
        protocol();
        text("x", e_.x.text());
        number("x_id", e_.x_id);
        t();
        number("t_id", e_.t_id);
    }
    void limit() const {
        number("limit", e_.limit);
        suppressed();
    }

private:
    const api::Event& e_;
    Fn& fn_;
};

template <typename Fn>
void for_each_field(const api::Event& e, Fn&& fn) {
    const FieldsOf of(e, fn);
    of.number("worker", e.worker);
    of.number("seq", e.sequence);
    switch (e.kind) {
        case EventKind::binding_created:
        case EventKind::binding_removed:
            return of.binding();
        case EventKind::session_created:
        case EventKind::session_removed:
            of.binding();
            of.text("z", e.z.text());
            return of.number("z_id", e.z_id);
        case EventKind::block_created:
        case EventKind::block_removed:
            of.subscriber();
            of.t();
            of.number("t_first", e.t_id);
            return of.number("t_last", e.t_last);
        case EventKind::address_bound:
        case EventKind::address_freed:
            of.subscriber();
            return of.t();
        case EventKind::addresses_exhausted:
        case EventKind::ports_exhausted:
            of.protocol();
            of.subscriber();
            if (e.kind == EventKind::ports_exhausted) of.t();
            of.number("pool", e.group);
            return of.suppressed();
        case EventKind::packet_refused:
            of.protocol();
            of.text("x", e.x.text());
            of.t();
            of.text("z", e.z.text());
            of.reason();
            return of.suppressed();
        case EventKind::threshold_reached:
            of.text("threshold", "subscriber_ports_high");
            of.protocol();
            of.subscriber();
            return of.limit();
        case EventKind::quota_exceeded:
        case EventKind::count_:
            of.protocol();
            of.subscriber();
            of.reason();
            return of.limit();
    }
}

}  // namespace isthmus::control
