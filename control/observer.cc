// SPDX-License-Identifier: Apache-2.0
#include "control/observer.h"

namespace isthmus::control {

using api::Json;

Observer::Observer(const config::Config& cfg) : cfg_(cfg.control), logs_(cfg) {}

bool Observer::same(const config::ControlConfig& fresh) const {
    return fresh.logs == cfg_.logs && fresh.log == cfg_.log;
}

Json Observer::logs() const {
    const EventLog::Facts f = logs_.facts();
    Json outlets = Json::array();
    for (const Outlet::Facts& o : f.outlets) {
        outlets.push_back({{"name", o.name},
                           {"to", o.to},
                           {"state", o.up ? "up" : "down"},
                           {"delivered", o.delivered},
                           {"lost", o.lost},
                           {"failures", o.failures},
                           {"error", o.error}});
    }
    return {{"on", f.on},
            {"when_down", f.refuses ? "refuse" : "translate"},
            {"connected", f.connected},
            {"records", f.records},
            {"waiting", f.backlog},
            {"lost", f.lost},
            {"gaps", f.gaps},
            {"newest", f.newest_unix_ns == 0 ? Json() : Json(utc_text(f.newest_unix_ns))},
            {"outlets", outlets}};
}

}  // namespace isthmus::control
