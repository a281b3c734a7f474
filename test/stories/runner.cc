// SPDX-License-Identifier: Apache-2.0
// Runs DNS64 stories: a question, what upstream says, the policy, and the answer, as text
// (*.story). No network, no clock. Messages are built and taken apart by ldns, so that what our own
// reader and writer have wrong in common is seen.
//
//   stories FILE...      prints TAP: one line for each story
//
//   story T-6147-ans-002: what it shows
//   nat64 TEXT             a line of section nat64 (instead of prefixes = [ "2001:db8:64::/96" ];)
//   dns64 TEXT             a line of section dns64; everybody is allowed to ask
//   client ADDRESS         2001:db8::1 without it
//   ask NAME TYPE [do|cd|ad|tcp|noedns|nord|size=N|class=CLASS]...
//   up NAME TYPE RESULT [cd|aa|ra|ad|tc|bogus|secure|stale|maybe|class=CLASS]...
//                          RESULT: an RCODE, or timeout, unreachable. What upstream says to this
//                          question, in the order in which it comes; each must be asked, but
//                          `maybe`.
//   reply RCODE [aa|tc|rd|ra|ad|cd]...       the header: QR, these flags, and no others
//   an|ns|ar RECORD        of the section, behind `up` or `reply`, in order
//   why REASON | ede CODE|none | ttl SECONDS (for the cache) | age SECONDS (before it is sent)
//   bytes N                length of the answer
// A story may hold several questions; each is asked by its `reply`. Checked always: ID, question as
// spelled, OPT (version 0, 1,232 octets, DO copied) if and only if there was one, and no repeated
// record.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "common/config/parse.h"
#include "test/stories/messages.h"

namespace stories {

namespace {

using Words = std::vector<std::string>;

struct Line {
    unsigned number = 0;
    std::string text;
    Words words;
};

struct Story {
    std::string title;
    std::vector<Line> lines;
};

class Player {
public:
    void run(const Story& story) {
        for (const Line& l : story.lines) {
            at_ = l.number;
            try {
                obey(l);
            } catch (const std::exception& e) {
                fail("line " + std::to_string(at_) + ": " + e.what());
            }
        }
        at_ = story.lines.empty() ? 0 : story.lines.back().number;
        if (!replied_) fail("it ends without a reply");
        check_sections();
    }

private:
    void obey(const Line& l) {
        const std::string& word = l.words.front();
        const std::string rest = l.words.size() < 2 ? "" : l.text.substr(l.text.find(l.words[1]));
        if (word == "an" || word == "ns" || word == "ar") {
            const int i = word == "an" ? 0 : (word == "ns" ? 1 : 2);
            Sections& s = replied_ ? want_ : question_.said.back().records;
            s.of[i].push_back(canonical(rest));
            return;
        }
        if (replied_ && (word == "ask" || word == "up")) check_sections();
        if (word == "nat64") {
            nat64_ += rest + "\n";
        } else if (word == "dns64") {
            dns64_ += rest + "\n";
        } else if (word == "client") {
            client_ = rest;
        } else if (word == "ask") {
            ask(l.words);
        } else if (word == "up") {
            up(l.words);
        } else if (word == "age") {
            age_ = static_cast<std::uint32_t>(std::stoul(l.words.at(1)));
        } else if (word == "reply") {
            reply(l.words);
        } else {
            check(word, l.words.at(1));
        }
    }

    void ask(const Words& w) {
        question_ = {};
        age_ = 0;
        question_.name = w.at(1);
        question_.type = type_named(w.at(2));
        for (std::size_t i = 3; i < w.size(); i++) {
            if (w[i].starts_with("size=")) {
                question_.size = static_cast<unsigned>(std::stoul(w[i].substr(5)));
            } else if (w[i].starts_with("class=")) {
                question_.cls = class_named(w[i].substr(6));
            } else {
                question_.flags.insert(w[i]);
            }
        }
    }

    void up(const Words& w) {
        Said s;
        s.line = at_;
        s.name = w.at(1);
        s.type = type_named(w.at(2));
        s.result = w.at(3);
        for (std::size_t i = 4; i < w.size(); i++) {
            if (w[i].starts_with("class=")) {
                s.cls = class_named(w[i].substr(6));
            } else {
                s.flags.insert(w[i]);
            }
        }
        question_.said.push_back(s);
    }

    std::unique_ptr<Policy> policy() const {
        const std::string nat64 = nat64_.empty() ? "prefixes = [ \"2001:db8:64::/96\" ];" : nat64_;
        const std::string allow = dns64_.find("allow =") == std::string::npos
                                      ? "allow = [ \"::/0\", \"0.0.0.0/0\" ];\n"
                                      : "";
        const auto loaded =
            config::load_text("nat64 = { " + nat64 + " };\ndns64 = {\n" + allow +
                                  "upstreams = [ \"192.0.2.53\" ];\n" + dns64_ + "};\n",
                              "story");
        if (!loaded.ok()) fail(loaded.error_text());
        auto p = Policy::compile(loaded.config, {});
        if (!p) fail(p.error().text());
        return std::move(*p);
    }

