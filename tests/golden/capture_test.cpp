// Captures: which packets match, and that what is shown of them is what came and what left. That
// holds for every case of the golden tests: golden.cpp's play() captures all of them.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Capture;
using dataplane::CapturedFrame;
using dataplane::CapturedPacket;
using dataplane::CaptureFilter;
using dataplane::CaptureRequest;
using dataplane::Family;
using dataplane::IpPrefix;
using dataplane::ListenerId;
using dataplane::Mode;
using dataplane::Protocol;
using dataplane::TargetGroupId;

constexpr std::uint64_t all = ~std::uint64_t{0};
const std::string client = "198.18.0.7:5555";
const std::string web = "203.0.113.10:80";
const std::string dns = "203.0.113.10:53";

Bytes bytes_of(const CapturedFrame& frame) {
  return {frame.bytes.begin(), frame.bytes.begin() + frame.captured};
}

std::vector<CapturedPacket> taken(Rig& rig, int worker = 0) {
  std::vector<CapturedPacket> packets;
  rig.core(worker).capture.take_each(
      Capture::places, [&](const CapturedPacket& packet) { packets.push_back(packet); });
  return packets;
}

/// A world of both families with one flow of each protocol.
struct CaptureTest : testing::Test {
  config::Config config = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
  Rig rig{config, standard_facts(config)};

  void want(const CaptureRequest& request) {
    Capture& capture = rig.core().capture;
    capture.end();
    static_cast<void>(capture.look());
    ASSERT_TRUE(capture.begin(request));
  }
  void want(const CaptureFilter& filter) { want(CaptureRequest{.filter = filter}); }
  /// The usual ones: two to targets, one to a client, a ping, a drop.
  std::vector<Input> traffic() {
    return {from_client(tcp(client, web).flags(syn)),
            from_client(udp("198.18.0.9:9999", dns).payload("question")),
            from_client(echo("198.18.0.7", "203.0.113.10").icmp(8, 0, 1)),
            from_client(tcp(client, "203.0.113.10:81").flags(syn))};
  }
  std::vector<std::string> verdicts() {
    std::vector<std::string> names;
    for (const CapturedPacket& packet : taken(rig)) names.emplace_back(to_string(packet.verdict));
    return names;
  }
};

using Names = std::vector<std::string>;

TEST_F(CaptureTest, TakesWhatHasTheVerdict) {
  want({.verdicts = dataplane::verdicts::mask(DropNoListener, ReplyEcho)});
  rig.run(traffic());
  EXPECT_EQ(verdicts(), (Names{"ReplyEcho", "DropNoListener"}));
}

TEST_F(CaptureTest, TakesWhatCameFromThere) {
  want({.verdicts = all, .from = {IpPrefix{ip("198.18.0.7"), 32}, 0}});
  rig.run(traffic());
  EXPECT_EQ(verdicts(), (Names{"ForwardToTarget", "ReplyEcho", "DropNoListener"}));
  want({.verdicts = all, .from = {IpPrefix{ip("198.18.0.0"), 16}, 9999}});
  rig.run(traffic());
  EXPECT_EQ(verdicts(), (Names{"ForwardToTarget"}));
  want({.verdicts = all, .from = {IpPrefix{ip("2001:db8::"), 32}, 0}});
  rig.run(traffic());
  EXPECT_EQ(verdicts(), Names{});
}

TEST_F(CaptureTest, TakesWhatCameToThere) {
  want({.verdicts = all, .to = {{}, 81}});
  rig.run(traffic());
  EXPECT_EQ(verdicts(), (Names{"DropNoListener"}));
}

TEST_F(CaptureTest, TakesAProtocol) {
  want({.verdicts = all, .protocol = Protocol::Udp});
  rig.run(traffic());
  EXPECT_EQ(verdicts(), (Names{"ForwardToTarget"}));
  want({.verdicts = all, .protocol = Protocol::Icmp});
  rig.run(traffic());
  EXPECT_EQ(verdicts(), (Names{"ReplyEcho"}));
}

