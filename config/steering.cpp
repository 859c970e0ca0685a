#include "config/steering.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/complaints.h"
#include "config/reach.h"

namespace config {
namespace {

using dataplane::Mode;
using dataplane::Rss;
using dataplane::RssFields;
using dataplane::Steering;

bool is_full_nat(const TargetGroup& group) { return group.mode == Mode::FullNat; }

/// With no group at all the first one may be of either mode.
bool all_full_nat(const Config& config) {
  return !config.target_groups.empty() &&
         std::all_of(config.target_groups.begin(), config.target_groups.end(), is_full_nat);
}

/// By port: do targets lie behind it?
std::vector<bool> leads_to_targets(const Config& config) {
  const Reach reach{config};
  std::vector<bool> result(config.ports.size(), false);
  for (const TargetGroup& group : config.target_groups) {
    for (const Target& target : group.targets) {
      if (const auto port = reach.port_towards(target.address)) result[*port] = true;
    }
  }
  return result;
}

}  // namespace

std::vector<RssFields> rss_fields(const Config& config) {
  std::vector<RssFields> fields(config.ports.size(), RssFields::Tuple);
  if (all_full_nat(config)) return fields;
  const std::vector<bool> targets = leads_to_targets(config);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    // Clients come by gateways, and from the port's own network.
    if (!targets[i]) {
      fields[i] = RssFields::Source;
    } else if (config.ports[i].gateways.empty()) {
      fields[i] = RssFields::Destination;
    }
  }
  return fields;
}

std::shared_ptr<const Rss> client_rss(const Config& config,
                                      std::span<const std::shared_ptr<const Rss>> ports) {
  const RssFields wanted = all_full_nat(config) ? RssFields::Tuple : RssFields::Source;
  const bool any_gateway = std::any_of(config.ports.begin(), config.ports.end(),
                                       [](const Port& port) { return !port.gateways.empty(); });
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const bool clients = !any_gateway || !config.ports[i].gateways.empty();
    if (clients && ports[i] != nullptr && ports[i]->fields() == wanted) return ports[i];
  }
  return nullptr;
}

Steering steering(const Port& port, const Rss* rss, const Rss* client_rss) {
  if (rss == nullptr) return Steering::HandOff;
  const bool replies = !port.local_addresses.empty() && rss->spreads_ports();
  if (client_rss == nullptr) return replies ? Steering::Rss : Steering::HandOff;
  // Either clients' packets arrive at their owner, or, hashed at the other end, nat's replies do.
  const bool same_fields = rss->fields() == client_rss->fields();
  const bool other_end =
      rss->fields() == RssFields::Destination && client_rss->fields() == RssFields::Source;
  const bool clients = (same_fields || other_end) && rss->agrees_with(*client_rss);
  return clients || replies ? Steering::Rss : Steering::HandOff;
}

std::string useless_rss(const Port& port) {
  return fmt::format(
      "port '{}': steering = \"rss\": RSS would not bring its packets to the worker that owns "
      "their "
      "flow. With target groups in mode nat, clients must come by ports without targets, and "
      "targets lie behind ports without gateways, whose NICs hash one end alone; or, where every "
      "group is full_nat, the ports' NICs must take the same key and the same redirection table. "
      "Leave 'steering' out, and packets are handed over between workers",
      port.name);
}

Errors steering_conflicts(const Config& wanted, const Rss* client_rss) {
  Complaints complaints{wanted.places};
  if (client_rss == nullptr || client_rss->fields() != RssFields::Tuple) return complaints.take();
  for (std::size_t i = 0; i < wanted.target_groups.size(); ++i) {
    if (is_full_nat(wanted.target_groups[i])) continue;
    complaints.add({.setting = element("target_groups", i) + ".mode",
                    .value = "\"nat\"",
                    .problem = "cannot be the first of its mode while spillway runs: its ports "
                               "steer by RSS of whole tuples, which only full_nat allows",
                    .allowed = "\"full_nat\"",
                    .remedy = "Restart spillway for it."});
  }
  return complaints.take();
}

}  // namespace config
