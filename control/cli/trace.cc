// SPDX-License-Identifier: Apache-2.0
#include "control/cli/trace.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "control/cli/packet_text.h"
#include "control/cli/pcapng.h"
#include "control/cli/rows.h"
#include "control/cli/table.h"
#include "control/cli/trace_text.h"

namespace isthmus::cli {

namespace {

/// What the options are read into; lives as long as the program's App.
struct Words {
    std::string subscriber, remote, protocol, drop;
    std::uint64_t count = 0, seconds = 0, bytes = 0;  // 0: the dataplane's default
    std::uint64_t trace_count = 10, capture_count = 1000;
    std::string write;   // file, "-" for standard output; empty: text
    std::string reason;  // show dropped
};

volatile std::sig_atomic_t interrupted = 0;
void on_signal(int) { interrupted = 1; }

/// SIGINT and SIGTERM wait until nap(), so that no request is cut in two.
class Signals {
public:
    Signals() {
        struct sigaction action {};
        action.sa_handler = on_signal;
        sigaction(SIGINT, &action, nullptr);
        sigaction(SIGTERM, &action, nullptr);
        std::signal(SIGPIPE, SIG_IGN);
        sigset_t both;
        sigemptyset(&both);
        sigaddset(&both, SIGINT);
        sigaddset(&both, SIGTERM);
        sigprocmask(SIG_BLOCK, &both, &before_);
    }
    /// True: go on.
    bool nap(long ms) const {
        const timespec t{0, ms * 1'000'000};
        (void)ppoll(nullptr, 0, &t, &before_);
        return interrupted == 0;
    }

private:
    sigset_t before_{};
};

/// The tag that the device took off, put back for the file.
void restore_tag(const Json& frame, Bytes& b) {
    const unsigned vlan = frame.value("vlan", 0U);
    constexpr std::size_t kAddresses = 12;
    if (vlan == 0 || b.size() < kAddresses) return;
    const std::uint8_t tag[] = {0x81, 0, static_cast<std::uint8_t>(vlan >> 8 & 0xf),
                                static_cast<std::uint8_t>(vlan & 0xff)};
    b.insert(b.begin() + kAddresses, std::begin(tag), std::end(tag));
}

void write_packet(Pcapng& file, const Json& p) {
    const Json frames = p.value("frames", Json::array());
    for (std::size_t i = 0; i < frames.size(); i++) {
        const Json& f = frames[i];
        const bool arrived = i == 0 && p.contains("decide");
        Bytes bytes = bytes_of(f);
        const auto cut =
            f.value("bytes", std::uint32_t{0}) - static_cast<std::uint32_t>(bytes.size());
        restore_tag(f, bytes);
        Pcapng::Packet out;
        out.interface = words(f.value("port", Json("?"))) + " " + words(f.value("how", Json("?")));
        out.unix_ns = static_cast<std::uint64_t>(p.value("time_unix_ns", std::int64_t{0}));
        out.direction = arrived ? Direction::received : Direction::sent;
        out.bytes = bytes;
        out.original_bytes = static_cast<std::uint32_t>(bytes.size()) + cut;
        out.comment = comment_of(p, f, arrived);
        file.add(out);
    }
}

/// The file of --write. Others than its owner cannot read it: it holds what subscribers sent.
class OutFile {
public:
    explicit OutFile(const std::string& name) : name_(name) {
        if (name == "-") {
            stream_ = &std::cout;
            return;
        }
        const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0) {
            std::cerr << name << ": cannot be written: " << std::strerror(errno) << "\n";
            return;
        }
        ::close(fd);
        file_.open(name, std::ios::binary | std::ios::trunc);
        stream_ = &file_;
    }
    [[nodiscard]] std::ostream* stream() const { return stream_; }
    /// False, having said so: the disk is full, or the reader of the pipe is gone.
    bool flush() {
        stream_->flush();
        if (*stream_) return true;
        std::cerr << name_ << ": writing failed; the file is not complete\n";
        return false;
    }

private:
    std::string name_;
    std::ofstream file_;
    std::ostream* stream_ = nullptr;
};

Json params_of(const Words& o) {
    Json p = Json::object();
    const auto text = [&](const char* key, const std::string& v) {
        if (!v.empty()) p[key] = v;
    };
    const auto number = [&](const char* key, std::uint64_t v) {
        if (v != 0) p[key] = v;
    };
    text("subscriber", o.subscriber);
    text("remote", o.remote);
    text("protocol", o.protocol);
    text("drop", o.drop);
    number("count", o.count);
    number("seconds", o.seconds);
    number("bytes", o.bytes);
    return p;
}

/// Where the packets go. begin() is called when the dataplane has agreed, so that a refused capture
/// destroys no file; false from it or flush() ends the trace.
struct Sink {
    std::function<bool()> begin;
    std::function<void(const Json&)> packet;
    std::function<bool()> flush;
};

/// Reads until the dataplane says done or somebody interrupts.
int follow(Asker& ask, const Words& o, const Sink& sink) {
    const Signals signals;
    Json started, page;
    if (const int rc = ask.request("trace.start", params_of(o), started); rc != kDone) return rc;
    const Json id{{"trace", started["trace"]}};
    const auto stop = [&] {
        Json answer;
        return ask.request("trace.stop", id, answer);
    };
    if (!sink.begin()) return stop(), kRefused;
    std::cerr << "recording; Ctrl-C ends it\n";
    std::uint64_t n = 0;
    for (bool done = false; !done;) {
        if (const int rc = ask.request("trace.read", id, page); rc != kDone) return rc;
        const Json& packets = page["packets"];
        for (const Json& p : packets) sink.packet(p);
        n += packets.size();
        done = page.value("done", true);
        if (!sink.flush()) return stop(), kRefused;
        if (!done && !signals.nap(packets.empty() ? 50 : 1)) {
            if (const int rc = stop(); rc != kDone) return rc;
            done = true;
        }
    }
    const std::uint64_t lost = page.value("lost", std::uint64_t{0});
    std::cerr << count_text(n, "packet");
    if (lost != 0)
        std::cerr << "; " << lost
                  << " more matched and found no room: they came faster than they were read";
    std::cerr << "\n";
    return kDone;
}

int trace(Asker& ask, const Words& o) {
    const auto each = [&](const Json& p) {
        if (ask.json) {
            std::cout << api::to_text(p) << "\n";
        } else {
            print_packet(std::cout, p);
        }
    };
    return follow(ask, o, {[] { return true; }, each, [] { return bool(std::cout.flush()); }});
}

int capture(Asker& ask, const Words& o) {
    std::optional<OutFile> file;
    std::optional<Pcapng> pcapng;
    const auto begin = [&] {
        file.emplace(o.write);
        if (file->stream() == nullptr) return false;
        pcapng.emplace(*file->stream(), std::string("isthmusctl ") + ISTHMUS_VERSION);
        return true;
    };
    return follow(
        ask, o,
        {begin, [&](const Json& p) { write_packet(*pcapng, p); }, [&] { return file->flush(); }});
}

int write_dropped(const std::string& name, const Json& rows) {
    OutFile file(name);
    if (file.stream() == nullptr) return kRefused;
    Pcapng pcapng(*file.stream(), std::string("isthmusctl ") + ISTHMUS_VERSION);
    for (const Json& r : rows) {
        const Bytes bytes = bytes_of(r);
        const bool ip = r.value("starts_at", std::string()) == "ip";
        Pcapng::Packet out;
        out.interface = words(r.value("port", Json("?"))) + (ip ? " dropped, IP" : " dropped");
        out.link = ip ? LinkType::ip : LinkType::ethernet;
        out.unix_ns = static_cast<std::uint64_t>(r.value("time_unix_ns", std::int64_t{0}));
        out.direction = Direction::received;
        out.bytes = bytes;
        out.original_bytes = r.value("bytes", std::uint32_t{0});
        out.comment = "dropped: " + words(r.value("reason", Json("?"))) + " (" +
                      words(r.value("help", Json("?"))) + "), worker " +
                      words(r.value("worker", Json(0)));
        pcapng.add(out);
    }
    if (!file.flush()) return kRefused;
    std::cerr << count_text(rows.size(), "packet") << "\n";
    return kDone;
}

int show_dropped(Asker& ask, const Words& o, const RowChoice& choice) {
    Json params = Json::object(), answer;
    if (!o.reason.empty()) params["reason"] = o.reason;
    if (const int rc = ask.request("show.dropped", params, answer); rc != kDone) return rc;
    const auto chosen = choice.of(answer);
    if (!chosen || choice.counts()) return choice.print(ask, answer, "show dropped", {});
    const Json& rows = *chosen;
    if (!o.write.empty()) return write_dropped(o.write, rows);
    if (ask.json) {
        print_json(rows);
        return kDone;
    }
    if (rows.empty()) std::cout << "(none)\n";
    for (const Json& r : rows) {
        const bool link = r.value("starts_at", std::string()) == "link";
        std::cout << precise_time_text(r.value("time_unix_ns", std::int64_t{0})) << "  "
                  << words(r["reason"]) << "  on " << words(r["port"]) << ", worker "
                  << words(r["worker"]) << ", " << words(r["bytes"])
                  << " bytes: " << packet_text(bytes_of(r), link) << "\n";
    }
    return kDone;
}

/// The options that say which packets, and how long.
void add_filter(args::Command& c, const std::shared_ptr<Words>& w, std::uint64_t& count) {
    c.add_option("--subscriber", w->subscriber, "IPv6 prefix or address; both directions");
    c.add_option("--remote", w->remote, "IPv4 address of the peer");
    c.add_option("--protocol", w->protocol, "tcp, udp or icmp (of errors also what they quote)")
        ->one_of({"tcp", "udp", "icmp"});
    c.add_option("--drop", w->drop, "only packets dropped for this reason, or: any");
    c.add_option("--count", count, "end after so many packets")
        ->in_range(1, 1'000'000)
        ->capture_default_str();
    c.add_option("--seconds", w->seconds, "end after so long")->in_range(1, 3600);
}

}  // namespace

