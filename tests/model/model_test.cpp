// The real path and the obvious balancer get the same random traffic; every output is compared.
//
// Seeded: a failure prints its seed, SPILLWAY_SEED=N repeats it. Each world is driven with two
// seeds, SPILLWAY_MODEL_FACTOR=N times as many; tools/soak (SPILLWAY_SOAK=1) takes six. Traffic is
// nasty on purpose: few client ports, so that they are used again; random flags; targets that come
// and go; long silences.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "tests/model/balancer.h"

namespace tests {
namespace {

using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;

struct World {
  std::string name;
  Mode mode;
  Algorithm algorithm;
  int workers;
  Family family = Family::V4;
  bool rss = false;            // with NICs that say so, and deal packets out at random all the same
  std::uint32_t rate = 0;      // new flows per second and worker
  std::uint32_t flows = 2048;  // per worker
  bool forward = false;        // without a flow, what is above either
  bool sticky = false;         // by the client's address, for longer than the test takes
  bool keeps = false;          // listeners of ranges, whose targets keep the port

  /// In a full table it matters when a flow makes room, and a burst's flows end before any begins;
  /// where clients are remembered, which worker meets one first, and a burst is one worker's after
  /// the other's. So one packet at a time.
  [[nodiscard]] bool singly() const { return flows < 2048 || sticky; }
};

World keeping(World world) {
  world.name += "_keeping_ports";
  world.keeps = true;
  return world;
}

World limited(World world, std::string name, std::uint32_t rate, std::uint32_t flows,
              bool forward) {
  world.name += name;
  world.rate = rate;
  world.flows = flows;
  world.forward = forward;
  return world;
}

World sticky(World world) {
  world.name += "_sticky";
  world.sticky = true;
  return world;
}

class Generator {
 public:
  Generator(Rig& rig, const Balancer& model, std::uint64_t seed, std::size_t burst_max = 64)
      : rig_(rig), model_(model), random_(seed), burst_max_(burst_max) {}

  /// Up to 64 packets of which no client has both a SYN that may end a connection and other
  /// packets: within one burst the path looks up all flows first, so only their order on the wire
  /// would tell.
  std::vector<Said> burst() {
    std::vector<Said> all;
    std::set<Client> opening;
    std::set<Client> talking;
    const std::size_t wanted = 1 + below(burst_max_);
    while (all.size() < wanted) {
      const Said said = below(2) == 0 ? from_client() : from_target();
      const Client who = client_of(said);
      const bool opens = said.tcp ? (said.flags & syn) != 0 : moves_udp(said);
      if (opening.contains(who) || (opens && talking.contains(who))) {
        if (below(8) == 0) break;
        continue;
      }
      (opens ? opening : talking).insert(who);
      all.push_back(said);
    }
    return all;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  using Client = std::pair<IpAddress, std::uint16_t>;
  Client client_of(const Said& said) const {
    SocketAddress client = said.from_client ? said.source : said.destination;
    if (!said.from_client) {
      for (const auto& [key, c] : model_.connections()) {
        if (c.tcp == said.tcp && c.target.address == said.source.address &&
            c.target.port == said.source.port &&
            c.seen_by_target.address == said.destination.address &&
            c.seen_by_target.port == said.destination.port) {
          client = c.client;
        }
      }
    }
    return {client.address, client.port};
  }

  /// A client's datagram may end its flow and begin another if its target is gone for good.
  bool moves_udp(const Said& said) const {
    if (!said.from_client) return false;
    const auto& targets = rig_.facts.targets;
    return std::any_of(targets.begin(), targets.end(), [](const config::TargetFact& target) {
      return target.availability == config::Availability::Terminated || target.resets_flows;
    });
  }

  bool v4() const { return rig_.config.listeners[0].address.is_v4(); }

  bool forwards() const {
    return rig_.config.target_groups[0].overload == dataplane::Overload::Forward;
  }

  std::uint8_t random_flags() {
    static constexpr std::uint8_t usual[] = {syn,       syn,       syn,       ack,
                                             ack,       psh | ack, psh | ack, fin | ack,
                                             fin | ack, rst,       rst | ack, syn | ack};
    return usual[below(std::size(usual))];
  }

  void dress(Said& said) {
    if (said.tcp) said.flags = random_flags();
    said.payload = std::string(below(5), 'p');
    // With pick-up anything may open a flow.
    const bool opens = !said.tcp || (said.flags & syn) != 0 || forwards();
    if (!opens && below(30) == 0) said.ttl = 1;
  }

  Said from_client() {
    Said said;
    said.tcp = below(3) != 0;
    said.source = {ip((v4() ? "198.18.0." : "2001:db8:c::") + std::to_string(1 + below(6))),
                   static_cast<std::uint16_t>(4000 + below(12))};
    const auto& listeners = rig_.config.listeners;  // 0: tcp, 1: udp, 2: tcp
    const auto& listener = listeners[!said.tcp ? 1 : below(4) == 0 ? listeners.size() - 1 : 0];
    said.tcp = listener.protocol == dataplane::Protocol::Tcp;
    const dataplane::PortRange ports = ports_of(listener);
    const auto port = ports.first + below(std::uint64_t{ports.last} - ports.first + 1);
    said.destination = {listener.address, static_cast<std::uint16_t>(port)};
    dress(said);
    return said;
  }

  Said from_target() {
    const auto& known = model_.connections();
    const auto& homes = model_.homes();
    Said said;
    if (!homes.empty() && below(2) == 0) {
      auto chosen = homes.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(below(homes.size())));
      const config::TargetFact& target = rig_.facts.targets[chosen->second.target];
      said.tcp = chosen->second.tcp;
      const std::uint16_t asked = std::get<4>(chosen->first);
      said.source = {target.address, target.port == 0 ? asked : target.port};
      said.destination = chosen->second.client;
    } else if (known.empty() || below(20) == 0) {
      said.tcp = below(2) == 0;
      const auto& group = rig_.config.target_groups[said.tcp ? 0 : 1];
      const std::uint16_t asked = rig_.config.listeners[said.tcp ? 0 : 1].port;
      said.source = {group.targets[0].address, group.port == 0 ? asked : group.port};
      const bool full_nat = rig_.config.target_groups[0].mode == Mode::FullNat;
      said.destination = {full_nat ? rig_.config.ports[1].local_addresses[0]
                                   : ip(v4() ? "198.18.9.9" : "2001:db8:c::99"),
                          64'999};
    } else {
      auto chosen = known.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(below(known.size())));
      const Connection& c = chosen->second;
      said.tcp = c.tcp;
      said.source = c.target;
      said.destination = c.seen_by_target;
    }
    said.from_client = false;
    dress(said);
    if (said.tcp && below(3) == 0) said.flags = syn | ack;
    if (said.flags == syn) said.flags = ack;  // a target does not open connections
    return said;
  }

