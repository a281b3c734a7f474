// SPDX-License-Identifier: Apache-2.0
// The file becomes what runs: in the dataplane, in control and, when the file has a section dns64,
// in isthmus-dns64.
//
//   the file is valid -> isthmus-dns64 would take it -> the dataplane has it -> isthmus-dns64 takes
//   it
//
// What one of them refuses changes nothing in any: what isthmus-dns64 refuses though it would have
// taken it a moment ago is taken back from the dataplane. An isthmus-dns64 that is away delays
// nothing: it reads the file when it starts.
//
// A change that goes back unless it is confirmed is isthmus-dns64's too, as far as it is the
// gateway's: prefixes are the same in both at every moment, also when it goes back by itself or by
// `rollback`. Its own section of the file it takes with the confirmation.
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
        Json warnings = Json::array();
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

const std::string& Control::dns64_socket() {
    const auto loaded = config::load_file(file_);
    if (loaded.ok()) dns64_socket_ = dns64_socket_of(file_);
    return dns64_socket_;
}

/// isthmus-dns64 takes the file; what it says of it is told beside the gateway's answer.
void Control::reload_dns64(const Json& answer, const api::Reply& reply) {
    dns64_.reload(dns64_socket(), false, [answer, reply](const Json& word) {
        if (!word.is_null() && word["state"] == "failed")
            log::warn("isthmus-dns64 has not reloaded: " + api::text_of(word, "why"));
        reply(with_word(answer, word));
    });
}

void Control::dns64_follows(const Dns64Link::Told& told) {
    dns64_.follow(dns64_socket(), commits_.running().text(), [told](const Json& word) {
        if (!word.is_null() && word["state"] != "follows")
            log::warn("isthmus-dns64 does not have the gateway's policy: " +
                      api::text_of(word, "why"));
        told(word);
    });
}

/// The gateway has the file's policy, isthmus-dns64 not yet.
void Control::finish_reload(const Order& order, const Json& gateway, const api::Reply& reply) {
    dns64_.reload(dns64_socket(), false, [this, order, gateway, reply](const Json& word) {
        if (word.is_null() || word["state"] != "failed") return reply(with_word(gateway, word));
        const std::string why = "isthmus-dns64 refuses the file: " + api::text_of(word, "why");
        log::warn(why);
        if (gateway.value("changes", Json::array()).empty())
            return reply(Error{"", why + "; nothing was changed"});
        Order back = order;
        back.what = "rollback: " + why;
        back.force = true;
        commits_.rollback(back, 1, [this, why, reply](const Expected<Json>& result) {
            if (!result)
                return reply(
                    Error{"", why + ", and the gateway cannot go back: " + result.error().text()});
            dns64_follows([why, reply](const Json&) {
                reply(Error{"", why + "; the gateway has gone back to the policy before"});
            });
        });
    });
}

void Control::reload(const Order& order, const api::Reply& reply) {
    dns64_.reload(dns64_socket(), true, [this, order, reply](const Json& word) {
        if (!word.is_null() && word["state"] == "failed")
            return reply(Error{"", "isthmus-dns64 refuses the file: " + api::text_of(word, "why") +
                                       "; nothing was changed"});
        reload_gateway(order, [this, order, word, reply](const Expected<Json>& result) {
            if (!result || word.is_null()) return reply(result);
            // Who is away is not waited for a second time.
            if (order.dry_run || word["state"] == "not_running")
                return reply(with_word(*result, word));
            if (!result->contains("confirm_within_seconds"))
                return finish_reload(order, *result, reply);
            dns64_follows([answer = *result, reply](const Json& said) {
                const bool follows = !said.is_null() && said["state"] == "follows";
                reply(
                    with_word(answer, follows ? Json{{"state", "waits_for_confirmation"}} : said));
            });
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
