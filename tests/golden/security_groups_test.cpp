// Security groups: which flows may begin, at listeners and towards targets, and what becomes of
// those that may not.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using config::RuleChoice;
using config::SecurityGroup;
using config::SecurityRule;
using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;
using dataplane::parse_prefix;

SecurityRule rule(RuleChoice protocol, const std::string& peer, std::uint16_t first = 0,
                  std::uint16_t last = 65'535) {
  SecurityRule made;
  made.protocol = protocol;
  made.port_first = first;
  made.port_last = last;
  made.prefix = parse_prefix(peer);
  if (!made.prefix) made.group = peer;
  return made;
}

SecurityGroup group(const std::string& name, std::vector<SecurityRule> inbound) {
  SecurityGroup made;
  made.name = name;
  made.inbound = std::move(inbound);
  return made;
}

class Security : public testing::TestWithParam<Family> {
 protected:
  bool v4() const { return GetParam() == Family::V4; }
  std::string web(int port = 80) const {
    return (v4() ? "203.0.113.10:" : "[2001:db8::10]:") + std::to_string(port);
  }
  std::string client(int port = 4000) const {
    return (v4() ? "198.18.0.1:" : "[2001:db8:c::1]:") + std::to_string(port);
  }
  std::string stranger(int port = 4000) const {
    return (v4() ? "198.19.0.1:" : "[2001:db8:d::1]:") + std::to_string(port);
  }
  std::string clients() const { return v4() ? "198.18.0.0/16" : "2001:db8:c::/48"; }
  std::string target(int number, int port = 8080) const {
    return v4() ? target_ip(number) + ":" + std::to_string(port)
                : "[" + target_ip(number, Family::V6) + "]:" + std::to_string(port);
  }

  /// Listeners 0: tcp 80, 1: udp 53, with a group that lets the clients' prefix reach the first.
  config::Config config(Mode mode = Mode::Nat) const {
    config::Config made = standard_config(2, mode, Algorithm::RoundRobin, GetParam());
    made.security_groups = {group("web", {rule(RuleChoice::Tcp, clients(), 80, 80)})};
    made.listeners[0].security_groups = {"web"};
    return made;
  }
  static std::unique_ptr<Rig> rig(const config::Config& made, int workers = 1) {
    return std::make_unique<Rig>(made, standard_facts(made), workers);
  }
  dataplane::Verdict open(Rig& rig, const std::string& from, const std::string& to) const {
    return rig.run(tcp(from, to).flags(syn), front).verdict;
  }
  static std::uint64_t hits(Rig& rig, std::uint16_t place) {
    return rig.counters().rule_hits[place].read();
  }
};

TEST_P(Security, NothingAttachedLetsEverythingThrough) {
  config::Config made = config();
  made.listeners[0].security_groups.clear();
  const auto balancer = rig(made);
  EXPECT_EQ(open(*balancer, stranger(), web()), ForwardToTarget);
  EXPECT_EQ(hits(*balancer, 0), 0u);
}

TEST_P(Security, InboundRulesJudgeNewFlowsOnly) {
  const auto balancer = rig(config());
  EXPECT_EQ(open(*balancer, client(), web()), ForwardToTarget);
  EXPECT_EQ(hits(*balancer, 0), 1u);
  EXPECT_EQ(open(*balancer, stranger(), web()), DropSecurityGroupInbound);
  EXPECT_EQ(balancer->run(tcp(client(), web()).payload("x"), front).verdict, ForwardToTarget);
  EXPECT_EQ(balancer->run(tcp(target(1), client()).flags(syn | ack), back).verdict,
            ForwardToClient);
  EXPECT_EQ(hits(*balancer, 0), 1u) << "an established flow is not judged";
  const auto& counters = balancer->counters();
  EXPECT_EQ(counters.totals.blocked_inbound_tcp.read(), 1u);
  EXPECT_EQ(counters.listeners[0].rejected_flows.read(), 0u) << "left out of other metrics";
  EXPECT_EQ(counters.listeners[0].new_flows.read(), 1u);
  balancer->expect_laws();
}