  Rig& rig_;
  const Balancer& model_;
  std::mt19937_64 random_;
  std::size_t burst_max_;
};

void change_targets(Rig& rig, Generator& generator) {
  using config::Availability;
  static constexpr Availability usual[] = {Availability::Serving, Availability::Serving,
                                           Availability::FailOpen, Availability::Draining,
                                           Availability::Terminated};
  config::TargetFact& target = rig.facts.targets[generator.below(rig.facts.targets.size())];
  target.availability = usual[generator.below(std::size(usual))];
  target.resets_flows = target.availability == Availability::FailOpen && generator.below(2) == 0;
  rig.publish();
}

void pass_time(Rig& rig, Balancer& model, Generator& generator) {
  static constexpr std::uint64_t usual[] = {1, 10, 500, 3'000, 11'500, 32'000, 125'000, 352'000};
  rig.advance(usual[generator.below(std::size(usual))]);
  while (!model.settle()) rig.advance(700);
}

config::Config world_config(const World& world) {
  config::Config config = standard_config(4, world.mode, world.algorithm, world.family);
  for (config::TargetGroup& group : config.target_groups) {
    group.unknown_flow =
        world.forward ? dataplane::UnknownFlow::PickUp : dataplane::UnknownFlow::Reset;
    group.overload = world.forward ? dataplane::Overload::Forward : dataplane::Overload::Refuse;
    if (world.sticky) group.stickiness.type = dataplane::Stickiness::SourceIp;
  }
  config.flows.new_per_second = world.rate;
  if (world.keeps) {
    for (config::TargetGroup& group : config.target_groups) {
      group.port = 0;
      for (config::Target& target : group.targets) target.port = 0;
    }
    for (config::Listener& listener : config.listeners) {
      listener.port_last = static_cast<std::uint16_t>(listener.port + 2);
    }
  }
  config::Listener other = config.listeners[0];
  other.name = "web-2";
  other.port = 81;
  other.port_last = 0;
  // nat, and a target that we cannot foresee: a client's two connections to one target would
  // collide unpredictably.
  const bool collides = world.mode == Mode::Nat && world.algorithm != Algorithm::RoundRobin;
  if (!collides) config.listeners.push_back(other);
  return config;
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

void drive(const World& world, std::uint64_t seed, int rounds) {
  SCOPED_TRACE(world.name + " SPILLWAY_SEED=" + std::to_string(seed));
  const config::Config config = world_config(world);
  Rig rig(config, world.rss ? facts_with_rss(config, world.workers) : standard_facts(config),
          world.workers, world.flows);
  Balancer model(rig, world.flows);
  Generator generator(rig, model, seed, world.singly() ? 1 : 64);
  const int bursts = world.singly() ? 8 : 1;  // nearly as many packets in all
  rounds *= bursts;
  const auto seldom = [&](int one_of) {
    return generator.below(static_cast<std::uint64_t>(one_of * bursts)) == 0;
  };
  for (int round = 0; round < rounds; ++round) {
    if (seldom(12)) change_targets(rig, generator);
    if (seldom(6)) pass_time(rig, model, generator);
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
      ASSERT_EQ(error, "") << "round " << round << " packet " << i << " of " << said.size() << ": "
                           << with_port(said[i].source.address, said[i].source.port) << " -> "
                           << with_port(said[i].destination.address, said[i].destination.port)
                           << (said[i].tcp ? " tcp" : " udp") << " flags " << int{said[i].flags};
    }
    std::uint64_t alive = 0;
    for (int worker = 0; worker < world.workers; ++worker) {
      alive += rig.counters(worker).totals.flows_alive.read();
    }
    ASSERT_EQ(alive, model.connections().size())
        << "round " << round << surplus(rig, model, world.workers);
  }
  rig.expect_laws();
  std::uint64_t stateless = 0;
  for (int worker = 0; worker < world.workers; ++worker) {
    stateless += rig.counters(worker).totals.stateless.read();
  }
  EXPECT_EQ(stateless, model.stateless());
  EXPECT_EQ(stateless > 100, world.forward) << stateless << ": or the world is too roomy";
  const std::uint64_t refused = rig.verdicts(dataplane::Verdict::DropTableFull) +
                                rig.verdicts(dataplane::Verdict::DropFlowRate);
  EXPECT_EQ(refused > 100, !world.forward && (world.flows < 2048 || world.rate != 0)) << refused;
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
        limited({"nat_round_robin_2", Mode::Nat, Algorithm::RoundRobin, 2}, "_rate", 20, 2048,
                false),
        limited({"nat_round_robin_2", Mode::Nat, Algorithm::RoundRobin, 2}, "_full", 0, 12, false),
        limited({"full_nat_maglev_1_v6", Mode::FullNat, Algorithm::Maglev, 1, Family::V6}, "_rate",
                20, 2048, false),
        limited({"full_nat_round_robin_2", Mode::FullNat, Algorithm::RoundRobin, 2}, "_full", 0, 12,
                false),
        limited({"nat_maglev_1", Mode::Nat, Algorithm::Maglev, 1}, "_rate_forward", 20, 2048, true),
        limited({"nat_maglev_3_v6", Mode::Nat, Algorithm::Maglev, 3, Family::V6}, "_rate_forward",
                5, 2048, true),
        limited({"nat_source_ip_2", Mode::Nat, Algorithm::SourceIp, 2}, "_rate_forward", 5, 2048,
                true),
        limited({"nat_maglev_2", Mode::Nat, Algorithm::Maglev, 2}, "_full_forward", 0, 12, true),
        limited({"nat_maglev_rss_3", Mode::Nat, Algorithm::Maglev, 3, Family::V4, true},
                "_rate_forward", 5, 2048, true),
        sticky(limited({"nat_maglev_2", Mode::Nat, Algorithm::Maglev, 2}, "_rate_forward", 5, 2048,
                       true)),
        limited({"nat_maglev_1_v6", Mode::Nat, Algorithm::Maglev, 1, Family::V6}, "_both_forward",
                20, 24, true)),
    [](const auto& world) { return world.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Ranges, Model,
    testing::Values(
        keeping({"nat_round_robin_2", Mode::Nat, Algorithm::RoundRobin, 2}),
        keeping({"nat_maglev_3_v6", Mode::Nat, Algorithm::Maglev, 3, Family::V6}),
        keeping({"full_nat_maglev_1_v6", Mode::FullNat, Algorithm::Maglev, 1, Family::V6}),
        keeping({"full_nat_round_robin_rss_3", Mode::FullNat, Algorithm::RoundRobin, 3, Family::V4,
                 true}),
        keeping(limited({"nat_maglev_2", Mode::Nat, Algorithm::Maglev, 2}, "_rate_forward", 5, 2048,
                        true)),
        keeping(limited({"nat_maglev_1_v6", Mode::Nat, Algorithm::Maglev, 1, Family::V6},
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
