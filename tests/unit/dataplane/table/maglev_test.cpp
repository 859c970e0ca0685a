#include "dataplane/table/maglev.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace dataplane {
namespace {

using Targets = std::vector<MaglevEntry>;

MaglevEntry target(std::uint16_t slot, std::uint32_t address, std::uint16_t weight = 1) {
  return {TargetId{slot, 1}, Ipv4Address{Be32{address}}, Be16{8080}, weight};
}

Targets targets(std::uint16_t count) {
  Targets result;
  for (std::uint16_t i = 0; i < count; ++i) result.push_back(target(i, 0x0a00'0100u + i));
  return result;
}

std::map<TargetId, std::size_t> shares(const MaglevTable& table) {
  std::map<TargetId, std::size_t> result;
  for (const TargetId id : table.slots()) ++result[id];
  return result;
}

/// Of the slots whose target is still there afterwards: the part that changed, in percent.
double moved_percent(const MaglevTable& before, const MaglevTable& after) {
  const auto alive = shares(after);
  std::size_t stayed = 0, moved = 0;
  for (std::size_t i = 0; i < before.slots().size(); ++i) {
    if (alive.count(before.slots()[i]) == 0) continue;
    ++(before.slots()[i] == after.slots()[i] ? stayed : moved);
  }
  return 100.0 * static_cast<double>(moved) / static_cast<double>(stayed + moved);
}

Targets without(Targets from, std::size_t every) {
  std::size_t i = 0;
  from.erase(std::remove_if(from.begin(), from.end(),
                            [&](const MaglevEntry&) { return i++ % every == every / 2; }),
             from.end());
  return from;
}

// FNV-1a over what each slot's target is called outside: address and port.
std::uint64_t digest(const MaglevTable& table, const Targets& targets) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325u;
  for (const TargetId id : table.slots()) {
    const MaglevEntry& entry = *std::find_if(targets.begin(), targets.end(),
                                             [id](const MaglevEntry& one) { return one.id == id; });
    const std::uint64_t word =
        std::uint64_t{entry.address.v4().bits.value()} << 16 | entry.port.value();
    for (int shift = 0; shift < 48; shift += 8) {
      hash = (hash ^ (word >> shift & 0xff)) * 0x100'0000'01b3u;
    }
  }
  return hash;
}

TEST(Prime, KnownOnes) {
  for (const std::uint32_t prime :
       {2u, 3u, 5u, 7u, 251u, 65'537u, 655'373u, 5'000'011u, 2'147'483'647u, 4'294'967'291u}) {
    EXPECT_TRUE(is_prime(prime)) << prime;
  }
  for (const std::uint32_t number : {0u, 1u, 4u, 9u, 25u, 65'536u, 65'535u, 5'000'013u,
                                     4'294'836'225u /* 65535² */, 4'294'967'295u}) {
    EXPECT_FALSE(is_prime(number)) << number;
  }
}

TEST(Prime, NextOneIsTheSmallestNotBelow) {
  EXPECT_EQ(next_prime(0), 2u);
  EXPECT_EQ(next_prime(2), 2u);
  EXPECT_EQ(next_prime(65'536), 65'537u);
  EXPECT_EQ(next_prime(65'538), 65'539u);
  EXPECT_EQ(next_prime(5'000'000), 5'000'011u);
  EXPECT_EQ(next_prime(4'294'967'280u), 4'294'967'291u);
}

TEST(Maglev, EmptyPicksNobody) {
  const Targets none;
  EXPECT_EQ(MaglevTable(none, 65'537).pick(12345), no_target);
  const Targets weightless{target(0, 1, 0)};
  EXPECT_EQ(MaglevTable(weightless, 65'537).pick(12345), no_target);
}

TEST(Maglev, OneTargetGetsEverything) {
  const Targets one{target(7, 1)};
  for (const std::uint32_t size : {2u, 3u, 251u}) {
    const MaglevTable table(one, size);
    EXPECT_EQ(table.slots().size(), size);
    EXPECT_EQ(shares(table).at(TargetId{7, 1}), size);
  }
}

TEST(Maglev, PickUsesTheWholeHash) {
  const MaglevTable table(targets(10), 251);
  EXPECT_EQ(table.pick(0), table.slots()[0]);
  EXPECT_EQ(table.pick(250), table.slots()[250]);
  EXPECT_EQ(table.pick(251), table.slots()[0]);
  EXPECT_EQ(table.pick(UINT64_MAX), table.slots()[UINT64_MAX % 251]);
}

TEST(Maglev, OrderOfTheInputDoesNotMatter) {
  Targets order = targets(100);
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i].weight = static_cast<std::uint16_t>(1 + i % 5);
    order[i].port = Be16{static_cast<std::uint16_t>(8000 + i % 3)};
  }
  const MaglevTable table(order, 65'537);
  std::mt19937 random(1);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    const MaglevTable other(order, 65'537);
    ASSERT_TRUE(std::equal(table.slots().begin(), table.slots().end(), other.slots().begin()));
  }
}

// Ids are one balancer's own business: another may have numbered the same targets differently.
TEST(Maglev, IdsDoNotMatter) {
  const Targets mine = targets(50);
  Targets theirs = mine;
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    theirs[i].id = TargetId{static_cast<std::uint16_t>(900 - i), 4};
  }
  const MaglevTable a(mine, 16'381), b(theirs, 16'381);
  for (std::size_t i = 0; i < a.slots().size(); ++i) {
    ASSERT_EQ(a.slots()[i].slot, 900 - b.slots()[i].slot);
  }
}

// The table of every other machine and of every earlier version. If this fails, do not update the
// number: flows of running balancers would change their targets during an upgrade.
TEST(Maglev, TableNeverChanges) {
  Targets few = targets(3);
  EXPECT_EQ(digest(MaglevTable(few, 251), few), 0x39b3'6784'3096'd0bfu);
  Targets many = targets(100);
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i].weight = static_cast<std::uint16_t>(i % 7);
  }
  EXPECT_EQ(digest(MaglevTable(many, 65'537), many), 0xd44b'489b'215d'349fu);
}

TEST(Maglev, BalanceIsWithinOnePercent) {
  for (const auto& [size, count] : {std::pair{16'381u, 100}, std::pair{65'537u, 10},
                                    std::pair{65'537u, 100}, std::pair{655'373u, 1'000}}) {
    const auto seen = shares(MaglevTable(targets(static_cast<std::uint16_t>(count)), size));
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(count));
    const double even = static_cast<double>(size) / count;
    for (const auto& [id, slots] : seen) EXPECT_NEAR(static_cast<double>(slots), even, even / 100);
  }
}

TEST(Maglev, SharesFollowTheWeights) {
  Targets weighted;
  std::size_t total = 0;
  for (std::uint16_t i = 0; i < 60; ++i) {
    const auto weight = static_cast<std::uint16_t>(i % 6 == 0 ? 0 : 10 * (i % 6) * (i % 6));
    weighted.push_back(target(i, 0x0a00'0000u + i * 256u, weight));
    total += weight;
  }
  constexpr std::uint32_t size = 65'537;
  const auto seen = shares(MaglevTable(weighted, size));
  for (const MaglevEntry& one : weighted) {
    const double expected = static_cast<double>(one.weight) * size / static_cast<double>(total);
    const double slots = seen.count(one.id) == 0 ? 0 : static_cast<double>(seen.at(one.id));
    EXPECT_NEAR(slots, expected, 1.5) << "weight " << one.weight;
  }
}

TEST(Maglev, EveryWeightGetsASlot) {
  Targets skewed{target(0, 1, 65'535)};
  for (std::uint16_t i = 1; i < 200; ++i) skewed.push_back(target(i, 1u + i, 1));
  const auto seen = shares(MaglevTable(skewed, 251));
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_EQ(seen.at(TargetId{0, 1}), 52u);
}

TEST(Maglev, AsManyTargetsAsSlots) {
  const auto seen = shares(MaglevTable(targets(251), 251));
  EXPECT_EQ(seen.size(), 251u);
}

// The shares that Maglev's paper and shared/performance.md, 2.3, lead to expect.
TEST(Maglev, RemovalMovesLittleOfTheSurvivors) {
  struct Case {
    std::uint32_t size;
    std::uint16_t count;
    std::size_t every;  // one of so many is removed
    double percent_max;
  };
  for (const Case& one :
       {Case{65'537, 10, 10, 0.6}, Case{65'537, 100, 100, 1.0}, Case{65'537, 100, 10, 1.6},
        Case{16'381, 100, 100, 2.0}, Case{65'537, 1'000, 1'000, 1.0}, Case{65'537, 1'000, 100, 3.0},
        Case{655'373, 1'000, 100, 1.0}}) {
    const Targets all = targets(one.count);
    const Targets left = without(all, one.every);
    ASSERT_LT(left.size(), all.size());
    const double moved = moved_percent(MaglevTable(all, one.size), MaglevTable(left, one.size));
    EXPECT_LT(moved, one.percent_max) << one.size << " slots, " << one.count << " targets";
  }
}

TEST(Maglev, RemovalMovesLittleWithWeightsToo) {
  Targets all = targets(100);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].weight = static_cast<std::uint16_t>(1 + i % 4);
  }
  Targets left = all;
  left.erase(left.begin() + 43);  // one of the heaviest: nothing must depend on the largest weight
  EXPECT_LT(moved_percent(MaglevTable(all, 65'537), MaglevTable(left, 65'537)), 2.5);
  Targets light = all;
  for (std::size_t i = 0; i < light.size(); ++i) light[i].weight = i == 5 ? 100 : 1;
  Targets heavy_gone = light;
  heavy_gone.erase(heavy_gone.begin() + 5);
  EXPECT_LT(moved_percent(MaglevTable(light, 65'537), MaglevTable(heavy_gone, 65'537)), 30);
}

TEST(MaglevDeathTest, SizeMustBeAPrimeThatHoldsTheTargets) {
  EXPECT_DEATH(MaglevTable(targets(3), 65'536), "is_prime");
  EXPECT_DEATH(MaglevTable(targets(252), 251), "size");
  EXPECT_DEATH(MaglevTable(targets(3), 5'000'077), "size_max");
}

}  // namespace
}  // namespace dataplane
