#include "dataplane/path/serve_query.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <set>
#include <string>

#include "dataplane/path/flow_ledger.h"

namespace dataplane {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

/// A worker's core with room for some thousands of flows of each family.
struct ServeQueryTest : testing::Test {
  static constexpr FlowCapacity capacity{.v4 = 50'000, .v6 = 10'000};
  struct Free {
    void operator()(std::byte* start) const { ::operator delete[](start, std::align_val_t{64}); }
  };
  std::size_t bytes = capacity.bytes();
  std::unique_ptr<std::byte[], Free> memory{new (std::align_val_t{64}) std::byte[bytes]};
  std::unique_ptr<WorkerBlock> block = std::make_unique<WorkerBlock>();
  StickyTable sticky{{}, 0, {}};
  std::unique_ptr<Gate> gate = std::make_unique<Gate>(1, 16);
  std::unique_ptr<Core> core =
      std::make_unique<Core>(WorkerId{0}, std::span{memory.get(), bytes}, capacity, Seed{1, 2},
                             Seed{3, 4}, *block, sticky, *gate);
  Listener listener;

  ServeQueryTest() { listener.id = ListenerId{0}; }

  /// The flow of client number `n`; every third is to target 5, the others to target 4.
  template <class Address>
  void start(FlowTable<Address>& table, const char* client, std::uint32_t n, Instant now) {
    const auto address = [](const char* text) { return parse_address(text)->as<Address>(); };
    constexpr bool v4 = std::is_same_v<Address, Ipv4Address>;
    FlowKey<Address> to_target;
    to_target.source = address(client);
    to_target.destination = address(v4 ? "203.0.113.10" : "2001:db8::10");
    to_target.source_port = Be16{static_cast<std::uint16_t>(1 + n)};
    to_target.destination_port = Be16{80};
    FlowKey<Address> to_client = to_target.reversed();
    to_client.source = address(v4 ? "10.0.1.11" : "fd00:1::11");
    FlowLedger<Address> flows(table, *block, core->places, {}, now);
    ASSERT_NE(flows.start({.to_target = to_target,
                           .to_client = to_client,
                           .to_target_token = table.prehash(to_target),
                           .to_client_token = table.prehash(to_client),
                           .target = TargetId{static_cast<std::uint16_t>(n % 3 == 0 ? 5 : 4), 1},
                           .listener = &listener,
                           .now = Tick::of(now),
                           .client_mac = MacAddress{{2, 0, 0, 0, 0xcc, 1}},
                           .client_port = PortId{3}}),
              no_flow);
  }
  void start_v4(std::uint32_t count, Instant now) {
    for (std::uint32_t n = 0; n < count; ++n) start(core->flows4, "198.51.100.7", n, now);
  }
  void start_v6(std::uint32_t count, Instant now) {
    for (std::uint32_t n = 0; n < count; ++n) start(core->flows6, "2001:db8:1::7", n, now);
  }

  /// One page.
  std::span<const FlowRecord> page(std::size_t limit, const FlowFilter& filter, std::uint32_t from,
                                   Instant now) {
    EXPECT_TRUE(core->query.ask(limit, filter, from));
    while (!core->query.answered()) serve_query(*core, now);
    return core->query.records();
  }
  /// Page after page: each flow's client, and no flow twice.
  std::set<std::string> all(std::size_t limit, const FlowFilter& filter, Instant now) {
    std::set<std::string> clients;
    for (std::uint32_t from = 0;; from = core->query.cursor()) {
      const auto records = page(limit, filter, from, now);
      EXPECT_LT(records.size(), limit + TagGroup::width);
      for (const FlowRecord& record : records) {
        const bool added =
            clients.insert(with_port(record.to_target.source, record.to_target.source_port.value()))
                .second;
        EXPECT_TRUE(added);
      }
      if (core->query.complete()) return clients;
    }
  }
};

TEST_F(ServeQueryTest, ListsEachFlowOnceInPagesOfAnySize) {
  const Instant now{second};
  start_v4(20'000, now);
  start_v6(3'000, now);
  for (const std::size_t limit : {std::size_t{1}, std::size_t{100}, FlowQuery::records_max}) {
    EXPECT_EQ(all(limit, {}, now).size(), 23'000u) << limit;
  }
}

TEST_F(ServeQueryTest, AStepIsAFewBuckets) {
  start_v4(20'000, Instant{second});
  ASSERT_TRUE(core->query.ask(FlowQuery::records_max, {}));
  std::size_t before = 0;
  while (!core->query.answered()) {
    serve_query(*core, Instant{second});
    const std::size_t now = core->query.records().size();
    EXPECT_LE(now - before, FlowQuery::buckets_per_step * TagGroup::width);
    before = now;
  }
  EXPECT_FALSE(core->query.complete());
}

TEST_F(ServeQueryTest, FiltersByTargetsHoweverManyOthersThereAre) {
  const Instant now{second};
  start_v4(20'000, now);
  FlowFilter filter;
  filter.targets.emplace().set(5);
  EXPECT_EQ(all(FlowQuery::records_max, filter, now).size(), 6'667u);
  filter.targets->set(4);
  EXPECT_EQ(all(FlowQuery::records_max, filter, now).size(), 20'000u);
}

TEST_F(ServeQueryTest, KnowsHowOldFlowsAreAndHowLongTheyWereIdle) {
  start_v4(10, Instant{second});
  start_v6(10, Instant{61 * second});
  const Instant now{71 * second};
  FlowFilter filter;
  filter.age_milliseconds = 30'000;
  const auto old = page(100, filter, 0, now);
  ASSERT_EQ(old.size(), 10u);
  EXPECT_NEAR(static_cast<double>(old[0].age_milliseconds), 70'000, 1);
  EXPECT_NEAR(static_cast<double>(old[0].idle_milliseconds), 70'000, 1);
  EXPECT_EQ(old[0].client_port, PortId{3});
  filter = {};
  filter.idle_milliseconds = 10'000;
  EXPECT_EQ(page(100, filter, 0, now).size(), 20u);
  filter.age_milliseconds = 10'001;
  EXPECT_EQ(page(100, filter, 0, now).size(), 10u);
}

TEST_F(ServeQueryTest, LooksUpThePacketOfEitherDirectionInOneStep) {
  const Instant now{second};
  start_v4(20'000, now);
  start_v6(100, now);
  const auto one = page(1, {}, 0, now);
  ASSERT_FALSE(one.empty());
  const FlowRecord wanted = one[0];
  FlowFilter filter;
  for (const auto& key : {wanted.to_target, wanted.to_client}) {
    filter.packet = key;
    ASSERT_TRUE(core->query.ask(1, filter));
    serve_query(*core, now);
    ASSERT_TRUE(core->query.answered() && core->query.complete());
    ASSERT_EQ(core->query.records().size(), 1u);
    EXPECT_EQ(core->query.records()[0].to_target, wanted.to_target);
  }
  filter.packet->source_port = Be16{65'000};
  EXPECT_TRUE(page(1, filter, 0, now).empty());
}

TEST_F(ServeQueryTest, AnswersWhereNothingIsLeft) {
  start_v4(10, Instant{second});
  EXPECT_TRUE(page(10, {}, 0xffff'ffff, Instant{second}).empty()) << "a cursor of nowhere";
  EXPECT_TRUE(core->query.complete());
  EXPECT_TRUE(page(0, {}, 0, Instant{second}).empty());
}

}  // namespace
}  // namespace dataplane
