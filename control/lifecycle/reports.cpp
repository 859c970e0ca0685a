// What the lifecycle tells: facts for compile(), records for the tools.
#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "control/lifecycle/lifecycle.h"
#include "dataplane/packet/contract.h"

namespace control {

using dataplane::ListenerId;
using dataplane::TargetGroupId;

config::Facts Lifecycle::facts() const {
  config::Facts facts;
  listeners_.for_each([&](const Listeners::Entry& entry) {
    if (!entry.registered()) {
      facts.lingering_addresses.push_back(entry.thing.address);
      return;
    }
    facts.listeners.push_back({entry.name, ListenerId{entry.slot.number}, entry.slot.incarnation});
  });
  groups_.for_each([&](const Groups::Entry& entry) {
    facts.target_groups.push_back({.name = entry.name,
                                   .id = TargetGroupId{entry.slot.number},
                                   .incarnation = entry.slot.incarnation});
  });
  targets_.for_each([&](const Targets::Entry& entry) {
    facts.targets.push_back({.id = target_id(entry.slot),
                             .target_group = entry.name.target_group,
                             .address = entry.name.address,
                             .port = entry.name.port,
                             .weight = entry.thing.weight.weight(),
                             .percent = entry.thing.percent,
                             .zone = entry.thing.zone,
                             .availability = entry.thing.life.status().availability,
                             .resets_flows = entry.thing.life.status().resets_flows,
                             .moves_udp = entry.thing.life.status().moves_udp,
                             .max_connections = entry.thing.limit});
  });
  traffic_.add_to(facts);
  return facts;
}

Records Lifecycle::records() const {
  Records records;
  listeners_.for_each([&](const Listeners::Entry& entry) {
    const config::Listener& listener = entry.thing;
    dataplane::ListenerRecord record{};
    record.used = true;
    record.incarnation = entry.slot.incarnation;
    record.port = listener.port;
    record.port_last = ports_of(listener).last;
    record.protocol = listener.protocol.number();
    record.name.assign(listener.name);
    record.address.assign(to_string(listener.address));
    for (const config::WeightedGroup& one : groups_of(listener)) {
      CHECK(record.group_count < record.groups.size());  // check() sees to it
      dataplane::GroupShareRecord& share = record.groups[record.group_count++];
      share.name.assign(one.name);
      share.weight = one.weight;
    }
    record.idle_seconds = static_cast<std::uint32_t>(listener.idle_timeout.count());
    record.udp_idle_seconds = static_cast<std::uint32_t>(listener.udp_idle_timeout.count());
    records.listeners.push_back({ListenerId{entry.slot.number}, record});
  });
  const TrafficByGroup traffic = traffic_.look(members());
  std::map<std::string_view, std::size_t> seen;  // of each group's targets
  const auto now = parts_.now().steady;
  targets_.for_each([&](const Targets::Entry& entry) {
    const Status& status = entry.thing.life.status();
    dataplane::TargetRecord record{};
    record.used = true;
    record.id = target_id(entry.slot);
    record.state = status.state;
    record.reason = status.reason;
    if (const auto found = traffic.find(entry.name.target_group); found != traffic.end()) {
      const std::size_t place = seen[entry.name.target_group]++;
      record.takes_new_flows = found->second.eligibility.eligible[place];
      record.exclusion = found->second.eligibility.exclusions[place];
    }
    record.port = entry.name.port;
    record.weight = entry.thing.weight.weight();
    record.configured_weight = entry.thing.weight.configured();
    record.weight_is_set = entry.thing.weight.is_set();
    const bool starting = entry.thing.weight.is_starting(now);
    record.slow_start_percent = starting ? entry.thing.weight.start_percent(now) : std::uint8_t{0};
    record.protocol = entry.thing.protocol.number();
    record.max_connections = entry.thing.limit;
    record.configured_max_connections = entry.thing.max_connections;
    record.reports_weight = entry.thing.weight.reported().has_value();
    record.reported_percent = entry.thing.weight.reported().value_or(0);
    record.target_group.assign(entry.name.target_group);
    record.address.assign(to_string(entry.name.address));
    record.zone.assign(entry.thing.zone);
    record.since_unix_milliseconds = unix_milliseconds(status.since);
    if (status.drain_ends)
      record.drain_ends_unix_milliseconds = unix_milliseconds(*status.drain_ends);
    record.detail.assign(status.detail);
    records.targets.push_back(record);
  });
  add_target_groups(records, traffic);
  add_zones(records, traffic);
  return records;
}

}  // namespace control
