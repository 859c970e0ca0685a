// A world of targets with limits, and what its tests ask: shared by surge_test and waiters_test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "tests/golden/golden.h"

namespace tests::surge {

using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;
using dataplane::Verdict;
using enum dataplane::Verdict;

struct World {
  std::string name;
  Mode mode;
  Algorithm algorithm;
  Family family;
  int workers;
};

/// The TCP or UDP endpoints of a frame without VLAN tag and options.
struct Ends {
  SocketAddress source, destination;
};
inline Ends ends_of(const Bytes& frame) {
  const bool v4 = frame[12] == 0x08;
  const auto address = [&](std::size_t v4_at, std::size_t v6_at) -> IpAddress {
    if (v4) {
      dataplane::Ipv4Address four;
      std::copy_n(frame.data() + v4_at, 4, reinterpret_cast<std::uint8_t*>(&four));
      return four;
    }
    dataplane::Ipv6Address six;
    std::copy_n(frame.data() + v6_at, 16, six.bytes.data());
    return six;
  };
  const std::size_t ports = v4 ? 34 : 54;
  const auto port = [&](std::size_t at) {
    return static_cast<std::uint16_t>(frame[at] << 8 | frame[at + 1]);
  };
  return {{address(26, 22), port(ports)}, {address(30, 38), port(ports + 2)}};
}

inline std::uint32_t sequence_of(const Bytes& frame) {
  const std::size_t at = frame[12] == 0x08 ? 38 : 58;
  return std::uint32_t{frame[at]} << 24 | std::uint32_t{frame[at + 1]} << 16 |
         std::uint32_t{frame[at + 2]} << 8 | frame[at + 3];
}

class Fixture : public testing::TestWithParam<World> {
 protected:
  static constexpr int targets = 2;

  bool v4() const { return GetParam().family == Family::V4; }
  std::string client(int port, int host = 7) const {
    return (v4() ? "198.18.0." + std::to_string(host)
                 : "[2001:db8:c::" + std::to_string(host) + "]") +
           ":" + std::to_string(port);
  }
  std::string web() const { return v4() ? "203.0.113.10:80" : "[2001:db8::10]:80"; }
  std::string dns() const { return v4() ? "203.0.113.10:53" : "[2001:db8::10]:53"; }

  /// Each target takes `limit` connections, `length` SYNs wait.
  config::Config config(std::uint32_t limit, std::uint32_t length) const {
    const World& world = GetParam();
    config::Config made = standard_config(targets, world.mode, world.algorithm, world.family);
    for (config::TargetGroup& group : made.target_groups) {
      group.surge_queue.length = length;
      for (config::Target& target : group.targets) target.max_connections = limit;
    }
    return made;
  }
  std::unique_ptr<Rig> rig(const config::Config& made) const {
    return std::make_unique<Rig>(made, standard_facts(made), GetParam().workers);
  }

  Verdict open(Rig& rig, int port) const {
    return rig.run(tcp(client(port), web()).flags(syn), front).verdict;
  }
  /// Opens so many connections, from the ports first, first + 1, …
  void fill(Rig& rig, int first, int count) const {
    for (int port = first; port < first + count; ++port)
      ASSERT_EQ(open(rig, port), ForwardToTarget) << port;
  }
  /// The target that a forwarded frame goes to.
  static int number_of(const Outcome& outcome) { return outcome.bytes[5]; }
  /// What leaves to the target, as the target answers it.
  Frame answer(const Outcome& sent, std::uint8_t flags) const {
    const Ends ends = ends_of(sent.bytes);
    Frame frame = tcp(with_port(ends.destination.address, ends.destination.port),
                      with_port(ends.source.address, ends.source.port));
    return frame.flags(flags).from_mac(target_mac(number_of(sent)));
  }
  /// The RST that a client's SYN gets.
  Bytes refusal(int port) const {
    return to_client(tcp(web(), client(port))
                         .flags(rst | ack)
                         .sequence(0)
                         .acknowledgement(1001)
                         .window(0)
                         .identification(0)
                         .flow_label(0));
  }
  static std::uint64_t sum(Rig& rig, int workers, int group,
                           dataplane::Counter dataplane::TargetGroupCounters::*counter) {
    std::uint64_t total = 0;
    for (int worker = 0; worker < workers; ++worker)
      total += (rig.counters(worker).groups[static_cast<std::size_t>(group)].*counter).read();
    return total;
  }
  using Counters = dataplane::TargetGroupCounters;
  std::uint64_t web_sum(Rig& rig, dataplane::Counter Counters::*counter) const {
    return sum(rig, GetParam().workers, 0, counter);
  }
};

inline const World spreading[]{
    {"nat_round_robin_1", Mode::Nat, Algorithm::RoundRobin, Family::V4, 1},
    {"nat_round_robin_3_v6", Mode::Nat, Algorithm::RoundRobin, Family::V6, 3},
    {"nat_maglev_2", Mode::Nat, Algorithm::Maglev, Family::V4, 2},
    {"full_nat_least_connections_2", Mode::FullNat, Algorithm::LeastConnections, Family::V4, 2},
};
inline std::string name_of(const testing::TestParamInfo<World>& world) { return world.param.name; }

}  // namespace tests::surge
