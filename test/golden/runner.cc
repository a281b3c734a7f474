// SPDX-License-Identifier: Apache-2.0
// Runs golden cases: stories of packets in and packets out of a pure gateway, as text (*.case).
//
//   golden FILE...                prints TAP: one line for each case
//   golden --corpus DIR FILE...   writes the packets that go in as seeds for test/fuzz
//
// A file is a list of cases; before the first one, `let NAME TEXT` gives words a name. A case:
//   case T-7915-4to6-001: what it shows
//   stateless P... | hosts4 PREFIX4... | eam PREFIX4 PREFIX6 | errors_from A...   without state
//   pref64 P... | nopool | pool A... | static udp X x T t | set KEY VALUE | mtu 4|6 N
//   vlan 4|6 ID [MTU] | local A | tables BINDINGS SESSIONS SUBSCRIBERS | fragments ENTRIES CELLS
//   events N | workers N | route PREFIX6 PORT VLAN | noroute 4|6 | noneighbour 4|6 | nobuffers
//   wait SECONDS                 time passes, and 6.4 seconds more with turns
//   pass SECONDS                 time passes, and one turn comes
//   in4|in6 PACKET [@vlan=N] [@pad=N] [@mac=ADDRESS] [@checksum-bad] [@cut=N] [@worker=N]
//   frame4|frame6 HEX            a whole frame
//   out4|out6 PACKET [@vlan=N]   next packet that left; what left and is not named is a failure
//   repeat N LINE                does the line N times
//   some4|some6                  a packet left whose bytes do not matter here
//   drop REASON [N]              N (1) drops for that reason in all; for other reasons: none
//   count COUNTER N              its value by now
//   differ $A $B                 two values that packets had
//
// Packets are written as packet_text.h says. The gateway has NAT64 prefix 2001:db8:64::/96, pool
// 198.51.100.1, sends ICMP errors from 192.0.2.254 and 2001:db8:6::ffff, links of 1,500 bytes.
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <optional>

#include "test/golden/packet_text.h"
#include "test/golden/settings.h"
#include "test/unit/pipeline/gateway.h"

namespace golden {

namespace {

using gateway::Gateway;
using gateway::Sent;
using namespace isthmus;

struct Line {
    unsigned number = 0;
    Words words;
};

struct Case {
    std::string title, file;
    std::vector<Line> lines;
};

std::string dump(const Bytes& b) {
    std::string out;
    for (std::size_t i = 0; i < b.size() && i < 160; i++) {
        constexpr const char* kDigits = "0123456789abcdef";
        if (i % 4 == 0) out += ' ';
        out += kDigits[b[i] >> 4];
        out += kDigits[b[i] & 15];
    }
    return out + (b.size() > 160 ? " ..." : "") + " (" + std::to_string(b.size()) + " bytes)";
}

template <typename Enum, typename Table>
Enum named(const Table& table, const std::string& name) {
    for (const auto& row : table) {
        if (row.name == name) return row.id;
    }
    throw Fault("no such name: " + name);
}

class Story {
public:
    /// Every packet that went in, as fuzz_pipeline.cc reads them.
    Bytes recorded{0};
    /// And one by one, as fuzz_xlat.cc reads them.
    std::vector<Bytes> packets_in;

    void run(const Case& c) {
        for (const Line& line : c.lines) {
            try {
                step(line.words);
            } catch (const Fault& f) {
                throw Fault(c.file + ":" + std::to_string(line.number) + ": " + f.what());
            }
        }
        finish();
    }

private:
    Gateway& gw() {
        if (!gateway_) {
            gateway_ = std::make_unique<Gateway>(prefixes_[0].c_str(), workers_, sizes_);
            for (std::size_t i = 1; i < prefixes_.size(); i++) {
                const auto p = Pref64::parse(prefixes_[i]);
                gateway_->cfg.nat.prefix[i] = {true, p->is_well_known(), *p};
            }
            gateway_->changed();
        }
        return *gateway_;
    }

