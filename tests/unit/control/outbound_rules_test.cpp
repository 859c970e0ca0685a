#include "control/outbound_rules.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>

#include "tests/support/cpp/rig.h"

namespace control {
namespace {

using config::CheckProtocol;
using config::RuleChoice;
using dataplane::Algorithm;
using dataplane::Mode;

class Outbound : public testing::Test {
 protected:
  Outbound() : config(tests::standard_config(2, Mode::Nat, Algorithm::RoundRobin)) {
    config.security_groups.emplace_back();
    config.security_groups[0].name = "web";
    config.listeners[0].security_groups = {"web"};
  }
  void let_out(RuleChoice protocol, const std::string& destination, std::uint16_t port) {
    config::SecurityRule rule;
    rule.protocol = protocol;
    rule.prefix = dataplane::parse_prefix(destination);
    rule.port_first = rule.port_last = port;
    config.security_groups[0].outbound = {rule};
  }
  std::string refusal(CheckProtocol protocol, std::uint16_t port, const char* group = "web") {
    facts = tests::standard_facts(config);
    rules.learn(facts, config::compile(config, facts, nullptr));
    return rules.refusal(check(protocol, port, group)).value_or("");
  }
  static Check check(CheckProtocol protocol, std::uint16_t port, const char* group) {
    Check made{tests::ip("10.0.1.11"), port, {}, group};
    made.settings.protocol = protocol;
    return made;
  }

  config::Config config;
  config::Facts facts;
  OutboundRules rules;
};

TEST_F(Outbound, ChecksGoOutByWhatTheirListenersRulesSay) {
  EXPECT_EQ(refusal(CheckProtocol::Tcp, 8080), "") << "outbound left out: open";
  let_out(RuleChoice::Tcp, "10.0.1.11/32", 8080);
  EXPECT_EQ(refusal(CheckProtocol::Tcp, 8080), "");
  EXPECT_EQ(refusal(CheckProtocol::Http, 8080), "");
  EXPECT_EQ(refusal(CheckProtocol::Https, 8081),
            "no outbound rule of its security groups lets tcp to 10.0.1.11:8081 out");
  EXPECT_EQ(refusal(CheckProtocol::Udp, 8080),
            "no outbound rule of its security groups lets udp to 10.0.1.11:8080 out");
  EXPECT_EQ(refusal(CheckProtocol::Icmp, 0),
            "no outbound rule of its security groups lets icmp to 10.0.1.11 out");
  EXPECT_EQ(refusal(CheckProtocol::Tcp, 9, "dns"), "") << "no group is attached there";
  EXPECT_EQ(refusal(CheckProtocol::Tcp, 9, "unknown"), "");
}

TEST_F(Outbound, OneListenerThatLetsItOutIsEnough) {
  let_out(RuleChoice::Tcp, "192.0.2.0/24", 8080);
  EXPECT_NE(refusal(CheckProtocol::Tcp, 8080), "");
  config::Listener second = config.listeners[0];
  second.name = "second";
  second.port = 81;
  second.security_groups.clear();
  config.listeners.push_back(second);
  EXPECT_EQ(refusal(CheckProtocol::Tcp, 8080), "");
}

TEST_F(Outbound, NothingIsLearntYet) {
  EXPECT_EQ(rules.refusal(check(CheckProtocol::Tcp, 80, "web")), std::nullopt);
}

TEST_F(Outbound, AGuardedProbeTimesOutAtOnceAndOthersAreMade) {
  boost::asio::io_context io;
  int made = 0;
  const ProbeFactory probes = rules.guard(io.get_executor(), [&](const Check&) {
    ++made;
    return std::unique_ptr<Probe>();
  });
  EXPECT_EQ(refusal(CheckProtocol::Tcp, 8080), "");
  EXPECT_EQ(probes(check(CheckProtocol::Tcp, 8080, "web")), nullptr);
  EXPECT_EQ(made, 1);
  let_out(RuleChoice::Tcp, "192.0.2.0/24", 8080);
  const std::string why = refusal(CheckProtocol::Tcp, 8080);
  auto blocked = probes(check(CheckProtocol::Tcp, 8080, "web"));
  EXPECT_EQ(made, 1);
  ASSERT_NE(blocked, nullptr);
  std::optional<ProbeOutcome> outcome;
  blocked->start([&](const ProbeOutcome& what) { outcome = what; });
  EXPECT_FALSE(outcome) << "never from within start";
  io.run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->finding, Finding::TimedOut);
  EXPECT_EQ(outcome->sentence, why);
  // One that is given up says nothing.
  outcome.reset();
  blocked = probes(check(CheckProtocol::Tcp, 8080, "web"));
  blocked->start([&](const ProbeOutcome& what) { outcome = what; });
  blocked.reset();
  io.restart();
  io.run();
  EXPECT_FALSE(outcome);
}

}  // namespace
}  // namespace control
