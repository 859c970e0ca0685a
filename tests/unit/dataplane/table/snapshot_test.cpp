#include "dataplane/table/snapshot.h"

#include <gtest/gtest.h>

#include "dataplane/packet/flow_key.h"

namespace dataplane {
namespace {

IpAddress ip(const char* text) { return *parse_address(text); }
NextHop hop(std::uint8_t port, std::uint8_t last) {
  return next_hop(PortId{port}, MacAddress{{2, 0, 0, 0, 0, last}}, MacAddress{}, 0, 1500,
                  Family::V4);
}

TEST(Snapshot, EmptyKnowsNothing) {
  const Snapshot snapshot;
  EXPECT_EQ(snapshot.owner_of(ip("10.0.0.1")), Owner::Nobody);
  EXPECT_EQ(snapshot.target(TargetId{0, 0}), nullptr);
  EXPECT_EQ(snapshot.target(no_target), nullptr);
  EXPECT_EQ(snapshot.listener(no_listener), nullptr);
  EXPECT_EQ(snapshot.target_group(TargetGroupId{}), nullptr);
  EXPECT_FALSE(snapshot.next_hop_to(ip("10.0.0.1")).resolved());
}

TEST(Snapshot, IdsOfOtherIncarnationsAreGone) {
  Snapshot snapshot;
  snapshot.targets.resize(3);
  snapshot.targets[1].id = TargetId{1, 7};
  EXPECT_EQ(snapshot.target(TargetId{1, 7}), &snapshot.targets[1]);
  EXPECT_EQ(snapshot.target(TargetId{1, 6}), nullptr);
  EXPECT_EQ(snapshot.target(TargetId{0, 0}), nullptr);  // the slot exists but is not used
  EXPECT_EQ(snapshot.target(TargetId{3, 0}), nullptr);
  EXPECT_EQ(snapshot.target(no_target), nullptr);
  snapshot.listeners.resize(2);
  snapshot.listeners[1].id = ListenerId{1};
  EXPECT_EQ(snapshot.listener(ListenerId{1}), &snapshot.listeners[1]);
  EXPECT_EQ(snapshot.listener(ListenerId{0}), nullptr);
  snapshot.target_groups.resize(2);
  snapshot.target_groups[0].id = TargetGroupId{0};
  EXPECT_EQ(snapshot.target_group(TargetGroupId{0}), &snapshot.target_groups[0]);
  EXPECT_EQ(snapshot.target_group(TargetGroupId{1}), nullptr);
}

TEST(Snapshot, LocalAddressesAreFoundByEachOfThem) {
  Snapshot snapshot;
  snapshot.locals.resize(3);
  snapshot.locals[1].v4 = {ip("10.0.1.200").v4(), ip("10.0.1.201").v4()};
  snapshot.locals[2].v4 = {ip("10.0.2.200").v4()};
  snapshot.locals[2].v6 = {ip("fd00::200").v6()};
  EXPECT_EQ(&snapshot.locals_of(ip("10.0.1.201")), &snapshot.locals[1]);
  EXPECT_EQ(&snapshot.locals_of(ip("10.0.2.200")), &snapshot.locals[2]);
  EXPECT_EQ(&snapshot.locals_of(ip("fd00::200")), &snapshot.locals[2]);
}

TEST(Snapshot, RepliesAreOwnedByPortOrByRss) {
  LocalAddresses locals{.v4 = {ip("10.0.1.200").v4()}, .v6 = {}, .workers = 3};
  const FlowKey4 reply{ip("10.0.1.11").v4(), ip("10.0.1.200").v4(), Be16{80},
                       Be16{1025},           Protocol::Tcp,         {0, 0, 0}};
  EXPECT_EQ(locals.worker(reply).number, 1025 % 3);
  const std::vector<std::uint8_t> key(40, 0x5d);
  locals.rss = std::make_shared<const Rss>(key, std::vector(128, WorkerId{2}), RssFields::Tuple);
  EXPECT_EQ(locals.worker(reply).number, 2);
}

TEST(Snapshot, NextHopByLongestPrefix) {
  Snapshot snapshot;
  snapshot.neighbours = FixedTable<IpAddress, NextHop>(3);
  snapshot.neighbours.insert(ip("10.0.1.11"), hop(1, 11));
  snapshot.neighbours.insert(ip("10.0.1.200"), hop(2, 200));
  snapshot.neighbours.insert(ip("203.0.113.9"), hop(0, 9));  // known, but no route says on link
  snapshot.routes = {
      {.prefix = *parse_prefix("10.0.1.192/26"), .port = PortId{2}, .on_link = true, .gateway = {}},
      {.prefix = *parse_prefix("10.0.1.0/24"), .port = PortId{1}, .on_link = true, .gateway = {}},
      {.prefix = *parse_prefix("0.0.0.0/0"),
       .port = PortId{0},
       .on_link = false,
       .gateway = hop(0, 1)},
  };
  EXPECT_EQ(snapshot.next_hop_to(ip("10.0.1.11")), hop(1, 11));
  EXPECT_EQ(snapshot.next_hop_to(ip("10.0.1.200")), hop(2, 200));
  EXPECT_EQ(snapshot.next_hop_to(ip("198.51.100.1")), hop(0, 1));
  EXPECT_EQ(snapshot.next_hop_to(ip("203.0.113.9")), hop(0, 1));
  // On link but not resolved: not the gateway's business.
  EXPECT_FALSE(snapshot.next_hop_to(ip("10.0.1.12")).resolved());
}

}  // namespace
}  // namespace dataplane