TEST_P(Security, WhoIsNotLetInIsNotAnswered) {
  const auto balancer = rig(config());
  EXPECT_EQ(balancer->run(tcp(stranger(), web()).payload("x"), front).verdict,
            DropSecurityGroupInbound)
      << "no RST";
  // The opening of a burst, and what follows it.
  const auto outcomes = balancer->run({from_client(tcp(stranger(), web()).flags(syn)),
                                       from_client(tcp(stranger(), web()).payload("x"))});
  EXPECT_EQ(outcomes[0].verdict, DropSecurityGroupInbound);
  EXPECT_EQ(outcomes[1].verdict, DropSecurityGroupInbound);
  config::Config empty = config();
  empty.target_groups[0].targets.clear();
  EXPECT_EQ(open(*rig(empty), stranger(), web()), DropSecurityGroupInbound) << "no RST here, too";
}

TEST_P(Security, ComparesPortAndProtocol) {
  config::Config made = config();
  made.security_groups[0].inbound = {rule(RuleChoice::Udp, clients(), 50, 60)};
  made.listeners[1].security_groups = {"web"};
  const auto balancer = rig(made);
  EXPECT_EQ(open(*balancer, client(), web()), DropSecurityGroupInbound);
  EXPECT_EQ(balancer->run(udp(client(), web(53)), front).verdict, ForwardToTarget);
  EXPECT_EQ(balancer->run(udp(stranger(), web(53)), front).verdict, DropSecurityGroupInbound);
  EXPECT_EQ(balancer->counters().totals.blocked_inbound_tcp.read(), 1u);
  EXPECT_EQ(balancer->counters().totals.blocked_inbound_udp.read(), 1u);
}

TEST_P(Security, AnyAttachedGroupLetsIn) {
  config::Config made = config();
  made.security_groups.push_back(
      group("all", {rule(RuleChoice::All, v4() ? "198.19.0.0/16" : "2001:db8:d::/48")}));
  made.balancer_security_groups = {"all"};
  const auto balancer = rig(made);
  EXPECT_EQ(open(*balancer, client(), web()), ForwardToTarget) << "the listener's own";
  EXPECT_EQ(open(*balancer, stranger(), web()), ForwardToTarget) << "the balancer's";
  EXPECT_EQ(balancer->run(udp(stranger(), web(53)), front).verdict, ForwardToTarget);
  EXPECT_EQ(balancer->run(udp(client(), web(53)), front).verdict, DropSecurityGroupInbound);
}

TEST_P(Security, AReferenceMeansAGroupsAddresses) {
  config::Config made = config();
  made.security_groups.push_back(group("office", {}));
  made.security_groups[1].addresses = {*parse_prefix("198.19.0.0/16"),
                                       *parse_prefix("2001:db8:d::/48")};
  made.security_groups[0].inbound.push_back(rule(RuleChoice::All, "office"));
  const auto balancer = rig(made);
  EXPECT_EQ(open(*balancer, stranger(), web()), ForwardToTarget);
  EXPECT_EQ(hits(*balancer, 1), 1u);
  EXPECT_EQ(open(*balancer, v4() ? "192.0.2.1:1" : "[2001:db8:e::1]:1", web()),
            DropSecurityGroupInbound);
}

TEST_P(Security, OutboundRulesJudgeTheWayToTheTarget) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    config::Config made = config(mode);
    const std::string first = target_ip(1, GetParam()) + (v4() ? "/32" : "/128");
    made.security_groups[0].outbound = {rule(RuleChoice::Tcp, first, 8080, 8080)};
    const auto balancer = rig(made);
    const std::uint64_t local_port = balancer->core().turns.local_port;
    int forwarded = 0, blocked = 0;
    for (int port = 4000; port < 4010; ++port) {
      const auto verdict = open(*balancer, client(port), web());
      forwarded += verdict == ForwardToTarget ? 1 : 0;
      blocked += verdict == DropSecurityGroupOutbound ? 1 : 0;
    }
    EXPECT_EQ(forwarded, 5);
    EXPECT_EQ(blocked, 5);
    EXPECT_EQ(hits(*balancer, 1), 5u);
    EXPECT_EQ(balancer->counters().totals.blocked_outbound_tcp.read(), 5u);
    EXPECT_EQ(balancer->counters().totals.flows_alive.read(), 5u);
    EXPECT_EQ(balancer->counters().listeners[0].rejected_flows.read(), 0u);
    if (mode == Mode::Nat) {
      EXPECT_EQ(balancer->core().turns.local_port, local_port);
    }
    balancer->expect_laws();
  }
}

