#include "control/daemon.h"

#include <spdlog/spdlog.h>

#include <csignal>
#include <stdexcept>
#include <utility>

#include "config/compile.h"
#include "config/steering.h"
#include "control/forwarder_options.h"
#include "control/health/network_probes.h"
#include "control/own_addresses.h"
#include "tools/report/documents.h"

namespace control {
namespace {

using dataplane::PortId;

/// The value, or what went wrong as an exception: nic/ throws nothing.
template <class T>
T or_throw(nic::Result<T> result) {
  if (auto* failure = std::get_if<nic::Failure>(&result)) {
    throw std::runtime_error(failure->message);
  }
  return std::move(std::get<T>(result));
}

dataplane::InstanceRecord instance_record(const config::Config& config) {
  dataplane::InstanceRecord record{};
  record.instance.assign(config.instance);
  record.version.assign(SPILLWAY_VERSION);
  record.config_file.assign(config.file);
  record.started_unix_milliseconds = report::now_unix_milliseconds();
  return record;
}

}  // namespace

Daemon::Daemon(config::Config config, const config::Options& options)
    : config_file_(options.config_file),
      config_(std::move(config)),
      instance_(instance_record(config_)),
      signals_(io_, SIGTERM, SIGINT, SIGHUP),
      second_(io_),
      missing_hops_timer_(io_),
      segment_(instance_, config_.workers, report::now_unix_milliseconds()) {
  std::signal(SIGPIPE, SIG_IGN);
  start_live(options);
  start_forwarder(options.eal);
  decide_steering();
  start_lifecycle();
  start_neighbours();
  start_flow_log();
  publish();
  forwarder_->start(*publication_);
  start_api(options.run_dir);
  await_signals();
  every_second();
  look_for_missing_hops();
  events_.add({.kind = "start", .to = "up", .sentence = "spillway " SPILLWAY_VERSION " is up"});
  events_.published(generation_);
  spdlog::info("spillway {} is up: instance {}, {} worker{}, {} port{}, generation {}",
               SPILLWAY_VERSION, config_.instance, config_.workers, config_.workers == 1 ? "" : "s",
               config_.ports.size(), config_.ports.size() == 1 ? "" : "s", generation_.number);
}

Daemon::~Daemon() = default;

bool Daemon::run() {
  io_.run();
  spdlog::info("stopping");
  // Nobody may ask or probe any more before the workers stop.
  api_.reset();
  explainer_.reset();
  captures_.reset();
  flows_.reset();
  kernel_path_.reset();
  lifecycle_.reset();
  neighbours_.reset();
  const nic::StopReport report = forwarder_->stop();
  flow_log_->stop();
  segment_.write(flow_log_->record());
  segment_.stop();
  if (report.all_back()) {
    spdlog::info("stopped: {}", report.sentence());
  } else {
    spdlog::error("stopped, but {}", report.sentence());
  }
  return report.all_back();
}

void Daemon::start_forwarder(const std::vector<std::string>& eal_arguments) {
  nic::ForwarderOptions options = forwarder_options(config_);
  for (std::uint32_t i = 0; i < config_.workers; ++i) {
    const dataplane::WorkerId id{static_cast<std::uint8_t>(i)};
    options.counters.push_back(&segment_.worker(id));
    options.measures.push_back(segment_.measures(id));
  }
  runtime_ = or_throw(nic::Runtime::start(runtime_options(config_, options, eal_arguments)));
  forwarder_ = or_throw(nic::Forwarder::build(*runtime_, options));
  spdlog::info("flow tables: {} IPv4 and {} IPv6 flows per worker; {} in all, {}",
               config_.flows.capacity, config::ipv6_capacity(config_),
               nic::megabytes(forwarder_->table_bytes()), forwarder_->table_sentence());
  spdlog::info("sticky table: {} clients; {}", forwarder_->sticky().capacity(),
               forwarder_->sticky_sentence());
}

/// Holds until the process ends: a flow keeps its owner (config/steering.h).
void Daemon::decide_steering() {
  for (std::size_t i = 0; i < config_.ports.size(); ++i) {
    rss_.push_back(forwarder_->rss(PortId{static_cast<std::uint8_t>(i)}));
  }
  client_rss_ = config::client_rss(config_, rss_);
  for (std::size_t i = 0; i < config_.ports.size(); ++i) {
    const nic::Port& port = *forwarder_->ports()[i];
    const std::string_view way = steering(PortId{static_cast<std::uint8_t>(i)});
    spdlog::info("port {}: {} ({}), MAC {}, {} queue{}, steering {}", port.name(), port.device(),
                 port.driver(), to_string(port.mac()), port.queues(), port.queues() == 1 ? "" : "s",
                 way);
    if (way == "hand_off") {
      spdlog::debug("port {}: not steered by RSS: {}", port.name(),
                    port.rss().state ? "its packets would not arrive at their owner"
                                     : port.driver() + " " + port.rss().lacks);
      if (config_.ports[i].steering != config::WantedSteering::Rss) continue;
      throw std::runtime_error(config::useless_rss(config_.ports[i]));
    }
  }
}

/// "single_worker", "rss" or "hand_off".
std::string_view Daemon::steering(PortId port) const {
  if (forwarder_->workers() == 1) return "single_worker";
  const auto way =
      config::steering(config_.ports[port.number], rss_[port.number].get(), client_rss_.get());
  return way == dataplane::Steering::Rss ? "rss" : "hand_off";
}

void Daemon::start_lifecycle() {
  Lifecycle::Parts parts;
  parts.make_probe = outbound_rules_.guard(io_.get_executor(), network_probes(io_.get_executor()));
  parts.on_change = [this] { publish(); };
  parts.on_records_change = [this] {
    write_records();
    events_.published(generation_);
  };
  parts.handshakes = [this](dataplane::TargetId id) { return handshakes(id); };
  parts.events = &events_;
  std::set<std::string> twins;
  for (std::size_t i = 0; i < config_.ports.size(); ++i) {
    nic::KernelPort* kernel = forwarder_->kernel_port(PortId{static_cast<std::uint8_t>(i)});
    if (kernel != nullptr) twins.insert(kernel->tap().name());
  }
  parts.own_addresses = [twins] { return addresses_on(twins); };
  parts.flows_left = [this](dataplane::TargetId id) { return flows_left(id); };
  parts.listener_flows_left = [this](dataplane::ListenerId id) { return flows_left(id); };
  lifecycle_ = std::make_unique<Lifecycle>(io_.get_executor(), std::move(parts));
  if (const auto error = lifecycle_->apply(config_)) throw std::runtime_error(*error);
  live_->resume();
}

void Daemon::start_neighbours() {
  std::vector<std::optional<Twin>> twins;
  kernel_path_.emplace(io_);
  for (std::size_t i = 0; i < config_.ports.size(); ++i) {
    nic::KernelPort* kernel = forwarder_->kernel_port(PortId{static_cast<std::uint8_t>(i)});
    if (kernel == nullptr) {
      twins.emplace_back();
      continue;
    }
    const config::Port& port = config_.ports[i];
    twins.push_back(Twin{.interface = kernel->tap().name(),
                         .addresses = port.addresses,
                         .gateways = port.gateways,
                         .mtu = port.mtu});
    kernel_path_->serve(*kernel);
  }
  neighbours_ = std::make_unique<Neighbours>(io_, std::move(twins), [this] { publish(); });
}

/// Whether or not there is one: a reload may begin it.
void Daemon::start_flow_log() {
  std::vector<dataplane::FlowLog*> workers;
  for (std::size_t i = 0; i < forwarder_->workers(); ++i) {
    workers.push_back(
        &forwarder_->core(dataplane::WorkerId{static_cast<std::uint8_t>(i)}).flow_log);
  }
  flow_log_ = std::make_unique<FlowLog>(config_.instance, std::move(workers),
                                        [this] { return forwarder_->clock().now(); });
  flow_log_->configure(config_.flow_log);
}

void Daemon::start_api(const std::string& run_dir) {
  std::vector<dataplane::FlowQuery*> mailboxes;
  std::vector<dataplane::Capture*> captures;
  std::vector<dataplane::Core*> cores;
  for (std::size_t i = 0; i < forwarder_->workers(); ++i) {
    cores.push_back(&forwarder_->core(dataplane::WorkerId{static_cast<std::uint8_t>(i)}));
    mailboxes.push_back(&cores.back()->query);
    captures.push_back(&cores.back()->capture);
  }
  flows_.emplace(io_, std::move(mailboxes), segment_.view());
  explainer_.emplace(*flows_, segment_.view(), [this, seed = cores.front()->owner_seed] {
    return Explainer::Running{publication_->newest(), explain::Names(config_, facts()), seed};
  });
  captures_.emplace(io_, std::move(captures), segment_.view(),
                    [this] { return forwarder_->clock().now(); });
  flow_loads_.emplace(io_, std::move(cores),
                      [this]() -> const dataplane::Snapshot& { return *publication_->newest(); });
  api_.emplace(io_, run_dir + "/" + config_.instance + ".sock", commands());
}

config::Facts Daemon::facts() {
  apply_rules();
  config::Facts facts = lifecycle_->facts();
  facts.generation = dataplane::Generation{generation_.number + 1};
  for (std::size_t i = 0; i < config_.ports.size(); ++i) {
    const nic::Port& port = *forwarder_->ports()[i];
    const bool kernel = forwarder_->kernel_port(PortId{static_cast<std::uint8_t>(i)}) != nullptr;
    facts.ports.push_back(
        {.mac = port.mac(), .mtu = port.mtu(), .kernel_path = kernel, .rss = rss_[i]});
  }
  facts.client_rss = client_rss_;
  facts.rules = rules_.places();
  facts.neighbours = neighbours_->facts();
  return facts;
}

void Daemon::publish() {
  const config::Facts now = facts();
  const dataplane::Snapshot* previous = publication_ ? publication_->newest().get() : nullptr;
  auto snapshot = config::compile(config_, now, previous);
  generation_ = now.generation;
  for (const dataplane::TargetGroupId id : snapshot->queueing) {
    forwarder_->gate().queues.prepare(id);
  }
  place_histograms(*snapshot);
  if (publication_) {
    publication_->publish(std::move(snapshot));
  } else {
    publication_ = std::make_unique<dataplane::Publication>(config_.workers, std::move(snapshot));
  }
  outbound_rules_.learn(now, publication_->newest());
  instance_.generation = generation_.number;
  segment_.write(instance_);
  write_records();
  events_.published(generation_);
  want_next_hops(now);
  spdlog::debug("generation {} published", generation_.number);
}

void Daemon::place_histograms(const dataplane::Snapshot& snapshot) {
  const std::size_t without = segment_.place_histograms(snapshot);
  if (without == unmeasured_) return;
  if (without > unmeasured_) {
    spdlog::warn(
        "{} targets and listeners have no latency histograms, as they would leave less than a "
        "quarter of /dev/shm free; mount it larger (mount -o remount,size=… /dev/shm)",
        without);
  } else if (without == 0) {
    spdlog::info("all targets and listeners have latency histograms again");
  }
  unmeasured_ = without;
}

void Daemon::want_next_hops(const config::Facts& facts) {
  std::vector<dataplane::IpAddress> hosts;
  for (const config::TargetFact& target : facts.targets) hosts.push_back(target.address);
  for (const auto& [address, when] : missed_) hosts.push_back(address);
  neighbours_->want(hosts);
}

void Daemon::apply_rules() {
  const bool differ = rules_.apply(
      config_, [this](dataplane::RuleId rule) { return report::hits(segment_.view(), rule); });
  if (!differ) return;
  segment_.write_security_groups(rules_.groups());
  segment_.write_rules(rules_.records());
}

void Daemon::write_records() {
  Records records = lifecycle_->records();
  for (dataplane::TargetRecord& record : records.targets) {
    const dataplane::Target* target = publication_->newest()->target(record.id);
    record.takes_new_flows = target != nullptr && target->eligible;
  }
  traffic_meter_.collect(segment_.view());  // of targets that go now, too
  segment_.write_listeners(records.listeners);
  segment_.write_targets(records.targets);
  flow_log_->learn(records);
  segment_.write_target_groups(records.target_groups);
  segment_.write_zones(records.zones);
}

bool Daemon::workers_are_current() const {
  return publication_ != nullptr && publication_->oldest_applied() >= generation_;
}

std::uint64_t Daemon::flows_left(dataplane::TargetId target) const {
  if (!workers_are_current()) return 1;  // one that is behind may still start one
  return report::total(segment_.view(), target, &dataplane::TargetCounters::active_flows);
}

std::uint64_t Daemon::flows_left(dataplane::ListenerId listener) const {
  if (!workers_are_current()) return 1;
  return listener_flows(listener);
}

std::uint64_t Daemon::listener_flows(dataplane::ListenerId listener) const {
  std::uint64_t sum = 0;
  for (const dataplane::WorkerBlock& worker : segment_.view().workers) {
    sum += worker.listeners[listener.slot].active_flows.read();
  }
  return sum;
}

Handshakes Daemon::handshakes(dataplane::TargetId target) const {
  using dataplane::TargetCounters;
  const report::SegmentView view = segment_.view();
  return {.answered = report::total(view, target, &TargetCounters::handshakes_answered),
          .failed = report::total(view, target, &TargetCounters::handshakes_failed)};
}

Commands Daemon::commands() {
  Commands commands;
  commands.version = [this] { return report::version_document(segment_.view()); };
  commands.status = [this] {
    return report::status_document(segment_.view(), Segment::alive(),
                                   report::now_unix_milliseconds());
  };
  commands.listeners = [this] {
    return report::listeners_document(segment_.view(), Segment::alive());
  };
  commands.targets = [this] { return report::targets_document(segment_.view(), Segment::alive()); };
  commands.flows = [this](const FlowsWanted& wanted, Done done) {
    flows_->ask(wanted, std::move(done));
  };
  commands.explain = [this](const ExplainWanted& wanted, Done done) {
    explainer_->ask(wanted, std::move(done));
  };
  commands.capture = [this](const CaptureWanted& wanted, Done done) {
    captures_->ask(wanted, std::move(done));
  };
  commands.events = [this](const EventsWanted& wanted) { return events_.document(wanted); };
  add_live_commands(commands);
  add_zone_commands(commands);
  return commands;
}

}  // namespace control
