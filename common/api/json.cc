// SPDX-License-Identifier: Apache-2.0
#include "common/api/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

namespace isthmus::api {

Json::Json(const char* text) : value_(std::string(text)) {}
Json::Json(std::string_view text) : value_(std::string(text)) {}
Json::Json(std::string text) noexcept : value_(std::move(text)) {}
Json::Json(Array list) noexcept : value_(std::move(list)) {}
Json::Json(Object members) noexcept : value_(std::move(members)) {}
Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept : value_(std::exchange(other.value_, {})) {}
Json::~Json() = default;

/// By a copy: `other` may be an element of this.
Json& Json::operator=(const Json& other) { return *this = Json(other); }

Json& Json::operator=(Json&& other) noexcept {
    value_ = std::exchange(other.value_, {});
    return *this;
}

Json::Json(std::initializer_list<Json> list) {
    const bool members = std::all_of(list.begin(), list.end(), [](const Json& e) {
        return e.is_array() && e.size() == 2 && e[0].is_string();
    });
    *this = members ? object(list) : array(list);
}

Json Json::array(std::initializer_list<Json> list) { return Json(Array(list)); }

Json Json::object(std::initializer_list<Json> list) {
    Object out;
    for (const Json& e : list) out.try_emplace(e[0].text(), e[1]);
    return Json(std::move(out));
}

Json Json::discarded() {
    Json out;
    out.value_ = Discarded{};
    return out;
}

namespace {

const Json kNull;
const std::string kNoText;
const Json::Object kNoMembers;

}  // namespace

bool Json::truth() const noexcept {
    const bool* v = std::get_if<bool>(&value_);
    return v != nullptr && *v;
}

std::uint64_t Json::whole() const noexcept {
    if (const auto* v = std::get_if<std::uint64_t>(&value_)) return *v;
    if (const auto* v = std::get_if<std::int64_t>(&value_)) return static_cast<std::uint64_t>(*v);
    if (const auto* v = std::get_if<double>(&value_))
        return *v < 0 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(*v))
                      : static_cast<std::uint64_t>(*v);
    return 0;
}

double Json::real() const noexcept {
    if (const auto* v = std::get_if<double>(&value_)) return *v;
    if (const auto* v = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*v);
    if (const auto* v = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*v);
    return 0;
}

const std::string& Json::text() const noexcept {
    const auto* v = std::get_if<std::string>(&value_);
    return v != nullptr ? *v : kNoText;
}

std::size_t Json::size() const noexcept {
    if (const auto* v = std::get_if<Array>(&value_)) return v->size();
    if (const auto* v = std::get_if<Object>(&value_)) return v->size();
    return is_null() ? 0 : 1;
}

void Json::clear() noexcept {
    if (auto* v = std::get_if<Array>(&value_)) return v->clear();
    if (auto* v = std::get_if<Object>(&value_)) return v->clear();
    value_ = {};
}

Json* Json::begin() noexcept {
    auto* v = std::get_if<Array>(&value_);
    return v != nullptr ? v->data() : nullptr;
}

Json* Json::end() noexcept {
    auto* v = std::get_if<Array>(&value_);
    return v != nullptr ? v->data() + v->size() : nullptr;
}

const Json* Json::begin() const noexcept {
    const auto* v = std::get_if<Array>(&value_);
    return v != nullptr ? v->data() : nullptr;
}

const Json* Json::end() const noexcept {
    const auto* v = std::get_if<Array>(&value_);
    return v != nullptr ? v->data() + v->size() : nullptr;
}

Json& Json::operator[](std::size_t i) {
    if (!is_array()) value_ = Array();
    auto& list = std::get<Array>(value_);
    if (i >= list.size()) list.resize(i + 1);
    return list[i];
}

const Json& Json::operator[](std::size_t i) const noexcept {
    const auto* v = std::get_if<Array>(&value_);
    return v != nullptr && i < v->size() ? (*v)[i] : kNull;
}

void Json::push_back(Json element) {
    if (!is_array()) value_ = Array();
    std::get<Array>(value_).push_back(std::move(element));
}

void Json::erase(const Json* from, const Json* to) {
    auto* v = std::get_if<Array>(&value_);
    if (v != nullptr) v->erase(v->begin() + (from - v->data()), v->begin() + (to - v->data()));
}

const Json::Object& Json::items() const noexcept {
    const auto* v = std::get_if<Object>(&value_);
    return v != nullptr ? *v : kNoMembers;
}

bool Json::contains(std::string_view name) const noexcept { return items().contains(name); }

const Json* Json::find(std::string_view name) const noexcept {
    const auto at = items().find(name);
    return at != items().end() ? &at->second : end();
}

Json& Json::operator[](std::string_view name) {
    if (!is_object()) value_ = Object();
    auto& members = std::get<Object>(value_);
    const auto at = members.lower_bound(name);
    if (at != members.end() && at->first == name) return at->second;
    return members.emplace_hint(at, name, Json())->second;
}

const Json& Json::operator[](std::string_view name) const noexcept {
    const auto at = items().find(name);
    return at != items().end() ? at->second : kNull;
}

void Json::erase(std::string_view name) {
    auto* v = std::get_if<Object>(&value_);
    if (v == nullptr) return;
    if (const auto at = v->find(name); at != v->end()) v->erase(at);
}

void Json::update(const Json& other) {
    for (const auto& [name, v] : other.items()) (*this)[name] = v;
}

