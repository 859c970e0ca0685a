#include "dataplane/path/local_ports.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace dataplane {
namespace {

using Place = std::pair<std::uint32_t, std::uint16_t>;  // address, port

Place place_of(const FlowKey4& to_client) {
  return {to_client.destination.bits.value(), to_client.destination_port.value()};
}

std::shared_ptr<const Rss> rss(std::size_t workers, std::uint32_t seed,
                               RssFields fields = RssFields::Tuple, std::size_t entries = 128) {
  std::mt19937 random{seed};
  std::vector<std::uint8_t> key(40);
  for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random());
  if (fields != RssFields::Tuple) {
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  }
  std::vector<WorkerId> table;
  for (std::size_t i = 0; i < entries; ++i) {
    table.push_back(WorkerId{static_cast<std::uint8_t>(i % workers)});
  }
  return std::make_shared<const Rss>(key, table, fields);
}

/// Flow tables of some workers that take local ports towards targets, and what they have.
class LocalPorts : public testing::Test {
 protected:
  explicit LocalPorts(std::size_t flows_max = 200'000) : flows_max_(flows_max) { start(1); }

  /// So many workers without any flow, with room for their share.
  void start(std::size_t workers) {
    workers_.clear();
    for (std::size_t i = 0; i < workers; ++i) {
      workers_.push_back(std::make_unique<Worker>(flows_max_ / workers));
      workers_.back()->turns.worker = WorkerId{static_cast<std::uint8_t>(i)};
    }
    locals.workers = static_cast<std::uint8_t>(workers);
  }
  static FlowKey4 reply_of(std::uint32_t target) {
    return {{Be32{0x0a00'0100u + target}}, {}, Be16{8080}, {}, Protocol::Tcp, {0, 0, 0}};
  }
  /// Takes one and notes it as in use. Nothing: there was none.
  std::optional<FlowKey4> take(std::size_t worker, std::uint32_t target = 1) {
    Worker& one = *workers_[worker];
    FlowKey4 key = reply_of(target);
    if (!take_local_port(key, locals, one.flows, one.turns)) return std::nullopt;
    EXPECT_NE(one.flows.insert(one.flows.prehash(key), key), no_flow);
    return key;
  }
  void give_back(std::size_t worker, const FlowKey4& key) {
    FlowTable4& flows = workers_[worker]->flows;
    const FlowIndex index = flows.find(key);
    ASSERT_NE(index, no_flow);
    flows.erase(index);
  }
  Turns& turns(std::size_t worker) { return workers_[worker]->turns; }

  LocalAddresses locals{.v4 = {{Be32{0x0a00'01c8}}}, .v6 = {}};

 private:
  struct Free {
    void operator()(std::byte* start) const { ::operator delete[](start, std::align_val_t{64}); }
  };
  struct Worker {
    explicit Worker(std::size_t flows_max)
        : bytes(FlowTable4::bytes_needed(flows_max)),
          memory(new (std::align_val_t{64}) std::byte[bytes]),
          flows({memory.get(), bytes}, flows_max, Seed{1, 2}) {}
    std::size_t bytes;
    std::unique_ptr<std::byte[], Free> memory;
    FlowTable4 flows;
    Turns turns;
  };
  std::size_t flows_max_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

TEST_F(LocalPorts, EveryPortOfEveryAddressIsTakenOnceAndThenNoneIsLeft) {
  locals.v4.push_back({Be32{0x0a00'01c9}});
  constexpr std::size_t all = 2 * (65'536 - 1024);
  std::set<Place> taken;
  for (std::size_t i = 0; i < all; ++i) {
    const auto key = take(0);
    ASSERT_TRUE(key) << i;
    ASSERT_GE(key->destination_port.value(), 1024);
    ASSERT_TRUE(taken.insert(place_of(*key)).second) << "twice";
  }
  for (int i = 0; i < 1000; ++i) ASSERT_FALSE(take(0));
  EXPECT_TRUE(take(0, 2)) << "towards another target they are all free";
}

TEST(LocalPorts6, AreThisWorkersAndNotInUse) {
  constexpr std::size_t flows_max = 4096;
  std::vector<std::byte> memory(FlowTable6::bytes_needed(flows_max) + 64);
  const auto start = reinterpret_cast<std::uintptr_t>(memory.data());
  FlowTable6 flows(std::span<std::byte>(memory).subspan(64 - start % 64), flows_max, Seed{1, 2});
  LocalAddresses locals{.v4 = {{Be32{0x0a00'01c8}}},
                        .v6 = {parse_address("fd00::200")->v6(), parse_address("fd00::201")->v6()},
                        .workers = 3};
  Turns turns;
  turns.worker = WorkerId{2};
  const Ipv6Address target = parse_address("fd00::b")->v6();
  std::map<Ipv6Address, int> taken;
  for (int i = 0; i < 2000; ++i) {
    FlowKey6 key{target, {}, Be16{8080}, {}, Protocol::Tcp, {0, 0, 0}};
    ASSERT_TRUE(take_local_port(key, locals, flows, turns));
    ASSERT_EQ(flows.find(key), no_flow);
    ASSERT_EQ(key.destination_port.value() % 3, 2);
    ASSERT_NE(flows.insert(flows.prehash(key), key), no_flow);
    ++taken[key.destination];
  }
  EXPECT_EQ(taken.size(), 2u);
  for (const auto& [address, count] : taken) EXPECT_EQ(count, 1000) << to_string(address);
}

TEST_F(LocalPorts, APortJustFreedRestsForAWholeRound) {
  constexpr std::uint32_t round = 65'536 - 1024;
  const auto first = take(0);
  ASSERT_TRUE(first);
  give_back(0, *first);
  for (std::uint32_t i = 1; i < round; ++i) {
    const auto next = take(0);
    ASSERT_TRUE(next);
    ASSERT_NE(place_of(*next), place_of(*first)) << "after " << i;
    give_back(0, *next);
  }
  EXPECT_EQ(place_of(*take(0)), place_of(*first));
}

TEST_F(LocalPorts, FindsTheOnlyFreePortInAFewCalls) {
  locals.port_first = 40'000;
  locals.port_last = 40'999;
  std::vector<FlowKey4> taken;
  while (const auto key = take(0)) taken.push_back(*key);
  ASSERT_EQ(taken.size(), 1000u);
  const FlowKey4 freed = taken[500];
  give_back(0, freed);
  int calls = 1;
  std::optional<FlowKey4> found;
  while (!(found = take(0))) ASSERT_LE(++calls, 1000 / local_ports_max + 1);
  EXPECT_EQ(place_of(*found), place_of(freed));
}

// By hand-off and by RSS: what one worker takes is its own and nobody else's, all ports are
// somebody's, and the round is as long as before.
TEST_F(LocalPorts, WorkersShareThePortsWithoutOverlap) {
  locals.port_first = 20'000;
  locals.port_last = 29'999;
  struct Way {
    std::shared_ptr<const Rss> rss;
    std::size_t workers;
  };
  std::vector<Way> ways;
  for (std::size_t workers = 1; workers <= 16; ++workers) {
    ways.push_back({nullptr, workers});
    ways.push_back({rss(workers, static_cast<std::uint32_t>(workers)), workers});
    ways.push_back({rss(workers, 0, RssFields::Destination, 512), workers});
  }
  for (const Way& way : ways) {
    start(way.workers);
    locals.rss = way.rss;
    std::set<Place> taken;
    for (std::size_t worker = 0; worker < way.workers; ++worker) {
      // A worker gives up after so many that are in use, not after so many that are not its own:
      // so at first it finds all.
      while (const auto key = take(worker)) {
        ASSERT_TRUE(taken.insert(place_of(*key)).second);
        ASSERT_EQ(locals.worker(*key).number, worker);
      }
    }
    EXPECT_EQ(taken.size(), 10'000u) << way.workers << (way.rss != nullptr ? " RSS" : "");
  }
}

TEST_F(LocalPorts, IsNotStoppedByPortsOfOtherWorkers) {
  start(16);
  locals.rss = rss(16, 5);
  for (int i = 0; i < 20'000; ++i) {
    const auto key = take(static_cast<std::size_t>(i % 16), static_cast<std::uint32_t>(i / 5000));
    ASSERT_TRUE(key) << i;
  }
}

TEST_F(LocalPorts, ManyAddressesAreSharedToo) {
  for (std::uint32_t i = 1; i < 40; ++i) locals.v4.push_back({Be32{0x0a00'0200u + i}});
  locals.port_last = 1123;
  start(3);
  locals.rss = rss(3, 8);
  std::set<Place> taken;
  for (std::size_t worker = 0; worker < 3; ++worker) {
    while (const auto key = take(worker)) {
      ASSERT_EQ(locals.worker(*key).number, worker);
      ASSERT_TRUE(taken.insert(place_of(*key)).second);
    }
  }
  EXPECT_EQ(taken.size(), 40u * 100);
}

TEST_F(LocalPorts, GoesOnWhereItStood) {
  std::set<Place> before;
  for (int i = 0; i < 30'000; ++i) before.insert(place_of(*take(0)));
  const std::uint64_t stood = turns(0).local_port;
  start(3);  // a restart, with other workers and another key
  locals.rss = rss(3, 99);
  for (std::size_t worker = 0; worker < 3; ++worker) {
    turns(worker).local_port = stood;
    for (int i = 0; i < 11'000; ++i) {
      const auto key = take(worker);
      ASSERT_TRUE(key);
      ASSERT_FALSE(before.contains(place_of(*key))) << "worker " << worker << ", port " << i;
    }
  }
}

TEST_F(LocalPorts, WithoutAddressesThereIsNone) {
  locals.v4.clear();
  EXPECT_FALSE(take(0));
}

TEST_F(LocalPorts, AnyRangeOfPortsIsUsedWhole) {
  // 7919 ports: the stride itself. 1: nothing to step to.
  for (const std::uint32_t count : {1u, 2u, 7907u, 7919u, 15'838u}) {
    start(1);
    locals.port_first = 2000;
    locals.port_last = static_cast<std::uint16_t>(2000 + count - 1);
    std::set<Place> taken;
    while (const auto key = take(0)) taken.insert(place_of(*key));
    EXPECT_EQ(taken.size(), count);
  }
}

}  // namespace
}  // namespace dataplane
