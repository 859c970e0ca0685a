// LifecycleRig: a Lifecycle with fake probes, a clock and flows that only the test moves, and its
// log.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "control/lifecycle/lifecycle.h"
#include "tests/unit/control/health/fake_probes.h"

namespace control {

class LifecycleRig : public testing::Test {
 protected:
  LifecycleRig() {
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log_));
    logger->set_pattern("%l %v");
    before_ = spdlog::default_logger();
    spdlog::set_default_logger(logger);
  }
  ~LifecycleRig() override { spdlog::set_default_logger(before_); }

  /// "10.0.0.1:80" for host 1.
  static dataplane::IpAddress address(int host) {
    return *dataplane::parse_address("10.0.0." + std::to_string(host));
  }
  static TargetKey key(int host, const std::string& group = "web") {
    return {group, address(host), 80};
  }
  static FakeProbes::Whom whom(int host) { return {address(host), 80}; }

  /// Group `name` with these hosts, and a listener of the same name.
  static void add_group(config::Config& config, const std::string& name,
                        const std::vector<int>& hosts) {
    config::TargetGroup group;
    group.name = name;
    group.health_check.interval = std::chrono::seconds(10);
    group.health_check.healthy_threshold = 3;
    for (const int host : hosts) {
      config::Target target;
      target.address = address(host);
      target.port = 80;
      group.targets.push_back(target);
    }
    config.target_groups.push_back(group);
    config::Listener listener;
    listener.name = name;
    listener.address = *dataplane::parse_address("203.0.113.10");
    listener.port = static_cast<std::uint16_t>(8000 + config.listeners.size());
    listener.target_group = name;
    config.listeners.push_back(listener);
  }
  static config::Config web(const std::vector<int>& hosts) {
    config::Config config;
    add_group(config, "web", hosts);
    return config;
  }

  void apply(const config::Config& config) { ASSERT_EQ(lifecycle_.apply(config), std::nullopt); }
  /// Applies, and lets the event loop take its turn.
  void reload(const config::Config& config) {
    apply(config);
    turn();
  }
  void turn() {
    loop_.restart();
    loop_.poll();
  }
  void advance(std::chrono::milliseconds by) {
    now_.steady += by;
    now_.wall += by;
    lifecycle_.tick();
  }
  /// Each running probe is answered, and the next ones are let start.
  void probes_find(const ProbeOutcome& outcome, int rounds = 1) {
    for (int round = 0; round < rounds; ++round) {
      advance(std::chrono::seconds(10));
      for (const auto& one : probes_.all()) probes_.finish(one, outcome);
    }
  }
  void probe_finds(int host, const ProbeOutcome& outcome) {
    for (int i = 0; i < 100 && !probes_.running(whom(host)); ++i) {
      advance(std::chrono::milliseconds(200));
    }
    ASSERT_TRUE(probes_.running(whom(host)));
    probes_.finish(whom(host), outcome);
  }

  /// nullptr: it is not there.
  const config::TargetFact* fact(const TargetKey& wanted) {
    facts_ = lifecycle_.facts();
    const auto found = std::find_if(
        facts_.targets.begin(), facts_.targets.end(), [&](const config::TargetFact& one) {
          return TargetKey{one.target_group, one.address, one.port} == wanted;
        });
    return found == facts_.targets.end() ? nullptr : &*found;
  }
  std::string availability(int host) {
    const config::TargetFact* found = fact(key(host));
    if (found == nullptr) return "gone";
    const std::vector<std::string> names = {"Serving", "FailOpen", "Draining", "Terminated"};
    return names.at(static_cast<std::size_t>(found->availability));
  }
  dataplane::TargetRecord record(int host) {
    for (const auto& one : lifecycle_.records().targets) {
      if (one.address.view() == to_string(address(host))) return one;
    }
    return {};
  }
  /// "unused Target.NotRegistered"
  std::string state(int host) {
    const dataplane::TargetRecord found = record(host);
    if (!found.used) return "gone";
    const auto reason = to_string(found.reason);
    return std::string(to_string(found.state)) + (reason.empty() ? "" : " ") + std::string(reason);
  }
  std::string log() {
    std::string text = log_.str();
    log_.str("");
    return text;
  }

  boost::asio::io_context loop_;
  Moment now_{std::chrono::steady_clock::time_point(std::chrono::seconds(10'000)),
              std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000))};
  FakeProbes probes_;
  std::map<dataplane::TargetId, std::uint64_t> flows_;
  std::map<dataplane::ListenerId, std::uint64_t> listener_flows_;
  std::map<dataplane::TargetId, Handshakes> handshakes_;
  std::set<dataplane::IpAddress> own_;
  int changes_ = 0;
  int record_changes_ = 0;
  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> before_;
  config::Facts facts_;
  Events events_{[this] {
    using std::chrono::milliseconds;
    const auto wall = now_.wall.time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(wall).count());
  }};
  Lifecycle lifecycle_{
      loop_.get_executor(),
      {.on_change = [this] { ++changes_; },
       .on_records_change = [this] { ++record_changes_; },
       .flows_left = [this](dataplane::TargetId id) { return flows_[id]; },
       .listener_flows_left = [this](dataplane::ListenerId id) { return listener_flows_[id]; },
       .handshakes = [this](dataplane::TargetId id) { return handshakes_[id]; },
       .events = &events_,
       .own_addresses = [this] { return own_; },
       .now = [this] { return now_; },
       .make_probe = probes_.factory()}};
};

inline const ProbeOutcome passed{Finding::Passed, "HTTP 200"};
inline const ProbeOutcome refused{Finding::Failed, "connection refused"};

}  // namespace control