    void step(const Words& w) {
        const std::string& verb = w[0];
        if (verb == "repeat") {
            for (unsigned long n = number(w.at(1)); n > 0; n--) step({w.begin() + 2, w.end()});
            return;
        }
        if (verb == "in4" || verb == "in6" || verb == "frame4" || verb == "frame6" ||
            verb == "wait" || verb == "pass") {
            all_expected();
        }
        if (verb == "in4" || verb == "in6") return arrive(verb[2] == '4' ? 4 : 6, w);
        if (verb == "frame4" || verb == "frame6")
            return take(gw().frame_in(verb[5] == '4' ? 4 : 6, hex(w.size() > 1 ? w[1] : "")));
        if (verb == "out4" || verb == "out6") return expect(verb[3] == '4' ? 4 : 6, w);
        if (verb == "some4" || verb == "some6") {
            (void)next(verb[4] == '4' ? 4 : 6);
        } else if (verb == "drop") {
            drops_[named<Drop>(kDrops, w.at(1))] = w.size() > 2 ? number(w[2]) : 1;
        } else if (verb == "count") {
            const auto have = gw().count(named<Counter>(kCounters, w.at(1)));
            if (have != number(w.at(2))) throw Fault(w[1] + " is " + std::to_string(have));
        } else if (verb == "differ") {
            if (known_.at(w.at(1)) == known_.at(w.at(2))) throw Fault(w[1] + " is " + w[2]);
        } else if (verb == "wait") {
            for (auto& s : gw().wait(number(w.at(1)))) left_.push_back(s);
        } else if (verb == "pass") {
            for (auto& s : gw().pass(std::stod(w.at(1)))) left_.push_back(s);
        } else {
            prepare(w);
        }
    }

    /// What stands before the first packet, mostly.
    void prepare(const Words& w) {
        const std::string& verb = w[0];
        if (verb == "pref64") {
            prefixes_.assign(w.begin() + 1, w.end());
        } else if (verb == "tables") {
            sizes_.tables.bindings = static_cast<std::uint32_t>(number(w.at(1)));
            sizes_.tables.sessions = static_cast<std::uint32_t>(number(w.at(2)));
            sizes_.tables.subscribers = static_cast<std::uint32_t>(number(w.at(3)));
        } else if (verb == "events") {
            sizes_.tables.events = static_cast<std::uint32_t>(number(w.at(1)));
        } else if (verb == "fragments") {
            sizes_.fragment_entries = static_cast<std::uint32_t>(number(w.at(1)));
            sizes_.fragment_cells = static_cast<std::uint32_t>(number(w.at(2)));
        } else if (verb == "workers") {
            workers_ = static_cast<unsigned>(number(w.at(1)));
        } else if (verb == "mtu") {
            gw().mtu(w.at(1) == "4" ? 4 : 6, static_cast<std::uint16_t>(number(w.at(2))));
        } else if (verb == "nobuffers") {
            gw().no_buffers = true;
        } else if (verb == "noroute") {
            gw().forget_route(w.at(1) == "4" ? 4 : 6);
        } else if (verb == "noneighbour") {
            gw().forget_neighbour(w.at(1) == "4" ? 4 : 6);
        } else if (verb == "route") {
            gw().route(w.at(1).c_str(), static_cast<unsigned>(number(w.at(2))),
                       static_cast<std::uint16_t>(number(w.at(3))));
        } else if (verb == "vlan") {
            gw().vlan(w.at(1) == "4" ? 4 : 6, static_cast<std::uint16_t>(number(w.at(2))),
                      static_cast<std::uint16_t>(w.size() > 3 ? number(w[3]) : 1500));
        } else if (verb == "local") {
            gw().local(w.at(1));
        } else if (verb == "pool") {
            add_pool(w);
        } else if (verb == "nopool") {
            gw().cfg.nat.n_slots = 0;
            gw().cfg.nat.prefix[0].live = false;
            gw().changed();
        } else if (verb == "stateless" || verb == "hosts4" || verb == "eam" ||
                   verb == "errors_from") {
            add_stateless(w);
        } else if (verb == "static") {
            add_static(w);
        } else if (verb == "set") {
            set(w.at(1), w.at(2));
        } else {
            throw Fault("what is \"" + verb + "\"?");
        }
    }

    void add_pool(const Words& w) {
        auto& nat = gw().cfg.nat;
        for (std::size_t i = 1; i < w.size(); i++) {
            nat.slot[i - 1] = nat::PoolSlot{};
            nat.slot[i - 1].state = nat::PoolSlot::State::active;
            nat.slot[i - 1].addr = Ipv4Addr::parse(w[i]).value();
        }
        nat.n_slots = static_cast<unsigned>(w.size() - 1);
        gw().changed();
    }

