// Table: rows of text in aligned columns, for terminals. Names left, numbers right, two spaces
// between.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tools {

enum class Colour : std::uint8_t { None, Green, Yellow, Red, Bold };

/// `text` in that colour, if `colours` are wanted at all.
[[nodiscard]] std::string coloured(const std::string& text, Colour colour, bool colours);

struct Cell {
  Cell(std::string content, Colour in = Colour::None) : text(std::move(content)), colour(in) {}
  Cell(const char* content) : text(content) {}
  std::string text;
  Colour colour = Colour::None;
};

enum class Align : std::uint8_t { Left, Right };

struct Column {
  std::string header;
  Align align = Align::Left;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell for each column.
  void add(std::vector<Cell> row);
  /// Header and rows, each line ended; a column without any text is left out.
  [[nodiscard]] std::string text(bool colours) const;
  /// The same as a part of a longer table: columns are at least as wide as `widths`, which are this
  /// part's then. The first part has the header (`widths` is empty), and any in which a column
  /// appears.
  [[nodiscard]] std::string part(bool colours, std::vector<std::size_t>& widths) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace tools
