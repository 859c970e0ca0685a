// Daemon: the composition root's body. Owns everything of a running instance and connects it: facts
// become snapshots, snapshots reach workers, counters reach the segment, commands reach the
// lifecycle.
//
// One thread runs it (the workers' threads are nic's). Order of life: shared memory (is another one
// running?) → EAL, ports, tables → first snapshot → workers → health checks and the control socket.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/facts.h"
#include "config/options.h"
#include "control/api.h"
#include "control/captures.h"
#include "control/events.h"
#include "control/explainer.h"
#include "control/flow_inquiry.h"
#include "control/flow_loads.h"
#include "control/flow_log/flow_log.h"
#include "control/kernel_path.h"
#include "control/lifecycle/lifecycle.h"
#include "control/live/live_config.h"
#include "control/neighbours.h"
#include "control/outbound_rules.h"
#include "control/rule_book.h"
#include "control/segment.h"
#include "dataplane/publication.h"
#include "nic/forwarder.h"
#include "nic/runtime.h"

namespace control {

class Daemon {
 public:
  /// Brings everything up. Throws std::runtime_error with a sentence for the operator.
  Daemon(config::Config config, const config::Options& options);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Until SIGTERM or SIGINT. False: some packet buffers were lost.
  [[nodiscard]] bool run();

 private:
  // --- start ---
  void start_forwarder(const std::vector<std::string>& eal_arguments);
  void decide_steering();
  void start_lifecycle();
  void start_neighbours();
  void start_flow_log();
  void start_api(const std::string& run_dir);
  [[nodiscard]] Commands commands();
  void add_zone_commands(Commands& commands);

  // --- from facts to workers ---
  [[nodiscard]] config::Facts facts();
  void publish();
  void place_histograms(const dataplane::Snapshot& snapshot);
  void want_next_hops(const config::Facts& facts);
  void apply_rules();
  void write_records();
  void write_ports();
  [[nodiscard]] std::string_view steering(dataplane::PortId port) const;
  [[nodiscard]] std::uint64_t flows_left(dataplane::TargetId target) const;
  [[nodiscard]] std::uint64_t flows_left(dataplane::ListenerId listener) const;
  [[nodiscard]] std::uint64_t listener_flows(dataplane::ListenerId listener) const;
  [[nodiscard]] bool workers_are_current() const;
  [[nodiscard]] Handshakes handshakes(dataplane::TargetId target) const;

  // --- changes while it runs: daemon_changes.cpp ---
  void start_live(const config::Options& options);
  [[nodiscard]] Outcome reload(const ReloadWanted& wanted);
  [[nodiscard]] Outcome set_weight(const TargetName& name, std::uint16_t weight);
  [[nodiscard]] Outcome plan(const PlanWanted& wanted);
  [[nodiscard]] std::optional<std::string> take_over(const config::Config& wanted,
                                                     const std::set<TargetName>& undrained);
  [[nodiscard]] config::Errors cannot_change(const config::Config& wanted) const;
  [[nodiscard]] report::Json target_documents(const std::vector<TargetName>& names) const;
  void add_live_commands(Commands& commands);
  /// What was done by a command, if it was done, as an event of the present generation.
  void tell(const Outcome& outcome, Event event);

  // --- events ---
  void await_signals();
  void take_signal(int number);
  void every_second();
  void look_for_missing_hops();

  std::string config_file_;
  config::Config config_;  // what runs: the file's with the operator's changes (live_)
  dataplane::InstanceRecord instance_{};
  boost::asio::io_context io_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer second_;
  boost::asio::steady_timer missing_hops_timer_;
  Events events_;
  RuleBook rules_;
  OutboundRules outbound_rules_;  // outlives the probes
  // Destroyed from the last to the first.
  Segment segment_;
  TrafficMeter traffic_meter_;
  std::unique_ptr<dataplane::Publication> publication_;  // outlives the workers
  std::unique_ptr<nic::Runtime> runtime_;
  std::unique_ptr<nic::Forwarder> forwarder_;
  std::unique_ptr<Lifecycle> lifecycle_;
  std::unique_ptr<LiveConfig> live_;
  dataplane::Generation generation_{0};
  std::size_t unmeasured_ = 0;  // targets and listeners without histograms
  std::vector<std::shared_ptr<const dataplane::Rss>> rss_;  // by PortId
  std::shared_ptr<const dataplane::Rss> client_rss_;        // config/steering.h
  std::unique_ptr<Neighbours> neighbours_;
  std::optional<KernelPath> kernel_path_;
  std::unique_ptr<FlowLog> flow_log_;
  std::optional<FlowInquiry> flows_;
  std::optional<Explainer> explainer_;
  std::optional<Captures> captures_;
  std::optional<FlowLoads> flow_loads_;
  std::optional<Api> api_;
  /// On-link hosts that the path missed, and when last.
  std::map<dataplane::IpAddress, std::chrono::steady_clock::time_point> missed_;
  std::map<dataplane::PortId, bool> link_up_;
};

}  // namespace control