    void add_stateless(const Words& w) {
        pipeline::Stateless& s = gw().cfg.stateless;
        if (w[0] == "eam") {
            const auto v4 = Prefix4::parse(w.at(1), Prefix4::Bare::allow);
            const auto v6 = Prefix6::parse(w.at(2), Prefix6::Bare::allow);
            if (!v4 || !v6 || !s.eam.add({*v4, *v6})) throw Fault("no EAM entry");
            s.eam.finish();
        }
        for (std::size_t i = 1; i < w.size(); i++) {
            if (w[0] == "stateless") {
                const Pref64 p = *Pref64::parse(w[i]);
                s.prefix[s.n_prefixes++] = {p, p.is_well_known()};
            } else if (w[0] == "hosts4") {
                s.ipv4[s.n_ipv4++] = *Prefix4::parse(w[i]);
            } else if (w[0] == "errors_from") {
                s.error_source[s.n_error_sources++] = Ipv4Addr::parse(w[i]).value();
            }
        }
        s.on = true;
        gw().changed();
    }

    void add_static(const Words& w) {
        auto& nat = gw().cfg.nat;
        nat::StaticEntry& e = nat.fixed[nat.n_static++];
        e.proto = w.at(1) == "udp" ? Proto::udp : w.at(1) == "tcp" ? Proto::tcp : Proto::icmp;
        e.x = {Ipv6Addr::parse(w.at(2)).value(), Be16{static_cast<std::uint16_t>(number(w.at(3)))}};
        e.t = {Ipv4Addr::parse(w.at(4)).value(), Be16{static_cast<std::uint16_t>(number(w.at(5)))}};
        for (unsigned i = 0; i < nat.n_slots; i++) {
            if (nat.slot[i].addr != e.t.addr) continue;
            e.slot = static_cast<std::uint16_t>(i);
            nat.slot[i].has_static = true;
            nat.slot[i].static_digest++;
        }
        gw().changed();
    }

    void set(const std::string& key, const std::string& value) {
        apply_setting(gw().cfg, key, value);
        gw().changed();
    }

    void arrive(unsigned port, const Words& w) {
        Words packet;
        gateway::Link link;
        std::optional<std::size_t> cut;
        unsigned worker = 0;
        for (std::size_t i = 1; i < w.size(); i++) {
            const std::string value = w[i].substr(std::min(w[i].size(), w[i].find('=') + 1));
            if (w[i].rfind("@vlan=", 0) == 0) {
                link.vlan = static_cast<unsigned>(number(value));
            } else if (w[i].rfind("@pad=", 0) == 0) {
                link.pad = packets::pattern(number(value), 77);
            } else if (w[i].rfind("@mac=", 0) == 0) {
                link.dst = MacAddr::parse(value).value();
            } else if (w[i].rfind("@cut=", 0) == 0) {
                cut = number(value);
            } else if (w[i].rfind("@worker=", 0) == 0) {
                worker = static_cast<unsigned>(number(value));
            } else if (w[i] == "@checksum-bad") {
                link.checksum_bad = true;
            } else {
                packet.push_back(w[i]);
            }
        }
        const Built b = build(packet, known_);
        if (!b.holes.empty()) throw Fault("unknown value " + b.holes[0].name);
        Bytes bytes = b.bytes;
        if (cut) bytes.resize(std::min(bytes.size(), *cut));
        record(port, bytes);
        take(gw().in(port, bytes, worker, link));
    }

    void record(unsigned port, const Bytes& bytes) {
        Bytes record(17);
        record[0] = port == 6 ? 1 : 0;
        packets::put16(record, 1, static_cast<unsigned>(bytes.size() + 14));
        record[3] = record[9] = 2;
        record[8] = static_cast<std::uint8_t>(port);
        packets::put16(record, 15, !bytes.empty() && (bytes[0] >> 4) == 6 ? 0x86dd : 0x0800);
        using packets::operator+;
        recorded = recorded + record + bytes;
        packets_in.push_back(Bytes{0} + bytes);
    }

    void take(std::vector<Sent> sent) {
        for (auto& s : sent) left_.push_back(std::move(s));
    }

    Sent next(unsigned port) {
        if (left_.empty()) throw Fault("nothing left");
        Sent s = left_.front();
        left_.pop_front();
        if (s.port != port)
            throw Fault("left by port " + std::to_string(s.port) + ":" + dump(s.packet));
        return s;
    }

    void expect(unsigned port, const Words& w) {
        Words packet(w.begin() + 1, w.end());
        unsigned vlan = 0;
        if (packet.back().rfind("@vlan=", 0) == 0) {
            vlan = static_cast<unsigned>(number(packet.back().substr(6)));
            packet.pop_back();
        }
        const Sent s = next(port);
        const Bytes want = build_like(packet, known_, s.packet);
        if (s.vlan != vlan) throw Fault("left with VLAN id " + std::to_string(s.vlan));
        if (s.packet == want) return;
        std::size_t at = 0;
        while (at < want.size() && at < s.packet.size() && want[at] == s.packet[at]) at++;
        throw Fault("another packet left; first difference at octet " + std::to_string(at) +
                    "\n# wanted" + dump(want) + "\n# got   " + dump(s.packet));
    }

