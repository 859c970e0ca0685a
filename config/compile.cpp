#include "config/compile.h"

#include <algorithm>

#include "config/compile_parts.h"
#include "config/steering.h"
#include "dataplane/packet/contract.h"

namespace config {

using dataplane::IpAddress;
using dataplane::Snapshot;

void compile_ports(const Config& config, const Facts& facts, Snapshot& snapshot) {
  CHECK(config.ports.size() == facts.ports.size());
  CHECK(config.ports.size() <= dataplane::ports_max);
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    const Port& port = config.ports[i];
    const PortFact& fact = facts.ports[i];
    snapshot.ports.push_back({.id = port_id(i),
                              .mac = fact.mac,
                              .vlan = port.vlan,
                              .mtu = std::min(port.mtu, fact.mtu),
                              .kernel_path = fact.kernel_path,
                              .usual4 = usual_frame(fact.mac, port.vlan, dataplane::Family::V4),
                              .usual6 = usual_frame(fact.mac, port.vlan, dataplane::Family::V6)});
    dataplane::LocalAddresses& locals = snapshot.locals.emplace_back();
    locals.workers = snapshot.workers;
    for (const IpAddress& local : port.local_addresses) {
      if (local.is_v4()) {
        locals.v4.push_back(local.v4());
      } else {
        locals.v6.push_back(local.v6());
      }
    }
    if (fact.rss != nullptr && fact.rss->spreads_ports()) locals.rss = fact.rss;
    snapshot.ports.back().steering = steering(port, fact.rss.get(), facts.client_rss.get());
  }
  snapshot.client_rss = facts.client_rss;
}

namespace {

std::uint32_t count(milliseconds duration) { return static_cast<std::uint32_t>(duration.count()); }

}  // namespace

std::shared_ptr<const Snapshot> compile(const Config& config, const Facts& facts,
                                        const Snapshot* previous) {
  const std::size_t workers =
      config.worker_cpus.empty() ? config.workers : config.worker_cpus.size();
  CHECK(workers >= 1);
  CHECK(workers <= dataplane::workers_max);
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = facts.generation;
  snapshot->workers = static_cast<std::uint8_t>(workers);
  snapshot->timeouts = {.half_open_milliseconds = count(config.flows.half_open_timeout),
                        .half_closed_milliseconds = count(config.flows.half_closed_timeout),
                        .closing_milliseconds = count(config.flows.closing_timeout),
                        .reset_milliseconds = count(config.flows.reset_timeout)};
  snapshot->punts_per_second = config.punt_rate;
  snapshot->icmp_errors_per_second = config.icmp_error_rate;
  snapshot->new_flows_per_second = config.flows.new_per_second;
  snapshot->flow_log_sample = config.flow_log.on() ? config.flow_log.sample_millionths : 0;
  compile_ports(config, facts, *snapshot);
  const std::vector<KnownNeighbour> neighbours = all_neighbours(config, facts);
  compile_neighbours(neighbours, *snapshot);
  compile_routes(config, neighbours, *snapshot);
  const GroupFacts groups = by_name(facts.target_groups);
  compile_listeners(config, facts, groups, *snapshot);
  compile_owners(config, facts, *snapshot);
  compile_security_groups(config, facts, previous, *snapshot);
  compile_groups(config, groups, *snapshot);
  compile_targets(config, facts, groups, *snapshot);
  compile_nat_targets(*snapshot);
  compile_limits(config, facts, groups, *snapshot);
  compile_tables(config, groups, previous, *snapshot);
  return snapshot;
}

}  // namespace config
