// SPDX-License-Identifier: Apache-2.0
// A screen of characters, and the least that has to be written to a terminal to turn one into
// another: over a slow line only the cells that changed travel.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace isthmus::cli {

enum class Look : unsigned char { plain, bold, dim, inverse };

class Screen {
public:
    Screen() = default;
    Screen(unsigned rows, unsigned columns)
        : rows_(rows), columns_(columns), cell_(std::size_t{rows} * columns) {}

    [[nodiscard]] unsigned rows() const { return rows_; }
    [[nodiscard]] unsigned columns() const { return columns_; }
    /// UTF-8 text, one cell a character; what does not fit is cut off. Control characters are shown
    /// as "?".
    void put(unsigned row, unsigned column, std::string_view text, Look look = Look::plain);
    /// What a terminal that shows `before` must be told to show this; all of it when the sizes
    /// differ.
    [[nodiscard]] std::string update_from(const Screen& before) const;
    /// As lines, without looks.
    [[nodiscard]] std::string text() const;

private:
    struct Cell {
        std::string glyph = " ";
        Look look = Look::plain;
        friend bool operator==(const Cell&, const Cell&) = default;
    };
    [[nodiscard]] const Cell& at(unsigned row, unsigned column) const {
        return cell_[std::size_t{row} * columns_ + column];
    }
    unsigned rows_ = 0, columns_ = 0;
    std::vector<Cell> cell_;
};

/// What a terminal can show: a serial console, or one without a locale, ASCII only.
enum class Glyphs : unsigned char { utf8, ascii };

/// Values as a line of blocks from one eighth to full, the largest of them full; the newest at the
/// right, `width` cells.
[[nodiscard]] std::string plot(const std::vector<double>& values, unsigned width,
                               Glyphs glyphs = Glyphs::utf8);

}  // namespace isthmus::cli
