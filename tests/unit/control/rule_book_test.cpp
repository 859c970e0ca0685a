#include "control/rule_book.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace control {
namespace {

using config::RuleChoice;
using config::SecurityRule;
using dataplane::RuleId;

SecurityRule rule(std::uint16_t port) {
  SecurityRule made;
  made.protocol = RuleChoice::Tcp;
  made.port_first = made.port_last = port;
  return made;
}

class Rules : public testing::Test {
 protected:
  Rules() {
    config.security_groups.emplace_back();
    config.security_groups[0].name = "web";
    config.security_groups[0].inbound = {rule(80), rule(81)};
  }
  bool apply() {
    return book.apply(config, [this](RuleId id) { return counted[id.slot]; });
  }
  std::vector<SecurityRule>& inbound() { return config.security_groups[0].inbound; }

  config::Config config;
  std::array<std::uint64_t, dataplane::rules_max> counted{};
  RuleBook book;
};

TEST_F(Rules, HavePlacesInTheirOrder) {
  apply();
  EXPECT_EQ(book.places(), (std::vector{RuleId{0}, RuleId{1}, RuleId{2}})) << "and one out";
  ASSERT_EQ(book.records().size(), 3u);
  const dataplane::RuleRecord& first = book.records()[0].record;
  EXPECT_TRUE(first.used);
  EXPECT_TRUE(first.inbound);
  EXPECT_EQ(first.number, 0);
  EXPECT_EQ(first.security_group.view(), "web");
  EXPECT_EQ(first.protocol.view(), "tcp");
  EXPECT_EQ(first.ports.view(), "80");
  EXPECT_EQ(first.peer.view(), "anywhere");
  EXPECT_EQ(first.attached_to.view(), "");
  EXPECT_EQ(book.records()[2].record.ports.view(), "all");
  EXPECT_FALSE(book.records()[2].record.inbound);
}

TEST_F(Rules, GroupsAreShownWithOrWithoutThem) {
  config.security_groups[0].addresses.resize(2);
  config::SecurityGroup& closed = config.security_groups.emplace_back();
  closed.name = "closed";
  closed.outbound.clear();
  config.balancer_security_groups = {"closed"};
  EXPECT_TRUE(apply());
  EXPECT_EQ(book.records().size(), 3u);
  ASSERT_EQ(book.groups().size(), 2u);
  EXPECT_EQ(book.groups()[0].name.view(), "web");
  EXPECT_EQ(book.groups()[0].attached_to.view(), "");
  EXPECT_EQ(book.groups()[0].addresses, 2u);
  EXPECT_EQ(book.groups()[0].inbound, 2u);
  EXPECT_EQ(book.groups()[0].outbound, 1u);
  EXPECT_TRUE(book.groups()[1].used);
  EXPECT_EQ(book.groups()[1].name.view(), "closed");
  EXPECT_EQ(book.groups()[1].attached_to.view(), "balancer");
  EXPECT_EQ(book.groups()[1].inbound + book.groups()[1].outbound, 0u);
  config.security_groups.pop_back();
  config.balancer_security_groups.clear();
  EXPECT_TRUE(apply()) << "that a group without rules goes is a change";
  EXPECT_EQ(book.groups().size(), 1u);
}

TEST_F(Rules, KeepPlaceAndHitsThroughAReload) {
  apply();
  counted[1] = 500;
  inbound() = {rule(90), rule(81)};
  apply();
  EXPECT_EQ(book.places()[1], RuleId{1});
  EXPECT_EQ(book.records()[1].record.hits_before, 0u);
  EXPECT_EQ(book.places()[0], RuleId{3}) << "a new one's place has rested longest";
}

TEST_F(Rules, BeginAtZeroWhereAnotherOneWas) {
  for (std::size_t slot = 0; slot < counted.size(); ++slot) counted[slot] = 10 * slot;
  std::set<std::uint16_t> used;
  for (std::uint16_t round = 0; round < 3'000; ++round) {
    inbound() = {rule(static_cast<std::uint16_t>(100 + round)), rule(81)};
    apply();
    const RuleEntry& fresh = book.records()[0];
    used.insert(fresh.id.slot);
    ASSERT_EQ(fresh.record.hits_before, counted[fresh.id.slot]);
    ASSERT_EQ(book.places()[1], RuleId{1});
  }
  EXPECT_GT(used.size(), 2'900u) << "places rest";
}

TEST_F(Rules, AllPlacesMayBeUsedAndUsedAgain) {
  const auto fill = [&](std::uint16_t from) {
    inbound().clear();
    for (std::size_t i = 0; i + 1 < dataplane::rules_max; ++i) {
      inbound().push_back(rule(static_cast<std::uint16_t>(from + i)));
    }
    apply();
    std::set<RuleId> all(book.places().begin(), book.places().end());
    EXPECT_EQ(all.size(), dataplane::rules_max);
  };
  fill(0);
  fill(10'000);
}

TEST_F(Rules, AreLeftAloneWhereNothingDiffers) {
  EXPECT_TRUE(apply());
  EXPECT_FALSE(apply());
  inbound()[0].port_last = 85;
  EXPECT_TRUE(apply());
  config.balancer_security_groups = {"web"};
  EXPECT_TRUE(apply());
  EXPECT_FALSE(apply());
}

TEST_F(Rules, SayWhatTheirGroupIsAttachedTo) {
  config.listeners.resize(2);
  config.listeners[0].name = "web";
  config.listeners[1].name = "dns";
  config.listeners[0].security_groups = config.listeners[1].security_groups = {"web"};
  apply();
  EXPECT_EQ(book.records()[0].record.attached_to.view(), "web, dns");
  config.balancer_security_groups = {"web"};
  apply();
  EXPECT_EQ(book.records()[0].record.attached_to.view(), "balancer");
}

}  // namespace
}  // namespace control
