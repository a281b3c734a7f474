// SPDX-License-Identifier: Apache-2.0
#include "control/cli/top.h"

#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <string_view>

#include "control/cli/table.h"
#include "control/cli/top_view.h"

namespace isthmus::cli {

namespace {

struct Words {
    bool once = false;
    double interval = 1;
};

volatile std::sig_atomic_t stop_asked = 0, resized = 0;
void on_stop(int) { stop_asked = 1; }
void on_resize(int) { resized = 1; }

double now_seconds() {
    const auto t = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(t).count();
}

/// Keys come one by one, on a screen of its own; all is put back at the end.
class Terminal {
public:
    Terminal() {
        was_raw_ = tcgetattr(STDIN_FILENO, &before_) == 0;
        if (was_raw_) {
            termios raw = before_;
            raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
            raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // a shell would be left on this screen
            tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        }
        struct sigaction stop {
        }, resize{};
        stop.sa_handler = on_stop;
        resize.sa_handler = on_resize;
        for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaction(s, &stop, nullptr);
        sigaction(SIGWINCH, &resize, nullptr);
        write_all("\033[?1049h\033[?25l");
    }
    ~Terminal() {
        write_all("\033[0m\033[?25h\033[?1049l");
        if (was_raw_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    /// A line that is full gets nothing more until it has emptied: then it is told the newest.
    void show(const Screen& next) {
        pollfd out{STDOUT_FILENO, POLLOUT, 0};
        if (poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0) return;
        write_all(next.update_from(shown_));
        shown_ = next;
    }
    /// Waits; true: the user wants to go.
    [[nodiscard]] bool wait(double seconds) const {
        const double end = now_seconds() + seconds;
        while (resized == 0) {
            const double left = end - now_seconds();
            if (left <= 0) break;
            if (stop_asked != 0) return true;
            pollfd in{STDIN_FILENO, POLLIN, 0};
            if (poll(&in, 1, static_cast<int>(left * 1000) + 1) <= 0) continue;
            char key = 0;
            if (read(STDIN_FILENO, &key, 1) <= 0) return true;
            if (key == 'q' || key == 'Q') return true;
        }
        return stop_asked != 0;
    }

private:
    static void write_all(const std::string& text) {
        std::size_t done = 0;
        while (done < text.size()) {
            const ssize_t n = write(STDOUT_FILENO, text.data() + done, text.size() - done);
            // A terminal that was stopped (Ctrl-S) is no reason to stay.
            if (n < 0 && (errno != EINTR || stop_asked != 0)) return;
            if (n > 0) done += static_cast<std::size_t>(n);
        }
    }
    termios before_{};
    bool was_raw_ = false;
    Screen shown_;
};

winsize size_of_terminal() {
    winsize w{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_row == 0 || w.ws_col == 0) {
        w.ws_row = 24;
        w.ws_col = 80;
    }
    return w;
}

Glyphs glyphs_of_locale() {
    std::setlocale(LC_CTYPE, "");
    return std::string_view(nl_langinfo(CODESET)) == "UTF-8" ? Glyphs::utf8 : Glyphs::ascii;
}

class Sampler {
public:
    explicit Sampler(Asker& ask) : ask_(ask) { ask_.patience_ms = kPatienceMs; }

    TopSample take() {
        TopSample s;
        const Json none = Json::object();
        Json status;
        s.wall = time_text(std::time(nullptr));
        const bool good =
            get("status", none, status, s) && get("show.counters", none, s.counters, s) &&
            get("show.workers", none, s.workers, s) && get("show.drops", none, s.drops, s) &&
            get("show.ports", none, s.ports, s) && get("show.pools", none, s.pools, s);
        s.seconds = now_seconds();
        if (!good) return s;
        s.status = status.value("dataplane", Json::object());
        // The whole table is looked through for it: not every time.
        if (s.seconds >= next_subscribers_) {
            Json page;
            const Json most{{"sort", "sessions"}, {"limit", 10}};
            if (get("show.subscribers", most, page, s)) subscribers_ = page["rows"];
            next_subscribers_ = s.seconds + 5;
        }
        s.subscribers = subscribers_;
        return s;
    }
    [[nodiscard]] int rc() const { return rc_; }

private:
    bool get(const char* method, const Json& params, Json& out, TopSample& s) {
        rc_ = ask_.try_request(method, params, out, s.trouble);
        return rc_ == kDone;
    }
    static constexpr int kPatienceMs = 5000;  // whoever stands still is told of, and asked again
    Asker& ask_;
    Json subscribers_ = Json::array();
    double next_subscribers_ = 0;
    int rc_ = kDone;
};

int once(Asker& ask, const Words& w) {
    Sampler sampler(ask);
    TopView view(glyphs_of_locale());
    view.add(sampler.take());
    const timespec t{
        static_cast<time_t>(w.interval),
        static_cast<long>((w.interval - static_cast<double>(static_cast<time_t>(w.interval))) *
                          1e9)};
    nanosleep(&t, nullptr);
    const TopSample last = sampler.take();
    if (!last.trouble.empty()) {
        std::cerr << "isthmusctl: " << last.trouble << "\n";
        return sampler.rc();
    }
    view.add(last);
    if (ask.json) {
        print_json(view.json());
    } else {
        std::cout << view.draw(60, 100).text();
    }
    return kDone;
}

int top(Asker& ask, const Words& w) {
    if (w.once || ask.json) return once(ask, w);
    if (isatty(STDOUT_FILENO) == 0) {
        std::cerr << "isthmusctl top: the output is no terminal; --once prints one picture\n";
        return kUsage;
    }
    const char* const kind = std::getenv("TERM");
    if (kind == nullptr || *kind == 0 || std::string_view(kind) == "dumb") {
        std::cerr << "isthmusctl top: this terminal (TERM=" << (kind == nullptr ? "" : kind)
                  << ") has no screen to draw on; --once prints one picture\n";
        return kUsage;
    }
    Sampler sampler(ask);
    TopView view(glyphs_of_locale());
    TopSample first = sampler.take();
    if (sampler.rc() == kNobody || sampler.rc() == kForbidden) {
        std::cerr << "isthmusctl: " << first.trouble << "\n";
        return sampler.rc();
    }
    view.add(std::move(first));
    Terminal terminal;
    for (bool leave = false; !leave;) {
        const winsize size = size_of_terminal();
        terminal.show(view.draw(size.ws_row, size.ws_col));
        leave = terminal.wait(w.interval);
        if (resized != 0) {
            resized = 0;
            continue;
        }
        if (!leave) view.add(sampler.take());
    }
    return kDone;
}

}  // namespace

void add_top_command(args::Command& app, Asker& ask, int& rc) {
    const auto w = std::make_shared<Words>();
    auto* c =
        app.add_subcommand("top", "live view: rates, workers, ports, pools, drops, subscribers");
    c->fallthrough();
    c->add_flag("--once", w->once, "one picture as text, and out");
    c->add_option("--interval", w->interval, "seconds between two looks")
        ->in_range(0.2, 3600.0)
        ->capture_default_str();
    c->callback([&ask, &rc, w] { rc = top(ask, *w); });
}

}  // namespace isthmus::cli
