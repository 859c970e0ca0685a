// What the daemon does when time passes or a signal comes.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>

#include "config/reach.h"
#include "control/daemon.h"
#include "tools/report/documents.h"

namespace control {
namespace {

using std::chrono::steady_clock;

// A host that the path missed is kept resolved for so long, so many at most.
constexpr std::chrono::minutes missed_for{5};
constexpr std::size_t missed_max = 1024;
constexpr std::chrono::milliseconds missed_poll{100};

bool on_some_link(const config::Config& config, const dataplane::IpAddress& address) {
  return std::any_of(config.ports.begin(), config.ports.end(),
                     [&](const config::Port& port) { return config::on_link(port, address); });
}

}  // namespace

void Daemon::await_signals() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    take_signal(number);
  });
}

void Daemon::take_signal(int number) {
  if (number == SIGHUP) {
    static_cast<void>(reload({}));
    return await_signals();
  }
  spdlog::info("{} received", number == SIGTERM ? "SIGTERM" : "SIGINT");
  io_.stop();
}

void Daemon::every_second() {
  segment_.beat(report::now_unix_milliseconds());
  write_ports();
  traffic_meter_.sample(segment_.view(), report::now_unix_milliseconds());
  segment_.write_traffic(traffic_meter_);
  segment_.write(flow_log_->record());
  publication_->reclaim();
  lifecycle_->look_at_handshakes();
  lifecycle_->look_at_addresses();
  second_.expires_after(std::chrono::seconds(1));
  second_.async_wait([this](const boost::system::error_code& error) {
    if (!error) every_second();
  });
}

void Daemon::write_ports() {
  std::vector<dataplane::PortRecord> records;
  for (std::size_t i = 0; i < forwarder_->ports().size(); ++i) {
    const nic::Port& port = *forwarder_->ports()[i];
    const dataplane::PortId id{static_cast<std::uint8_t>(i)};
    const nic::LinkState link = port.link();
    const auto [known, first] = link_up_.emplace(id, link.up);
    if (first || known->second != link.up) {
      spdlog::info("port {}: link is {}", port.name(), link.up ? "up" : "down");
      known->second = link.up;
    }
    const nic::PortStatistics statistics = port.statistics();
    dataplane::PortRecord record{};
    record.used = true;
    record.link_up = link.up;
    record.kernel_path = forwarder_->kernel_port(id) != nullptr;
    record.receive_queues = static_cast<std::uint8_t>(port.queues());
    record.transmit_queues = record.receive_queues;
    record.mtu = port.mtu();
    record.link_megabits = link.megabits;
    record.name.assign(port.name());
    record.device.assign(port.device());
    record.mac.assign(to_string(port.mac()));
    record.driver.assign(port.driver());
    record.steering.assign(steering(id));
    record.received = statistics.received;
    record.sent = statistics.sent;
    record.missed = statistics.missed;
    record.errors = statistics.errors;
    record.received_bytes = statistics.received_bytes;
    record.sent_bytes = statistics.sent_bytes;
    record.no_buffer = statistics.no_buffer;
    record.send_errors = statistics.send_errors;
    const std::vector<std::uint64_t> drops = port.dropped_by_queue();
    record.queue_drops_known = !drops.empty();
    std::copy_n(drops.begin(), std::min(drops.size(), record.dropped_by_queue.size()),
                record.dropped_by_queue.begin());
    records.push_back(record);
  }
  segment_.write_ports(records);
}

/// Has the kernel resolve hosts on our links that packets go to and nobody has asked for: clients
/// that were picked up from their target's side.
void Daemon::look_for_missing_hops() {
  const auto now = steady_clock::now();
  bool changed = std::erase_if(missed_, [&](const auto& entry) {
                   return now - entry.second > missed_for;
                 }) != 0;
  for (std::size_t i = 0; i < forwarder_->workers(); ++i) {
    dataplane::MissingHops& missing =
        forwarder_->core(dataplane::WorkerId{static_cast<std::uint8_t>(i)}).missing_hops;
    for (const dataplane::IpAddress& address : missing.addresses()) {
      const auto known = missed_.find(address);
      if (known != missed_.end() || missed_.size() >= missed_max) continue;
      if (!on_some_link(config_, address)) continue;
      missed_.emplace(address, now);
      changed = true;
    }
  }
  if (changed) want_next_hops(lifecycle_->facts());
  missing_hops_timer_.expires_after(missed_poll);
  missing_hops_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look_for_missing_hops();
  });
}

}  // namespace control
