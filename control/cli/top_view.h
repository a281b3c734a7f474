// SPDX-License-Identifier: Apache-2.0
// What isthmusctl top shows: rates from the differences of two samples, a short history, and a
// screen drawn from them. Knows neither terminal nor socket.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "control/cli/ask.h"
#include "control/cli/screen.h"

namespace isthmus::cli {

/// What was asked at one time.
struct TopSample {        // NOLINT(bugprone-exception-escape): a null of nlohmann's never throws
    double seconds = 0;   // of a clock that only goes forward
    std::string wall;     // for people
    std::string trouble;  // why there is nothing; then the rest is empty
    Json status, counters, workers, drops, ports, pools, subscribers;
};

class TopView {
public:
    explicit TopView(Glyphs glyphs = Glyphs::utf8) : glyphs_(glyphs) {}
    void add(TopSample sample);
    [[nodiscard]] Screen draw(unsigned rows, unsigned columns) const;
    /// The same for programs.
    [[nodiscard]] Json json() const;

private:
    static constexpr std::size_t kHistory = 300;
    struct Line {  // a rate with its history
        const char* title;
        const char* unit;
        std::vector<double> values;
    };
    [[nodiscard]] double rate(const Json& now, const Json& before) const;
    [[nodiscard]] Json workers() const;
    [[nodiscard]] Json pools() const;
    [[nodiscard]] Json drops() const;
    [[nodiscard]] Json ports() const;
    void note(Line& line, double value);

    Glyphs glyphs_;
    TopSample now_, before_;
    bool has_rates_ = false;
    Line in_{"packets in", "/s", {}}, out_{"packets out", "/s", {}}, bits_{"bits in", "bit/s", {}},
        opened_{"new sessions", "/s", {}}, dropped_{"dropped", "/s", {}},
        sessions_{"sessions", "", {}};
};

/// "12.3 k", "4.56 M": three digits and a unit, for narrow columns.
[[nodiscard]] std::string short_number(double v);

}  // namespace isthmus::cli
