#include "tools/bench/plan.h"

#include <gtest/gtest.h>

#include "tools/bench/family.h"

namespace tools::bench {
namespace {

using dataplane::Be16;
using dataplane::Mode;
using dataplane::Protocol;

/// A frame with that key, as if it had left.
struct alignas(64) Left {
  Left(Protocol protocol, const Ipv4::Key& key) {
    Ipv4::Writer(protocol, front_mac, target_mac).write(bytes, key, 0);
  }
  std::uint8_t bytes[64];
};

TEST(Plan, NatTargetsAnswerTheClient) {
  Plan<Ipv4> plan(8, Mode::Nat, Protocol::Tcp);
  auto forwarded = plan.to_listener(5);
  forwarded.destination = Ipv4::target(3);
  forwarded.destination_port = Be16{target_port(Protocol::Tcp)};
  plan.learn(5, Left(Protocol::Tcp, forwarded).bytes);
  EXPECT_EQ(plan.to_client(5), forwarded.reversed());
}

TEST(Plan, FullNatTargetsAnswerTheLocalPort) {
  Plan<Ipv4> plan(8, Mode::FullNat, Protocol::Udp);
  Ipv4::Key forwarded;
  forwarded.source = Ipv4::local(2);
  forwarded.source_port = Be16{40'000};
  forwarded.destination = Ipv4::target(63);
  forwarded.destination_port = Be16{target_port(Protocol::Udp)};
  forwarded.protocol = Protocol::Udp;
  plan.learn(7, Left(Protocol::Udp, forwarded).bytes);
  EXPECT_EQ(plan.to_client(7), forwarded.reversed());
}

TEST(Plan, KeepsToAWorkersClients) {
  Plan<Ipv4> all(200, Mode::Nat, Protocol::Tcp), even(100, Mode::Nat, Protocol::Tcp);
  const auto is_even = [](const Ipv4::Key& key) { return key.source_port.value() % 2 == 0; };
  even.keep_to(is_even);
  std::uint32_t next = 0;
  for (std::uint32_t flow = 0; flow < 50; ++flow) {
    while (!is_even(all.to_listener(next))) ++next;
    EXPECT_EQ(even.to_listener(flow), all.to_listener(next++));
  }
}

TEST(PlanDeathTest, KnowsHowManyFlowsItHas) {
  Plan<Ipv4> plan(8, Mode::Nat, Protocol::Tcp);
  EXPECT_DEATH(static_cast<void>(plan.to_client(8)), "CHECK failed");
  const Left frame(Protocol::Tcp, plan.to_listener(0));
  EXPECT_DEATH(plan.learn(8, frame.bytes), "CHECK failed");
}

}  // namespace
}  // namespace tools::bench
