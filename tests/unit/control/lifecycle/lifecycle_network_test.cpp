// The lifecycle with the machine's clock, real probes and real servers, as main puts it together.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <map>
#include <string>

#include "control/lifecycle/lifecycle.h"
#include "tests/support/cpp/probe_target.h"

namespace control {
namespace {

using config::Availability;
using std::chrono::milliseconds;
using tests::ProbeTarget;
using tests::run_until;

const dataplane::IpAddress loopback = *dataplane::parse_address("127.0.0.1");

class LifecycleOnTheNetwork : public testing::Test {
 protected:
  [[nodiscard]] config::Config config() const {
    config::Config config;
    config::TargetGroup group;
    group.name = "web";
    group.health_check.protocol = config::CheckProtocol::Http;
    group.health_check.interval = milliseconds(50);
    group.health_check.timeout = milliseconds(2'000);
    group.health_check.healthy_threshold = 2;
    group.deregistration_delay.timeout = std::chrono::seconds(1);
    group.deregistration_delay.connection_termination = true;
    for (const ProbeTarget* server : {&one_, &two_}) {
      config::Target target;
      target.address = loopback;
      target.port = server->port();
      group.targets.push_back(target);
    }
    config.target_groups.push_back(group);
    config::Listener listener;
    listener.name = "web";
    listener.target_group = "web";
    config.listeners.push_back(listener);
    return config;
  }
  void apply(const config::Config& config) {
    ASSERT_EQ(lifecycle_.apply(config), std::nullopt);
    take_facts();
  }
  void take_facts() {
    known_.clear();
    for (const auto& one : lifecycle_.facts().targets) known_[one.port] = one.availability;
  }
  /// Runs until the facts say so.
  [[nodiscard]] bool reaches(const ProbeTarget& server, Availability availability) {
    return run_until(loop_, [&] {
      const auto found = known_.find(server.port());
      return found != known_.end() && found->second == availability;
    });
  }

  boost::asio::io_context loop_;
  ProbeTarget one_{loop_, tests::answer("HTTP/1.1 200 OK\r\n\r\n")};
  ProbeTarget two_{loop_, tests::answer("HTTP/1.1 200 OK\r\n\r\n")};
  std::map<std::uint16_t, Availability> known_;  // by port
  std::uint64_t flows_left_ = 0;
  Lifecycle lifecycle_{loop_.get_executor(),
                       {.on_change = [this] { take_facts(); },
                        .on_records_change = [] {},
                        .flows_left = [this](dataplane::TargetId) { return flows_left_; },
                        .listener_flows_left = [](dataplane::ListenerId) { return 0u; },
                        .now = {},
                        .make_probe = {}}};
};

TEST_F(LifecycleOnTheNetwork, ADeadTargetIsTakenOutAndComesBack) {
  apply(config());
  EXPECT_TRUE(reaches(one_, Availability::Serving));
  EXPECT_TRUE(reaches(two_, Availability::Serving));
  two_.close();
  EXPECT_TRUE(reaches(two_, Availability::FailOpen));
  EXPECT_TRUE(reaches(one_, Availability::Serving));
  two_.reopen();
  EXPECT_TRUE(reaches(two_, Availability::Serving));
}

TEST_F(LifecycleOnTheNetwork, ADrainEndsByItsOwnTimer) {
  apply(config());
  ASSERT_TRUE(reaches(one_, Availability::Serving));
  EXPECT_FALSE(lifecycle_.drain({"web", loopback, one_.port()}).has_value());
  EXPECT_TRUE(reaches(one_, Availability::Draining));
  EXPECT_TRUE(reaches(one_, Availability::Terminated));
}

TEST_F(LifecycleOnTheNetwork, WhatLeftIsReleasedByItsOwnTimer) {
  config::Config config = this->config();
  apply(config);
  flows_left_ = 1;
  config.target_groups[0].targets.erase(config.target_groups[0].targets.begin());
  apply(config);
  EXPECT_TRUE(reaches(one_, Availability::Draining));
  EXPECT_TRUE(reaches(one_, Availability::Terminated));
  flows_left_ = 0;
  EXPECT_TRUE(run_until(loop_, [&] { return !known_.contains(one_.port()); }));
  EXPECT_TRUE(reaches(two_, Availability::Serving));
}

}  // namespace
}  // namespace control
