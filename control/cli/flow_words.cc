// SPDX-License-Identifier: Apache-2.0
#include "control/cli/flow_words.h"

#include <charconv>
#include <sstream>

#include "common/net/addr.h"

namespace isthmus::cli {

namespace {

bool is_number(const std::string& text, unsigned most, unsigned& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty() && out <= most;
}

/// "A -> B tcp 443" in one pair of quotes is as good as one word each.
std::vector<std::string> split(const std::vector<std::string>& words) {
    std::vector<std::string> out;
    for (const std::string& w : words) {
        std::istringstream in(w);
        for (std::string one; in >> one;) out.push_back(one);
    }
    return out;
}

bool is_address(const std::string& text) {
    return Ipv6Addr::parse(text).has_value() || Ipv4Addr::parse(text).has_value();
}

}  // namespace

Status take_endpoint(const std::string& text, const std::string& key, Json& params) {
    std::string address = text, port;
    if (!text.empty() && text[0] == '[') {
        const auto end = text.find(']');
        if (end == std::string::npos) return Error{text, "has no ] for its ["};
        address = text.substr(1, end - 1);
        port = text.substr(end + 1);
        if (!port.empty() && port[0] != ':') return Error{text, "write [ADDRESS]:PORT"};
        if (!port.empty()) port.erase(0, 1);
    } else if (!is_address(text)) {
        const auto colon = text.find(':');
        if (colon != std::string::npos) {
            address = text.substr(0, colon);
            port = text.substr(colon + 1);
        }
    }
    if (!is_address(address)) return Error{text, "is neither an IPv6 nor an IPv4 address"};
    params[key] = address;
    if (port.empty()) return Done{};
    unsigned n = 0;
    if (!is_number(port, 65535, n)) return Error{port, "is no port (0 to 65535)"};
    params[key + "_id"] = n;
    return Done{};
}

Expected<Json> flow_of(const std::vector<std::string>& words) {
    std::vector<std::string> w;
    for (const std::string& word : split(words)) {
        if (word == "-")
            return Error{"",
                         "the shell took > and what follows it for a file to write to, and an "
                         "empty file of that name may lie here now; write: explain SOURCE to "
                         "DESTINATION, or quote the arrow: '->'"};
        if (word != "to" && word != "->") w.push_back(word);
    }
    if (w.size() < 2) return Error{"", "write: explain SOURCE to DESTINATION [PROTOCOL [PORT]]"};
    if (w.size() > 4) return Error{w[4], "is one word too many"};
    Json params = Json::object();
    if (const Status good = take_endpoint(w[0], "source", params); !good) return good.error();
    if (const Status good = take_endpoint(w[1], "destination", params); !good) return good.error();
    if (w.size() > 2) params["protocol"] = w[2];
    if (w.size() > 3) {
        unsigned n = 0;
        if (!is_number(w[3], 65535, n)) return Error{w[3], "is no port (0 to 65535)"};
        params["destination_id"] = n;
    }
    return params;
}

void replace_arrows(std::vector<std::string>& arguments) {
    for (std::string& a : arguments) {
        if (a == "->") a = "to";
    }
}

}  // namespace isthmus::cli