TEST_F(CaptureTest, TakesAClientBothWays) {
  want({.verdicts = all, .client = {IpPrefix{ip("198.18.0.7"), 32}, 5555}});
  rig.run(traffic());
  rig.run({from_target(1, tcp("10.0.1.11:8080", client).flags(syn | ack)),
           from_target(2, udp("10.0.1.12:5353", "198.18.0.9:9999"))});
  EXPECT_EQ(verdicts(), (Names{"ForwardToTarget", "DropNoListener", "ForwardToClient"}));
}

TEST_F(CaptureTest, TakesWhatBelongsToAListenerOrTarget) {
  want({.verdicts = all, .listener = ListenerId{1}});
  rig.run(traffic());
  auto packets = taken(rig);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].listener, ListenerId{1});
  const auto target = packets[0].target;
  const auto group = rig.snapshot().target(target)->target_group;
  EXPECT_EQ(packets[0].group, group);
  want({.verdicts = all, .group = group});
  rig.run(traffic());
  packets = taken(rig);
  ASSERT_EQ(packets.size(), 1u) << "of a flow that is there, too: its entry knows";
  EXPECT_EQ(packets[0].target, target);
  EXPECT_EQ(packets[0].listener, ListenerId{1});
  want({.verdicts = all, .target = rig.snapshot().target(target)->address, .target_port = 5353});
  rig.run(traffic());
  EXPECT_EQ(taken(rig).size(), 1u);
  want({.verdicts = all, .target = rig.snapshot().target(target)->address, .target_port = 5354});
  rig.run(traffic());
  EXPECT_EQ(taken(rig).size(), 0u);
}

TEST_F(CaptureTest, ARefusedPacketSaysWhoseItWas) {
  config.target_groups[1].targets.clear();
  rig.config = config;
  rig.facts = standard_facts(config);
  rig.publish();
  want({.verdicts = dataplane::verdicts::drops});
  rig.run(traffic());
  const auto packets = taken(rig);
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(packets[0].verdict, DropNoTarget);
  EXPECT_EQ(packets[0].listener, ListenerId{1});
  EXPECT_EQ(packets[0].group, TargetGroupId{1});
  EXPECT_EQ(packets[0].target, dataplane::no_target);
  EXPECT_EQ(bytes_of(packets[0].before),
            from_client(udp("198.18.0.9:9999", dns).payload("question")).bytes);
  EXPECT_EQ(packets[0].after.length, 0u);
  EXPECT_EQ(packets[1].verdict, DropNoListener);
  EXPECT_EQ(packets[1].listener, dataplane::no_listener);
}

// The frame is padded to Ethernet's least on the wire; the path cuts that off.
TEST_F(CaptureTest, ShowsPaddingAsItCame) {
  Input input = from_client(udp(client, dns).payload("q"));
  input.bytes.resize(60, 0xee);
  want({.verdicts = all});
  const Outcome outcome = rig.run({input}).front();
  const auto packets = taken(rig);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(bytes_of(packets[0].before), input.bytes);
  EXPECT_EQ(bytes_of(packets[0].after), outcome.bytes);
  EXPECT_LT(outcome.bytes.size(), 60u);
}

TEST_F(CaptureTest, ShowsLongFramesWhole) {
  const std::string text(1400, 'x');
  want({.verdicts = all});
  rig.run(tcp(client, web).flags(syn), front);
  const Input data = from_client(tcp(client, web).payload(text));
  const Outcome outcome = rig.run({data}).front();
  const auto packets = taken(rig);
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(bytes_of(packets[1].before), data.bytes);
  EXPECT_EQ(bytes_of(packets[1].after), outcome.bytes);
}

TEST_F(CaptureTest, CutsToTheSnapLength) {
  want(CaptureRequest{.filter = {.verdicts = all}, .snap_length = 60});
  rig.run({from_client(tcp(client, web).flags(syn)),
           from_client(udp(client, dns).payload(std::string(500, 'x')))});
  const auto packets = taken(rig);
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(packets[1].before.length, 14u + 28 + 500);
  EXPECT_EQ(packets[1].before.captured, 60u);
  EXPECT_EQ(packets[1].after.captured, 60u);
  EXPECT_EQ(packets[0].before.captured, packets[0].before.length);
}

TEST_F(CaptureTest, EndsAtTheLimit) {
  want(CaptureRequest{.filter = {.verdicts = all}, .limit = 3});
  rig.run(traffic());
  rig.run(traffic());
  EXPECT_EQ(taken(rig).size(), 3u);
  EXPECT_EQ(rig.core().capture.given(), 3u);
  EXPECT_EQ(rig.core().capture.lost(), 0u);
}

