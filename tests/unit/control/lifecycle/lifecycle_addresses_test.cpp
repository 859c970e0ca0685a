// Target.IpUnusable: addresses that are the balancer's own, beside the configuration; and what
// becomes of listeners, as events.
#include <gtest/gtest.h>

#include "tests/unit/control/lifecycle/lifecycle_rig.h"

namespace control {
namespace {

using std::chrono::seconds;

class LifecycleAddresses : public LifecycleRig {
 protected:
  /// "web added"; of listeners only.
  std::vector<std::string> listener_events() {
    std::vector<std::string> result;
    const report::Json document = events_.document({.count = 4'096});
    for (const report::Json& one : document["events"]) {
      if (one["kind"] != "listener") continue;
      result.push_back(one["listener"].get<std::string>() + ' ' + one["to"].get<std::string>());
    }
    return result;
  }
};

TEST_F(LifecycleAddresses, ThatAnInterfaceOfThePortsHasAreUnusable) {
  own_ = {address(2)};
  reload(web({1, 2}));
  EXPECT_EQ(state(1), "initial Elb.InitialHealthChecking");
  EXPECT_EQ(state(2), "unused Target.IpUnusable");
  EXPECT_FALSE(record(2).takes_new_flows);
  EXPECT_NE(record(2).detail.view().find("10.0.0.2 is the balancer's own"), std::string::npos);
  EXPECT_NE(log().find("warning target web 10.0.0.2:80 initial -> unused (Target.IpUnusable)"),
            std::string::npos);
  probe_finds(1, passed);
  EXPECT_FALSE(probes_.running(whom(2)));
  own_ = {address(1)};
  changes_ = 0;
  lifecycle_.look_at_addresses();
  turn();
  EXPECT_EQ(changes_, 1) << "packets must hear of it";
  EXPECT_EQ(state(1), "unused Target.IpUnusable");
  EXPECT_EQ(state(2), "initial Elb.RegistrationInProgress");
  lifecycle_.look_at_addresses();
  turn();
  EXPECT_EQ(changes_, 1);
  own_.clear();
  lifecycle_.look_at_addresses();
  for (const int host : {1, 2}) probe_finds(host, passed);
  EXPECT_EQ(state(1), "healthy");
  EXPECT_EQ(state(2), "healthy");
}

TEST_F(LifecycleAddresses, OfAListenerAreUnusableUntilItsLastFlowHasEnded) {
  config::Config config = web({1});
  config.listeners[0].address = address(2);
  reload(config);
  const dataplane::ListenerId id = lifecycle_.facts().listeners.at(0).id;
  listener_flows_[id] = 1;
  reload(web({1, 2}));  // the listener has moved, and a target is where it was
  EXPECT_EQ(state(2), "unused Target.IpUnusable");
  EXPECT_NE(record(2).detail.view().find("was listener web's"), std::string::npos);
  advance(seconds(1));
  turn();
  EXPECT_EQ(state(2), "unused Target.IpUnusable");
  listener_flows_[id] = 0;
  advance(seconds(1));
  EXPECT_EQ(state(2), "initial Elb.RegistrationInProgress");
  EXPECT_EQ(listener_events(),
            (std::vector<std::string>{"web added", "web moved", "web@10.0.0.2 gone"}));
}

TEST_F(LifecycleAddresses, ListenersThatComeAndGoAreEvents) {
  reload(web({1}));
  reload(web({1}));
  config::Config without = web({1});
  without.listeners.clear();
  reload(without);
  reload(web({1}));
  reload(without);
  advance(seconds(1));
  EXPECT_EQ(listener_events(), (std::vector<std::string>{"web added", "web removed", "web gone",
                                                         "web added", "web removed", "web gone"}));
  EXPECT_NE(log().find("info listener web added: takes flows at 203.0.113.10:8000\n"),
            std::string::npos);
}

}  // namespace
}  // namespace control
