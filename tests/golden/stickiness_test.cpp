// Stickiness: whom a client's flows have in common, and for how long.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using config::Availability;
using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;
using dataplane::Stickiness;

constexpr int all_targets = 4;

struct World {
  std::string name;
  Mode mode;
  Algorithm algorithm;
  Family family;
  int workers;
};

class Sticky : public testing::TestWithParam<World> {
 protected:
  bool v4() const { return GetParam().family == Family::V4; }
  std::string web() const { return v4() ? "203.0.113.10:80" : "[2001:db8::10]:80"; }
  std::string other() const { return v4() ? "203.0.113.11:80" : "[2001:db8::11]:80"; }
  std::string client(int host, int port) const {
    const std::string number = std::to_string(host);
    return (v4() ? "198.18.0." + number : "[2001:db8:c::" + number + "]") + ":" +
           std::to_string(port);
  }

  config::Config config(Stickiness type = Stickiness::SourceIp, int timeout = 60) const {
    const World& world = GetParam();
    config::Config made =
        standard_config(all_targets, world.mode, world.algorithm, world.family);
    for (config::TargetGroup& group : made.target_groups) {
      group.stickiness = {type, std::chrono::seconds(timeout)};
    }
    // The same groups, by another address.
    config::Listener second = made.listeners[0];
    second.name = "web-2";
    second.address = ip(v4() ? "203.0.113.11" : "2001:db8::11");
    made.listeners.push_back(second);
    return made;
  }
  std::unique_ptr<Rig> rig(const config::Config& made) const {
    return std::make_unique<Rig>(made, standard_facts(made), GetParam().workers);
  }

  /// The number of the target that a new flow goes to; 0: none.
  int open(Rig& rig, const std::string& from, const std::string& to) const {
    const Outcome outcome = rig.run(tcp(from, to).flags(syn), front);
    return outcome.verdict == ForwardToTarget ? outcome.bytes[v4() ? 33 : 53] - 10 : 0;
  }
  int open(Rig& rig, int host, int port) const { return open(rig, client(host, port), web()); }

  static void set(Rig& rig, int target, Availability availability) {
    for (config::TargetFact& fact : rig.facts.targets) {
      if (fact.address.v6().bytes[15] == 10 + target) fact.availability = availability;
    }
    rig.publish();
  }
  static std::uint64_t found(Rig& rig) { return rig.core().turns.sticky_found; }
};

TEST_P(Sticky, KeepsAKnownClientWhereverItsFlowsArrive) {
  const auto balancer = rig(config());
  std::set<int> used;
  for (int host = 1; host <= 40; ++host) {
    const int first = open(*balancer, host, 4000);
    ASSERT_NE(first, 0);
    for (int port = 4001; port < 4012; ++port) EXPECT_EQ(open(*balancer, host, port), first);
    used.insert(first);
  }
  EXPECT_EQ(used.size(), std::size_t{all_targets}) << "new clients are spread";
  balancer->expect_laws();
}

TEST_P(Sticky, MovesNoKnownClientWhenATargetComes) {
  const auto balancer = rig(config());
  set(*balancer, 3, Availability::Draining);
  std::map<int, int> before;
  for (int host = 1; host <= 100; ++host) before[host] = open(*balancer, host, 4000);
  set(*balancer, 3, Availability::Serving);
  for (const auto& [host, target] : before) EXPECT_EQ(open(*balancer, host, 4001), target);
  std::set<int> used;
  for (int host = 101; host <= 160; ++host) used.insert(open(*balancer, host, 4000));
  EXPECT_EQ(used.count(3), 1u) << "new clients find the new target";
}

TEST_P(Sticky, MovesTheClientsOfATargetThatIsGoneForGood) {
  const auto balancer = rig(config());
  std::map<int, int> before, during;
  for (int host = 1; host <= 60; ++host) before[host] = open(*balancer, host, 4000);
  set(*balancer, 2, Availability::Draining);
  for (const auto& [host, target] : before) {
    during[host] = open(*balancer, host, 4001);
    EXPECT_NE(during[host], 2);
    if (target != 2) { EXPECT_EQ(during[host], target); }
  }
  set(*balancer, 2, Availability::Serving);
  for (const auto& [host, target] : during) {
    EXPECT_EQ(open(*balancer, host, 4002), target) << "nobody moves back";
  }
}