TEST_F(CaptureTest, CountsWhatAFullRingLoses) {
  want({.verdicts = dataplane::verdicts::mask(DropNoListener)});
  const std::vector<Input> burst(64, from_client(tcp(client, "203.0.113.10:81").flags(syn)));
  for (std::size_t i = 0; i < Capture::places / 64 + 1; ++i) rig.run(burst);
  EXPECT_EQ(rig.core().capture.given(), Capture::places);
  EXPECT_EQ(rig.core().capture.lost(), 64u);
  EXPECT_EQ(taken(rig).size(), Capture::places);
  rig.run({burst[0]});
  const auto packets = taken(rig);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].lost, 64u) << "the gap is told where it is";
  rig.expect_laws();
}

// An ICMP error's key is that of the flow it is about; who sent it is in front.
TEST_F(CaptureTest, IcmpErrorsAreTheirSenders) {
  rig.run(tcp(client, web).flags(syn), front);
  const Input error = from_client(
      echo("198.51.100.1", "203.0.113.10")
          .icmp(3, 4, 1280)
          .payload(tcp(web, client).ttl(60).payload("z").ip_packet()));
  want({.verdicts = all, .from = {IpPrefix{ip("198.51.100.1"), 32}, 0}});
  const Outcome outcome = rig.run({error}).front();
  ASSERT_EQ(outcome.verdict, ForwardToTarget);
  const auto packets = taken(rig);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(bytes_of(packets[0].before), error.bytes);
  EXPECT_EQ(bytes_of(packets[0].after), outcome.bytes);
  want({.verdicts = all, .protocol = Protocol::Tcp});
  rig.run({error});
  EXPECT_EQ(taken(rig).size(), 0u);
}

// Long IPv4 options within and without: more than a head is changed, so no more is shown.
TEST_F(CaptureTest, ShowsNoMoreThanItKnows) {
  const Bytes options(40, 1);  // no operation
  rig.run(tcp(client, web).flags(syn), front);
  const Input error = from_client(echo("198.51.100.1", "203.0.113.10")
                                      .icmp(3, 4, 1280)
                                      .options(options)
                                      .payload(tcp(web, client).options(options).ip_packet()));
  want({.verdicts = all});
  const Outcome outcome = rig.run({error}).front();
  ASSERT_EQ(outcome.verdict, ForwardToTarget);
  const auto packets = taken(rig);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].before.length, error.bytes.size());
  EXPECT_EQ(packets[0].before.captured, 128u);
  EXPECT_TRUE(std::equal(packets[0].before.bytes.begin(), packets[0].before.bytes.begin() + 128,
                         error.bytes.begin()));
  EXPECT_EQ(bytes_of(packets[0].after), outcome.bytes);
}

/// Of a frame that was answered with an ICMP error: all but what the error's headers lie on.
void expect_quoted(const CapturedPacket& packet, const Input& input, std::size_t known) {
  EXPECT_EQ(packet.before.length, input.bytes.size());
  EXPECT_EQ(packet.before.captured, known);
  EXPECT_TRUE(std::equal(packet.before.bytes.begin(), packet.before.bytes.begin() + known,
                         input.bytes.begin()));
}

TEST_F(CaptureTest, ShowsWhatIsQuotedOfATooLongPacket) {
  config.ports[1].mtu = 1000;
  Rig narrow(config, standard_facts(config));
  ASSERT_TRUE(narrow.core().capture.begin({.filter = {.verdicts = all}}));
  const Input input = from_client(udp(client, dns).payload(Bytes(1200, 'x')));
  const Outcome outcome = narrow.run({input}).front();
  ASSERT_EQ(outcome.verdict, ReplyTooBig);
  const auto packets = taken(narrow);
  ASSERT_EQ(packets.size(), 1u);
  expect_quoted(packets[0], input, 14 + 576 - 28);
  EXPECT_EQ(bytes_of(packets[0].after), outcome.bytes);
}