// The port that a rule is about is each flow's own, which the client asked for.
TEST_P(Security, OutboundRulesKnowThePortThatATargetKeeps) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    config::Config made = config(mode);
    made.target_groups[0].port = 0;
    for (config::Target& target : made.target_groups[0].targets) target.port = 0;
    made.listeners[0].port = 5000;
    made.listeners[0].port_last = 5999;
    made.security_groups[0].inbound = {rule(RuleChoice::Tcp, clients(), 5000, 5999)};
    const std::string first = target_ip(1, GetParam()) + (v4() ? "/32" : "/128");
    const std::string second = target_ip(2, GetParam()) + (v4() ? "/32" : "/128");
    made.security_groups[0].outbound = {rule(RuleChoice::Tcp, first, 5100, 5199),
                                        rule(RuleChoice::Tcp, second, 5100, 5150)};
    const auto balancer = rig(made);
    // Round robin: each port is tried at both targets, first at target 1.
    const std::map<int, std::pair<bool, bool>> lets{{5099, {false, false}}, {5100, {true, true}},
                                                    {5150, {true, true}},   {5151, {true, false}},
                                                    {5199, {true, false}},  {5200, {false, false}}};
    int port = 4000, forwarded = 0;
    for (const auto& [asked, at_target] : lets) {
      for (const bool wanted : {at_target.first, at_target.second}) {
        const auto verdict = open(*balancer, client(port++), web(asked));
        EXPECT_EQ(verdict, wanted ? ForwardToTarget : DropSecurityGroupOutbound) << asked;
        forwarded += wanted ? 1 : 0;
      }
    }
    EXPECT_EQ(hits(*balancer, 1), 4u);
    EXPECT_EQ(hits(*balancer, 2), 2u);
    EXPECT_EQ(balancer->counters().totals.flows_alive.read(),
              static_cast<std::uint64_t>(forwarded));
    balancer->expect_laws();
  }
}

TEST_P(Security, PingIsJudgedByIcmpRules) {
  config::Config made = config();
  made.listeners.pop_back();  // the other at that address, which has no group
  const std::string at = v4() ? "203.0.113.10" : "2001:db8::10";
  const std::string pinger = v4() ? "198.18.0.1" : "2001:db8:c::1";
  const std::string other = v4() ? "198.19.0.1" : "2001:db8:d::1";
  auto balancer = rig(made);
  EXPECT_EQ(balancer->run(echo(pinger, at), front).verdict, DropSecurityGroupInbound);
  EXPECT_EQ(balancer->counters().totals.blocked_inbound_icmp.read(), 1u);
  made.security_groups[0].inbound.push_back(rule(RuleChoice::Icmp, clients()));
  balancer = rig(made);
  EXPECT_EQ(balancer->run(echo(pinger, at), front).verdict, ReplyEcho);
  EXPECT_EQ(balancer->run(echo(other, at), front).verdict, DropSecurityGroupInbound);
  EXPECT_EQ(hits(*balancer, 1), 1u);
  // A listener that is open to everybody makes its address so.
  balancer = rig(config());
  EXPECT_EQ(balancer->run(echo(other, at), front).verdict, ReplyEcho);
}

