#include "tools/bench/world.h"

#include <gtest/gtest.h>

namespace tools::bench {
namespace {

using dataplane::Mode;

TEST(World, HasWhatItsTermsSay) {
  const World world = make_world<Ipv4>({.mode = Mode::FullNat,
                                        .algorithm = dataplane::Algorithm::Maglev,
                                        .targets = 5,
                                        .locals = 3,
                                        .workers = 2,
                                        .maglev_table_size = 101});
  const dataplane::Snapshot& snapshot = *world.snapshot;
  EXPECT_EQ(snapshot.generation.number, 1u);
  EXPECT_EQ(snapshot.workers, 2);
  ASSERT_EQ(snapshot.target_groups.size(), 2u);
  for (const dataplane::TargetGroup& group : snapshot.target_groups) {
    EXPECT_EQ(group.mode, Mode::FullNat);
    EXPECT_EQ(group.maglev->slots().size(), 101u);
  }
  ASSERT_EQ(snapshot.targets.size(), 10u);
  for (const dataplane::Target& target : snapshot.targets) {
    EXPECT_TRUE(target.eligible);
    EXPECT_TRUE(target.next_hop.resolved());
  }
  EXPECT_EQ(snapshot.locals[back.number].v4.size(), 3u);
  EXPECT_TRUE(snapshot.locals[back.number].v6.empty());
}

TEST(World, HasAddressesOfItsFamilyOnly) {
  const World world = make_world<Ipv6>({.targets = 5, .locals = 3});
  ASSERT_EQ(world.snapshot->targets.size(), 10u);
  for (const dataplane::Target& target : world.snapshot->targets) {
    EXPECT_FALSE(target.address.is_v4());
    EXPECT_TRUE(target.next_hop.resolved());
  }
  EXPECT_TRUE(world.snapshot->locals[back.number].v4.empty());
  EXPECT_EQ(world.snapshot->locals[back.number].v6.size(), 3u);
}

TEST(World, EachGenerationFollowsTheFacts) {
  World world = make_world<Ipv4>({.targets = 2});
  const auto first = world.snapshot;
  world.facts.targets[0].availability = config::Availability::Draining;
  world.compile();
  EXPECT_EQ(world.snapshot->generation.number, 2u);
  EXPECT_TRUE(first->targets[0].eligible);
  EXPECT_FALSE(world.snapshot->targets[0].eligible);
}

TEST(World, ModesHaveTheFilesNames) {
  EXPECT_EQ(name_of(Mode::Nat), "nat");
  EXPECT_EQ(name_of(Mode::FullNat), "full_nat");
}

}  // namespace
}  // namespace tools::bench
