// SPDX-License-Identifier: Apache-2.0
#include "control/cli/changes.h"

#include <iostream>
#include <memory>

#include "control/cli/rows.h"
#include "control/cli/table.h"

namespace isthmus::cli {

namespace {

struct Words {
    bool dry_run = false, running = false, file = false, diff = false, defaults = false;
    unsigned confirm = 0;
    std::int64_t back = 1, of_history = 0, id = 0;
};

void print_one(std::ostream& out, const Json& c) {
    const std::string key = api::text_of(c, "key");
    const bool start = c.value("start_only", false);
    const char* const note = start ? "   (needs a restart of isthmus-dataplane)" : "";
    if (!c.contains("added")) {
        const auto value = [&](const char* name) {
            const std::string text = api::text_of(c, name);
            return text.empty() ? std::string("(not set)") : text;
        };
        out << "  " << key << ": " << value("before") << " -> " << value("after") << note << "\n";
        return;
    }
    out << "  " << key << ":" << note << "\n";
    for (const Json& e : c.value("removed", Json::array())) out << "    - " << cell_text(e) << "\n";
    for (const Json& e : c.value("added", Json::array())) out << "    + " << cell_text(e) << "\n";
}

/// What isthmus-dns64 did with the file; nothing when it was not asked.
void print_dns64(std::ostream& out, const Json& answer) {
    const Json word = answer.value("dns64", Json::object());
    const std::string state = api::text_of(word, "state");
    if (state == "reloaded") out << "isthmus-dns64: reloaded\n";
    if (state == "would_reload") out << "isthmus-dns64: would reload\n";
    if (state == "waits_for_confirmation")
        out << "isthmus-dns64: has the prefixes; takes its own section with isthmusctl confirm\n";
    if (state == "follows") out << "isthmus-dns64: follows\n";
    if (state == "not_running") out << "isthmus-dns64: not running\n";
    if (state == "failed") out << "isthmus-dns64: failed: " << api::text_of(word, "why") << "\n";
}

/// The gateway has the file's policy and isthmus-dns64 has not: no success.
int dns64_rc(const Json& answer) {
    const Json word = answer.value("dns64", Json::object());
    return api::text_of(word, "state") == "failed" ? kRefused : kDone;
}

void print_warnings(std::ostream& out, const Json& answer) {
    for (const Json& w : answer.value("warnings", Json::array()))
        out << "warning: " << cell_text(w) << "\n";
}

int show_config(Asker& ask, const Words& w) {
    if (int{w.running} + int{w.file} + int{w.diff} + int{w.defaults} > 1 ||
        (w.of_history != 0 && (w.file || w.diff || w.defaults))) {
        std::cerr << "isthmusctl show config: one of --running, --file, --diff, --defaults and "
                     "--back, please\n";
        return kUsage;
    }
    Json out;
    const char* which = w.file ? "file" : w.diff ? "diff" : w.defaults ? "defaults" : "running";
    const int rc = ask.request("show.config", {{"which", which}, {"back", w.of_history}}, out);
    if (rc != kDone) return rc;
    if (ask.json) {
        print_json(out);
    } else if (!w.diff) {
        std::cout << api::text_of(out, "text");
    } else if (out["changes"].empty()) {
        std::cout << "what runs is what the file says\n";
    } else {
        std::cout << "isthmusctl reload would change:\n";
        for (const Json& c : out["changes"]) print_one(std::cout, c);
    }
    return kDone;
}

int show_history(Asker& ask, const Words& w, const RowChoice& choice) {
    Json out;
    const int rc = ask.request("show.history", {{"id", w.id}}, out);
    if (rc != kDone) return rc;
    if (out.is_object()) {
        if (ask.json) {
            print_json(out);
            return kDone;
        }
        std::cout << time_text(out.value("unix_seconds", std::int64_t{0})) << "  "
                  << api::text_of(out, "what") << " by " << api::text_of(out, "user") << "\n";
        print_change(std::cout, out);
        return kDone;
    }
    if (ask.json) return choice.print(ask, out, "show history", {});
    for (Json& row : out) row["time"] = time_text(row.value("unix_seconds", std::int64_t{0}));
    return choice.print(ask, out, "show history",
                        {{"back", "back"},
                         {"id", "id"},
                         {"time", "time"},
                         {"user", "user"},
                         {"what", "what"},
                         {"sessions_closed", "sessions closed"},
                         {"changed", "changed"}});
}

int confirm(Asker& ask) {
    Json out;
    const int rc = ask.request("confirm", Json::object(), out);
    if (rc != kDone) return rc;
    if (ask.json) {
        print_json(out);
    } else {
        std::cout << "confirmed: " << api::text_of(out, "confirmed") << " stays\n";
        print_dns64(std::cout, out);
        print_warnings(std::cout, out);
    }
    return dns64_rc(out);
}

void add_show(args::Command& show, Asker& ask, int& rc, const std::shared_ptr<Words>& w) {
    auto* config = show.add_subcommand("config", "the policy that runs, as the file would say it");
    config->fallthrough();
    config->add_flag("--running", w->running, "what runs (this is what you get without an option)");
    config->add_flag("--file", w->file, "what the configuration file says");
    config->add_flag("--diff", w->diff, "what a reload would change");
    config->add_flag("--defaults", w->defaults, "every key of nat64 with its default");
    config->add_option("--back", w->of_history, "the policy of so many changes ago");
    config->callback([&ask, &rc, w] { rc = show_config(ask, *w); });
    auto* history =
        show.add_subcommand("history", "who changed the policy, when, and what that closed");
    history->fallthrough();
    history->add_option("id", w->id, "one change with all its values");
    const auto choice = std::make_shared<RowChoice>();
    choice->add_options(
        *history,
        {{"--user", "user", "those of this user", RowFilter::How::equal},
         {"--what", "what", "those with this in it", RowFilter::How::part},
         {"--changed", "changed", "those that changed this key", RowFilter::How::part}},
        {"id", "user", "sessions_closed"});
    history->callback([&ask, &rc, w, choice] { rc = show_history(ask, *w, *choice); });
}

}  // namespace

void print_change(std::ostream& out, const Json& answer) {
    const Json changes = answer.value("changes", Json::array());
    const bool dry = answer.value("dry_run", false);
    if (changes.empty()) {
        out << "nothing differs\n";
    } else {
        out << (dry ? "would change:\n" : "changed:\n");
        for (const Json& c : changes) print_one(out, c);
    }
    const Json closes = answer.value("closes", Json::object());
    if (!closes.is_object() || closes.empty()) return;
    const auto n = [&](const char* what) { return closes.value(what, std::uint64_t{0}); };
    out << (dry ? "would close " : "closed ") << count_text(n("sessions"), "session") << " and "
        << count_text(n("bindings"), "binding");
    if (closes.contains("subscribers")) out << " of " << count_text(n("subscribers"), "subscriber");
    out << "\n";
}

namespace {

/// True also when nobody can say.
bool file_differs(Asker& ask) {
    Json diff;
    std::string why;
    if (ask.try_request("show.config", {{"which", "diff"}}, diff, why) != kDone) return true;
    return !diff.value("changes", Json::array()).empty();
}

}  // namespace

int change(Asker& ask, const std::string& method, const Json& params, bool live) {
    Json out;
    const int rc = ask.request(method, params, out);
    if (rc != kDone) return rc;
    if (ask.json) {
        print_json(out);
        return dns64_rc(out);
    }
    print_change(std::cout, out);
    print_dns64(std::cout, out);
    for (const Json& h : out.value("holders", Json::array()))
        std::cout << "in the way: " << cell_text(h) << "\n";
    print_warnings(std::cout, out);
    if (const auto warning = api::text_of(out, "warning"); !warning.empty())
        std::cout << "warning: " << warning << "\n";
    const bool done = !out.value("dry_run", false) && !out.value("changes", Json::array()).empty();
    if (const auto seconds = api::number_of(out, "confirm_within_seconds", 0); done && seconds != 0)
        std::cout << "It goes back in " << seconds << " s unless you say: isthmusctl confirm\n";
    if (done && live && file_differs(ask))
        std::cout << "The configuration file does not have this: write it there too, or the next "
                     "reload or restart of isthmus-control takes it back.\n";
    return dns64_rc(out);
}

void add_change_commands(args::Command& app, args::Command& show, Asker& ask, int& rc) {
    const auto w = std::make_shared<Words>();
    add_show(show, ask, rc, w);
    auto* reload = app.add_subcommand("reload", "make the configuration file what runs");
    reload->alias("commit")->fallthrough();
    reload->add_flag("--dry-run", w->dry_run, "say what would change, and what that would close");
    reload
        ->add_option("--confirm", w->confirm,
                     "go back after so many seconds, unless isthmusctl confirm comes first")
        ->in_range(1, 86400);
    reload->callback([&ask, &rc, w] {
        rc = change(ask, "reload", {{"dry_run", w->dry_run}, {"confirm_seconds", w->confirm}},
                    false);
    });
    auto* confirmed = app.add_subcommand("confirm", "what reload --confirm changed stays");
    confirmed->fallthrough();
    confirmed->callback([&ask, &rc] { rc = confirm(ask); });
    auto* back = app.add_subcommand("rollback", "back to an earlier policy");
    back->fallthrough();
    back->add_option("back", w->back, "how many changes, as show history counts them")
        ->in_range(1, 1000)
        ->capture_default_str();
    back->add_flag("--dry-run", w->dry_run, "say what would change, and what that would close");
    back->callback([&ask, &rc, w] {
        rc = change(ask, "rollback", {{"back", w->back}, {"dry_run", w->dry_run}}, true);
    });
}

}  // namespace isthmus::cli
