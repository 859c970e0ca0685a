#include "nic/lcore_map.h"

#include <gtest/gtest.h>

namespace nic {
namespace {

LcoreMap plan(const std::vector<int>& allowed, const std::vector<int>& wanted,
              std::size_t workers) {
  auto result = plan_lcores(allowed, wanted, workers);
  EXPECT_TRUE(std::holds_alternative<LcoreMap>(result));
  return std::get<LcoreMap>(result);
}

std::string refusal(const std::vector<int>& allowed, const std::vector<int>& wanted,
                    std::size_t workers) {
  auto result = plan_lcores(allowed, wanted, workers);
  EXPECT_TRUE(std::holds_alternative<Failure>(result));
  return std::get<Failure>(result).message;
}

TEST(LcoreMap, LeavesTheFirstCpuToControlWhileOthersSuffice) {
  const LcoreMap map = plan({0, 1, 2, 3}, {}, 3);
  EXPECT_EQ(map.worker_cpus, (std::vector{1, 2, 3}));
  EXPECT_EQ(map.control_cpus, (std::vector{0}));
  EXPECT_EQ(map.argument(), "0@(0),1@1,2@2,3@3");
}

TEST(LcoreMap, UsesEveryCpuWhenAllAreNeededAndControlFloats) {
  const LcoreMap map = plan({4, 6}, {}, 2);
  EXPECT_EQ(map.worker_cpus, (std::vector{4, 6}));
  EXPECT_EQ(map.control_cpus, (std::vector{4, 6}));
  EXPECT_FALSE(map.shares_cpu(0));
}

TEST(LcoreMap, MoreWorkersThanCpusShare) {
  const LcoreMap map = plan({0, 1}, {}, 4);
  EXPECT_EQ(map.worker_cpus, (std::vector{0, 1, 0, 1}));
  EXPECT_EQ(map.argument(), "0@(0-1),1@0,2@1,3@0,4@1");
  EXPECT_TRUE(map.shares_cpu(3));
}

TEST(LcoreMap, TakesTheCpusThatWereAskedFor) {
  const LcoreMap map = plan({0, 1, 2, 3, 5}, {3, 1}, 2);
  EXPECT_EQ(map.worker_cpus, (std::vector{3, 1}));
  EXPECT_EQ(map.argument(), "0@(0,2,5),1@3,2@1");
}

TEST(LcoreMap, RefusesACpuThatIsNotThereAndSaysWhichAre) {
  const std::string message = refusal({0, 1, 3}, {7}, 1);
  EXPECT_NE(message.find("CPU 7"), std::string::npos) << message;
  EXPECT_NE(message.find("0-1,3"), std::string::npos) << message;
}

TEST(LcoreMap, RefusesNoWorkersAndTooMany) {
  EXPECT_NE(refusal({0}, {}, 0).find("between 1 and 64"), std::string::npos);
  EXPECT_NE(refusal({0}, {}, 65).find("between 1 and 64"), std::string::npos);
}

TEST(LcoreMap, ListsCpusShortly) {
  EXPECT_EQ(cpu_list({}), "");
  EXPECT_EQ(cpu_list({5}), "5");
  EXPECT_EQ(cpu_list({0, 1, 2, 4, 8, 9}), "0-2,4,8-9");
}

TEST(LcoreMap, ThisProcessMayRunSomewhere) { EXPECT_FALSE(allowed_cpus().empty()); }

}  // namespace
}  // namespace nic
