// SPDX-License-Identifier: Apache-2.0
// The file becomes what runs: in the dataplane, in control and, when the file has a section dns64,
// in isthmus-dns64.
//
//   the file is valid -> isthmus-dns64 would take it -> the dataplane has it -> isthmus-dns64 takes
//   it
//
// What one of them refuses changes nothing in any. An isthmus-dns64 that is away delays nothing: it
// reads the file when it starts. A change that goes back unless it is confirmed is isthmus-dns64's
// with the confirmation: it has no way back.
#include "common/log/log.h"
#include "control/control.h"

namespace isthmus::control {

using api::Json;

namespace {

/// Of a file that may be applied; empty: there is no isthmus-dns64 to ask.
std::string dns64_socket_of(const std::string& file) {
    const auto loaded = config::load_file(file);
    if (!loaded.ok() || !loaded.config.has_dns64) return "";
    return config::why_unusable(loaded.config.nat64).empty() ? loaded.config.dns64.socket : "";
}

Json with_word(Json answer, const Json& word) {
    if (word.is_null()) return answer;
    answer["dns64"] = word;
    if (word["state"] != "not_running") return answer;
    if (!answer.contains("warnings")) answer["warnings"] = Json::array();
    answer["warnings"].push_back(api::text_of(word, "why") +
                                 "; it reads the file when it starts, or at the next reload");
    return answer;
}

}  // namespace

/// The file is read when the change's turn has come, with the rights that it gives.
void Control::reload_gateway(const Order& order, const api::Reply& reply) {
    struct Section {
        api::Rights rights;
        std::string log_level;
        Json warnings;
    };
    const auto fresh = std::make_shared<Section>();
    commits_.change(
        order,
        [this, fresh](const config::Nat64Config&) -> Expected<config::Nat64Config> {
            const auto loaded = config::load_file(file_);
            if (!loaded.ok()) return Error{"", loaded.error_text()};
            if (const std::string why = config::why_unusable(loaded.config.nat64); !why.empty())
                return Error{file_, why};
            auto rights = rights_of(loaded.config.control);
            if (!rights) return rights.error();
            *fresh = {std::move(*rights), loaded.config.control.log_level, Json::array()};
            for (const auto& w : loaded.warnings) fresh->warnings.push_back(w.text());
            if (!observer_->same(loaded.config.control))
                fresh->warnings.push_back(
                    "control.logs, log and http take effect when isthmus-control starts; it may "
                    "be restarted at any time");
            return loaded.config.nat64;
        },
        [this, order, fresh, reply](const Expected<Json>& result) {
            if (result && !order.dry_run) {
                rights_ = fresh->rights;
                (void)log::set_level(fresh->log_level);
            }
            if (!result) return reply(result);
            Json answer = *result;
            if (!fresh->warnings.empty()) answer["warnings"] = fresh->warnings;
            reply(answer);
        });
}

/// isthmus-dns64 takes the file; nothing that it says undoes what is done.
void Control::reload_dns64(const Json& answer, const api::Reply& reply) {
    dns64_.reload(dns64_socket_of(file_), false, [answer, reply](const Json& word) {
        if (!word.is_null() && word["state"] == "failed")
            log::warn("isthmus-dns64 has not reloaded: " + api::text_of(word, "why"));
        reply(with_word(answer, word));
    });
}

void Control::reload(const Order& order, const api::Reply& reply) {
    dns64_.reload(dns64_socket_of(file_), true, [this, order, reply](const Json& word) {
        if (!word.is_null() && word["state"] == "failed")
            return reply(Error{"", "isthmus-dns64 refuses the file: " + api::text_of(word, "why") +
                                       "; nothing was changed"});
        reload_gateway(order, [this, order, word, reply](const Expected<Json>& result) {
            if (!result || word.is_null()) return reply(result);
            // Who is away is not waited for a second time.
            if (order.dry_run || word["state"] == "not_running")
                return reply(with_word(*result, word));
            if (result->contains("confirm_within_seconds"))
                return reply(with_word(*result, Json{{"state", "waits_for_confirmation"}}));
            reload_dns64(*result, reply);
        });
    });
}

void Control::reload_by_signal() {
    Order order;
    order.what = "reload by SIGHUP";
    order.user = "root";
    reload(order, [](const Expected<Json>& result) {
        if (result) {
            if ((*result)["changes"].empty())
                log::info("reload by SIGHUP: what runs is what the file says already");
            for (const Json& w : result->value("warnings", Json::array()))
                log::warn(w.get<std::string>());
        } else {
            log::error("not reloaded, nothing is changed: " + result.error().text());
        }
    });
}

}  // namespace isthmus::control
