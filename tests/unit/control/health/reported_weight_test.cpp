#include "control/health/reported_weight.h"

#include <gtest/gtest.h>

#include <string>

namespace control {
namespace {

TEST(ReportedWeight, IsAPercentage) {
  EXPECT_EQ(parse_weight_percent("0"), 0);
  EXPECT_EQ(parse_weight_percent("7"), 7);
  EXPECT_EQ(parse_weight_percent("100"), 100);
  EXPECT_EQ(parse_weight_percent("50%"), 50);
  EXPECT_EQ(parse_weight_percent("007"), 7);
}

TEST(ReportedWeight, IsNothingElse) {
  for (const std::string text :
       {"", "%", "101", "999", "1000", "-1", "+5", "5.5", "1e2", "0x10", "ten", "5 %", "5%%",
        "99999999999999999999", " 5", "5,6", "\x05", "NaN"}) {
    EXPECT_EQ(parse_weight_percent(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_weight_percent(std::string(100'000, '9')), std::nullopt);
  EXPECT_EQ(parse_weight_percent(std::string("5\0", 2)), std::nullopt);
}

}  // namespace
}  // namespace control