TEST_F(CaptureTest, ShowsWhatIsQuotedOfATooLongPacketOfIpv6) {
  const config::Config v6 = standard_config(1, Mode::Nat, Algorithm::RoundRobin, Family::V6);
  config::Facts facts = standard_facts(v6);
  facts.ports[1].mtu = 1300;
  Rig narrow(v6, facts);
  ASSERT_TRUE(narrow.core().capture.begin({.filter = {.verdicts = all}}));
  narrow.run(tcp("[2001:db8:c::7]:5555", "[2001:db8::10]:80").flags(syn), front);
  Bytes payload(1300);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::uint8_t>(i);
  const Input input =
      from_client(tcp("[2001:db8:c::7]:5555", "[2001:db8::10]:80").payload(payload));
  const Outcome outcome = narrow.run({input}).front();
  ASSERT_EQ(outcome.verdict, ReplyTooBig);
  const auto packets = taken(narrow);
  ASSERT_EQ(packets.size(), 2u);
  expect_quoted(packets[1], input, 14 + 1280 - 48);
  EXPECT_EQ(bytes_of(packets[1].after), outcome.bytes);
}

TEST_F(CaptureTest, TagsComeAndGo) {
  config.ports[1].vlan = 100;  // the target's side only
  Rig tagged(config, standard_facts(config));
  ASSERT_TRUE(tagged.core().capture.begin({.filter = {.verdicts = all}}));
  const Input input = from_client(udp(client, dns).payload(std::string(300, 'x')));
  const Outcome outcome = tagged.run({input}).front();
  ASSERT_EQ(outcome.verdict, ForwardToTarget);
  const auto packets = taken(tagged);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(bytes_of(packets[0].before), input.bytes);
  EXPECT_EQ(bytes_of(packets[0].after), outcome.bytes);
  EXPECT_EQ(packets[0].after.length, packets[0].before.length + 4u);
}

TEST(CaptureOfSeveral, TheOwnerHandsOverWhatItDecides) {
  const config::Config config = standard_config(1, Mode::Nat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config), 2);
  const std::uint64_t decided = all & ~dataplane::verdicts::mask(HandOff);
  for (int worker : {0, 1}) {
    ASSERT_TRUE(rig.core(worker).capture.begin({.filter = {.verdicts = decided}}));
  }
  std::vector<Input> inputs;
  for (int i = 0; i < 20; ++i) {
    inputs.push_back(from_client(tcp("198.18.0.7:" + std::to_string(2000 + i), web).flags(syn)));
  }
  const auto outcomes = rig.run(inputs);
  for (int worker : {0, 1}) {
    const auto packets = taken(rig, worker);
    std::size_t next = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (outcomes[i].worker.number != worker) continue;
      ASSERT_LT(next, packets.size());
      EXPECT_EQ(bytes_of(packets[next].before), inputs[i].bytes);
      EXPECT_EQ(packets[next].handed_off, worker == 1);
      ++next;
    }
    EXPECT_EQ(next, packets.size());
    EXPECT_GT(next, 0u);
  }
}

TEST(CaptureOfWaiters, WhatWaitedIsShownWhenItGoesOn) {
  config::Config config = standard_config(1, Mode::Nat, Algorithm::RoundRobin);
  config.target_groups[0].targets[0].max_connections = 1;
  config.target_groups[0].surge_queue = {.length = 4, .timeout = std::chrono::milliseconds(50)};
  Rig rig(config, standard_facts(config));
  const std::uint64_t decided = all & ~dataplane::verdicts::mask(Wait);
  ASSERT_TRUE(rig.core().capture.begin({.filter = {.verdicts = decided}}));
  rig.run(tcp("198.18.0.1:1", web).flags(syn), front);
  const Input second = from_client(tcp("198.18.0.2:2", web).flags(syn));
  EXPECT_EQ(rig.run({second}).front().verdict, Wait);
  ASSERT_EQ(taken(rig).size(), 1u) << "the first alone";
  rig.advance(60);
  const auto outcomes = rig.give_places();
  ASSERT_EQ(outcomes.size(), 1u);
  const auto packets = taken(rig);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].verdict, ReplyResetQueueTimeout);
  EXPECT_TRUE(packets[0].waited);
  EXPECT_EQ(bytes_of(packets[0].before), second.bytes);
  EXPECT_EQ(bytes_of(packets[0].after), outcomes[0].bytes);
}

}  // namespace
}  // namespace tests
