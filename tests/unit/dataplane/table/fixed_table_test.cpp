#include "dataplane/table/fixed_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace dataplane {
namespace {

Endpoint endpoint(std::uint32_t address, std::uint16_t port, Protocol protocol = Protocol::Tcp) {
  return {Ipv4Address{Be32{address}}, Be16{port}, protocol};
}

TEST(FixedTable, EmptyFindsNothing) {
  const FixedTable<Ipv4Address, int> table;
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.find(Ipv4Address{}), nullptr);
}

TEST(FixedTable, FirstValueStays) {
  FixedTable<Endpoint, int> table(2);
  EXPECT_TRUE(table.insert(endpoint(1, 80), 10));
  EXPECT_FALSE(table.insert(endpoint(1, 80), 11));
  EXPECT_EQ(*table.find(endpoint(1, 80)), 10);
  EXPECT_EQ(table.size(), 1u);
}

TEST(FixedTable, AllPartsOfAnEndpointCount) {
  FixedTable<Endpoint, int> table(4);
  table.insert(endpoint(1, 80), 1);
  table.insert(endpoint(1, 81), 2);
  table.insert(endpoint(2, 80), 3);
  table.insert(endpoint(1, 80, Protocol::Udp), 4);
  EXPECT_EQ(*table.find(endpoint(1, 80)), 1);
  EXPECT_EQ(*table.find(endpoint(1, 81)), 2);
  EXPECT_EQ(*table.find(endpoint(2, 80)), 3);
  EXPECT_EQ(*table.find(endpoint(1, 80, Protocol::Udp)), 4);
  EXPECT_EQ(table.find(endpoint(2, 81)), nullptr);
}

TEST(FixedTable, SameAsAMap) {
  std::mt19937 random(1);
  for (const std::size_t entries : {1u, 2u, 3u, 10u, 100u, 1'000u, 8'192u}) {
    FixedTable<Ipv4Address, std::uint32_t> table(entries);
    std::map<std::uint32_t, std::uint32_t> model;
    const auto range = static_cast<std::uint32_t>(2 * entries);
    for (std::size_t i = 0; i < entries; ++i) {
      const auto key = static_cast<std::uint32_t>(random()) % range;
      const auto value = static_cast<std::uint32_t>(random());
      EXPECT_EQ(table.insert(Ipv4Address{Be32{key}}, value), model.emplace(key, value).second);
    }
    EXPECT_EQ(table.size(), model.size());
    for (std::uint32_t key = 0; key < range; ++key) {
      const std::uint32_t* found = table.find(Ipv4Address{Be32{key}});
      const auto expected = model.find(key);
      ASSERT_EQ(found != nullptr, expected != model.end());
      if (found != nullptr) {
        ASSERT_EQ(*found, expected->second);
      }
    }
  }
}

TEST(FixedTableDeathTest, MoreThanAnnouncedIsAMistake) {
  FixedTable<Ipv4Address, int> table(3);
  EXPECT_DEATH(for (std::uint32_t i = 0; i < 100; ++i) table.insert(Ipv4Address{Be32{i}}, 0),
               "places_");
}

// Counts how often keys are compared: the length of the probes.
struct CountedEndpoint {
  Endpoint endpoint;
  friend bool operator==(const CountedEndpoint& a, const CountedEndpoint& b) {
    ++comparisons;
    return a.endpoint == b.endpoint;
  }
  static inline std::size_t comparisons = 0;
};
std::uint64_t fixed_table_bits(const CountedEndpoint& key) {
  return fixed_table_bits(key.endpoint);
}

// Operators number their targets: each scheme must give short probes, not only random addresses.
TEST(FixedTable, ProbesAreShortForEveryNumberingScheme) {
  constexpr std::uint32_t count = 4'096;
  for (int address_bit = 0; address_bit <= 20; ++address_bit) {
    FixedTable<CountedEndpoint, std::uint32_t> table(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      table.insert({endpoint(0x0a00'0001 + (i << address_bit), 8080)}, i);
    }
    CountedEndpoint::comparisons = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      ASSERT_NE(table.find({endpoint(0x0a00'0001 + (i << address_bit), 8080)}), nullptr);
    }
    EXPECT_LT(CountedEndpoint::comparisons, 3 * count)
        << "addresses differ from bit " << address_bit;
  }
}

}  // namespace
}  // namespace dataplane
