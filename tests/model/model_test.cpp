// The real path and the obvious balancer get the same random traffic; every output is compared.
//
// Seeded: a failure prints its seed, SPILLWAY_SEED=N repeats it. Each world is driven with two
// seeds, SPILLWAY_MODEL_FACTOR=N times as many; tools/soak (SPILLWAY_SOAK=1) takes six.
//
//   balancer  the oracle          world      what is configured, and changes meanwhile
//   generator the traffic         README.md  what the oracle knows, and what it does not
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/model/balancer.h"
#include "tests/model/generator.h"
#include "tests/model/world.h"

namespace tests {
namespace {

using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;

void pass_time(const World& world, Rig& rig, Balancer& model, Generator& generator) {
  static constexpr std::uint64_t usual[] = {1, 10, 500, 3'000, 11'500, 32'000, 125'000, 352'000};
  // Waiters wait for less than two seconds, and connections are to stay until they end.
  static constexpr std::uint64_t brief[] = {1, 10, 100, 290, 300, 700, 1'500, 1'500, 32'000};
  rig.advance(world.limits ? brief[generator.below(std::size(brief))]
                           : usual[generator.below(std::size(usual))]);
  while (!model.settle()) rig.advance(700);
}

std::uint64_t first_seed() {
  const char* given = std::getenv("SPILLWAY_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

/// How many seeds each world gets.
std::uint64_t seeds() {
  constexpr std::uint64_t usual = 2, soak_factor = 3;
  const char* factor = std::getenv("SPILLWAY_MODEL_FACTOR");
  const char* soak = std::getenv("SPILLWAY_SOAK");
  if (factor != nullptr) return usual * std::max(1ull, std::strtoull(factor, nullptr, 10));
  return soak != nullptr && std::string(soak) == "1" ? usual * soak_factor : usual;
}

/// Connections that a table has and the model has not.
template <class Address>
std::string surplus(dataplane::FlowTable<Address>& flows, const Rig& rig, const Balancer& model) {
  std::string text;
  for (std::uint32_t bucket = 0; bucket < flows.buckets(); ++bucket) {
    flows.visit_bucket(bucket, [&](dataplane::FlowIndex index) {
      const dataplane::Flow<Address>& flow = flows[index];
      const auto& key = flow.key;
      const Key wanted =
          key_of(key.protocol == dataplane::Protocol::Tcp, {key.source, key.source_port.value()},
                 {key.destination, key.destination_port.value()});
      if (flow.direction != dataplane::Direction::ToTarget) return;
      if (model.connections().contains(wanted)) return;
      text += "\n" + std::string(to_string(key.protocol)) + " " +
              with_port(key.source, key.source_port.value()) + " " +
              std::string(to_string(flow.phase)) + " idle " +
              std::to_string(dataplane::Tick::of(rig.now).since(flow.last_seen)) + " ms";
    });
  }
  return text;
}

/// The same over all workers, for the failure message.
std::string surplus(Rig& rig, const Balancer& model, int workers) {
  std::string text;
  for (int worker = 0; worker < workers; ++worker) {
    text += surplus(rig.core(worker).flows4, rig, model);
    text += surplus(rig.core(worker).flows6, rig, model);
  }
  return text;
}

/// What the gate counts, and who waits, is what the model says.
void expect_gate(Rig& rig, const Balancer& model, int workers) {
  for (std::size_t i = 0; i < rig.facts.targets.size(); ++i) {
    const dataplane::TargetId id = rig.facts.targets[i].id;
    if (rig.snapshot().limit_of(id) == 0) continue;
    ASSERT_EQ(rig.gate().limits.connections(limit_of(id)), model.live(i)) << "target " << i;
  }
  for (const config::TargetGroupFact& group : rig.facts.target_groups) {
    const dataplane::TargetGroup* compiled = rig.snapshot().target_group(group.id);
    if (compiled == nullptr || compiled->max_connections == 0) continue;
    ASSERT_EQ(rig.gate().limits.connections(limit_of(group.id)), model.live(group.name))
        << group.name;
  }
  std::uint64_t held = 0;
  for (int worker = 0; worker < workers; ++worker) {
    held += rig.counters(worker).totals.surge_held.read();
  }
  ASSERT_EQ(held, model.waiting());
}

/// Places that are free go to those who wait.
void serve(const World& world, Rig& rig, Balancer& model, bool certain) {
  if (!world.limits) return;
  ASSERT_EQ(model.serve(rig.give_places(), certain), "");
  expect_gate(rig, model, world.workers);
}

std::uint64_t alive(Rig& rig, int workers) {
  std::uint64_t sum = 0;
  for (int worker = 0; worker < workers; ++worker) {
    sum += rig.counters(worker).totals.flows_alive.read();
  }
  return sum;
}

/// A burst, and what became of each of its packets.
void exchange(const World& world, Rig& rig, Balancer& model, Generator& generator) {
  const std::vector<Said> said = generator.burst();
  std::vector<Input> inputs;
  for (const Said& packet : said) {
    const int last = packet.source.address.v6().bytes[15] - 10;
    inputs.push_back(packet.input(packet.from_client ? router_mac() : target_mac(last)));
  }
  const auto receiver =
      static_cast<int>(generator.below(static_cast<std::uint64_t>(world.workers)));
  const std::vector<Outcome> outcomes = rig.run(inputs, receiver);
  for (std::size_t i = 0; i < said.size(); ++i) {
    const std::string error = model.judge(said[i], outcomes[i]);
    ASSERT_EQ(error, "") << "packet " << i << " of " << said.size() << ": "
                         << with_port(said[i].source.address, said[i].source.port) << " -> "
                         << with_port(said[i].destination.address, said[i].destination.port)
                         << (said[i].tcp ? " tcp" : " udp") << " flags " << int{said[i].flags};
  }
}

void expect_overload(const World& world, Rig& rig, const Balancer& model) {
  std::uint64_t stateless = 0;
  for (int worker = 0; worker < world.workers; ++worker) {
    stateless += rig.counters(worker).totals.stateless.read();
  }
  EXPECT_EQ(stateless, model.stateless());
  EXPECT_EQ(stateless > 100, world.forward) << stateless << ": or the world is too roomy";
  const std::uint64_t refused = rig.verdicts(dataplane::Verdict::DropTableFull) +
                                rig.verdicts(dataplane::Verdict::DropFlowRate);
  EXPECT_EQ(refused > 50, !world.forward && (world.flows < 2048 || world.rate != 0)) << refused;
}

/// All that waited, by what came of it.
void expect_waited(const World& world, Rig& rig, const Balancer& model) {
  using Counters = dataplane::TargetGroupCounters;
  const auto sum = [&](dataplane::Counter Counters::*counter) {
    std::uint64_t total = 0;
    for (int worker = 0; worker < world.workers; ++worker) {
      for (const Counters& group : rig.counters(worker).groups) total += (group.*counter).read();
    }
    return total;
  };
  const Balancer::Waited& waited = model.waited();
  EXPECT_EQ(sum(&Counters::surge_entered), waited.entered);
  EXPECT_EQ(sum(&Counters::surge_joined), waited.joined);
  EXPECT_EQ(sum(&Counters::surge_admitted), waited.admitted);
  EXPECT_EQ(sum(&Counters::surge_timed_out), waited.timed_out);
  EXPECT_EQ(sum(&Counters::surge_left), waited.left);
  EXPECT_EQ(sum(&Counters::spillover), waited.spilled);
  if (!world.limits) return;
  EXPECT_GT(waited.admitted, 20u) << "or the world is too roomy";
  EXPECT_GT(waited.timed_out, 5u);
  EXPECT_GT(waited.joined, 5u);
  EXPECT_GT(waited.spilled, 50u);
}

/// Within five standard deviations: once in two million times by chance.
void expect_shares(const World& world, const Balancer& model) {
  for (const auto& [group, share] : model.shares()) {
    const double off = static_cast<double>(share.got) - share.expected;
    EXPECT_LE(off * off, 25 * share.variance + 1)
        << group << ": " << share.got << " instead of " << share.expected;
  }
  EXPECT_EQ(model.shares().empty(), !world.weighted);
}

void drive(const World& world, std::uint64_t seed, int rounds) {
  SCOPED_TRACE(world.name + " SPILLWAY_SEED=" + std::to_string(seed));
  const config::Config config = config_of(world);
  Rig rig(config, facts_of(world, config), world.workers, world.flows);
  if (world.limits) rig.tailroom = 128;  // for ICMP errors
  Balancer model(rig, world.flows);
  Generator generator(rig, model, seed, world.singly() ? 1 : 64);
  generator.strangers = world.weighted;
  const int bursts = world.singly() ? 8 : 1;  // nearly as many packets in all
  rounds *= bursts;
  if (world.limits) rounds *= 4;  // few of these packets come to a queue
  if (world.weighted) rounds *= 2;
  const auto seldom = [&](int one_of) {
    return generator.below(static_cast<std::uint64_t>(one_of * bursts)) == 0;
  };
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    if (seldom(world.limits || world.zones ? 3 : 12)) {
      const bool certain = change(world, rig, generator);
      ASSERT_NO_FATAL_FAILURE(serve(world, rig, model, certain));
    }
    if (seldom(world.limits ? 4 : 6)) {
      pass_time(world, rig, model, generator);
      ASSERT_NO_FATAL_FAILURE(serve(world, rig, model, true));
    }
    ASSERT_NO_FATAL_FAILURE(exchange(world, rig, model, generator));
    ASSERT_NO_FATAL_FAILURE(serve(world, rig, model, true));
    ASSERT_EQ(alive(rig, world.workers), model.connections().size())
        << surplus(rig, model, world.workers);
  }
  rig.expect_laws();
  expect_overload(world, rig, model);
  expect_waited(world, rig, model);
  expect_shares(world, model);
}

class Model : public testing::TestWithParam<World> {};

TEST_P(Model, AgreesWithThePathOnRandomTraffic) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + seeds(); ++seed) {
    drive(GetParam(), seed, 400);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Overload, Model,
    testing::Values(
        overloaded({"nat_round_robin_2", Mode::Nat, Algorithm::RoundRobin, 2}, "_rate", 20, 2048,
                   false),
        overloaded({"nat_round_robin_2", Mode::Nat, Algorithm::RoundRobin, 2}, "_full", 0, 12,
                   false),
        overloaded({"full_nat_maglev_1_v6", Mode::FullNat, Algorithm::Maglev, 1, Family::V6},
                   "_rate", 20, 2048, false),
        overloaded({"full_nat_round_robin_2", Mode::FullNat, Algorithm::RoundRobin, 2}, "_full", 0,
                   12, false),
        overloaded({"nat_maglev_1", Mode::Nat, Algorithm::Maglev, 1}, "_rate_forward", 20, 2048,
                   true),
        overloaded({"nat_maglev_3_v6", Mode::Nat, Algorithm::Maglev, 3, Family::V6},
                   "_rate_forward", 5, 2048, true),
        overloaded({"nat_source_ip_2", Mode::Nat, Algorithm::SourceIp, 2}, "_rate_forward", 5, 2048,
                   true),
        overloaded({"nat_maglev_2", Mode::Nat, Algorithm::Maglev, 2}, "_full_forward", 0, 12, true),
        overloaded({"nat_maglev_rss_3", Mode::Nat, Algorithm::Maglev, 3, Family::V4, true},
                   "_rate_forward", 5, 2048, true),
        sticky(overloaded({"nat_maglev_2", Mode::Nat, Algorithm::Maglev, 2}, "_rate_forward", 5,
                          2048, true)),
        overloaded({"nat_maglev_1_v6", Mode::Nat, Algorithm::Maglev, 1, Family::V6},
                   "_both_forward", 20, 24, true)),
    [](const auto& world) { return world.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Limits, Model,
    testing::Values(limited({"nat_round_robin_1", Mode::Nat, Algorithm::RoundRobin, 1}),
                    limited({"nat_maglev_3_v6", Mode::Nat, Algorithm::Maglev, 3, Family::V6}),
                    limited({"full_nat_least_connections_2", Mode::FullNat,
                             Algorithm::LeastConnections, 2}),
                    limited({"full_nat_source_ip_rss_3", Mode::FullNat, Algorithm::SourceIp, 3,
                             Family::V4, true}),
                    sticky(limited({"nat_round_robin_2", Mode::Nat, Algorithm::RoundRobin, 2})),
                    limited(zoned({"full_nat_round_robin_2_v6", Mode::FullNat,
                                   Algorithm::RoundRobin, 2, Family::V6}))),
    [](const auto& world) { return world.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Routing, Model,
    testing::Values(
        weighted({"nat_maglev_2", Mode::Nat, Algorithm::Maglev, 2}),
        weighted({"nat_round_robin_3_v6", Mode::Nat, Algorithm::RoundRobin, 3, Family::V6}),
        weighted({"full_nat_source_ip_1", Mode::FullNat, Algorithm::SourceIp, 1}),
        sticky(weighted({"full_nat_least_connections_2", Mode::FullNat, Algorithm::LeastConnections,
                         2})),
        zoned({"nat_round_robin_1", Mode::Nat, Algorithm::RoundRobin, 1}),
        zoned({"nat_maglev_2_v6", Mode::Nat, Algorithm::Maglev, 2, Family::V6}),
        zoned({"full_nat_least_connections_3", Mode::FullNat, Algorithm::LeastConnections, 3})),
    [](const auto& world) { return world.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Ranges, Model,
    testing::Values(
        keeping({"nat_round_robin_2", Mode::Nat, Algorithm::RoundRobin, 2}),
        keeping({"nat_maglev_3_v6", Mode::Nat, Algorithm::Maglev, 3, Family::V6}),
        keeping({"full_nat_maglev_1_v6", Mode::FullNat, Algorithm::Maglev, 1, Family::V6}),
        keeping({"full_nat_round_robin_rss_3", Mode::FullNat, Algorithm::RoundRobin, 3, Family::V4,
                 true}),
        keeping(overloaded({"nat_maglev_2", Mode::Nat, Algorithm::Maglev, 2}, "_rate_forward", 5,
                           2048, true)),
        keeping(overloaded({"nat_maglev_1_v6", Mode::Nat, Algorithm::Maglev, 1, Family::V6},
                           "_full_forward", 0, 12, true))),
    [](const auto& world) { return world.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Worlds, Model,
    testing::Values(
        World{"nat_round_robin_1", Mode::Nat, Algorithm::RoundRobin, 1},
        World{"nat_round_robin_3", Mode::Nat, Algorithm::RoundRobin, 3},
        World{"nat_maglev_1", Mode::Nat, Algorithm::Maglev, 1},
        World{"nat_maglev_4", Mode::Nat, Algorithm::Maglev, 4},
        World{"full_nat_round_robin_1", Mode::FullNat, Algorithm::RoundRobin, 1},
        World{"full_nat_maglev_2", Mode::FullNat, Algorithm::Maglev, 2},
        World{"full_nat_round_robin_4", Mode::FullNat, Algorithm::RoundRobin, 4},
        World{"nat_round_robin_2_v6", Mode::Nat, Algorithm::RoundRobin, 2, Family::V6},
        World{"nat_maglev_1_v6", Mode::Nat, Algorithm::Maglev, 1, Family::V6},
        World{"full_nat_round_robin_1_v6", Mode::FullNat, Algorithm::RoundRobin, 1, Family::V6},
        World{"full_nat_maglev_4_v6", Mode::FullNat, Algorithm::Maglev, 4, Family::V6},
        World{"nat_source_ip_2", Mode::Nat, Algorithm::SourceIp, 2},
        World{"nat_least_connections_2", Mode::Nat, Algorithm::LeastConnections, 2},
        World{"full_nat_least_connections_1_v6", Mode::FullNat, Algorithm::LeastConnections, 1,
              Family::V6},
        sticky({"nat_round_robin_3", Mode::Nat, Algorithm::RoundRobin, 3}),
        sticky({"nat_maglev_2_v6", Mode::Nat, Algorithm::Maglev, 2, Family::V6}),
        sticky({"full_nat_least_connections_2", Mode::FullNat, Algorithm::LeastConnections, 2}),
        World{"nat_maglev_rss_3", Mode::Nat, Algorithm::Maglev, 3, Family::V4, true},
        World{"nat_round_robin_rss_4", Mode::Nat, Algorithm::RoundRobin, 4, Family::V4, true},
        World{"nat_maglev_rss_3_v6", Mode::Nat, Algorithm::Maglev, 3, Family::V6, true},
        World{"full_nat_maglev_rss_2", Mode::FullNat, Algorithm::Maglev, 2, Family::V4, true},
        World{"full_nat_round_robin_rss_5", Mode::FullNat, Algorithm::RoundRobin, 5, Family::V4,
              true},
        World{"full_nat_round_robin_rss_4_v6", Mode::FullNat, Algorithm::RoundRobin, 4, Family::V6,
              true}),
    [](const auto& world) { return world.param.name; });

// nat with Maglev depends on nothing but the packets: any number of workers gives the same bytes.
TEST(Workers, OneToFourGiveTheSameResults) {
  const config::Config config = standard_config(4, Mode::Nat, Algorithm::Maglev);
  std::vector<std::unique_ptr<Rig>> rigs;
  for (int workers = 1; workers <= 4; ++workers) {
    rigs.push_back(std::make_unique<Rig>(config, standard_facts(config), workers));
  }
  Balancer none(*rigs[0]);
  Generator generator(*rigs[0], none, 7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Input> inputs;
    for (const Said& said : generator.burst()) {
      inputs.push_back(said.input(said.from_client ? router_mac() : target_mac(1)));
    }
    const std::vector<Outcome> expected = rigs[0]->run(inputs);
    for (std::size_t w = 1; w < rigs.size(); ++w) {
      const std::vector<Outcome> outcomes = rigs[w]->run(inputs, static_cast<int>(w) / 2);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        ASSERT_EQ(to_string(outcomes[i].verdict), to_string(expected[i].verdict));
        ASSERT_EQ(outcomes[i].bytes, expected[i].bytes);
      }
    }
  }
  for (auto& rig : rigs) rig->expect_laws();
}

}  // namespace
}  // namespace tests
