#include "tools/spillwayctl/sheet.h"

#include <gtest/gtest.h>

namespace tools {
namespace {

report::Json target(const char* endpoint, const char* state, double rate) {
  return {{"target_group", "web"},
          {"endpoint", endpoint},
          {"zone", "a"},
          {"state", state},
          {"reason", "Target.FailedHealthChecks"},
          {"detail", "connection refused"},
          {"new_flows_per_second", rate},
          {"active_flows", 7},
          {"bytes_per_second", nullptr},
          {"connect", {{"count", 3}, {"p50_seconds", 0.00012}, {"p99_seconds", 0.0345}}},
          {"response", {{"count", 0}, {"p50_seconds", nullptr}, {"p99_seconds", nullptr}}}};
}

report::Json stats() {
  return {{"targets",
           {target("10.0.1.11:8080", "healthy", 3), target("10.0.1.12:8080", "unhealthy", 12'345),
            target("10.0.1.13:8080", "draining", 0)}}};
}

std::vector<std::string> column(const Sheet& sheet, const std::string& header) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < sheet.columns.size(); ++i) {
    if (sheet.columns[i].header != header) continue;
    for (const auto& row : sheet.rows) texts.push_back(row[i].text);
  }
  return texts;
}

TEST(Sheet, FiguresAsPeopleReadThem) {
  const Sheet sheet = targets_sheet(stats(), "connect");
  EXPECT_EQ(column(sheet, "NEW/S"), (std::vector<std::string>{"3.0/s", "12.3k/s", "0/s"}));
  EXPECT_EQ(column(sheet, "TRAFFIC")[0], "-");
  EXPECT_EQ(column(sheet, "P50")[0], "120us");
  EXPECT_EQ(column(sheet, "P99")[0], "34.5ms");
  EXPECT_EQ(column(targets_sheet(stats(), "response"), "P99")[0], "-");
}

TEST(Sheet, NumbersSortFromTheGreatestAndTextsFromA) {
  Sheet sheet = targets_sheet(stats(), "connect");
  sheet.sort(4, false);
  EXPECT_EQ(column(sheet, "TARGET")[0], "10.0.1.12:8080");
  sheet.sort(4, true);
  EXPECT_EQ(column(sheet, "TARGET")[0], "10.0.1.13:8080");
  sheet.sort(0, false);
  EXPECT_EQ(column(sheet, "TARGET")[0], "10.0.1.11:8080");
  sheet.sort(99, false);  // no such column: as it was
  EXPECT_EQ(column(sheet, "TARGET")[0], "10.0.1.11:8080");
}

TEST(Sheet, FilterLooksAtEveryColumnInWhateverCase) {
  Sheet sheet = targets_sheet(stats(), "connect");
  sheet.filter("DRAIN");
  EXPECT_EQ(column(sheet, "TARGET"), (std::vector<std::string>{"10.0.1.13:8080"}));
  sheet.filter("nothing like it");
  EXPECT_TRUE(sheet.rows.empty());
}

TEST(Sheet, FitsIntoEveryWidth) {
  const Sheet sheet = targets_sheet(stats(), "connect");
  for (std::size_t width = 1; width < 200; ++width) {
    const auto widths = sheet.widths(width);
    std::size_t shown = 0;
    for (const std::size_t one : widths) shown += one == 0 ? 0 : one + (shown == 0 ? 0 : 2);
    EXPECT_LE(shown, width);
    EXPECT_GT(widths[0], 0U);
  }
  const auto widths = sheet.widths(80);
  EXPECT_GT(widths[3], 0U) << "the state is there at 80 columns";
  EXPECT_GT(widths[8], 0U) << "and the latency";
}

TEST(Sheet, TextIsCutBetweenCharacters) {
  EXPECT_EQ(fitted("z\xc3\xbcrich", 2, Align::Left), "z\xc3\xbc");
  EXPECT_EQ(fitted("z\xc3\xbc", 4, Align::Left), "z\xc3\xbc  ");
  EXPECT_EQ(fitted("12", 4, Align::Right), "  12");
}

}  // namespace
}  // namespace tools
