#include "tools/bench/report.h"

#include <gtest/gtest.h>

namespace tools::bench {
namespace {

const Origin origin{.machine = {.cpu = "Test 9000", .cpus = 2, .kernel = "Linux 9"},
                    .build = {.version = "1.2.3", .type = "release", .optimized = true}};

class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    bench.run({{.cases = {"nat/v4/x", "nat/v4/y"}, .run = [](Bench& to) {
                  to.measure("nat/v4/x", [] {
                    Figures figures{.flows = 1'008, .per_slice = 256, .line_nanoseconds = 10};
                    figures.slices.add(25);
                    figures.packets_sent = 3;
                    figures.verdicts = {{"ForwardToTarget", 1}, {"ForwardToClient", 2}};
                    figures.bytes_per_connection = 147.3;
                    figures.details = {{"percent_of_something", 0.5}};
                    return figures;
                  });
                  to.measure("nat/v4/y", []() -> Figures { throw CaseFailed("1 DropTtl"); });
                }}});
  }
  Clock clock;
  Progress progress{false};
  Bench bench{{.quick = true}, clock, progress};
};

TEST_F(ReportTest, TheTableHasARowForEachCase) {
  const std::string text = table(bench, origin, false);
  EXPECT_NE(text.find("spillway-bench 1.2.3"), std::string::npos) << text;
  EXPECT_NE(text.find("Test 9000"), std::string::npos);
  EXPECT_NE(text.find("nat/v4/x"), std::string::npos);
  EXPECT_NE(text.find("2.5"), std::string::npos) << "the ratio to the line";
  EXPECT_NE(text.find("percent_of_something 0.50"), std::string::npos);
  EXPECT_NE(text.find("FAILED: nat/v4/y: 1 DropTtl\n"), std::string::npos);
}

TEST_F(ReportTest, TheDocumentHasEveryFigure) {
  const nlohmann::ordered_json json = document(bench, origin);
  EXPECT_EQ(json["machine"]["cpu"], "Test 9000");
  EXPECT_EQ(json["build"]["type"], "release");
  EXPECT_TRUE(json["build"]["objections"].empty());
  EXPECT_EQ(json["quick"], true);
  ASSERT_EQ(json["figures"].size(), 1u);
  const auto& figures = json["figures"][0];
  EXPECT_EQ(figures["name"], "nat/v4/x");
  EXPECT_EQ(figures["unit"], "packet");
  EXPECT_EQ(figures["flows"], 1'008);
  EXPECT_EQ(figures["slices"], 1);
  EXPECT_EQ(figures["units_per_slice"], 256);
  EXPECT_EQ(figures["p10_nanoseconds"], 25.0);
  EXPECT_EQ(figures["p50_nanoseconds"], 25.0);
  EXPECT_EQ(figures["millions_per_second"], 40.0);
  EXPECT_NEAR(figures["p50_cycles"].get<double>(), 25 * clock.gigahertz(), 1e-6);
  EXPECT_EQ(figures["ratio_to_line"], 2.5);
  EXPECT_EQ(figures["packets_sent"], 3);
  EXPECT_EQ(figures["verdicts"]["ForwardToClient"], 2);
  EXPECT_EQ(figures["bytes_per_connection"], 147.3);
  EXPECT_EQ(figures["details"]["percent_of_something"], 0.5);
  ASSERT_EQ(json["failed"].size(), 1u);
  EXPECT_EQ(json["failed"][0]["name"], "nat/v4/y");
  EXPECT_EQ(json["failed"][0]["why"], "1 DropTtl");
  EXPECT_TRUE(json["skipped"].empty());
}

}  // namespace
}  // namespace tools::bench
