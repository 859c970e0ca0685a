#include "tests/unit/config/compile_case.h"

namespace config {
namespace {

using dataplane::AccessList;
using dataplane::RuleId;
using enum dataplane::RuleProtocol;

SecurityRule rule(RuleChoice protocol, const std::string& peer, std::uint16_t first = 0,
                  std::uint16_t last = 65'535) {
  SecurityRule made;
  made.protocol = protocol;
  made.port_first = first;
  made.port_last = last;
  made.prefix = dataplane::parse_prefix(peer);
  if (!made.prefix) made.group = peer;
  return made;
}

struct CompileSecurityGroups : Compile {
  SecurityGroup& add(const std::string& name, std::vector<SecurityRule> inbound) {
    SecurityGroup group;
    group.name = name;
    group.inbound = std::move(inbound);
    config.security_groups.push_back(group);
    return config.security_groups.back();
  }
  static RuleId ask(const std::shared_ptr<const AccessList>& list, const std::string& peer,
                    std::uint16_t port) {
    return list->find(ip(peer).v4(), Tcp, port);
  }
};

TEST_F(CompileSecurityGroups, NoneAttachedIsNoList) {
  add("web", {});
  const Compiled snapshot = run();
  EXPECT_EQ(snapshot->listeners[0].inbound, nullptr);
  EXPECT_EQ(snapshot->listeners[0].outbound, nullptr);
  EXPECT_EQ(snapshot->pingers.size(), 0u);
}

TEST_F(CompileSecurityGroups, JoinsTheBalancersAndTheListeners) {
  add("web", {rule(RuleChoice::Tcp, "10.0.0.0/8", 80, 90)});
  add("office", {rule(RuleChoice::All, "192.0.2.0/24")}).outbound = {};
  config.listeners[0].security_groups = {"web"};
  config.balancer_security_groups = {"office"};
  add_listener("other", "203.0.113.11", 80, "web", 1);
  const Compiled snapshot = run();
  const auto& web = snapshot->listeners[0].inbound;
  EXPECT_EQ(ask(web, "10.1.2.3", 85), RuleId{0});
  EXPECT_EQ(ask(web, "10.1.2.3", 91), dataplane::no_rule);
  EXPECT_EQ(ask(web, "192.0.2.1", 91), RuleId{2}) << "after web's, in and out";
  EXPECT_EQ(ask(snapshot->listeners[0].outbound, "8.8.8.8", 1), RuleId{1}) << "left out: open";
  EXPECT_EQ(ask(snapshot->listeners[1].outbound, "8.8.8.8", 1), dataplane::no_rule);
  EXPECT_EQ(ask(snapshot->listeners[1].inbound, "10.1.2.3", 85), dataplane::no_rule);
}

TEST_F(CompileSecurityGroups, AReferenceIsARuleForEachAddress) {
  add("web", {rule(RuleChoice::Tcp, "office", 80, 80)});
  add("office", {}).addresses = {*dataplane::parse_prefix("10.0.0.0/8"),
                                 *dataplane::parse_prefix("192.0.2.7/32"),
                                 *dataplane::parse_prefix("2001:db8::/32")};
  config.balancer_security_groups = {"web"};
  const Compiled snapshot = run();
  const auto& list = snapshot->listeners[0].inbound;
  EXPECT_EQ(ask(list, "10.1.1.1", 80), RuleId{0});
  EXPECT_EQ(ask(list, "192.0.2.7", 80), RuleId{0});
  EXPECT_EQ(ask(list, "192.0.2.8", 80), dataplane::no_rule);
  EXPECT_EQ(list->find(ip("2001:db8::1").v6(), Tcp, 80), RuleId{0});
}

TEST_F(CompileSecurityGroups, HitsAreCountedWhereControlSays) {
  add("web", {rule(RuleChoice::All, "10.0.0.0/8")});
  config.balancer_security_groups = {"web"};
  facts.rules = {RuleId{4095}, RuleId{17}};
  const Compiled snapshot = run();
  EXPECT_EQ(ask(snapshot->listeners[0].inbound, "10.0.0.1", 1), RuleId{4095});
  EXPECT_EQ(ask(snapshot->listeners[0].outbound, "10.0.0.1", 1), RuleId{17});
}

TEST_F(CompileSecurityGroups, AnAddressIsPingedByWhomAnyListenerLetsIn) {
  add("a", {rule(RuleChoice::Icmp, "10.0.0.0/8")});
  add("b", {rule(RuleChoice::Icmp, "192.0.2.0/24")});
  config.listeners[0].security_groups = {"a"};
  add_listener("second", "203.0.113.10", 81, "web", 1);
  EXPECT_EQ(run()->pingers.size(), 0u) << "the second lets everybody";
  config.listeners[1].security_groups = {"b"};
  const Compiled snapshot = run();
  const auto* list = snapshot->pingers.find(ip("203.0.113.10"));
  ASSERT_NE(list, nullptr);
  EXPECT_NE((*list)->find(ip("10.0.0.1").v4(), Icmp, 0), dataplane::no_rule);
  EXPECT_NE((*list)->find(ip("192.0.2.1").v4(), Icmp, 0), dataplane::no_rule);
  EXPECT_EQ((*list)->find(ip("198.51.100.1").v4(), Icmp, 0), dataplane::no_rule);
}

TEST_F(CompileSecurityGroups, ListsAreSharedAsLongAsTheyAreTheSame) {
  add("web", {rule(RuleChoice::Tcp, "10.0.0.0/8")});
  config.balancer_security_groups = {"web"};
  add_listener("other", "203.0.113.11", 80, "web", 1);
  const Compiled first = run();
  EXPECT_EQ(first->listeners[0].inbound, first->listeners[1].inbound);
  facts.generation = {8};
  const Compiled second = run(first);
  EXPECT_EQ(second->listeners[0].inbound, first->listeners[0].inbound);
  config.security_groups[0].inbound[0].port_last = 80;
  const Compiled third = run(second);
  EXPECT_NE(third->listeners[0].inbound, first->listeners[0].inbound);
  EXPECT_EQ(third->listeners[0].outbound, first->listeners[0].outbound);
}

TEST_F(CompileSecurityGroups, FlowsAreJudgedAgainWhereRulesDifferAndItIsAskedFor) {
  add("web", {rule(RuleChoice::Tcp, "10.0.0.0/8")});
  config.balancer_security_groups = {"web"};
  const Compiled first = run();
  EXPECT_EQ(first->judged_by, dataplane::Generation{0});
  facts.generation = {8};
  config.security_groups[0].inbound.clear();
  const Compiled second = run(first);
  EXPECT_EQ(second->judged_by, dataplane::Generation{0}) << "not asked for";
  facts.generation = {9};
  config.revalidate_flows = true;
  const Compiled third = run(second);
  EXPECT_EQ(third->judged_by, dataplane::Generation{9}) << "now it is";
  facts.generation = {10};
  const Compiled fourth = run(third);
  EXPECT_EQ(fourth->judged_by, dataplane::Generation{9}) << "the rules are the same";
  facts.generation = {11};
  config.balancer_security_groups.clear();
  const Compiled fifth = run(fourth);
  EXPECT_EQ(fifth->judged_by, dataplane::Generation{11});
}

}  // namespace
}  // namespace config