TEST_P(Security, IcmpErrorsOfKnownFlowsPass) {
  const auto balancer = rig(config());
  ASSERT_EQ(open(*balancer, client(), web()), ForwardToTarget);
  // From a router that no rule lets in, about a packet of ours: the path's MTU.
  Frame error = echo(v4() ? "192.0.2.1" : "2001:db8:9::1", v4() ? "203.0.113.10" : "2001:db8::10");
  const Frame quoted = tcp(web(), client()).payload("12345678");
  error = v4() ? error.icmp(3, 4, 1280).payload(quoted.ip_packet())
               : error.icmp(2, 0, 1280).payload(quoted.ip_packet());
  EXPECT_EQ(balancer->run(error, front).verdict, ForwardToTarget);
}

TEST_P(Security, ArpAndNeighbourDiscoveryAreNotJudged) {
  config::Config made = config();
  made.security_groups[0].inbound.clear();
  made.balancer_security_groups = {"web"};
  const auto balancer = rig(made);
  const std::string asker = v4() ? "198.51.100.1" : "fd00:f::1";
  const std::string at = v4() ? "203.0.113.10" : "2001:db8::10";
  if (v4()) {
    const Bytes request = tests::arp(1, router_mac(), asker, {}, at, port_mac(front));
    EXPECT_EQ(balancer->run(request, front).verdict, ReplyArp);
  } else {
    EXPECT_EQ(balancer->run(solicitation(asker, at, at, router_mac()), front).verdict,
              ReplyNeighbour);
  }
}

TEST_P(Security, MidStreamPacketsArePickedUpOnlyForWhoIsLetIn) {
  config::Config made = standard_config(2, Mode::Nat, Algorithm::Maglev, GetParam());
  made.security_groups = {group("web", {rule(RuleChoice::Tcp, clients(), 80, 80)})};
  made.listeners[0].security_groups = {"web"};
  const auto balancer = rig(made);
  EXPECT_EQ(balancer->run(tcp(client(), web()).payload("x"), front).verdict, ForwardToTarget);
  EXPECT_EQ(balancer->run(tcp(stranger(), web()).payload("x"), front).verdict,
            DropSecurityGroupInbound);
  const auto from = [&](const std::string& to) {
    return balancer->run({from_target(1, tcp(target(1), to).payload("x"))}).front().verdict;
  };
  EXPECT_EQ(from(client(4001)), ForwardToClient);
  EXPECT_EQ(from(stranger(4001)), DropSecurityGroupInbound);
}

TEST_P(Security, WithoutFlowsEachPacketIsJudged) {
  config::Config made = standard_config(2, Mode::Nat, Algorithm::Maglev, GetParam());
  made.target_groups[0].overload = dataplane::Overload::Forward;
  made.security_groups = {group("web", {rule(RuleChoice::Tcp, clients(), 80, 80)})};
  made.listeners[0].security_groups = {"web"};
  made.flows.new_per_second = 1;
  const auto balancer = rig(made);
  for (int port = 3000; port < 3040; ++port) open(*balancer, client(port), web());
  const std::uint64_t alive = balancer->counters().totals.flows_alive.read();
  EXPECT_EQ(open(*balancer, client(), web()), ForwardToTarget);
  EXPECT_EQ(open(*balancer, stranger(), web()), DropSecurityGroupInbound);
  EXPECT_EQ(balancer->run(tcp(stranger(), web()).flags(rst), front).verdict,
            DropSecurityGroupInbound);
  EXPECT_EQ(balancer->counters().totals.flows_alive.read(), alive);
}

// --- rules that change ---

