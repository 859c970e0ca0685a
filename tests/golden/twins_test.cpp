// The fast path against the verbs that it stands for. Two balancers get the same packets, but one
// of them with a priority tag (802.1Q, VLAN 0), which parse and the fast path leave to the code
// that takes one thing at a time, and which the frame that leaves no longer has. Everything else
// must be the same: verdicts, frames, counters, flows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using namespace dataplane;

constexpr int targets = 4;
constexpr int clients = 24;

/// As a switch port that marks priorities would send it.
Bytes with_priority_tag(const Bytes& frame) {
  Bytes tagged = frame;
  const Bytes tag = {0x81, 0x00, 0xa0, 0x00};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  return tagged;
}
Bytes without_tag(const Bytes& frame) {
  if (frame.size() < 18 || frame[12] != 0x81 || frame[13] != 0x00) return frame;
  Bytes plain = frame;
  plain.erase(plain.begin() + 12, plain.begin() + 16);
  return plain;
}

/// What a flow's entry says, but for where it lies.
using Entry = std::tuple<std::string, Phase, TargetId, std::uint16_t, std::uint64_t, std::uint32_t,
                         std::uint32_t, std::array<std::uint8_t, 6>>;

template <class Address>
std::vector<Entry> entries(FlowTable<Address>& table) {
  std::vector<Entry> found;
  for (std::uint32_t bucket = 0; bucket < table.buckets(); ++bucket) {
    table.visit_bucket(bucket, [&](FlowIndex index) {
      const Flow<Address>& flow = table[index];
      const auto key =
          fmt::format("{}:{} {}:{} {}", to_string(IpAddress(flow.key.source)),
                      flow.key.source_port.value(), to_string(IpAddress(flow.key.destination)),
                      flow.key.destination_port.value(), static_cast<int>(flow.key.protocol));
      // The connection's: which of its entries has it is told by whose turn it is (path/answer),
      // and that by which packet came last, where one of a burst overtakes another on the fast
      // path.
      const std::uint32_t last_seen =
          std::max(flow.last_seen.count, table[flow.twin].last_seen.count);
      found.emplace_back(key, flow.phase, flow.target, flow.listener().slot, flow.bytes(),
                         flow.packets, last_seen, flow.client_mac.bytes);
    });
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::uint64_t> figures(const WorkerBlock& block) {
  std::vector<std::uint64_t> found;
  for (const Counter& counter : block.verdicts) found.push_back(counter.read());
  for (int slot = 0; slot < 2 * targets; ++slot) {
    const TargetCounters& target = block.targets[static_cast<std::size_t>(slot)];
    for (const Counter* counter :
         {&target.new_flows, &target.active_flows, &target.packets_to_target,
          &target.bytes_to_target, &target.packets_to_client, &target.bytes_to_client,
          &target.client_resets, &target.target_resets, &target.elb_resets}) {
      found.push_back(counter->read());
    }
  }
  return found;
}

/// Makes up packets of a few clients and of the targets that answer them, most of them usual.
class Talk {
 public:
  struct Said {
    int client;
    Input input;
  };

  Talk(Family family, unsigned seed) : family_(family), random_(seed) {}

  void begin_burst() {
    talked_.clear();
    router_ = router_mac();
    if (pick(4) == 0) router_.bytes[5] = 2;  // the other of two routers
  }
  Said next() {
    const int client = pick(clients);
    const bool is_tcp = client % 3 != 0;
    const auto reply = replies_.find(client);
    const bool from_target_side = reply != replies_.end() && pick(2) == 0;
    Frame frame = from_target_side ? make(is_tcp, reply->second.destination, reply->second.source)
                                   : make(is_tcp, {client_address(client), client_port(client)},
                                          listener(is_tcp));
    shape(frame, is_tcp);
    // A SYN that replaces a connection takes the flow away from packets before it in its burst: the
    // fast path has sent them by then, the others have not, and drop them as its last words.
    if (is_tcp && !from_target_side && talked_.contains(client)) frame.flags(psh | ack);
    talked_.insert(client);
    frame.from_mac(from_target_side ? target_mac(1) : router_);
    Bytes bytes = frame.to_mac(port_mac(from_target_side ? back : front)).bytes();
    // Ethernet's padding; some drivers leave anything in it.
    while (bytes.size() < 60) bytes.push_back(static_cast<std::uint8_t>(pick(256)));
    return {client, {bytes, from_target_side ? back : front}};
  }

  /// Learns from what left how the client's target will answer.
  void learn(int client, const Outcome& outcome) {
    if (outcome.verdict != Verdict::ForwardToTarget) return;
    const Bytes& sent = outcome.bytes;
    const bool v4 = family_ == Family::V4;
    const std::size_t ports = v4 ? 34 : 54;
    replies_[client] = {{address_at(sent, v4 ? 26 : 22), port_at(sent, ports)},
                        {address_at(sent, v4 ? 30 : 38), port_at(sent, ports + 2)}};
  }

 private:
  struct Leaves {
    SocketAddress source;
    SocketAddress destination;
  };

  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  IpAddress client_address(int client) const {
    return ip(family_ == Family::V4 ? fmt::format("198.18.0.{}", client + 1)
                                    : fmt::format("2001:db8:c::{:x}", client + 1));
  }
  static std::uint16_t client_port(int client) { return static_cast<std::uint16_t>(4000 + client); }
  SocketAddress listener(bool is_tcp) const {
    return {ip(family_ == Family::V4 ? "203.0.113.10" : "2001:db8::10"),
            static_cast<std::uint16_t>(is_tcp ? 80 : 53)};
  }
  static Frame make(bool is_tcp, const SocketAddress& from, const SocketAddress& to) {
    Frame frame = is_tcp ? tcp("10.0.0.1:1", "10.0.0.2:2") : udp("10.0.0.1:1", "10.0.0.2:2");
    frame.source = from;
    frame.destination = to;
    return frame;
  }
  void shape(Frame& frame, bool is_tcp) {
    frame.payload(Bytes(static_cast<std::size_t>(pick(10) == 0 ? pick(1600) : pick(64)), 'x'));
    if (pick(20) == 0) frame.ttl(static_cast<std::uint8_t>(pick(3)));
    if (is_tcp) {
      constexpr std::uint8_t flags[] = {ack, ack,       ack,       ack, psh | ack,
                                        syn, syn | ack, fin | ack, rst, rst | ack};
      frame.flags(flags[pick(10)]);
    } else if (family_ == Family::V4 && pick(4) == 0) {
      frame.no_udp_checksum();
    }
  }
  IpAddress address_at(const Bytes& frame, std::size_t offset) const {
    if (family_ == Family::V4) {
      return ip(fmt::format("{}.{}.{}.{}", frame[offset], frame[offset + 1], frame[offset + 2],
                            frame[offset + 3]));
    }
    Ipv6Address address;
    std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(offset), 16, address.bytes.begin());
    return IpAddress(address);
  }
  static std::uint16_t port_at(const Bytes& frame, std::size_t offset) {
    return static_cast<std::uint16_t>(frame[offset] << 8 | frame[offset + 1]);
  }

  Family family_;
  std::mt19937 random_;
  MacAddress router_;
  std::set<int> talked_;           // clients with a packet in this burst
  std::map<int, Leaves> replies_;  // by client: how its packets reached the target
};

class Twins : public testing::TestWithParam<std::tuple<Family, Mode, Algorithm>> {};

/// One packet, as each of the two has dealt with it.
void expect_same(const Outcome& fast, const Outcome& slow) {
  ASSERT_EQ(to_string(fast.verdict), to_string(slow.verdict));
  ASSERT_EQ(fast.port, slow.port);
  if (is_forward(fast.verdict)) {
    // A client's odd packet teaches its new router to what follows it in the burst, but not to what
    // overtakes it on the fast path.
    const int router = fast.verdict == Verdict::ForwardToClient ? 6 : 0;
    ASSERT_TRUE(std::equal(fast.bytes.begin() + router, fast.bytes.end(),
                           slow.bytes.begin() + router, slow.bytes.end()))
        << dump(fast.bytes) << "\nslowly:" << dump(slow.bytes);
  } else if (is_reply(fast.verdict)) {
    ASSERT_EQ(fast.bytes, without_tag(slow.bytes));
  }
}

/// A burst, and what is left behind by it.
void play_burst(Talk& talk, std::size_t size, Rig& fast, Rig& slow) {
  std::vector<Input> usual, tagged;
  std::vector<int> who;
  talk.begin_burst();
  for (std::size_t i = 0; i < size; ++i) {
    const Talk::Said said = talk.next();
    who.push_back(said.client);
    usual.push_back(said.input);
    tagged.push_back({with_priority_tag(usual.back().bytes), usual.back().port});
  }
  const std::vector<Outcome> left = fast.run(usual), right = slow.run(tagged);
  for (std::size_t i = 0; i < size; ++i) {
    SCOPED_TRACE(dump(usual[i].bytes));
    ASSERT_NO_FATAL_FAILURE(expect_same(left[i], right[i]));
    talk.learn(who[i], left[i]);
  }
  ASSERT_EQ(figures(fast.counters()), figures(slow.counters()));
  ASSERT_TRUE(entries(fast.core().flows4) == entries(slow.core().flows4));
  ASSERT_TRUE(entries(fast.core().flows6) == entries(slow.core().flows6));
  fast.expect_laws();
  slow.expect_laws();
}

TEST_P(Twins, DoTheSame) {
  const auto [family, mode, algorithm] = GetParam();
  const config::Config config = standard_config(targets, mode, algorithm, family);
  for (unsigned seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE(seed);
    Rig fast(config, standard_facts(config)), slow(config, standard_facts(config));
    Talk talk(family, seed);
    std::mt19937 random(seed);
    for (int burst = 0; burst < 120; ++burst) {
      ASSERT_NO_FATAL_FAILURE(play_burst(talk, 1 + random() % 64, fast, slow));
      const std::uint64_t pause = random() % 200;
      fast.advance(pause);
      slow.advance(pause);
    }
    // Else the two were one and the same.
    EXPECT_GT(fast.fast_packets(), 1'000u);
    EXPECT_EQ(slow.fast_packets(), 0u);
  }
}

std::string name(const testing::TestParamInfo<Twins::ParamType>& info) {
  const auto [family, mode, algorithm] = info.param;
  return fmt::format("{}{}{}", family == Family::V4 ? "V4" : "V6",
                     mode == Mode::Nat ? "Nat" : "FullNat",
                     algorithm == Algorithm::Maglev ? "Maglev" : "RoundRobin");
}

INSTANTIATE_TEST_SUITE_P(, Twins,
                         testing::Combine(testing::Values(Family::V4, Family::V6),
                                          testing::Values(Mode::Nat, Mode::FullNat),
                                          testing::Values(Algorithm::RoundRobin,
                                                          Algorithm::Maglev)),
                         name);

}  // namespace
}  // namespace tests
