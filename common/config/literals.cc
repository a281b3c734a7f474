// SPDX-License-Identifier: Apache-2.0
#include "common/config/literals.h"

#include <cctype>

namespace isthmus::config {

namespace {

bool starts_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

void check_number(const std::string& word, const std::string& where, std::vector<Problem>& errors) {
    std::string digits = word;
    if (!digits.empty() && digits[0] == '-') digits.erase(0, 1);
    bool is_long = false;
    while (!digits.empty() && digits.back() == 'L') {
        digits.pop_back();
        is_long = true;
    }
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return;
    if (digits.size() > 1 && digits[0] == '0') {
        errors.push_back({where, word + " has a leading zero; write " +
                                     std::to_string(std::stoull(digits.substr(0, 18)))});
    } else if (!is_long && (digits.size() > 10 || (digits.size() == 10 && digits > "2147483647"))) {
        errors.push_back({where, word + " is too large for a number here"});
    }
}

/// Index just behind a comment or string that begins at `i`, or `i` when none does.
std::size_t skip_quoted(const std::string& text, std::size_t i) {
    if (text[i] == '"') {
        for (i++; i < text.size() && text[i] != '"'; i++) {
            if (text[i] == '\\') i++;
        }
        return i + 1;
    }
    if (text[i] == '#' || text.compare(i, 2, "//") == 0) {
        const auto end = text.find('\n', i);
        return end == std::string::npos ? text.size() : end;
    }
    if (text.compare(i, 2, "/*") == 0) {
        const auto end = text.find("*/", i);
        return end == std::string::npos ? text.size() : end + 2;
    }
    return i;
}

}  // namespace

void check_literals(const std::string& text, const std::string& name,
                    std::vector<Problem>& errors) {
    unsigned line = 1;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t after = skip_quoted(text, i);
        if (after != i) {
            for (; i < after && i < text.size(); i++) line += text[i] == '\n' ? 1 : 0;
            continue;
        }
        if (!starts_word(text[i])) {
            line += text[i] == '\n' ? 1 : 0;
            if (text[i] == '@')
                errors.push_back({name + ":" + std::to_string(line),
                                  "@include is not supported; keep one file"});
            i++;
            continue;
        }
        const std::size_t begin = i;
        while (i < text.size() && starts_word(text[i])) i++;
        check_number(text.substr(begin, i - begin), name + ":" + std::to_string(line), errors);
    }
}

}  // namespace isthmus::config
