// SPDX-License-Identifier: Apache-2.0
// What the files schema*.cc write the table of keys with.
#pragma once

#include <type_traits>
#include <utility>

#include "common/config/schema.h"

namespace isthmus::config {

/// A field of Config as two functions; the only use of the preprocessor here: a member path is no
/// value, and `path` is no expression.
#define ISTHMUS_FIELD(path) \
    [](Config & c) -> auto& { return c.path; }  // NOLINT(bugprone-macro-parentheses)

class Rows {
public:
    // NOLINTBEGIN(readability-function-size) a row of the table is one call
    template <typename Field>
    void number(const char* section, const char* name, std::int64_t least, std::int64_t most,
                bool start_only, const char* unit, const char* help, Field field) {
        Key k = base(section, name, Key::Type::number, start_only, help);
        k.least = least;
        k.most = most;
        k.unit = unit;
        bind_number(k, field);
    }
    template <typename Field>
    void boolean(const char* section, const char* name, bool start_only, const char* help,
                 Field field) {
        Key k = base(section, name, Key::Type::boolean, start_only, help);
        k.most = 1;
        bind_number(k, field);
    }
    template <typename Field>
    void choice(const char* section, const char* name, std::vector<std::string> choices,
                bool start_only, const char* help, Field field) {
        Key k = base(section, name, Key::Type::choice, start_only, help);
        k.choices = std::move(choices);
        bind_number(k, field);
    }
    template <typename Field>
    void text(const char* section, const char* name, bool start_only, const char* help,
              Field field) {
        Key k = base(section, name, Key::Type::text, start_only, help);
        k.get_text = [field](const Config& c) { return field(const_cast<Config&>(c)); };
        k.set_text = [field](Config& c, const std::string& v) { field(c) = v; };
        keys.push_back(std::move(k));
    }
    // NOLINTEND(readability-function-size)
    std::vector<Key> keys;

private:
    static Key base(const char* section, const char* name, Key::Type type, bool start_only,
                    const char* help) {
        Key k;
        k.section = section;
        k.name = name;
        k.type = type;
        k.start_only = start_only;
        k.help = help;
        return k;
    }
    template <typename Field>
    void bind_number(Key& k, Field field) {
        k.get = [field](const Config& c) {
            return static_cast<std::int64_t>(field(const_cast<Config&>(c)));
        };
        k.set = [field](Config& c, std::int64_t v) {
            auto& target = field(c);
            target = static_cast<std::remove_reference_t<decltype(target)>>(v);
        };
        keys.push_back(std::move(k));
    }
};

// Rows of one part of the file each, in the order of the manual.
void nat64_rows(Rows& rows);
void dns64_rows(Rows& rows);

}  // namespace isthmus::config
