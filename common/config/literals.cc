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

constexpr const char *kMost32 = "2147483647", *kMost64 = "9223372036854775807";

/// libconfig reads a number without L into 32 bits, and hexadecimal ones without a sign. What is
/// wrong with the number; nothing: libconfig reads what is written.
std::string number_fault(const std::string& word) {
    std::string digits = word;
    if (!digits.empty() && digits[0] == '-') digits.erase(0, 1);
    bool is_long = false;
    while (!digits.empty() && digits.back() == 'L') {
        digits.pop_back();
        is_long = true;
    }
    const auto too_large = [&](bool fits_64) {
        return word + " is too large for a number here; write a smaller one" +
               (is_long || !fits_64 ? "" : ", or " + word + "L where so much is meant");
    };
    if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        if (digits.find_first_not_of("0123456789abcdefABCDEF", 2) != std::string::npos) return "";
        const auto first = std::min(digits.find_first_not_of('0', 2), digits.size());
        const std::size_t n = digits.size() - first, most = is_long ? 16 : 8;
        return n > most || (n == most && digits[first] > '7') ? too_large(n < 16) : "";
    }
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return "";
    if (digits.size() > 1 && digits[0] == '0') {
        const auto first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
        return word + " has a leading zero; write " + digits.substr(first);
    }
    if (larger_than(digits, is_long ? kMost64 : kMost32))
        return too_large(!larger_than(digits, kMost64));
    return "";
}

bool is_number(const std::string& word) {
    const std::size_t at = word[0] == '-' ? 1 : 0;
    if (word.size() == at) return false;
    if (word.compare(at, 2, "0x") == 0 || word.compare(at, 2, "0X") == 0) return true;
    return word.find_first_not_of("0123456789.eEL-", at) == std::string::npos &&
           std::isalpha(static_cast<unsigned char>(word[at])) == 0 &&
           std::count(word.begin(), word.end(), '.') <= 1;
}

bool is_truth(std::string word) {
    for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return word == "true" || word == "false";
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

/// The character at `i` as it may be printed.
std::string character(const std::string& text, std::size_t i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;
    bool whole = n != 0 && i + n <= text.size();
    for (std::size_t k = 1; whole && k < n; k++) whole = (text[i + k] & 0xc0) == 0x80;
    return whole ? text.substr(i, n) : "byte " + std::to_string(c);
}

/// From the first byte to the last; the first thing that no parser should see ends it.
class Scanner {
public:
    Scanner(const std::string& text, const std::string& name, std::vector<Problem>& errors)
        : text_(text), name_(name), errors_(errors) {}

    bool run() {
        bool goes_on = true;
        while (goes_on && at_ < text_.size()) goes_on = step();
        if (!goes_on) return false;
        if (!open_.empty())
            return refuse(open_.back().line, std::string("the \"") + open_.back().bracket +
                                                 "\" that begins here is never closed; close it "
                                                 "with \"" +
                                                 partner(open_.back().bracket) + "\"");
        return readable_;
    }

private:
    struct Open {
        char bracket;
        unsigned line;
    };
    static char partner(char open) { return open == '{' ? '}' : open == '(' ? ')' : ']'; }

    bool refuse(unsigned line, const std::string& what) {
        errors_.push_back({name_ + ":" + std::to_string(line), what});
        return false;
    }

    bool step() {
        const char c = text_[at_];
        const std::size_t after = skip_quoted(text_, at_);
        if (after > text_.size())
            return refuse(line_, std::string(c == '"' ? "the quote" : "the comment") +
                                     " that begins here is never closed; close it");
        if (c == '"') return quoted(after);
        if (after != at_) {  // a comment
            line_ += static_cast<unsigned>(
                std::count(text_.begin() + index(at_), text_.begin() + index(after), '\n'));
            at_ = after;
            return true;
        }
        if (starts_word(c)) return word();
        if (static_cast<unsigned char>(c) >= 0x80)
            return refuse(line_, "\"" + character(text_, at_) +
                                     "\" stands outside of quotes; keys are letters, digits, - "
                                     "and _, texts stand in plain quotes (\")");
        at_++;
        return mark(c);
    }

    bool quoted(std::size_t after) {
        if (std::find(text_.begin() + index(at_), text_.begin() + index(after), '\n') !=
            text_.begin() + index(after))
            return refuse(line_,
                          "the quote that begins here is not closed in its line, or one is missing "
                          "before it; correct it");
        if (before_ == '"')
            return refuse(line_, "two texts stand beside each other; write a comma between them");
        last_word_ = text_.substr(at_, after - at_);
        before_ = '"';
        at_ = after;
        return true;
    }

    bool word() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && starts_word(text_[at_])) at_++;
        const std::string word = text_.substr(begin, at_ - begin);
        if (const std::string fault = number_fault(word); !fault.empty()) {
            errors_.push_back({name_ + ":" + std::to_string(line_), fault});
            readable_ = false;
        }
        const bool is_value = before_ == '=' || before_ == ':' || before_ == '(' || before_ == '[';
        if (is_value && !is_number(word) && !is_truth(word))
            return refuse(line_, word +
                                     " is neither a number, nor true or false; a text stands in "
                                     "quotes");
        last_word_ = word;
        before_ = 'w';
        return true;
    }

    bool mark(char c) {
        if (c == '\n') line_++;
        if (std::isspace(static_cast<unsigned char>(c)) != 0) return true;
        if (c == '@')
            return refuse(line_, "@include is not supported; write what it names into this file");
        if ((c == '=' || c == ':') && before_ == '"')
            return refuse(line_, last_word_ + " is a key; it stands without quotes");
        if (c == '{' && before_ == 'w')
            return refuse(line_, "write \"" + last_word_ + ": {\" for a group");
        before_ = c;
        if (c == '{' || c == '(' || c == '[') {
            open_.push_back({c, line_});
            if (open_.size() > kDepthMost)
                return refuse(line_,
                              "more than 32 braces and parentheses within each other; close some");
        }
        return (c != '}' && c != ')' && c != ']') || closes(c);
    }

    bool closes(char c) {
        if (open_.empty())
            return refuse(line_, std::string("this \"") + c + "\" closes nothing; remove it");
        const Open open = open_.back();
        if (partner(open.bracket) != c)
            return refuse(line_, std::string("\"") + c + "\" stands here, and the \"" +
                                     open.bracket + "\" of line " + std::to_string(open.line) +
                                     " is not closed yet; write \"" + partner(open.bracket) +
                                     "\" before it");
        open_.pop_back();
        return true;
    }

    static std::ptrdiff_t index(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }

    const std::string& text_;
    const std::string& name_;
    std::vector<Problem>& errors_;
    std::vector<Open> open_;
    std::string last_word_;  // the newest word or quoted text
    char before_ = 0;        // what came before: a mark, '"' for a text, 'w' for a word
    std::size_t at_ = 0;
    unsigned line_ = 1;
    bool readable_ = true;
};

}  // namespace

bool check_literals(const std::string& text, const std::string& name,
                    std::vector<Problem>& errors) {
    return Scanner(text, name, errors).run();
}

}  // namespace isthmus::config
