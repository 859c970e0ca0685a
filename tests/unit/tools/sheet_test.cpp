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

TEST(Sheet, WhereThereIsALimitActiveShowsIt) {
  report::Json limited = stats();
  limited["targets"][0]["connections"] = 5;  // two more are over
  limited["targets"][0]["max_connections"] = 5;
  limited["targets"][1]["connections"] = 4;
  limited["targets"][1]["max_connections"] = 12'000;
  limited["targets"][2]["max_connections"] = nullptr;
  const Sheet sheet = targets_sheet(limited, "connect");
  EXPECT_EQ(column(sheet, "ACTIVE"), (std::vector<std::string>{"5/5", "4/12.0k", "7"}));
  EXPECT_EQ(sheet.rows[0][5].colour, Colour::Yellow) << "full";
  EXPECT_EQ(sheet.rows[1][5].colour, Colour::None);
}

report::Json group(const char* name, double waiting, report::Json capacity) {
  return {{"name", name},
          {"registered", 3},
          {"healthy", 2},
          {"failing_open", false},
          {"on_standby", false},
          {"standby", nullptr},
          {"new_flows_per_second", 12},
          {"active_flows", 1512},
          {"connections", 1500},
          {"max_connections", 1500},
          {"surge_queue_length", waiting},
          {"surge_queue_capacity", std::move(capacity)},
          {"surge_oldest_seconds", waiting > 0 ? 0.5 : 0},
          {"surge_admitted_per_second", 10},
          {"surge_timed_out", 17},
          {"spillover_count", 90},
          {"spillover_count_per_second", nullptr}};
}

TEST(Sheet, TargetGroupsWithTheirQueues) {
  const report::Json stats{{"target_groups",
                            {group("full", 1024, 1024), group("web", 212, 1024),
                             group("plain", 0, nullptr), group("emptied", 3, nullptr)}}};
  Sheet sheet = target_groups_sheet(stats);
  EXPECT_EQ(column(sheet, "QUEUE"), (std::vector<std::string>{"1024/1024", "212/1024", "-", "3"}));
  EXPECT_EQ(sheet.rows[0][5].colour, Colour::Red);
  EXPECT_EQ(sheet.rows[1][5].colour, Colour::Yellow);
  EXPECT_EQ(column(sheet, "ACTIVE")[0], "1500/1500");
  EXPECT_EQ(column(sheet, "OLDEST"), (std::vector<std::string>{"500ms", "500ms", "-", "500ms"}));
  EXPECT_EQ(column(sheet, "SPILLED")[0], "90");
  EXPECT_EQ(column(sheet, "SPILL/S")[0], "-") << "not known yet";
  sheet.sort(5, true);
  EXPECT_EQ(column(sheet, "GROUP")[0], "plain") << "without a queue is less than none that waits";
  const auto widths = sheet.widths(80);
  for (const std::size_t column : {5U, 9U, 10U}) EXPECT_GT(widths[column], 0U) << column;
}

TEST(Sheet, WhereNewFlowsOfAGroupGo) {
  report::Json one = group("web", 0, nullptr);
  const auto word = [&] {
    return column(target_groups_sheet({{"target_groups", {one}}}), "ROUTING")[0];
  };
  EXPECT_EQ(word(), "healthy");
  one["healthy"] = 0;
  EXPECT_EQ(word(), "nobody");
  one["failing_open"] = true;
  EXPECT_EQ(word(), "fail-open");
  one["on_standby"] = true;
  one["standby"] = "spare";
  EXPECT_EQ(word(), "standby spare");
}

TEST(Sheet, ListenersShowWhoWaitsAndWhoSpills) {
  const report::Json stats{{"listeners",
                            {{{"name", "web"},
                              {"protocol", "tcp"},
                              {"endpoint", "203.0.113.10:80"},
                              {"new_flows_per_second", 1},
                              {"active_flows", 10},
                              {"surge_queue_length", 100},
                              {"spilled_flows", 90},
                              {"spilled_flows_per_second", 4.5},
                              {"rejected_flows", 95},
                              {"rejected_flows_per_second", 4.5},
                              {"queue", {{"p50_seconds", 0.25}, {"p99_seconds", 1.5}}}}}}};
  const Sheet sheet = listeners_sheet(stats, "queue");
  EXPECT_EQ(column(sheet, "QUEUE")[0], "100");
  EXPECT_EQ(column(sheet, "SPILLED")[0], "90");
  EXPECT_EQ(column(sheet, "SPILL/S")[0], "4.5/s");
  EXPECT_EQ(column(sheet, "P50")[0], "250ms");
  EXPECT_GT(sheet.widths(80)[4], 0U) << "at 80 columns, too";
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