TEST_P(Sticky, TakesNoOtherTargetOfAReusedSlot) {
  const auto balancer = rig(config());
  std::map<int, int> before;
  for (int host = 1; host <= 60; ++host) before[host] = open(*balancer, host, 4000);
  for (config::TargetFact& fact : balancer->facts.targets) {
    if (fact.address.v6().bytes[15] == 12) ++fact.id.incarnation;
  }
  balancer->publish();
  std::set<int> moved_to;
  for (const auto& [host, target] : before) {
    const int now = open(*balancer, host, 4001);
    if (target == 2) {
      moved_to.insert(now);
    } else {
      EXPECT_EQ(now, target);
    }
  }
  // Maglev's table goes by addresses, so it sends them to the new one; the others spread them anew.
  EXPECT_EQ(moved_to.size() > 1, GetParam().algorithm != Algorithm::Maglev);
}

TEST_P(Sticky, ForgetsAClientAfterTheTimeout) {
  const auto balancer = rig(config(Stickiness::SourceIp, 60));
  open(*balancer, 1, 4000);
  int port = 4001;
  const auto new_flow_is_known = [&] {
    std::uint64_t before = 0, after = 0;
    for (int w = 0; w < GetParam().workers; ++w) before += balancer->core(w).turns.sticky_found;
    open(*balancer, 1, port++);
    for (int w = 0; w < GetParam().workers; ++w) after += balancer->core(w).turns.sticky_found;
    return after != before;
  };
  for (int i = 0; i < 4; ++i) {
    balancer->advance(55'000);  // the last new flow counts, not the first
    EXPECT_TRUE(new_flow_is_known()) << i;
  }
  balancer->advance(66'000);  // 60 s, a sixteenth of that, a second
  EXPECT_FALSE(new_flow_is_known());
  EXPECT_TRUE(new_flow_is_known());
}

TEST_P(Sticky, CountsWhomItKnows) {
  const auto balancer = rig(config());
  for (int host = 1; host <= 50; ++host) open(*balancer, host, 4000);
  const auto entries = [&] {
    std::uint64_t sum = 0;
    for (int w = 0; w < GetParam().workers; ++w) {
      sum += balancer->counters(w).totals.sticky_entries.read();
    }
    return sum;
  };
  balancer->advance(500);
  EXPECT_EQ(entries(), 50u);
  EXPECT_EQ(balancer->counters(0).totals.sticky_capacity.read(), 4096u);
  balancer->advance(70'000);
  EXPECT_EQ(entries(), 0u);
}

TEST_P(Sticky, TypeSaysWhatFlowsHaveInCommon) {
  const auto spread = [&](Stickiness type) {
    const auto balancer = rig(config(type));
    int same = 0;
    for (int host = 1; host <= 60; ++host) {
      const int first = open(*balancer, host, 4000);
      const int second = open(*balancer, client(host, 4001), other());
      EXPECT_EQ(open(*balancer, host, 4002), first);
      EXPECT_EQ(open(*balancer, client(host, 4003), other()), second);
      same += first == second ? 1 : 0;
    }
    return same;
  };
  EXPECT_EQ(spread(Stickiness::SourceIp), 60);
  // Round robin: the second is the next one's turn. By hash: one in four is the same by chance.
  EXPECT_LT(spread(Stickiness::SourceIpDestIp), 40);
  EXPECT_LT(spread(Stickiness::SourceIpDestIpProto), 40);
}

TEST_P(Sticky, NoStickinessForgetsAtOnce) {
  config::Config made = config(Stickiness::None);
  const auto balancer = rig(made);
  std::set<int> used;
  for (int port = 4000; port < 4040; ++port) used.insert(open(*balancer, 1, port));
  EXPECT_EQ(used.size(), std::size_t{all_targets});
  EXPECT_EQ(found(*balancer), 0u);
}

TEST_P(Sticky, SecondFlowOfABurstFollowsTheFirst) {
  const auto balancer = rig(config());
  std::vector<Input> inputs;
  for (int port = 4000; port < 4064; ++port) {
    inputs.push_back(from_client(tcp(client(1 + port % 4, port), web()).flags(syn)));
  }
  std::map<int, std::set<int>> used;
  const std::vector<Outcome> outcomes = balancer->run(inputs);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    ASSERT_EQ(outcomes[i].verdict, ForwardToTarget);
    used[static_cast<int>(i) % 4].insert(outcomes[i].bytes[v4() ? 33 : 53]);
  }
  for (const auto& [host, targets] : used) EXPECT_EQ(targets.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Worlds, Sticky,
    testing::Values(World{"nat_round_robin_1", Mode::Nat, Algorithm::RoundRobin, Family::V4, 1},
                    World{"nat_round_robin_4", Mode::Nat, Algorithm::RoundRobin, Family::V4, 4},
                    World{"nat_least_connections_2_v6", Mode::Nat, Algorithm::LeastConnections,
                          Family::V6, 2},
                    World{"full_nat_weighted_2", Mode::FullNat, Algorithm::WeightedRoundRobin,
                          Family::V4, 2},
                    World{"nat_maglev_3", Mode::Nat, Algorithm::Maglev, Family::V4, 3},
                    World{"full_nat_round_robin_3_v6", Mode::FullNat, Algorithm::RoundRobin,
                          Family::V6, 3}),
    [](const auto& world) { return world.param.name; });

// --- with what else a group can be ---

struct StickyMaglev : testing::Test {
  static config::Config config() {
    config::Config made = standard_config(all_targets, Mode::Nat, Algorithm::Maglev);
    for (config::TargetGroup& group : made.target_groups) {
      group.stickiness = {Stickiness::SourceIp, std::chrono::seconds(60)};
      group.unknown_flow = dataplane::UnknownFlow::PickUp;
    }
    return made;
  }
  static int number_of(const Outcome& outcome) {
    return outcome.verdict == ForwardToTarget ? outcome.bytes[33] - 10 : 0;
  }
  static std::string client(int host, int port) {
    return "198.18.0." + std::to_string(host) + ":" + std::to_string(port);
  }
  const std::string web = "203.0.113.10:80";
};

TEST_F(StickyMaglev, AllFlowsOfAClientAreFoundAgainAfterARestart) {
  Rig before(config(), standard_facts(config()));
  Rig after(config(), standard_facts(config()), 3);
  for (int host = 1; host <= 30; ++host) {
    for (int port = 4000; port < 4004; ++port) {
      const int target = number_of(before.run(tcp(client(host, port), web).flags(syn), front));
      ASSERT_NE(target, 0);
      EXPECT_EQ(number_of(after.run(tcp(client(host, port), web).payload("x"), front)), target);
    }
  }
}

TEST_F(StickyMaglev, PickUpGoesWhereTheClientIsKnownToBe) {
  Rig balancer(config(), standard_facts(config()));
  balancer.facts.targets[0].availability = Availability::Draining;
  balancer.publish();
  std::map<int, int> before;
  for (int host = 1; host <= 30; ++host) {
    before[host] = number_of(balancer.run(tcp(client(host, 4000), web).flags(syn), front));
  }
  balancer.facts.targets[0].availability = Availability::Serving;  // Maglev's table is another one
  balancer.publish();
  for (const auto& [host, target] : before) {
    const Outcome outcome = balancer.run(tcp(client(host, 4001), web).payload("x"), front);
    EXPECT_EQ(number_of(outcome), target);
  }
}

TEST_F(StickyMaglev, TargetsReplyMakesItsClientKnown) {
  Rig balancer(config(), standard_facts(config()));
  int with_another = 0;
  for (int host = 1; host <= 40; ++host) {
    const Frame reply = tcp(target_ip(2) + ":8080", client(host, 4000)).payload("x");
    ASSERT_EQ(balancer.run({from_target(2, reply)}).front().verdict, ForwardToClient);
    EXPECT_EQ(number_of(balancer.run(tcp(client(host, 4001), web).flags(syn), front)), 2);
    Rig other(config(), standard_facts(config()));
    with_another += number_of(other.run(tcp(client(host, 4001), web).flags(syn), front)) != 2;
  }
  EXPECT_GT(with_another, 20) << "Maglev alone would have sent most elsewhere";
}

TEST_F(StickyMaglev, WithoutAFlowAKnownClientStaysAndNobodyIsEntered) {
  config::Config made = config();
  for (auto& group : made.target_groups) group.overload = dataplane::Overload::Forward;
  Rig balancer(made, standard_facts(made));
  balancer.facts.targets[0].availability = Availability::Draining;
  balancer.publish();
  std::map<int, int> before;
  for (int host = 1; host <= 30; ++host) {
    before[host] = number_of(balancer.run(tcp(client(host, 4000), web).flags(syn), front));
  }
  balancer.facts.targets[0].availability = Availability::Serving;
  balancer.config.flows.new_per_second = 1;
  balancer.publish();
  for (int i = 0; i < 40; ++i) balancer.run(tcp(client(200, 3000 + i), web).flags(syn), front);
  const std::uint64_t entered = balancer.counters().totals.flows_alive.read();
  for (const auto& [host, target] : before) {
    EXPECT_EQ(number_of(balancer.run(tcp(client(host, 4001), web).flags(syn), front)), target);
  }
  for (int host = 31; host <= 80; ++host) {
    EXPECT_NE(number_of(balancer.run(tcp(client(host, 4001), web).flags(syn), front)), 0);
  }
  EXPECT_EQ(balancer.counters().totals.flows_alive.read(), entered);
  balancer.advance(500);
  EXPECT_LE(balancer.counters().totals.sticky_entries.read(), 31u + 1) << "a flood fills no table";
}

TEST(StickyCollision, AKnownClientGoesThereOrNowhere) {
  config::Config made = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
  for (auto& group : made.target_groups) {
    group.stickiness = {Stickiness::SourceIp, std::chrono::seconds(60)};
  }
  config::Listener second = made.listeners[0];
  second.name = "web-2";
  second.port = 81;
  made.listeners.push_back(second);
  Rig balancer(made, standard_facts(made));
  const std::string client = "198.18.0.1:4000";
  EXPECT_EQ(balancer.run(tcp(client, "203.0.113.10:80").flags(syn), front).verdict,
            ForwardToTarget);
  // The same address and port, by another listener, to the same target: ELB's documented limit.
  EXPECT_EQ(balancer.run(tcp(client, "203.0.113.10:81").flags(syn), front).verdict,
            DropFlowCollision);
  EXPECT_EQ(
      balancer.run(tcp("198.18.0.1:4001", "203.0.113.10:81").flags(syn), front).verdict,
      ForwardToTarget);
  balancer.expect_laws();
}

TEST(StickyGroups, EachRemembersItsOwnClients) {
  config::Config made = standard_config(4, Mode::Nat, Algorithm::RoundRobin);
  made.target_groups[1].stickiness = {Stickiness::SourceIp, std::chrono::seconds(60)};  // dns
  Rig balancer(made, standard_facts(made));
  std::set<int> web, dns;
  for (int port = 4000; port < 4008; ++port) {
    const std::string client = "198.18.0.1:" + std::to_string(port);
    web.insert(balancer.run(tcp(client, "203.0.113.10:80").flags(syn), front).bytes[33]);
    dns.insert(balancer.run(udp(client, "203.0.113.10:53"), front).bytes[33]);
  }
  EXPECT_EQ(web.size(), 4u);
  EXPECT_EQ(dns.size(), 1u);
}

}  // namespace
}  // namespace tests
