#include "tools/spillwayctl/table.h"

#include <algorithm>
#include <utility>

#include "dataplane/packet/contract.h"

namespace tools {
namespace {

/// How many characters a terminal shows: bytes that only continue one in UTF-8 are none.
std::size_t width_of(const std::string& text) {
  const auto begins = [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins));
}

}  // namespace

std::string coloured(const std::string& text, Colour colour, bool colours) {
  if (!colours || text.empty()) return text;
  switch (colour) {
    case Colour::None: return text;
    case Colour::Green: return "\033[32m" + text + "\033[0m";
    case Colour::Yellow: return "\033[33m" + text + "\033[0m";
    case Colour::Red: return "\033[31m" + text + "\033[0m";
    case Colour::Bold: return "\033[1m" + text + "\033[0m";
  }
  return text;
}

void Table::add(std::vector<Cell> row) {
  CHECK(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

/// 0 for a column that has nothing to say.
std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i].text));
    }
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] != 0 || rows_.empty()) {
      widths[i] = std::max(widths[i], columns_[i].header.size());
    }
  }
  return widths;
}

std::string Table::text(bool colours) const {
  std::vector<std::size_t> none;
  return part(colours, none);
}

std::string Table::part(bool colours, std::vector<std::size_t>& before) const {
  std::vector<std::size_t> width = widths();
  bool with_header = before.empty();
  for (std::size_t i = 0; i < before.size(); ++i) {
    with_header = with_header || (before[i] == 0 && width[i] != 0);
    width[i] = std::max(width[i], before[i]);
  }
  before = width;
  std::string text;
  const auto add_line = [&](const std::vector<Cell>& cells) {
    std::string line;
    std::size_t owed = 0;  // spaces, written only if something follows
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (width[i] == 0) continue;
      const std::size_t rest = width[i] - width_of(cells[i].text);
      const bool right = columns_[i].align == Align::Right;
      if (right) owed += rest;
      if (!cells[i].text.empty()) {
        line += std::string(owed, ' ') + coloured(cells[i].text, cells[i].colour, colours);
        owed = 0;
      }
      if (!right) owed += rest;
      owed += 2;
    }
    text += line + '\n';
  };
  if (with_header) {
    std::vector<Cell> header;
    for (const Column& column : columns_) header.emplace_back(column.header, Colour::Bold);
    add_line(header);
  }
  for (const auto& row : rows_) add_line(row);
  return text;
}

}  // namespace tools
