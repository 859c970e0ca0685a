#include "dataplane/table/target_state.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace dataplane {
namespace {

// The words of ELB's DescribeTargetHealth: operators search for them.
TEST(TargetState, HasElbsWords) {
  EXPECT_EQ(to_string(TargetState::Initial), "initial");
  EXPECT_EQ(to_string(TargetState::Healthy), "healthy");
  EXPECT_EQ(to_string(TargetState::Unhealthy), "unhealthy");
  EXPECT_EQ(to_string(TargetState::UnhealthyDraining), "unhealthy.draining");
  EXPECT_EQ(to_string(TargetState::Draining), "draining");
  EXPECT_EQ(to_string(TargetState::Unused), "unused");
  EXPECT_EQ(to_string(TargetState::Unavailable), "unavailable");
}

TEST(TargetReason, EachIsDistinctAndOnlyNoneIsEmpty) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(TargetReason::HealthCheckDisabled); ++i) {
    const std::string name(to_string(static_cast<TargetReason>(i)));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.empty(), i == 0);
    EXPECT_TRUE(name.empty() || name.starts_with("Elb.") || name.starts_with("Target.")) << name;
  }
  EXPECT_EQ(to_string(TargetReason::Timeout), "Target.Timeout");
  EXPECT_EQ(to_string(TargetReason::RegistrationInProgress), "Elb.RegistrationInProgress");
}

// Values are part of the shared memory layout: append only.
TEST(TargetState, ValuesStay) {
  EXPECT_EQ(static_cast<int>(TargetState::Unavailable), 6);
  EXPECT_EQ(static_cast<int>(TargetReason::HealthCheckDisabled), 12);
}

}  // namespace
}  // namespace dataplane