    void feed(Resolution& r, std::vector<Ask>& open) {
        for (Said& s : question_.said) {
            if (s.used) continue;
            for (std::size_t i = 0; i < open.size(); i++) {
                const Ask a = open[i];
                const Name name = Name::parse(s.name).value_or(Name{});
                if (a.type != s.type || a.cls != s.cls || a.cd != s.flags.contains("cd") ||
                    !same_name(a.name, name))
                    continue;
                s.used = true;
                open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
                return give(r, a, s);
            }
        }
        std::string asked;
        for (const Ask& a : open)
            asked += " " + name_text(a.name) + " " + type_text(a.type) + (a.cd ? " cd" : "");
        fail("nobody answers:" + asked);
    }

    static void give(Resolution& r, const Ask& a, const Said& s) {
        if (s.result == "timeout") return r.fail(a.id, Failure::timeout);
        if (s.result == "unreachable") return r.fail(a.id, Failure::network);
        const Octets bytes = answer_of(s, a);
        Message m;
        const Fault fault = Message::parse(bytes, m);
        if (fault != Fault::none) fail("upstream's answer: " + std::string(text_of(fault)));
        const Security security = s.flags.contains("bogus")    ? Security::bogus
                                  : s.flags.contains("secure") ? Security::secure
                                                               : Security::unknown;
        r.feed(a.id, m, security, s.flags.contains("stale"));
    }

    void reply(const Words& w) {
        const Octets datagram = query_of(question_);
        const bool tcp = question_.flags.contains("tcp");
        Request request;
        const Checked checked = read_request(datagram, tcp, request);
        out_.assign(kMessageMost, 0);
        std::size_t n = 0;
        answer_ = {};
        if (checked.action == Action::resolve) {
            n = resolve(request);
        } else {
            answer_.why = checked.why;
            answer_.ede = info_of(checked.why).ede;
            ReplyExtras extras;
            extras.ede = answer_.ede;
            n = write_error(request, checked.rcode, extras, out_);
        }
        out_.resize(n);
        ldns_pkt* raw = nullptr;
        const ldns_status s = ldns_wire2pkt(&raw, out_.data(), out_.size());
        if (s != LDNS_STATUS_OK) fail(std::string("the answer: ") + ldns_get_errorstr_by_id(s));
        packet_.reset(raw);
        want_ = {};
        replied_ = true;
        check_header(w, tcp);
    }

    std::size_t resolve(const Request& request) {
        const auto policy_made = policy();
        const auto v4 = Ipv4Addr::parse(client_);
        const View* view =
            v4 ? policy_made->view_of(*v4) : policy_made->view_of(*Ipv6Addr::parse(client_));
        if (view == nullptr) fail("client " + client_ + " may not ask");
        Resolution r(*policy_made, *view, request);
        std::vector<Ask> open;
        for (Ask a; !r.done();) {
            while (r.next(a)) open.push_back(a);
            if (!r.done()) feed(r, open);
        }
        for (const Said& s : question_.said) {
            if (!s.used && !s.flags.contains("maybe"))
                fail("line " + std::to_string(s.line) + " was not asked");
        }
        Octets body(kMessageMost);
        answer_ = r.finish(body);
        ReplyExtras extras;
        extras.ede = answer_.ede;
        extras.ede_text = answer_.ede_text;
        return write_reply(request, Bytes(body).first(answer_.size), age_, extras, out_);
    }

    void check_header(const Words& w, bool tcp) {
        const ldns_pkt* p = packet_.get();
        if (ldns_pkt_id(p) != kId) fail("ID");
        std::string flags;
        if (ldns_pkt_aa(p)) flags += " aa";
        if (ldns_pkt_tc(p)) flags += " tc";
        if (ldns_pkt_rd(p)) flags += " rd";
        if (ldns_pkt_ra(p)) flags += " ra";
        if (ldns_pkt_ad(p)) flags += " ad";
        if (ldns_pkt_cd(p)) flags += " cd";
        if (!ldns_pkt_qr(p)) fail("QR is not set");
        const unsigned rcode =
            ldns_pkt_get_rcode(p) | (unsigned{ldns_pkt_edns_extended_rcode(p)} << 4);
        const std::string got = rcode_text(static_cast<Rcode>(rcode)) + flags;
        std::string want;
        for (std::size_t i = 1; i < w.size(); i++) want += (i > 1 ? " " : "") + w[i];
        if (got != want) fail("reply " + got + " (" + std::string(info_of(answer_.why).name) + ")");
        // The header and the question, octet by octet.
        const Octets q = query_of(question_);
        const std::size_t name_end = 12 + Name::parse(question_.name)->view().size() + 4;
        if (!std::equal(q.begin() + 12, q.begin() + static_cast<std::ptrdiff_t>(name_end),
                        out_.begin() + 12))
            fail("the question is not the client's");
        const bool edns = !question_.flags.contains("noedns");
        if (edns != (ldns_pkt_edns(p) != 0)) fail("OPT");
        if (edns && (ldns_pkt_edns_version(p) != 0 || ldns_pkt_edns_udp_size(p) != 1232 ||
                     ldns_pkt_edns_do(p) != question_.flags.contains("do")))
            fail("OPT: version, size or DO");
        const std::size_t limit =
            tcp ? 65535 : (edns ? std::max(512U, std::min(question_.size, 1232U)) : 512U);
        if (out_.size() > limit) fail("longer than the client can take");
    }