Json Json::value(std::string_view name, const Json& otherwise) const {
    const auto at = items().find(name);
    return at != items().end() ? at->second : otherwise;
}

std::string Json::value(std::string_view name, const char* otherwise) const {
    const Json& v = (*this)[name];
    return v.is_string() ? v.text() : otherwise;
}

std::string Json::value(std::string_view name, const std::string& otherwise) const {
    return value(name, otherwise.c_str());
}

bool Json::operator==(const Json& other) const noexcept { return std::is_eq(*this <=> other); }

std::partial_ordering Json::operator<=>(const Json& other) const noexcept {
    constexpr int kRank[] = {0, 1, 2, 2, 2, 5, 4, 3, 6};
    const int mine = kRank[value_.index()], its = kRank[other.value_.index()];
    if (mine != its) return mine <=> its;
    if (!is_number()) {
        if (const auto* v = std::get_if<bool>(&value_)) return *v <=> std::get<bool>(other.value_);
        if (is_string()) return text() <=> other.text();
        if (is_object()) return items() <=> other.items();
        return std::lexicographical_compare_three_way(begin(), end(), other.begin(), other.end());
    }
    if (is<double>() || other.is<double>()) return real() <=> other.real();
    const auto negative = [](const Json& v) {
        const auto* n = std::get_if<std::int64_t>(&v.value_);
        return n != nullptr && *n < 0;
    };
    if (negative(*this) != negative(other)) return negative(other) <=> negative(*this);
    return whole() <=> other.whole();
}

namespace {

/// What nlohmann's parser calls: the value grows as the text is read.
class Builder : public nlohmann::json_sax<nlohmann::json> {
public:
    Json result;

    bool null() override { return put({}); }
    bool boolean(bool v) override { return put(v); }
    bool number_integer(std::int64_t v) override { return put(v); }
    bool number_unsigned(std::uint64_t v) override { return put(v); }
    bool number_float(double v, const std::string& /*text*/) override { return put(v); }
    bool string(std::string& v) override { return put(std::move(v)); }
    bool binary(nlohmann::json::binary_t& /*v*/) override { return false; }  // no JSON has it
    bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
    bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
    bool key(std::string& name) override {
        names_.back() = std::move(name);
        return true;
    }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                     const nlohmann::json::exception& /*why*/) override {
        return false;
    }

private:
    bool put(Json v) {
        if (open_.empty())
            result = std::move(v);
        else if (open_.back().is_array())
            open_.back().push_back(std::move(v));
        else
            open_.back()[names_.back()] = std::move(v);
        return true;
    }
    bool open(Json v) {
        open_.push_back(std::move(v));
        names_.emplace_back();
        return true;
    }
    bool close() {
        Json v = std::move(open_.back());
        open_.pop_back();
        names_.pop_back();
        return put(std::move(v));
    }
    std::vector<Json> open_;          // arrays and objects that have not ended, outermost first
    std::vector<std::string> names_;  // of the member that comes next, for each of them
};

/// Texts and fractions as nlohmann writes them; most texts have nothing to escape.
void write_text(std::string& out, const std::string& v) {
    const bool plain = std::all_of(
        v.begin(), v.end(), [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; });
    if (plain)
        out.append(1, '"').append(v).append(1, '"');
    else
        out += nlohmann::json(v).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class Writer {
public:
    explicit Writer(int indent) : indent_(indent) {}
    std::string out;

    void write(const Json& v) {
        if (v.is_array() || v.is_object())
            write_list(v);
        else if (v.is_string())
            write_text(out, v.text());
        else if (v.is_number_unsigned())
            out += std::to_string(v.get<std::uint64_t>());
        else if (v.is_number_integer())
            out += std::to_string(v.get<std::int64_t>());
        else if (v.is_number())
            out += nlohmann::json(v.get<double>()).dump();
        else if (v.is_boolean())
            out += v.get<bool>() ? "true" : "false";
        else
            out += v.is_null() ? "null" : "<discarded>";
    }

private:
    void write_list(const Json& v) {
        out += v.is_array() ? '[' : '{';
        bool first = true;
        depth_++;
        for (const Json& e : v) next(first), write(e);
        for (const auto& [name, e] : v.items()) {
            next(first);
            write_text(out, name);
            out += indent_ < 0 ? ":" : ": ";
            write(e);
        }
        depth_--;
        if (!first) new_line();
        out += v.is_array() ? ']' : '}';
    }
    void next(bool& first) {
        if (!first) out += ',';
        first = false;
        new_line();
    }
    void new_line() {
        if (indent_ >= 0)
            out.append(1, '\n').append(
                static_cast<std::size_t>(indent_) * static_cast<std::size_t>(depth_), ' ');
    }
    int indent_, depth_ = 0;
};

}  // namespace

std::string to_text(const Json& json, int indent) {
    Writer w(indent);
    w.write(json);
    return std::move(w.out);
}

Json from_text(std::string_view text) {
    Builder b;
    const bool good = nlohmann::json::sax_parse(text.begin(), text.end(), &b);
    return good ? std::move(b.result) : Json::discarded();
}

Json list_in(const Json& object, const char* name) {
    const Json& out = object[name];
    return out.is_array() ? out : Json::array();
}

std::ostream& operator<<(std::ostream& out, const Json& json) { return out << to_text(json); }

}  // namespace isthmus::api
