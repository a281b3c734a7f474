// SPDX-License-Identifier: Apache-2.0
#include "control/cli/top_view.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "control/cli/table.h"

namespace isthmus::cli {

namespace {

double number(const Json& o, const char* key) {
    const Json v = o.is_object() ? o.value(key, Json()) : Json();
    return v.is_number() ? v.get<double>() : 0;
}

std::string text(const Json& o, const char* key) {
    return cell_text(o.is_object() ? o.value(key, Json()) : Json());
}

double counter(const TopSample& s, const char* name) {
    return number(s.counters.is_object() ? s.counters.value(name, Json()) : Json(), "value");
}

double dropped(const TopSample& s) {
    double n = 0;
    for (const Json& d : s.drops) n += number(d, "packets");
    return n;
}

/// The row of `rows` whose `key` is that of `row`.
Json same_row(const Json& rows, const Json& row, const char* key) {
    for (const Json& r : rows) {
        if (r.value(key, Json()) == row.value(key, Json())) return r;
    }
    return Json::object();
}

std::string pad(const std::string& s, std::size_t width, bool left = false) {
    if (s.size() >= width) return s;
    const std::string space(width - s.size(), ' ');
    return left ? s + space : space + s;
}

std::string percent(double part, double of) {
    char out[16];
    std::snprintf(out, sizeof out, "%.0f %%", of <= 0 ? 0.0 : 100 * part / of);
    return out;
}

struct Column {
    const char* key;
    const char* title;
    std::size_t width;
    bool left = false;
};

const std::vector<Column> kWorkerColumns{
    {"id", "worker", 6},         {"cpu", "cpu", 3},
    {"packets", "packets/s", 9}, {"cycles", "clk/packet", 10},
    {"busy", "busy", 5},         {"handed_over", "handed/s", 8},
    {"sessions", "sessions", 8}, {"subscribers", "subscribers", 11},
};
const std::vector<Column> kPortColumns{
    {"name", "port", 10, true}, {"link", "link", 4, true}, {"rx", "in/s", 7},
    {"rx_bits", "bit/s", 7},    {"tx", "out/s", 7},        {"tx_bits", "bit/s", 7},
    {"missed", "missed/s", 8},
};
const std::vector<Column> kPoolColumns{
    {"pool", "pool", 16, true}, {"addresses", "addresses", 9},
    {"in_use", "in use", 7},    {"udp", "udp", 5},
    {"tcp", "tcp", 5},          {"icmp", "icmp", 5},
};
const std::vector<Column> kDropColumns{
    {"reason", "dropped", 22, true},
    {"rate", "/s", 7},
    {"packets", "in all", 7},
    {"help", "", 60, true},
};
const std::vector<Column> kSubscriberColumns{
    {"subscriber", "subscriber", 24, true},
    {"address", "address", 15, true},
    {"sessions", "sessions", 8},
    {"tcp_ports", "tcp", 6},
    {"udp_ports", "udp", 6},
    {"icmp_ids", "icmp", 6},
    {"worker", "worker", 6},
};

/// A text is cut to its column; of a number that would be another number.
std::string cell(const Json& v, std::size_t width) {
    return v.is_number() ? short_number(v.get<double>()) : cell_text(v).substr(0, width);
}

/// A table from `row` on, at most `most` rows of it; the first row behind it.
unsigned table(Screen& s, unsigned row, const Json& rows, const std::vector<Column>& columns,
               unsigned most) {
    std::string head;
    for (const Column& c : columns) head += pad(c.title, c.width, c.left) + "  ";
    head.resize(s.columns(), ' ');
    s.put(row++, 0, head, Look::inverse);
    for (const Json& r : rows) {
        if (most-- == 0) break;
        std::string line;
        for (const Column& c : columns)
            line += pad(cell(r.value(c.key, Json()), c.width), c.width, c.left) + "  ";
        s.put(row++, 0, line);
    }
    return row;
}

}  // namespace

std::string short_number(double v) {
    static constexpr const char* kUnit[] = {"", " k", " M", " G", " T", " P"};
    unsigned u = 0;
    while (std::abs(v) >= 999.5 && u < 5) {
        v /= 1000;
        u++;
    }
    char out[32];
    const bool whole = u == 0 && std::abs(v - std::round(v)) < 0.05;
    std::snprintf(out, sizeof out,
                  whole || v >= 99.95 ? "%.0f%s"
                  : v >= 9.995        ? "%.1f%s"
                                      : "%.2f%s",
                  v, kUnit[u]);
    return out;
}

/// A second of the difference; 0 when a counter began anew.
double TopView::rate(const Json& now, const Json& before) const {
    const double dt = now_.seconds - before_.seconds;
    const double a = now.is_number() ? now.get<double>() : 0;
    const double b = before.is_number() ? before.get<double>() : 0;
    return dt <= 0 || a < b ? 0 : (a - b) / dt;
}

void TopView::note(Line& line, double value) {
    line.values.push_back(value);
    if (line.values.size() > kHistory) line.values.erase(line.values.begin());
}

void TopView::add(TopSample sample) {
    const bool same =
        now_.trouble.empty() && sample.trouble.empty() && now_.seconds > 0 &&
        now_.status.value("instance", Json()) == sample.status.value("instance", Json());
    before_ = std::move(now_);
    now_ = std::move(sample);
    has_rates_ = same;
    if (!same) return;
    const auto of = [&](const char* name) {
        return rate(Json(counter(now_, name)), Json(counter(before_, name)));
    };
    note(in_, of("rx_packets"));
    note(out_, of("tx_packets"));
    note(bits_, 8 * of("rx_bytes"));
    note(opened_, of("sessions_created"));
    note(dropped_, rate(Json(dropped(now_)), Json(dropped(before_))));
    note(sessions_, number(now_.status, "sessions"));
}

Json TopView::workers() const {
    Json out = Json::array();
    for (const Json& w : now_.workers) {
        const Json b = same_row(before_.workers, w, "id");
        const auto per_second = [&](const char* key) {
            return rate(w.value(key, Json()), b.value(key, Json()));
        };
        const double packets = per_second("rx_packets");
        // A turn with one packet is a busy one: the cycles in them say how full the worker is.
        const double hz = number(w, "cycles_per_second");
        out.push_back({{"id", w.value("id", Json())},
                       {"cpu", w.value("cpu", Json())},
                       {"packets", packets},
                       {"cycles", packets < 1 ? 0 : per_second("busy_cycles") / packets},
                       {"busy", hz <= 0 ? Json() : Json(percent(per_second("busy_cycles"), hz))},
                       {"handed_over", per_second("handed_over")},
                       {"bindings", w.value("bindings", Json())},
                       {"sessions", w.value("sessions", Json())},
                       {"subscribers", w.value("subscribers", Json())}});
    }
    return out;
}

/// Addresses of a pool together.
Json TopView::pools() const {
    std::map<std::string, std::array<double, 7>> sum;
    static constexpr const char* kKey[] = {"udp_in_use", "udp_free",    "tcp_in_use",
                                           "tcp_free",   "icmp_in_use", "icmp_free"};
    for (const Json& a : now_.pools) {
        auto& s = sum[text(a, "pool")];
        for (std::size_t i = 0; i < 6; i++) s[i] += number(a, kKey[i]);
        s[6] += 1;
    }
    Json out = Json::array();
    for (const auto& [name, s] : sum) {
        out.push_back({{"pool", name},
                       {"addresses", s[6]},
                       {"udp", percent(s[0], s[0] + s[1])},
                       {"tcp", percent(s[2], s[2] + s[3])},
                       {"icmp", percent(s[4], s[4] + s[5])},
                       {"in_use", s[0] + s[2] + s[4]}});
    }
    return out;
}

Json TopView::drops() const {
    Json out = Json::array();
    for (const Json& d : now_.drops) {
        if (number(d, "packets") == 0) continue;
        const Json b = same_row(before_.drops, d, "reason");
        out.push_back({{"reason", d.value("reason", Json())},
                       {"rate", rate(d.value("packets", Json()), b.value("packets", Json()))},
                       {"packets", d.value("packets", Json())},
                       {"help", d.value("help", Json())}});
    }
    std::stable_sort(out.begin(), out.end(), [](const Json& a, const Json& b) {
        const double ra = number(a, "rate"), rb = number(b, "rate");
        return ra != rb ? ra > rb : number(a, "packets") > number(b, "packets");
    });
    return out;
}

Json TopView::ports() const {
    Json out = Json::array();
    for (const Json& p : now_.ports) {
        const Json b = same_row(before_.ports, p, "name");
        const auto per_second = [&](const char* key) {
            return rate(p.value(key, Json()), b.value(key, Json()));
        };
        out.push_back({{"name", p.value("name", Json())},
                       {"link", p.value("link", Json())},
                       {"rx", per_second("rx_packets")},
                       {"rx_bits", 8 * per_second("rx_bytes")},
                       {"tx", per_second("tx_packets")},
                       {"tx_bits", 8 * per_second("tx_bytes")},
                       {"missed", per_second("rx_missed") + per_second("rx_no_buffer")}});
    }
    return out;
}

Json TopView::json() const {
    if (!now_.trouble.empty()) return Json{{"trouble", now_.trouble}};
    Json rates = Json::object();
    for (const Line* l : {&in_, &out_, &bits_, &opened_, &dropped_}) {
        std::string name = l->title;
        std::replace(name.begin(), name.end(), ' ', '_');
        rates[name + "_per_second"] = l->values.empty() ? 0 : l->values.back();
    }
    return {{"time", now_.wall}, {"status", now_.status},
            {"rates", rates},    {"workers", workers()},
            {"ports", ports()},  {"pools", pools()},
            {"drops", drops()},  {"subscribers", now_.subscribers}};
}

Screen TopView::draw(unsigned rows, unsigned columns) const {
    Screen s(rows, columns);
    s.put(0, 0, "Isthmus " + text(now_.status, "version") + "  " + now_.wall, Look::bold);
    const std::string help = "q: quit";
    if (columns > 48) s.put(0, columns - static_cast<unsigned>(help.size()), help, Look::dim);
    if (!now_.trouble.empty()) {
        s.put(2, 0, now_.trouble, Look::bold);
        return s;
    }
    s.put(1, 0,
          short_number(number(now_.status, "bindings")) + " bindings, " +
              short_number(number(now_.status, "sessions")) + " sessions, policy generation " +
              text(now_.status, "generation") + ", up " + text(now_.status, "uptime_seconds") +
              " s");
    unsigned row = 3;
    for (const Line* l : {&in_, &out_, &bits_, &opened_, &dropped_, &sessions_}) {
        const double v = l->values.empty() ? 0 : l->values.back();
        s.put(row, 0, pad(l->title, 13, true) + pad(short_number(v), 8) + " " + l->unit);
        if (columns > 32) s.put(row, 30, plot(l->values, columns - 31, glyphs_), Look::dim);
        row++;
    }
    row++;
    const auto room = [&](unsigned most) { return std::min(most, rows > row ? rows - row : 0); };
    row = table(s, row, workers(), kWorkerColumns, room(8)) + 1;
    row = table(s, row, ports(), kPortColumns, room(4)) + 1;
    row = table(s, row, pools(), kPoolColumns, room(4)) + 1;
    row = table(s, row, drops(), kDropColumns, room(6)) + 1;
    table(s, row, now_.subscribers, kSubscriberColumns, room(10));
    return s;
}

}  // namespace isthmus::cli