    void all_expected() {
        if (!left_.empty()) throw Fault("unexpected before:" + dump(left_.front().packet));
    }

    void finish() {
        all_expected();
        for (const auto& row : kDrops) {
            const auto want = drops_.count(row.id) != 0 ? drops_.at(row.id) : 0;
            const auto have = gw().drops(row.id);
            if (have != want) {
                throw Fault("drops for " + std::string(row.name) + ": " + std::to_string(have) +
                            ", not " + std::to_string(want));
            }
        }
        if (gw().outstanding != gw().waiting()) throw Fault("buffers were lost");
    }

    std::vector<std::string> prefixes_{"2001:db8:64::/96"};
    unsigned workers_ = 1;
    pipeline::WorkerSizes sizes_ = Gateway::small();
    std::unique_ptr<Gateway> gateway_;
    Variables known_;
    std::deque<Sent> left_;
    std::map<Drop, std::uint64_t> drops_;
};

std::vector<Case> read(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw Fault("cannot read " + file);
    std::vector<Case> cases;
    std::map<std::string, Words> names;
    unsigned number = 0;
    for (std::string text; std::getline(in, text);) {
        number++;
        if (text.empty() || text[0] == '#') continue;
        if (text.rfind("case ", 0) == 0) {
            cases.push_back({text.substr(5), file, {}});
            continue;
        }
        Words words;
        for (const auto& w : split(text)) {
            const auto name = names.find(w);
            if (name == names.end()) {
                words.push_back(w);
            } else {
                words.insert(words.end(), name->second.begin(), name->second.end());
            }
        }
        if (words.empty()) continue;
        if (words[0] == "let") {
            names[words.at(1)] = Words(words.begin() + 2, words.end());
        } else if (cases.empty()) {
            throw Fault(file + ":" + std::to_string(number) + ": before the first case");
        } else {
            cases.back().lines.push_back({number, words});
        }
    }
    return cases;
}

}  // namespace

}  // namespace golden

namespace {

void save(const std::string& path, const golden::Bytes& bytes) {
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
}

int write_corpus(const std::string& folder, const std::vector<golden::Case>& cases) {
    unsigned n = 0;
    for (const auto& c : cases) {
        golden::Story story;
        story.run(c);
        // Another set of choices for each.
        const bool stateless = c.file.find("eam.case") != std::string::npos;
        story.recorded[0] = static_cast<std::uint8_t>((n * 37) % 128 + (stateless ? 128 : 0));
        const std::string number = std::to_string(n++);
        save(folder + "/pipeline/" + number, story.recorded);
        unsigned k = 0;
        for (const auto& p : story.packets_in)
            save(folder + "/xlat/" + number + "-" + std::to_string(k++), p);
    }
    return 0;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what is not a story's fault may end the program
int main(int argc, char** argv) {
    std::vector<golden::Case> cases;
    unsigned failed = 0;
    const bool corpus = argc > 2 && std::string(argv[1]) == "--corpus";
    try {
        for (int i = corpus ? 3 : 1; i < argc; i++) {
            for (auto& c : golden::read(argv[i])) cases.push_back(std::move(c));
        }
    } catch (const std::exception& e) {
        std::cerr << "golden: " << e.what() << "\n";
        return 2;
    }
    if (corpus) return write_corpus(argv[2], cases);
    std::cout << "1.." << cases.size() << "\n";
    std::ofstream report;
    const char* folder = std::getenv("ISTHMUS_TEST_REPORTS");
    if (folder != nullptr) {
        const std::string file = argc > 1 ? argv[1] : "none";
        report.open(std::string(folder) + "/golden_" + file.substr(file.rfind('/') + 1) + ".txt");
    }
    for (std::size_t i = 0; i < cases.size(); i++) {
        std::string fault;
        try {
            golden::Story().run(cases[i]);
        } catch (const std::exception& e) {
            fault = e.what();
        }
        report << (fault.empty() ? "passed " : "failed ") << cases[i].title << "\n";
        std::cout << (fault.empty() ? "ok " : "not ok ") << i + 1 << " - " << cases[i].title
                  << "\n";
        if (!fault.empty()) {
            std::cout << "# " << fault << "\n";
            failed++;
        }
    }
    return failed == 0 ? 0 : 1;
}
