// SPDX-License-Identifier: Apache-2.0
#include "common/config/literals.h"

#include <algorithm>
#include <cctype>

namespace isthmus::config {

namespace {

/// Ours need six. The parser's stack is not endless.
constexpr unsigned kDepthMost = 32;

bool starts_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

bool larger_than(const std::string& digits, const std::string& most) {
    return digits.size() > most.size() || (digits.size() == most.size() && digits > most);
}

/// libconfig reads a number without L into 32 bits, and hexadecimal ones without a sign.
/// False: libconfig would read another number than the one that is written.
bool check_number(const std::string& word, const std::string& where, std::vector<Problem>& errors) {
    std::string digits = word;
    if (!digits.empty() && digits[0] == '-') digits.erase(0, 1);
    bool is_long = false;
    while (!digits.empty() && digits.back() == 'L') {
        digits.pop_back();
        is_long = true;
    }
    const auto too_large = [&] {
        errors.push_back({where, word + " is too large for a number here; write a smaller one" +
                                     (is_long ? "" : ", or " + word + "L where so much is meant")});
        return false;
    };
    if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        if (digits.find_first_not_of("0123456789abcdefABCDEF", 2) != std::string::npos) return true;
        const auto first = std::min(digits.find_first_not_of('0', 2), digits.size());
        const std::size_t n = digits.size() - first, most = is_long ? 16 : 8;
        if (n > most || (n == most && digits[first] > '7')) return too_large();
        return true;
    }
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return true;
    if (digits.size() > 1 && digits[0] == '0') {
        const auto first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
        errors.push_back({where, word + " has a leading zero; write " + digits.substr(first)});
    } else if (larger_than(digits, is_long ? "9223372036854775807" : "2147483647")) {
        return too_large();
    }
    return true;
}

/// Index just behind a comment or string that begins at `i`, or `i` when none does; behind the end
/// of the text when it is not closed.
std::size_t skip_quoted(const std::string& text, std::size_t i) {
    if (text[i] == '"') {
        for (i++; i < text.size() && text[i] != '"'; i++) {
            if (text[i] == '\\') i++;
        }
        return std::min(i, text.size()) + 1;
    }
    if (text[i] == '#' || text.compare(i, 2, "//") == 0) {
        const auto end = text.find('\n', i);
        return end == std::string::npos ? text.size() : end;
    }
    if (text.compare(i, 2, "/*") == 0) {
        const auto end = text.find("*/", i);
        return end == std::string::npos ? text.size() + 1 : end + 2;
    }
    return i;
}

}  // namespace

bool check_literals(const std::string& text, const std::string& name,
                    std::vector<Problem>& errors) {
    unsigned line = 1, depth = 0;
    bool readable = true;
    const auto refuse = [&](const std::string& what) {
        errors.push_back({name + ":" + std::to_string(line), what});
        return false;
    };
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t after = skip_quoted(text, i);
        if (after > text.size())
            return refuse(std::string(text[i] == '"' ? "the quote" : "the comment") +
                          " that begins here is never closed; close it");
        if (after != i) {
            for (; i < after; i++) line += text[i] == '\n' ? 1 : 0;
            continue;
        }
        if (starts_word(text[i])) {
            const std::size_t begin = i;
            while (i < text.size() && starts_word(text[i])) i++;
            if (!check_number(text.substr(begin, i - begin), name + ":" + std::to_string(line),
                              errors))
                readable = false;
            continue;
        }
        const char c = text[i++];
        if (c == '\n') line++;
        if (c == '@')
            return refuse("@include is not supported; write what it names into this file");
        if (c == '{' || c == '(' || c == '[') depth++;
        if (depth != 0 && (c == '}' || c == ')' || c == ']')) depth--;
        if (depth > kDepthMost)
            return refuse("more than 32 braces and parentheses within each other; close some");
    }
    return readable;
}

}  // namespace isthmus::config
