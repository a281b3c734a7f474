// SPDX-License-Identifier: Apache-2.0
#include "control/cli/screen.h"

#include <algorithm>
#include <cmath>

namespace isthmus::cli {

namespace {

/// Bytes of the UTF-8 character that begins with `c`.
std::size_t length_of(unsigned char c) {
    return c < 0x80 ? 1 : (c >> 5) == 6 ? 2 : (c >> 4) == 14 ? 3 : (c >> 3) == 30 ? 4 : 1;
}

const char* sequence_of(Look look) {
    switch (look) {
        case Look::bold:
            return "\033[0;1m";
        case Look::dim:
            return "\033[0;2m";
        case Look::inverse:
            return "\033[0;7m";
        default:
            return "\033[0m";
    }
}

}  // namespace

void Screen::put(unsigned row, unsigned column, std::string_view text, Look look) {
    if (row >= rows_) return;
    for (std::size_t i = 0; i < text.size() && column < columns_; column++) {
        const auto c = static_cast<unsigned char>(text[i]);
        const std::size_t n = std::min(length_of(c), text.size() - i);
        Cell& cell = cell_[std::size_t{row} * columns_ + column];
        const bool shown = c >= 0x20 && c != 0x7f && (c < 0x80 || n > 1);
        cell = {shown ? std::string(text.substr(i, n)) : "?", look};
        i += n;
    }
}

std::string Screen::update_from(const Screen& before) const {
    const bool anew = before.rows_ != rows_ || before.columns_ != columns_;
    std::string out = anew ? "\033[0m\033[2J" : "";
    Look look = Look::plain;
    bool moved = true;  // the cursor is not where the next cell is
    for (unsigned r = 0; r < rows_; r++) {
        moved = true;
        for (unsigned c = 0; c < columns_; c++) {
            const Cell& cell = at(r, c);
            const bool same = anew ? cell == Cell{} : cell == before.at(r, c);
            if (same) {
                moved = true;
                continue;
            }
            if (moved) out += "\033[" + std::to_string(r + 1) + ";" + std::to_string(c + 1) + "H";
            moved = false;
            if (cell.look != look) out += sequence_of(cell.look);
            look = cell.look;
            out += cell.glyph;
        }
    }
    if (look != Look::plain) out += sequence_of(Look::plain);
    return out;
}

std::string Screen::text() const {
    std::string out;
    for (unsigned r = 0; r < rows_; r++) {
        std::string line;
        for (unsigned c = 0; c < columns_; c++) line += at(r, c).glyph;
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    out.erase(out.find_last_not_of('\n') + 1);
    return out + "\n";
}

std::string plot(const std::vector<double>& values, unsigned width, Glyphs glyphs) {
    static constexpr const char* kBlock[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr const char* kAscii[] = {" ", ".", ",", "-", "~", "+", "*", "%", "#"};
    const std::size_t n = std::min<std::size_t>(values.size(), width);
    const auto first = values.end() - static_cast<std::ptrdiff_t>(n);
    const double most = n == 0 ? 0 : *std::max_element(first, values.end());
    std::string out(width - n, ' ');
    for (auto v = first; v != values.end(); ++v) {
        // What is not nothing is seen.
        const double eighths = most <= 0 ? 0 : *v / most * 8;
        const int height = *v > 0 ? std::clamp(static_cast<int>(std::lround(eighths)), 1, 8) : 0;
        out += glyphs == Glyphs::utf8 ? kBlock[height] : kAscii[height];
    }
    return out;
}

}  // namespace isthmus::cli
