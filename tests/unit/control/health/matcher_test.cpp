#include "control/health/matcher.h"

#include <gtest/gtest.h>

namespace control {
namespace {

TEST(Matcher, KnowsItsCodes) {
  const std::vector<config::StatusRange> matcher = {{200, 299}, {301, 301}};
  for (const unsigned code : {200u, 250u, 299u, 301u}) EXPECT_TRUE(matches(matcher, code)) << code;
  for (const unsigned code : {0u, 199u, 300u, 302u, 70'000u}) {
    EXPECT_FALSE(matches(matcher, code)) << code;
  }
  EXPECT_FALSE(matches({}, 200));
}

TEST(Matcher, IsWrittenAsInTheFile) {
  EXPECT_EQ(to_string(std::vector<config::StatusRange>{{200, 299}, {301, 301}}), "200-299,301");
}

}  // namespace
}  // namespace control
