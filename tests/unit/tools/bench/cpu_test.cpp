#include "tools/bench/cpu.h"

#include <gtest/gtest.h>

namespace tools::bench {
namespace {

TEST(OnCpu, KeepsToItAndGivesBack) {
  const std::vector<int> before = allowed_cpus();
  ASSERT_FALSE(before.empty());
  {
    const OnCpu one(before.back());
    EXPECT_EQ(allowed_cpus(), std::vector<int>{before.back()});
  }
  EXPECT_EQ(allowed_cpus(), before);
}

}  // namespace
}  // namespace tools::bench