TEST_P(Security, AttachAndDetachAtAnyTime) {
  config::Config made = config();
  made.listeners[0].security_groups.clear();
  const auto balancer = rig(made);
  EXPECT_EQ(open(*balancer, stranger(4000), web()), ForwardToTarget);
  balancer->config.listeners[0].security_groups = {"web"};
  balancer->publish();
  EXPECT_EQ(open(*balancer, stranger(4001), web()), DropSecurityGroupInbound);
  balancer->advance(2'000);
  EXPECT_EQ(balancer->run(tcp(stranger(4000), web()).payload("x"), front).verdict,
            ForwardToTarget)
      << "a flow that exists goes on";
  balancer->config.listeners[0].security_groups.clear();
  balancer->publish();
  EXPECT_EQ(open(*balancer, stranger(4001), web()), ForwardToTarget);
  EXPECT_EQ(balancer->counters().totals.flows_cut.read(), 0u);
}

TEST_P(Security, RevalidationCutsWhatNoRuleLetsInAnyMore) {
  config::Config made = config();
  made.security_groups[0].inbound.push_back(
      rule(RuleChoice::Tcp, v4() ? "198.19.0.0/16" : "2001:db8:d::/48"));
  made.revalidate_flows = true;
  const auto balancer = rig(made, 3);
  for (int port = 4000; port < 4100; ++port) {
    ASSERT_EQ(open(*balancer, client(port), web()), ForwardToTarget);
    ASSERT_EQ(open(*balancer, stranger(port), web()), ForwardToTarget);
  }
  const auto sum = [&](dataplane::Counter dataplane::Totals::*figure) {
    std::uint64_t total = 0;
    for (int worker = 0; worker < 3; ++worker) {
      total += (balancer->counters(worker).totals.*figure).read();
    }
    return total;
  };
  balancer->advance(1'000);
  EXPECT_EQ(sum(&dataplane::Totals::flows_cut), 0u);
  balancer->config.security_groups[0].inbound.pop_back();
  balancer->publish();
  balancer->advance(1'000);
  EXPECT_EQ(sum(&dataplane::Totals::flows_cut), 100u);
  EXPECT_EQ(sum(&dataplane::Totals::flows_alive), 100u);
  EXPECT_EQ(balancer->run(tcp(client(4050), web()).payload("x"), front).verdict, ForwardToTarget);
  EXPECT_EQ(balancer->run(tcp(stranger(4050), web()).payload("x"), front).verdict,
            DropSecurityGroupInbound);
  // The target is told, as of any flow that is gone.
  EXPECT_EQ(balancer->run({from_target(1, tcp(target(1), stranger(4050)).payload("x"))})
                .front()
                .verdict,
            ReplyResetUnknownFlow);
  balancer->expect_laws();
}

TEST_P(Security, RevalidationCutsWhatNoRuleLetsOutAnyMore) {
  config::Config made = config();
  made.revalidate_flows = true;
  const auto balancer = rig(made);
  for (int port = 4000; port < 4010; ++port) open(*balancer, client(port), web());
  balancer->config.security_groups[0].outbound = {
      rule(RuleChoice::Tcp, target_ip(1, GetParam()) + (v4() ? "/32" : "/128"))};
  balancer->publish();
  balancer->advance(1'000);
  EXPECT_EQ(balancer->counters().totals.flows_cut.read(), 5u);
  EXPECT_EQ(balancer->counters().totals.flows_alive.read(), 5u);
}

TEST_P(Security, RevalidationBeginsWhenItIsAskedForAndOnlyThen) {
  config::Config made = config();
  made.listeners[0].security_groups.clear();
  const auto balancer = rig(made);
  open(*balancer, stranger(), web());
  balancer->config.listeners[0].security_groups = {"web"};
  balancer->publish();
  balancer->advance(1'000);
  EXPECT_EQ(balancer->counters().totals.flows_cut.read(), 0u);
  balancer->config.revalidate_flows = true;  // now: what the reload before has left
  balancer->publish();
  balancer->advance(1'000);
  EXPECT_EQ(balancer->counters().totals.flows_cut.read(), 1u);
  const auto judged_by = balancer->snapshot().judged_by;
  balancer->publish();
  EXPECT_EQ(balancer->snapshot().judged_by, judged_by) << "rules are the same: nothing to judge";
}

INSTANTIATE_TEST_SUITE_P(Families, Security, testing::Values(Family::V4, Family::V6),
                         [](const auto& family) {
                           return family.param == Family::V4 ? "v4" : "v6";
                         });

}  // namespace
}  // namespace tests
