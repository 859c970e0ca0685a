#include "tests/unit/config/compile_case.h"

namespace config {
namespace {

using CompileLimits = Compile;

std::vector<TargetId> ids(std::initializer_list<std::uint16_t> slots) {
  std::vector<TargetId> result;
  for (const std::uint16_t slot : slots) result.push_back({slot, 1});
  return result;
}

TEST_F(CompileLimits, WithoutAnyNothingIsGated) {
  const Compiled snapshot = compile(config, facts, nullptr);
  EXPECT_FALSE(snapshot->target_groups[0].gated);
  EXPECT_TRUE(snapshot->limits.empty());
  EXPECT_TRUE(snapshot->limited.empty());
  EXPECT_TRUE(snapshot->queueing.empty());
  EXPECT_TRUE(snapshot->target_groups[0].eligible.empty());
  EXPECT_EQ(snapshot->limit_of({2, 1}), 0u);
}

TEST_F(CompileLimits, OfATargetAreTheFacts) {
  config.target_groups[0].targets.resize(1);
  config.target_groups[0].targets[0].max_connections = 100;
  facts.targets[1].max_connections = 40;  // in slow start
  facts.targets[2].availability = Availability::Draining;
  facts.target_groups[0].incarnation = 3;
  const Compiled snapshot = compile(config, facts, nullptr);
  const dataplane::TargetGroup& group = snapshot->target_groups[0];
  EXPECT_TRUE(group.gated);
  EXPECT_EQ(group.incarnation, 3);
  EXPECT_EQ(snapshot->limit_of({1, 1}), 40u);
  EXPECT_EQ(snapshot->limit_of({0, 1}), 0u);
  EXPECT_EQ(snapshot->limited, ids({1}));
  EXPECT_EQ(group.eligible, ids({0, 1}));
  EXPECT_EQ(snapshot->queueing, std::vector{group.id}) << "a limit brings a queue";
  EXPECT_EQ(group.surge.length, 1024u);
  EXPECT_EQ(group.surge.timeout_milliseconds, 10'000u);
}

TEST_F(CompileLimits, OfAGroupAreOfAllItsTargets) {
  config.target_groups[0].max_connections = 9;
  config.target_groups[0].surge_queue.length = 0;
  facts.targets[0].availability = Availability::Draining;  // its flows count on
  const Compiled snapshot = compile(config, facts, nullptr);
  EXPECT_EQ(snapshot->target_groups[0].max_connections, 9u);
  EXPECT_EQ(snapshot->limited, ids({0, 1, 2}));
  EXPECT_EQ(snapshot->target_groups[0].eligible, ids({1, 2}));
  EXPECT_TRUE(snapshot->limits.empty());
  EXPECT_TRUE(snapshot->queueing.empty());
}

TEST_F(CompileLimits, AQueueAloneGates) {
  config.target_groups[0].surge_queue = {.length = 5, .timeout = milliseconds(700)};
  config.target_groups[0].spillover = dataplane::Spillover::Silent;
  const Compiled snapshot = compile(config, facts, nullptr);
  const dataplane::TargetGroup& group = snapshot->target_groups[0];
  EXPECT_TRUE(group.gated);
  EXPECT_EQ(group.surge.length, 5u);
  EXPECT_EQ(group.surge.timeout_milliseconds, 700u);
  EXPECT_EQ(group.surge.spillover, dataplane::Spillover::Silent);
  EXPECT_TRUE(snapshot->limited.empty());
  EXPECT_EQ(group.eligible, ids({0, 1, 2}));
}

}  // namespace
}  // namespace config
