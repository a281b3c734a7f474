// SPDX-License-Identifier: Apache-2.0
// JSON as the sockets and the logs carry it: a value, its reader and its writer.
//
// The value is a class of our own and no template, because nlohmann's is compiled anew in every
// file that touches one: with 75 such files it was two fifths of a clean build. Texts are read by
// nlohmann's parser, in json.cc alone. The names are those of nlohmann's class.
//
// Nothing throws: these values come from other processes. What is missing reads as null, what is
// of another type as zero, an empty text, an empty list.
#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace isthmus::api {

template <class T>
concept JsonNumber = (std::integral<T> || std::floating_point<T>)&&!std::same_as<T, bool>;

class Json {
public:
    using Array = std::vector<Json>;
    using Object = std::map<std::string, Json, std::less<>>;

    Json() noexcept = default;
    Json(std::nullptr_t) noexcept {}
    template <std::same_as<bool> T>
    Json(T v) noexcept : value_(v) {}
    template <JsonNumber T>
    Json(T v) noexcept : value_(widened(v)) {}
    Json(const char* text);
    Json(std::string_view text);
    Json(std::string text) noexcept;
    template <class T>
    Json(const std::vector<T>& list) : Json(Array(list.begin(), list.end())) {}
    template <class T, std::size_t N>
    Json(const std::array<T, N>& list) : Json(Array(list.begin(), list.end())) {}
    Json(Array list) noexcept;
    Json(Object members) noexcept;
    /// {{"name", value}, ...} is an object, any other list an array, also of one.
    Json(std::initializer_list<Json> list);
    Json(const Json& other);
    Json(Json&& other) noexcept;
    Json& operator=(const Json& other);
    Json& operator=(Json&& other) noexcept;
    ~Json();

    [[nodiscard]] static Json array(std::initializer_list<Json> list = {});
    [[nodiscard]] static Json object(std::initializer_list<Json> list = {});
    [[nodiscard]] static Json discarded();

    [[nodiscard]] bool is_null() const noexcept { return is<std::monostate>(); }
    [[nodiscard]] bool is_boolean() const noexcept { return is<bool>(); }
    /// Whole, and not negative when it was read from a text.
    [[nodiscard]] bool is_number_unsigned() const noexcept { return is<std::uint64_t>(); }
    [[nodiscard]] bool is_number_integer() const noexcept {
        return is<std::int64_t>() || is<std::uint64_t>();
    }
    [[nodiscard]] bool is_number() const noexcept { return is_number_integer() || is<double>(); }
    [[nodiscard]] bool is_string() const noexcept { return is<std::string>(); }
    [[nodiscard]] bool is_array() const noexcept { return is<Array>(); }
    [[nodiscard]] bool is_object() const noexcept { return is<Object>(); }
    /// The text that it was read from is no JSON.
    [[nodiscard]] bool is_discarded() const noexcept { return is<Discarded>(); }

    /// bool, a number (of any type of number, converted as by static_cast), std::string.
    template <class T>
    [[nodiscard]] T get() const {
        if constexpr (std::same_as<T, bool>) {
            return truth();
        } else if constexpr (std::floating_point<T>) {
            return static_cast<T>(real());
        } else if constexpr (std::integral<T>) {
            return static_cast<T>(whole());
        } else {
            static_assert(std::same_as<T, std::string>);
            return text();
        }
    }
    [[nodiscard]] const std::string& text() const noexcept;

    /// Elements of an array, members of an object.
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    void clear() noexcept;

    // Arrays. Others have no elements; null becomes an array with the first.
    [[nodiscard]] Json* begin() noexcept;
    [[nodiscard]] Json* end() noexcept;
    [[nodiscard]] const Json* begin() const noexcept;
    [[nodiscard]] const Json* end() const noexcept;
    [[nodiscard]] Json& operator[](std::size_t i);
    [[nodiscard]] const Json& operator[](std::size_t i) const noexcept;
    [[nodiscard]] const Json& front() const noexcept { return (*this)[std::size_t{0}]; }
    [[nodiscard]] const Json& back() const noexcept { return (*this)[size() - 1]; }
    [[nodiscard]] Json& front() { return (*this)[std::size_t{0}]; }
    [[nodiscard]] Json& back() { return (*this)[size() - 1]; }
    void push_back(Json element);
    void erase(const Json* from, const Json* to);

    // Objects, by name. Others have no members; null becomes an object with the first.
    [[nodiscard]] const Object& items() const noexcept;
    [[nodiscard]] bool contains(std::string_view name) const noexcept;
    /// end() when there is none.
    [[nodiscard]] const Json* find(std::string_view name) const noexcept;
    [[nodiscard]] Json& operator[](std::string_view name);
    [[nodiscard]] const Json& operator[](std::string_view name) const noexcept;
    [[nodiscard]] const Json& at(std::string_view name) const noexcept { return (*this)[name]; }
    void erase(std::string_view name);
    /// All members of `other`, in place of those of the same name.
    void update(const Json& other);

    /// The member `name`; `otherwise` when there is none or it is of another type.
    [[nodiscard]] Json value(std::string_view name, const Json& otherwise) const;
    [[nodiscard]] std::string value(std::string_view name, const char* otherwise) const;
    [[nodiscard]] std::string value(std::string_view name, const std::string& otherwise) const;
    template <std::same_as<bool> T>
    [[nodiscard]] T value(std::string_view name, T otherwise) const {
        const Json& v = (*this)[name];
        return v.is_boolean() ? v.truth() : otherwise;
    }
    template <JsonNumber T>
    [[nodiscard]] T value(std::string_view name, T otherwise) const {
        const Json& v = (*this)[name];
        return v.is_number() ? v.get<T>() : otherwise;
    }

    /// Numbers by what they are worth, whatever their types.
    [[nodiscard]] bool operator==(const Json& other) const noexcept;
    /// Between types: null, truths, numbers, objects, arrays, texts.
    [[nodiscard]] std::partial_ordering operator<=>(const Json& other) const noexcept;

private:
    struct Discarded {
        bool operator==(const Discarded&) const = default;
    };
    template <class T>
    [[nodiscard]] bool is() const noexcept {
        return std::holds_alternative<T>(value_);
    }
    static constexpr auto widened(std::signed_integral auto v) noexcept { return std::int64_t{v}; }
    static constexpr auto widened(std::unsigned_integral auto v) noexcept {
        return std::uint64_t{v};
    }
    static constexpr auto widened(std::floating_point auto v) noexcept { return double{v}; }
    [[nodiscard]] bool truth() const noexcept;
    [[nodiscard]] std::uint64_t whole() const noexcept;  // two's complement when it is negative
    [[nodiscard]] double real() const noexcept;

    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array,
                 Object, Discarded>
        value_;
};

/// On one line, or with `indent` blanks a level. What is no UTF-8 is replaced, so this cannot
/// throw.
[[nodiscard]] std::string to_text(const Json& json, int indent = -1);
/// is_discarded() when `text` is no JSON.
[[nodiscard]] Json from_text(std::string_view text);
/// The array `name` of `object`; an empty one where there is none.
[[nodiscard]] Json list_in(const Json& object, const char* name);

std::ostream& operator<<(std::ostream& out, const Json& json);

}  // namespace isthmus::api