    void check_sections() {
        replied_ = false;
        const ldns_rr_list* lists[] = {ldns_pkt_answer(packet_.get()),
                                       ldns_pkt_authority(packet_.get()),
                                       ldns_pkt_additional(packet_.get())};
        constexpr const char* kNames[] = {"an", "ns", "ar"};
        for (int i = 0; i < 3; i++) {
            std::vector<std::string> got;
            for (std::size_t k = 0; k < ldns_rr_list_rr_count(lists[i]); k++)
                got.push_back(record_text(ldns_rr_list_rr(lists[i], k)));
            if (got != want_.of[i]) {
                std::string all;
                for (const std::string& g : got) all += std::string("\n#   ") + kNames[i] + " " + g;
                fail(std::string("section ") + kNames[i] + " is:" + all);
            }
            if (i == 0 && std::set<std::string>(got.begin(), got.end()).size() != got.size())
                fail("a record comes twice");
        }
    }

    std::string ede() const {
        const ldns_rdf* options = ldns_pkt_edns_data(packet_.get());
        if (options == nullptr) return "none";
        const std::uint8_t* p = ldns_rdf_data(options);
        for (std::size_t at = 0, n = ldns_rdf_size(options); at + 4 <= n;) {
            const unsigned code = (unsigned{p[at]} << 8) | p[at + 1];
            const unsigned len = (unsigned{p[at + 2]} << 8) | p[at + 3];
            if (code == 15) return std::to_string((unsigned{p[at + 4]} << 8) | p[at + 5]);
            at += 4 + len;
        }
        return "none";
    }

    void check(const std::string& what, const std::string& want) {
        std::string got;
        if (what == "why") got = info_of(answer_.why).name;
        if (what == "ttl") got = std::to_string(answer_.ttl);
        if (what == "ede") got = ede();
        if (what == "bytes") got = std::to_string(out_.size());
        if (got.empty()) fail("unknown word \"" + what + "\"");
        if (got != want) fail(what + ": " + got);
    }

    unsigned at_ = 0;
    std::string nat64_, dns64_, client_ = "2001:db8::1";
    Question question_;
    Sections want_;
    bool replied_ = false;
    std::uint32_t age_ = 0;
    Octets out_;
    Answer answer_;
    PacketPtr packet_{nullptr, ldns_pkt_free};
};

std::vector<Story> read(const std::string& file) {
    std::ifstream in(file);
    if (!in) fail(file + ": cannot be read");
    std::vector<Story> out;
    std::string text;
    for (unsigned number = 1; std::getline(in, text); number++) {
        const std::size_t from = text.find_first_not_of(' ');
        if (from == std::string::npos || text[from] == '#') continue;
        if (text.starts_with("story ")) {
            out.push_back({text.substr(6), {}});
            continue;
        }
        if (out.empty()) fail(file + ":" + std::to_string(number) + ": not in a story");
        Line l{number, text, {}};
        std::istringstream words(text);
        for (std::string w; words >> w;) l.words.push_back(w);
        out.back().lines.push_back(std::move(l));
    }
    return out;
}

}  // namespace

}  // namespace stories

int main(int argc, char** argv) {
    int failed = 0;
    std::vector<stories::Story> all;
    try {
        for (int i = 1; i < argc; i++) {
            for (stories::Story& s : stories::read(argv[i])) all.push_back(std::move(s));
        }
    } catch (const std::exception& e) {
        std::cout << "Bail out! " << e.what() << "\n";
        return 1;
    }
    std::cout << "1.." << all.size() << "\n";
    std::ofstream report;
    if (const char* folder = std::getenv("ISTHMUS_TEST_REPORTS"); folder != nullptr && argc > 1) {
        const std::string file = argv[1];
        report.open(std::string(folder) + "/story_" + file.substr(file.rfind('/') + 1) + ".txt");
    }
    for (std::size_t i = 0; i < all.size(); i++) {
        std::string fault;
        try {
            stories::Player().run(all[i]);
        } catch (const std::exception& e) {
            fault = e.what();
        }
        report << (fault.empty() ? "passed " : "failed ") << all[i].title << "\n";
        std::cout << (fault.empty() ? "ok " : "not ok ") << i + 1 << " - " << all[i].title << "\n";
        if (fault.empty()) continue;
        std::cout << "# " << fault << "\n";
        failed++;
    }
    return failed == 0 && !all.empty() ? 0 : 1;
}
