// Several workers behind NICs that spread by RSS. The test is the NIC: it gives each packet to the
// worker that the port's key and table say, or to another one.
#include <gtest/gtest.h>

#include <set>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::FlowKey4;
using dataplane::Mode;
using dataplane::PortId;
using dataplane::Steering;

const std::string web = "203.0.113.10:80";
const std::string dns = "203.0.113.10:53";

/// A client's and its target's packets, as they go in and come out.
class Conversation {
 public:
  Conversation(Rig& rig, bool is_tcp, int number)
      : rig_(rig),
        is_tcp_(is_tcp),
        client_("198.18." + std::to_string(number / 200) + "." + std::to_string(number % 200 + 1) +
                ":" + std::to_string(1024 + number * 7919 % 60'000)) {}

  Outcome open() {
    Outcome opened = say(is_tcp_ ? syn : std::uint8_t{0});
    if (opened.verdict != ForwardToTarget) return opened;
    const std::uint8_t* ip_header = opened.bytes.data() + 14;
    seen_as_ = text_of(ip_header + 12, ip_header + 20);
    target_ = text_of(ip_header + 16, ip_header + 22);
    return opened;
  }
  Outcome say(std::uint8_t flags = ack) {
    return pass(frame(client_, is_tcp_ ? web : dns, flags).from_mac(router_mac()),
                key(client_, is_tcp_ ? web : dns), front);
  }
  Outcome answer(std::uint8_t flags = ack) {
    return pass(frame(target_, seen_as_, flags), key(target_, seen_as_), back);
  }
  /// The target's host says that it does not take what came from us.
  Outcome refuse(int receiver) {
    Frame error = echo("10.0.1.11", seen_as_.substr(0, seen_as_.find(':')));
    error.icmp(3, 3, 0).payload(frame(seen_as_, target_, ack).ip_packet()).to_mac(port_mac(back));
    return rig_.run({{error.bytes(), back}}, receiver).front();
  }

  int stray = 0;  // how many workers next to the right one the NIC gives it to

 private:
  static std::string text_of(const std::uint8_t* address, const std::uint8_t* port) {
    std::string text;
    for (int i = 0; i < 4; ++i) text += (i == 0 ? "" : ".") + std::to_string(address[i]);
    return text + ":" + std::to_string(port[0] << 8 | port[1]);
  }
  FlowKey4 key(const std::string& source, const std::string& destination) const {
    const SocketAddress from = endpoint(source), to = endpoint(destination);
    return {from.address.v4(),         to.address.v4(),
            dataplane::Be16{from.port}, dataplane::Be16{to.port},
            is_tcp_ ? dataplane::Protocol::Tcp : dataplane::Protocol::Udp, {0, 0, 0}};
  }
  Frame frame(const std::string& source, const std::string& destination, std::uint8_t flags) const {
    return is_tcp_ ? tcp(source, destination).flags(flags) : udp(source, destination);
  }
  Outcome pass(Frame frame, const FlowKey4& key, PortId port) {
    const int right = rig_.facts.ports[port.number].rss->worker(key).number;
    const int workers = static_cast<int>(rig_.config.workers);
    return rig_.run({{frame.to_mac(port_mac(port)).bytes(), port}}, (right + stray) % workers)
        .front();
  }

  Rig& rig_;
  bool is_tcp_;
  std::string client_, seen_as_, target_;
};

std::uint64_t wrong_core(Rig& rig) {
  std::uint64_t sum = 0;
  for (int i = 0; i < static_cast<int>(rig.config.workers); ++i) {
    sum += rig.counters(i).totals.wrong_core.read();
  }
  return sum;
}

/// Opens so many conversations; each has three packets from the client and two from the target.
void talk(Rig& rig, int conversations, int stray) {
  std::set<int> workers;
  for (int i = 0; i < conversations; ++i) {
    Conversation one(rig, i % 3 != 0, i);
    one.stray = stray;
    const Outcome opened = one.open();
    ASSERT_EQ(opened.verdict, ForwardToTarget) << i;
    workers.insert(opened.worker.number);
    for (const Outcome& outcome :
         {one.answer(syn | ack), one.say(), one.answer(), one.say(syn | ack)}) {
      ASSERT_TRUE(is_forward(outcome.verdict)) << i << " " << to_string(outcome.verdict);
      ASSERT_EQ(outcome.worker, opened.worker) << i;
    }
  }
  EXPECT_EQ(workers.size(), rig.config.workers) << "all take part";
  rig.expect_laws();
}

class Steered : public testing::TestWithParam<std::tuple<Mode, int>> {
 protected:
  static Mode mode() { return std::get<0>(GetParam()); }
  static int workers() { return std::get<1>(GetParam()); }
  config::Config config = standard_config(3, mode(), Algorithm::RoundRobin);
  Rig rig{config, facts_with_rss(config, workers()), workers()};
};

TEST_P(Steered, NothingIsHandedOff) {
  EXPECT_EQ(rig.snapshot().ports[0].steering, Steering::Rss);
  EXPECT_EQ(rig.snapshot().ports[1].steering, Steering::Rss);
  talk(rig, 600, 0);
  EXPECT_EQ(rig.verdicts(HandOff), 0u);
  EXPECT_EQ(wrong_core(rig), 0u);
  EXPECT_EQ(rig.verdicts(ForwardToTarget), 3u * 600);
  EXPECT_EQ(rig.verdicts(ForwardToClient), 2u * 600);
}

TEST_P(Steered, WhatArrivesAtTheWrongWorkerIsForwardedAllTheSame) {
  talk(rig, 200, 1);
  EXPECT_EQ(rig.verdicts(HandOff), 5u * 200);
  EXPECT_EQ(wrong_core(rig), 5u * 200);
  EXPECT_EQ(rig.verdicts(ForwardToTarget), 3u * 200);
}

TEST_P(Steered, IcmpErrorsReachTheirFlowFromAnyQueue) {
  for (int number = 0; number < 40; ++number) {
    Conversation one(rig, true, number);
    const Outcome opened = one.open();
    for (int receiver = 0; receiver < workers(); ++receiver) {
      const Outcome told = one.refuse(receiver);
      EXPECT_EQ(told.verdict, ForwardToClient);
      EXPECT_EQ(told.worker, opened.worker);
    }
  }
  EXPECT_EQ(wrong_core(rig), 40u * static_cast<unsigned>(workers() - 1));
}

INSTANTIATE_TEST_SUITE_P(Modes, Steered,
                         testing::Combine(testing::Values(Mode::Nat, Mode::FullNat),
                                          testing::Values(2, 3, 4, 7)),
                         [](const auto& one) {
                           return (std::get<0>(one.param) == Mode::Nat ? "nat_" : "full_nat_") +
                                  std::to_string(std::get<1>(one.param));
                         });

// NICs that hash whole tuples, and a group that keeps clients' addresses: what clients send is
// handed over, and full_nat's replies still arrive where they belong.
TEST(MixedModes, FullNatRepliesAreSteered) {
  config::Config config = standard_config(3, Mode::FullNat, Algorithm::RoundRobin);
  config::Facts facts = facts_with_rss(config, 4);  // their keys and tables, of tuples
  config.target_groups[1].mode = Mode::Nat;         // dns
  facts.client_rss = nullptr;
  Rig rig(config, facts, 4);
  EXPECT_EQ(rig.snapshot().ports[0].steering, Steering::HandOff);
  EXPECT_EQ(rig.snapshot().ports[1].steering, Steering::Rss);
  for (int i = 0; i < 200; ++i) {
    Conversation one(rig, true, i);
    const Outcome opened = one.open();
    const std::uint64_t before = rig.verdicts(HandOff);
    const Outcome answered = one.answer(syn | ack);
    EXPECT_EQ(answered.verdict, ForwardToClient);
    EXPECT_EQ(answered.worker, opened.worker);
    EXPECT_EQ(rig.verdicts(HandOff), before);
  }
  for (int i = 0; i < 200; ++i) {
    Conversation one(rig, false, i);
    const Outcome opened = one.open();
    const Outcome answered = one.answer();
    EXPECT_EQ(answered.verdict, ForwardToClient);
    EXPECT_EQ(answered.worker, opened.worker);
  }
  rig.expect_laws();
}

// A port of one queue beside one with RSS: its receiver computes the same owner in software.
TEST(MixedPorts, BothSidesAgreeOnTheOwner) {
  const config::Config config = standard_config(3, Mode::FullNat, Algorithm::RoundRobin);
  config::Facts facts = facts_with_rss(config, 4);
  const auto back_rss = facts.ports[1].rss;
  facts.ports[1].rss = nullptr;
  Rig rig(config, facts, 4);
  EXPECT_EQ(rig.snapshot().ports[0].steering, Steering::Rss);
  EXPECT_EQ(rig.snapshot().ports[1].steering, Steering::HandOff);
  rig.facts.ports[1].rss = back_rss;  // for the test's NIC alone: any queue
  talk(rig, 200, 0);
  EXPECT_EQ(wrong_core(rig), 0u);
  EXPECT_GT(rig.verdicts(HandOff), 0u);
}

TEST(Reload, DoesNotMoveFlowsToOtherWorkers) {
  config::Config config = standard_config(3, Mode::FullNat, Algorithm::RoundRobin);
  Rig rig(config, facts_with_rss(config, 4), 4);
  std::vector<Conversation> all;
  for (int i = 0; i < 100; ++i) {
    all.emplace_back(rig, true, i);
    ASSERT_EQ(all.back().open().verdict, ForwardToTarget);
  }
  rig.config.target_groups.pop_back();  // a group and its listener leave
  rig.config.listeners.pop_back();
  rig.publish();
  for (Conversation& one : all) {
    EXPECT_EQ(one.answer(syn | ack).verdict, ForwardToClient);
    EXPECT_EQ(one.say().verdict, ForwardToTarget);
  }
  EXPECT_EQ(rig.verdicts(HandOff), 0u);
}

}  // namespace
}  // namespace tests
