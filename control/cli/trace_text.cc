// SPDX-License-Identifier: Apache-2.0
#include "control/cli/trace_text.h"

#include <cstring>

#include "common/api/json.h"
#include "control/cli/packet_text.h"

namespace isthmus::cli {

Bytes bytes_of(const Json& frame) {
    const std::string text = frame.value("data", std::string());
    const auto digit = [](char c) {
        return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
    };
    Bytes out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
    return out;
}

std::string words(const Json& v) { return v.is_string() ? v.get<std::string>() : api::to_text(v); }

namespace {

std::string endpoint_text(const Json& e) {
    return words(e.value("address", Json("?"))) + " " + words(e.value("id", Json(0)));
}

std::string classify_text(const Json& c) {
    std::string text = words(c.value("way", Json("?")));
    if (c.contains("prefix")) text += ", prefix " + words(c["prefix"]);
    if (c.contains("pool_address")) text += ", pool address " + words(c["pool_address"]);
    if (c.contains("refused")) text += ": " + words(c["refused"]);
    if (c.contains("from")) text += ", from " + words(c["from"]);
    return text;
}

std::string parse_text(const Json& p) {
    if (p.contains("refused")) return "refused: " + words(p["refused"]);
    std::string text = words(p.value("kind", Json("?")));
    if (p.contains("src_id")) text += " " + words(p["src_id"]) + " -> " + words(p["dst_id"]);
    if (p.contains("icmp_type"))
        text += ", type " + words(p["icmp_type"]) + " code " + words(p["icmp_code"]);
    if (p.contains("fragment")) {
        text += ", fragment at " + words(p["fragment"]["offset_bytes"]);
        text += p["fragment"].value("more", false) ? ", more follow" : ", the last";
    }
    return text + ", hop limit " + words(p.value("hop_limit", Json(0)));
}

std::string decide_text(const Json& d) {
    std::string text = words(d.value("end", Json("?")));
    if (d.contains("waits_for")) text += ", waits for " + words(d["waits_for"]);
    if (d.contains("to_worker")) text += " to worker " + words(d["to_worker"]);
    if (d.contains("drop"))
        text += ": " + words(d["drop"]) + " (" + words(d["help"]) + "; " + words(d["source"]) + ")";
    if (d.contains("x"))
        text += "; binding " + endpoint_text(d["x"]) + " <-> " + endpoint_text(d["t"]);
    return text;
}

std::string counters_text(const Json& d) {
    std::string text;
    const Json counters = d.value("counters", Json::object());
    for (const auto& [name, by] : counters.items())
        text += (text.empty() ? "" : ", ") + name + " +" + words(by);
    return text;
}

std::string frame_text(const Json& f) {
    return words(f.value("how", Json("?"))) + " on " + words(f.value("port", Json("?"))) +
           (f.value("vlan", 0U) != 0 ? " vlan " + words(f["vlan"]) : "") + ", " +
           words(f.value("bytes", Json(0))) + " bytes: " + packet_text(bytes_of(f), true);
}

}  // namespace

void print_packet(std::ostream& out, const Json& p) {
    const auto line = [&](const char* stage, const std::string& text) {
        out << "  " << stage << std::string(10 - std::strlen(stage), ' ') << text << "\n";
    };
    out << "packet " << p.value("packet", 0U) << ", worker " << p.value("worker", 0U) << ", "
        << precise_time_text(p.value("time_unix_ns", std::int64_t{0})) << "\n";
    const Json frames = p.value("frames", Json::array());
    const bool late = !p.contains("decide");
    std::size_t at = 0;
    if (!late && !frames.empty()) line("arrive", frame_text(frames[at++]));
    if (p.contains("classify")) line("classify", classify_text(p["classify"]));
    if (p.contains("parse")) line("parse", parse_text(p["parse"]));
    if (p.contains("lookup")) line("look up", "binding: " + words(p["lookup"]["binding"]));
    if (!late) {
        line("decide", decide_text(p["decide"]));
        if (const std::string moved = counters_text(p["decide"]); !moved.empty())
            line("count", moved);
    }
    const std::size_t first_out = at;
    for (; at < frames.size(); at++) line(late ? "later" : "send", frame_text(frames[at]));
    const std::uint64_t n_out = late ? 1 : p["decide"].value("n_out", std::uint64_t{0});
    if (n_out > frames.size() - first_out)
        line("send", std::to_string(n_out - (frames.size() - first_out)) + " more, not shown");
    out << "\n";
}

std::string comment_of(const Json& p, const Json& frame, bool arrived) {
    const std::string name = "packet " + words(p.value("packet", Json(0))) + " of worker " +
                             words(p.value("worker", Json(0)));
    if (!p.contains("decide")) return "after translation of an earlier packet, " + name;
    if (arrived) {
        const Json& d = p["decide"];
        const bool dropped = d.contains("drop");
        return (dropped ? "dropped: " + words(d["drop"]) + " (" + words(d["help"]) + "), "
                        : "before translation, ") +
               name + (dropped ? "" : "; " + decide_text(d));
    }
    if (p["decide"].contains("drop")) return "ICMP error made for the dropped " + name;
    const bool translated = frame.value("how", std::string()) == "sent";
    return (translated ? "after translation, " : frame.value("how", std::string()) + ", ") + name;
}

}  // namespace isthmus::cli