void add_trace_commands(args::Command& app, args::Command& show, Asker& ask, int& rc) {
    const auto w = std::make_shared<Words>();
    auto* t = app.add_subcommand("trace", "what each stage decided for matching packets");
    t->fallthrough();
    add_filter(*t, w, w->trace_count);
    t->callback([&ask, &rc, w] {
        w->count = w->trace_count;
        rc = trace(ask, *w);
    });
    auto* c = app.add_subcommand("capture", "packets before and after translation, as pcapng");
    c->fallthrough();
    add_filter(*c, w, w->capture_count);
    c->add_option("--write", w->write, "file, or - for standard output")->required();
    c->add_option("--bytes", w->bytes, "keep at most so many bytes of each packet")
        ->in_range(1, 1792);
    c->callback([&ask, &rc, w] {
        w->count = w->capture_count;
        rc = capture(ask, *w);
    });
    auto* d = show.add_subcommand("dropped", "the last dropped packets of each reason");
    d->fallthrough();
    d->add_option("--reason", w->reason, "only this reason");
    d->add_option("--write", w->write, "pcapng file, or - for standard output");
    const auto choice = std::make_shared<RowChoice>();
    choice->add_options(*d,
                        {{"--port", "port", "name of the port", RowFilter::How::equal},
                         {"--worker", "worker", "number of the worker", RowFilter::How::equal}},
                        {"time_unix_ns", "bytes"});
    d->callback([&ask, &rc, w, choice] { rc = show_dropped(ask, *w, *choice); });
}

}  // namespace isthmus::cli
