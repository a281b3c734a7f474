// SPDX-License-Identifier: Apache-2.0
#include "control/cli/rows.h"

#include <algorithm>
#include <cctype>
#include <iostream>
#include <optional>

#include "common/net/addr.h"
#include "common/net/prefix.h"

namespace isthmus::cli {

namespace {

std::string lower(std::string s) {
    for (char& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return s;
}

/// An address or prefix of either family.
class Network {
public:
    static std::optional<Network> parse(const std::string& text) {
        Network n;
        if (const auto v4 = Prefix4::parse(text, Prefix4::Bare::allow)) n.v4_ = *v4;
        if (const auto v6 = Prefix6::parse(text, Prefix6::Bare::allow)) n.v6_ = *v6;
        if (!n.v4_ && !n.v6_) return std::nullopt;
        return n;
    }
    [[nodiscard]] bool contains(const std::string& address) const {
        if (const auto a = Ipv4Addr::parse(address)) return v4_ && v4_->contains(*a);
        if (const auto a = Ipv6Addr::parse(address)) return v6_ && v6_->contains(*a);
        return false;
    }

private:
    std::optional<Prefix4> v4_;
    std::optional<Prefix6> v6_;
};

}  // namespace

SortKey sort_key(const Json& value) {
    enum { number, ipv4, ipv6, word };
    if (value.is_number()) return {number, -value.get<double>(), {}, 0, {}};
    const std::string text = cell_text(value);
    if (const auto p = Prefix4::parse(text, Prefix4::Bare::allow)) {
        const auto octets = p->addr.octets();
        std::array<std::uint8_t, 16> address{};
        std::copy(octets.begin(), octets.end(), address.begin());
        return {ipv4, 0, address, p->len_bits, {}};
    }
    if (const auto p = Prefix6::parse(text, Prefix6::Bare::allow))
        return {ipv6, 0, p->addr.octet, p->len_bits, {}};
    return {word, 0, {}, 0, text};
}

void SortedRows::add(Json page) {
    for (Json& row : page) {
        SortKey key = sort_key(value_(row));
        best_.emplace_back(std::move(key), std::move(row));
    }
    std::stable_sort(best_.begin(), best_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    if (best_.size() > most_) best_.resize(most_);
}

Json SortedRows::rows() const {
    Json out = Json::array();
    for (const auto& [key, row] : best_) out.push_back(row);
    return out;
}

void RowChoice::add_options(args::Command& c, const std::vector<RowFilter>& filters,
                            const std::vector<std::string>& orders) {
    filters_ = filters;
    for (const RowFilter& f : filters_) c.add_option(f.option, words_[f.key], f.help);
    if (!orders.empty()) c.add_option("--sort", sort_, kSortHelp)->one_of(orders);
    c.add_option("--limit", limit_, "at most so many rows")->in_range(1, 1'000'000'000);
    c.add_flag("--count", count_, "only how many");
}

Expected<Json> RowChoice::of(const Json& rows) const {
    Json out = rows;
    for (const RowFilter& f : filters_) {
        const std::string word = words_.at(f.key);
        if (word.empty()) continue;
        std::optional<Network> network;
        if (f.how == RowFilter::How::within) {
            network = Network::parse(word);
            if (!network)
                return Error{f.option, "\"" + word + "\" is neither an address nor a prefix"};
        }
        Json some = Json::array();
        for (Json& row : out) {
            const std::string value = cell_text(row.value(f.key, Json()));
            const bool passes = network ? network->contains(value)
                                : f.how == RowFilter::How::part
                                    ? lower(value).find(lower(word)) != std::string::npos
                                    : value == word;
            if (passes) some.push_back(std::move(row));
        }
        out = std::move(some);
    }
    if (!sort_.empty()) {
        SortedRows sorted([this](const Json& row) { return row.value(sort_, Json()); }, out.size());
        sorted.add(std::move(out));
        out = sorted.rows();
    }
    if (limit_ != 0 && out.size() > limit_) out.erase(out.begin() + limit_, out.end());
    return out;
}

void RowChoice::print_count(const Asker& ask, std::size_t n) const {
    std::cout << (ask.json ? api::to_text(Json{{"count", n}}) : std::to_string(n)) << "\n";
}

int RowChoice::print(const Asker& ask, const Json& rows, const std::string& command,
                     const std::vector<Column>& columns) const {
    const auto chosen = of(rows);
    if (!chosen) {
        std::cerr << "isthmusctl " << command << ": " << chosen.error().text() << "\n";
        return kUsage;
    }
    if (count_) {
        print_count(ask, chosen->size());
    } else {
        print_answer(ask, *chosen, columns);
    }
    return kDone;
}

}  // namespace isthmus::cli
