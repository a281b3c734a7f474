// SPDX-License-Identifier: Apache-2.0
// isthmus-control: owns the policy, keeps the dataplane in step with it, serves the operator's
// socket.
//
// One thread that never waits for the dataplane: it is asked through api::RpcLinks, and answers
// come when they come. Once a second it is asked for its instance and policy; when it is a new
// instance, or runs another policy, it gets the running one. A dataplane that is away, or stands
// still, delays nothing: changes are refused with that reason (nothing is lost that was accepted),
// reads that need it say so. Changes of the policy go one after the other (control/commits.h).
#pragma once

#include <ctime>
#include <memory>
#include <string>

#include "common/api/links.h"
#include "common/api/rights.h"
#include "common/api/rpc.h"
#include "control/commits.h"
#include "control/dns64_link.h"
#include "control/observer.h"

namespace isthmus::control {

[[nodiscard]] inline Expected<api::Rights> rights_of(const config::ControlConfig& c) {
    return api::Rights::of({c.admin_group, c.admin_users, c.read_group, c.read_users});
}

class Control {
public:
    [[nodiscard]] static Expected<std::unique_ptr<Control>> create(const std::string& file);
    void run_once(int timeout_ms);
    /// SIGHUP: as isthmusctl reload by root; what comes of it goes to the log.
    void reload_by_signal();
    /// A clean stop: the file rules at the next start.
    void stop();

private:
    Control(const std::string& file, const config::Config& cfg, api::Rights rights);
    void serve_methods();
    void serve_changes();
    void serve_pool();
    void serve_live();
    /// A method that changes the policy: `make` gives the edit for its parameters, or says what is
    /// wrong with them; `what` of the order is the method's name, and may be added to.
    using MakeEdit = std::function<Expected<Edit>(const api::Json& params, Order& order)>;
    void serve_edit(const std::string& method, MakeEdit make);
    void ask(const std::string& method, const api::Json& params, api::Reply reply);
    [[nodiscard]] Order order_of(const api::Peer& peer, const api::Json& params,
                                 const std::string& what) const;

    void keep_in_step();
    void keep_drains();
    void compare(const Expected<api::Json>& there);
    void bring(const std::string& instance);
    void reload(const Order& order, const api::Reply& reply);
    void reload_gateway(const Order& order, const api::Reply& reply);
    void reload_dns64(const api::Json& answer, const api::Reply& reply);
    void finish_reload(const Order& order, const api::Json& gateway, const api::Reply& reply);
    /// isthmus-dns64 takes the policy that runs; `told` gets its word. Its own section stays.
    void dns64_follows(const Dns64Link::Told& told);
    [[nodiscard]] const std::string& dns64_socket();
    void whois(const api::Json& params, const api::Reply& reply);
    [[nodiscard]] Expected<api::Json> show_config(const api::Json& params) const;
    void status(const api::Reply& reply);
    [[nodiscard]] api::Json own_status() const;
    [[nodiscard]] api::Json dataplane_status(const Expected<api::Json>& there) const;

    std::string file_;
    config::Config cfg_;
    api::Rights rights_;
    std::unique_ptr<api::RpcServer> server_;
    api::RpcLinks dataplane_;
    Dns64Link dns64_;
    std::string dns64_socket_;  // as the file said when it could be read last
    Commits commits_;
    std::unique_ptr<Observer> observer_;
    std::string instance_, trouble_;  // trouble_: why the dataplane is away; empty: it is there
    std::time_t away_since_ = 0, started_ = 0, next_try_ = 0;
    std::time_t next_drains_ = 0;  // when addresses that are drained are looked at again
    bool in_step_ = false;         // the dataplane ran the running policy when it was asked last
    bool asking_ = false;          // the question of keep_in_step() is under way
};

}  // namespace isthmus::control
