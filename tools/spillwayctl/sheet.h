// Sheet: a table of what happens, as stats prints it and top shows it: sorted, filtered, and made
// as narrow as a terminal is.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/report/documents.h"
#include "tools/spillwayctl/table.h"

namespace tools {

struct SheetColumn {
  std::string header;
  Align align = Align::Left;
  int rank = 0;  // the columns with the greatest are left out first
};
struct SheetCell {
  std::string text;
  double value = 0;  // what a column of numbers is sorted by
  Colour colour = Colour::None;
};
struct Sheet {
  std::string name;
  std::vector<SheetColumn> columns;
  std::vector<std::vector<SheetCell>> rows;

  /// Keeps the rows in which some cell contains the text, in whatever case.
  void filter(const std::string& wanted);
  /// Numbers: the greatest first; texts: from A to Z; `reversed`: the other way.
  void sort(std::size_t column, bool reversed);
  /// How wide each column is when all have to fit into `width`; 0: left out. The last one that is
  /// shown may be cut.
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t width) const;
};

/// Of a stats_document(). `latency`: "connect", "response" or "queue".
[[nodiscard]] Sheet listeners_sheet(const report::Json& stats, const char* latency);
[[nodiscard]] Sheet target_groups_sheet(const report::Json& stats);
[[nodiscard]] Sheet targets_sheet(const report::Json& stats, const char* latency);
[[nodiscard]] Sheet workers_sheet(const report::Json& stats);

/// How many characters a terminal shows of it.
[[nodiscard]] std::size_t shown_width(const std::string& text);
/// Cut to so many characters, or filled up with spaces.
[[nodiscard]] std::string fitted(const std::string& text, std::size_t width, Align align);

}  // namespace tools
