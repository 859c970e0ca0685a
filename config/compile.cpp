#include "config/compile.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "config/reach.h"
#include "config/steering.h"
#include "dataplane/packet/contract.h"

namespace config {
namespace {

using dataplane::Algorithm;
using dataplane::Be16;
using dataplane::Endpoint;
using dataplane::FixedTable;
using dataplane::IpAddress;
using dataplane::IpPrefix;
using dataplane::ListenerId;
using dataplane::MaglevEntry;
using dataplane::MaglevTable;
using dataplane::Mode;
using dataplane::NextHop;
using dataplane::Overload;
using dataplane::Owner;
using dataplane::PortId;
using dataplane::Route;
using dataplane::Snapshot;
using dataplane::TargetGroupId;
using dataplane::TargetId;
using dataplane::WeightedEntry;
using dataplane::WeightedSchedule;

template <class Fact>
using ByName = std::unordered_map<std::string_view, const Fact*>;

template <class Fact>
ByName<Fact> by_name(const std::vector<Fact>& facts) {
  ByName<Fact> result;
  for (const Fact& fact : facts) CHECK(result.emplace(fact.name, &fact).second);
  return result;
}

/// The fact of something that is in the file: there must be one.
template <class Fact>
const Fact& fact_of(const ByName<Fact>& facts, std::string_view name) {
  const auto found = facts.find(name);
  CHECK(found != facts.end());
  return *found->second;
}

using GroupFacts = ByName<TargetGroupFact>;

PortId port_id(std::size_t index) { return PortId{static_cast<std::uint8_t>(index)}; }

template <class Entry>
Entry& slot_of(std::vector<Entry>& entries, std::size_t slot) {
  if (slot >= entries.size()) entries.resize(slot + 1);
  return entries[slot];
}

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

// --- routes ---

struct KnownNeighbour {
  PortId port;
  IpAddress address;
  dataplane::MacAddress mac;
};

std::vector<KnownNeighbour> configured_neighbours(const Config& config) {
  std::vector<KnownNeighbour> result;
  for (const Neighbour& neighbour : config.neighbours) {
    const auto port = std::find_if(config.ports.begin(), config.ports.end(),
                                   [&](const Port& p) { return p.name == neighbour.port; });
    CHECK(port != config.ports.end());
    result.push_back({port_id(static_cast<std::size_t>(port - config.ports.begin())),
                      neighbour.address, neighbour.mac});
  }
  return result;
}

/// The file's, then the kernel's: of an address that the kernel knows on two ports, the one whose
/// network it belongs to comes first.
std::vector<KnownNeighbour> all_neighbours(const Config& config, const Facts& facts) {
  std::vector<KnownNeighbour> result = configured_neighbours(config);
  const auto configured = static_cast<std::ptrdiff_t>(result.size());
  for (const NeighbourFact& fact : facts.neighbours) {
    CHECK(fact.port.number < config.ports.size());
    if (fact.mac.is_zero() || fact.mac.is_group()) continue;  // not resolved, or not one host's
    result.push_back({fact.port, fact.address, fact.mac});
  }
  std::stable_partition(result.begin() + configured, result.end(), [&](const KnownNeighbour& one) {
    return on_link(config.ports[one.port.number], one.address);
  });
  return result;
}

NextHop hop_to(const KnownNeighbour& neighbour, const Snapshot& snapshot) {
  const dataplane::Port& port = snapshot.ports[neighbour.port.number];
  return dataplane::next_hop(port.id, neighbour.mac, port.mac, port.vlan, port.mtu,
                             neighbour.address.family());
}

void compile_neighbours(const std::vector<KnownNeighbour>& neighbours, Snapshot& snapshot) {
  snapshot.neighbours = FixedTable<IpAddress, NextHop>(neighbours.size());
  for (const KnownNeighbour& neighbour : neighbours) {
    snapshot.neighbours.insert(neighbour.address, hop_to(neighbour, snapshot));
  }
}

/// 0.0.0.0/0 or ::/0.
IpPrefix everything(dataplane::Family family) {
  if (family == dataplane::Family::V4) return {dataplane::Ipv4Address{}, 0};
  return {dataplane::Ipv6Address{}, 0};
}

Route connected(const IpPrefix& prefix, PortId port) {
  return {.prefix = prefix.network(), .port = port, .on_link = true, .gateway = {}};
}

// The same order as Reach's. Longest prefix first; among equals, the order of the file. A neighbour
// that the file names is reachable on its port even where no address of that port says so. Of the
// gateways only those whose MAC is known are routes, so a second one takes over when the first does
// not answer.
void compile_routes(const Config& config, const std::vector<KnownNeighbour>& neighbours,
                    Snapshot& snapshot) {
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    for (const IpPrefix& prefix : config.ports[i].addresses) {
      snapshot.routes.push_back(connected(prefix, port_id(i)));
    }
  }
  for (const KnownNeighbour& neighbour : configured_neighbours(config)) {
    if (on_link(config.ports[neighbour.port.number], neighbour.address)) continue;
    snapshot.routes.push_back(
        connected({neighbour.address, neighbour.address.width()}, neighbour.port));
  }
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    for (const IpAddress& gateway : config.ports[i].gateways) {
      // By port: two links may each have a router fe80::1.
      const auto known =
          std::find_if(neighbours.begin(), neighbours.end(), [&](const KnownNeighbour& one) {
            return one.port == port_id(i) && one.address == gateway;
          });
      if (known == neighbours.end()) continue;
      snapshot.routes.push_back({.prefix = everything(gateway.family()),
                                 .port = known->port,
                                 .on_link = false,
                                 .gateway = hop_to(*known, snapshot)});
    }
  }
  std::stable_sort(
      snapshot.routes.begin(), snapshot.routes.end(),
      [](const Route& a, const Route& b) { return a.prefix.length > b.prefix.length; });
}

// --- listeners and owners ---

void compile_listeners(const Config& config, const Facts& facts, const GroupFacts& groups,
                       Snapshot& snapshot) {
  const ByName<ListenerFact> ids = by_name(facts.listeners);
  snapshot.listener_at = FixedTable<Endpoint, ListenerId>(config.listeners.size());
  for (const Listener& listener : config.listeners) {
    const ListenerFact& fact = fact_of(ids, listener.name);
    CHECK(fact.id.slot < dataplane::listeners_max);
    dataplane::Listener& compiled = slot_of(snapshot.listeners, fact.id.slot);
    CHECK(compiled.id == dataplane::no_listener);
    compiled = {.id = fact.id,
                .incarnation = fact.incarnation,
                .address = listener.address,
                .port = Be16{listener.port},
                .protocol = listener.protocol,
                .target_group = fact_of(groups, listener.target_group).id,
                .idle_milliseconds =
                    static_cast<std::uint32_t>(milliseconds(listener.idle_timeout).count())};
    snapshot.listener_at.insert({listener.address, Be16{listener.port}, listener.protocol},
                                fact.id);
  }
}

// One owner an address; the first inserted stays. The port's own come first: ARP, ping and ssh to
// them are the kernel's even where a listener shares the address, and the path asks listener_at
// (and its flows) before it asks for the owner. Listeners come before local addresses: to a port
// that no listener has, the answer is then the listener address's (replies of targets find their
// flow first).
void compile_owners(const Config& config, const Facts& facts, Snapshot& snapshot) {
  std::size_t addresses = config.listeners.size() + facts.lingering_addresses.size();
  for (const Port& port : config.ports) {
    addresses += port.addresses.size() + port.local_addresses.size();
  }
  snapshot.owners = FixedTable<IpAddress, Owner>(addresses);
  for (const Port& port : config.ports) {
    for (const IpPrefix& prefix : port.addresses) {
      snapshot.owners.insert(prefix.address, Owner::Port);
    }
  }
  for (const Listener& listener : config.listeners) {
    snapshot.owners.insert(listener.address, Owner::Listener);
  }
  for (const Port& port : config.ports) {
    for (const IpAddress& local : port.local_addresses) {
      snapshot.owners.insert(local, Owner::Local);
    }
  }
  for (const IpAddress& lingering : facts.lingering_addresses) {
    snapshot.owners.insert(lingering, Owner::Listener);
  }
}

// --- target groups and targets ---

void compile_groups(const Config& config, const GroupFacts& groups, Snapshot& snapshot) {
  for (const TargetGroup& group : config.target_groups) {
    const TargetGroupId id = fact_of(groups, group.name).id;
    CHECK(id.slot < dataplane::target_groups_max);
    dataplane::TargetGroup& compiled = slot_of(snapshot.target_groups, id.slot);
    CHECK(compiled.id == TargetGroupId{});
    compiled.id = id;
    compiled.protocol = group.protocol;
    compiled.mode = group.mode;
    compiled.algorithm = group.algorithm;
    compiled.unknown_flow = group.unknown_flow;
    compiled.overload = group.overload;
  }
  for (const dataplane::Listener& listener : snapshot.listeners) {
    if (listener.id == dataplane::no_listener) continue;
    dataplane::TargetGroup& group = slot_of(snapshot.target_groups, listener.target_group.slot);
    CHECK(group.id == listener.target_group);
    group.listeners.push_back(listener.id);
  }
}

/// Targets of a group that left the file keep that group's id as long as control remembers it.
TargetGroupId group_of(const GroupFacts& groups, const TargetFact& target) {
  const auto found = groups.find(target.target_group);
  return found == groups.end() ? TargetGroupId{} : found->second->id;
}

/// Which availability gets new flows, by group slot: Serving where one such target has weight, else
/// FailOpen where one such target has.
std::vector<Availability> serving_by_group(const Facts& facts, const GroupFacts& groups,
                                           Snapshot& snapshot) {
  std::vector<Availability> result(snapshot.target_groups.size(), Availability::Serving);
  std::vector<bool> serving(result.size()), fail_open(result.size());
  for (const TargetFact& target : facts.targets) {
    const TargetGroupId group = group_of(groups, target);
    if (snapshot.target_group(group) == nullptr || target.weight == 0) continue;
    if (target.availability == Availability::Serving) serving[group.slot] = true;
    if (target.availability == Availability::FailOpen) fail_open[group.slot] = true;
  }
  for (std::size_t slot = 0; slot < result.size(); ++slot) {
    snapshot.target_groups[slot].failing_open = !serving[slot] && fail_open[slot];
    if (!serving[slot]) result[slot] = Availability::FailOpen;
  }
  return result;
}

void compile_targets(const Facts& facts, const GroupFacts& groups, Snapshot& snapshot) {
  const std::vector<Availability> serving = serving_by_group(facts, groups, snapshot);
  for (const TargetFact& fact : facts.targets) {
    CHECK(fact.id.slot < dataplane::targets_max);
    dataplane::Target& target = slot_of(snapshot.targets, fact.id.slot);
    CHECK(target.id == dataplane::no_target);
    const TargetGroupId group = group_of(groups, fact);
    const bool known = snapshot.target_group(group) != nullptr;
    target = {.id = fact.id,
              .target_group = group,
              .address = fact.address,
              .port = Be16{fact.port},
              .weight = fact.weight,
              .eligible = known && fact.weight != 0 && fact.availability == serving[group.slot],
              .terminated = fact.availability == Availability::Terminated,
              .next_hop = snapshot.next_hop_to(fact.address)};
  }
}

/// Where what a target sends can only be for clients of one listener. check() sees to it that it is
/// so everywhere in a group that forwards without flows, but for what a reload leaves behind.
void compile_stateless(Snapshot& snapshot) {
  for (dataplane::Target& target : snapshot.targets) {
    const dataplane::TargetGroup* group = snapshot.target_group(target.target_group);
    if (group == nullptr || group->mode != Mode::Nat || group->overload != Overload::Forward) {
      continue;
    }
    const TargetId* known =
        snapshot.nat_target_at.find({target.address, target.port, group->protocol});
    target.stateless = group->listeners.size() == 1 && known != nullptr &&
                       snapshot.targets[known->slot].target_group == group->id;
  }
}

// Two nat groups may share an endpoint, and a target that drains may have a successor on its own:
// the reply of a flow nobody knows is then taken for that group's which forwards without flows,
// else for the lowest group's, one that takes new flows first.
void compile_nat_targets(Snapshot& snapshot) {
  struct Claim {
    Endpoint endpoint;
    const dataplane::Target* target;
    bool forwards;
  };
  std::vector<Claim> claims;
  for (const dataplane::Target& target : snapshot.targets) {
    const dataplane::TargetGroup* group = snapshot.target_group(target.target_group);
    if (group == nullptr || group->mode != Mode::Nat) continue;
    const bool forwards = target.eligible && group->overload == Overload::Forward;
    claims.push_back({{target.address, target.port, group->protocol}, &target, forwards});
  }
  const auto rank = [](const Claim& claim) {
    const dataplane::Target& target = *claim.target;
    return std::tuple(!claim.forwards, target.target_group, !target.eligible, target.terminated,
                      target.id);
  };
  std::sort(claims.begin(), claims.end(),
            [rank](const Claim& a, const Claim& b) { return rank(a) < rank(b); });
  snapshot.nat_target_at = FixedTable<Endpoint, TargetId>(claims.size());
  for (const Claim& claim : claims) {
    snapshot.nat_target_at.insert(claim.endpoint, claim.target->id);
  }
  compile_stateless(snapshot);
}

// --- schedules and Maglev tables ---

/// The eligible targets of each group, by group slot, in the order of their addresses: what a
/// group's tables are made of, and nothing else.
using Eligible = std::vector<std::vector<MaglevEntry>>;

Eligible eligible_by_group(const Snapshot& snapshot) {
  Eligible result(snapshot.target_groups.size());
  for (const dataplane::Target& target : snapshot.targets) {
    if (!target.eligible) continue;
    result[target.target_group.slot].push_back(
        {target.id, target.address, target.port, target.weight});
  }
  for (std::vector<MaglevEntry>& group : result) {
    std::sort(group.begin(), group.end(), [](const MaglevEntry& a, const MaglevEntry& b) {
      return std::tuple(a.address, a.port.value(), a.id) <
             std::tuple(b.address, b.port.value(), b.id);
    });
  }
  return result;
}

bool same(const std::vector<MaglevEntry>& a, const std::vector<MaglevEntry>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const MaglevEntry& x, const MaglevEntry& y) {
        return x.id == y.id && x.address == y.address && x.port == y.port && x.weight == y.weight;
      });
}

std::shared_ptr<const WeightedSchedule> schedule(Algorithm algorithm,
                                                 const std::vector<MaglevEntry>& targets) {
  std::vector<WeightedEntry> entries;
  if (!dataplane::is_consistent(algorithm)) {
    for (const MaglevEntry& target : targets) {
      const bool equal = algorithm == Algorithm::RoundRobin;
      entries.push_back({target.id, equal ? std::uint16_t{1} : target.weight});
    }
  }
  return std::make_shared<const WeightedSchedule>(entries);
}

/// What the file asks for; more where it has fewer slots than targets.
std::uint32_t maglev_size(const TargetGroup& group, const std::vector<MaglevEntry>& targets) {
  return std::max(group.maglev_table_size,
                  dataplane::next_prime(static_cast<std::uint32_t>(targets.size())));
}

void compile_tables(const Config& config, const GroupFacts& groups, const Snapshot* previous,
                    Snapshot& snapshot) {
  const Eligible eligible = eligible_by_group(snapshot);
  const Eligible before = previous == nullptr ? Eligible{} : eligible_by_group(*previous);
  for (const TargetGroup& wanted : config.target_groups) {
    const TargetGroupId id = fact_of(groups, wanted.name).id;
    dataplane::TargetGroup& group = snapshot.target_groups[id.slot];
    const std::vector<MaglevEntry>& targets = eligible[id.slot];
    const bool maglev = dataplane::is_consistent(group.algorithm) && !targets.empty();
    const std::uint32_t size = maglev ? maglev_size(wanted, targets) : 0;
    const dataplane::TargetGroup* old = previous == nullptr ? nullptr : previous->target_group(id);
    if (old != nullptr && old->algorithm == group.algorithm && same(before[id.slot], targets) &&
        old->maglev->slots().size() == size) {
      group.schedule = old->schedule;
      group.maglev = old->maglev;
      continue;
    }
    group.schedule = schedule(group.algorithm, targets);
    group.maglev = maglev ? std::make_shared<const MaglevTable>(targets, size)
                          : std::make_shared<const MaglevTable>(std::span<const MaglevEntry>{},
                                                                MaglevTable::size_default);
  }
}

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
  compile_ports(config, facts, *snapshot);
  const std::vector<KnownNeighbour> neighbours = all_neighbours(config, facts);
  compile_neighbours(neighbours, *snapshot);
  compile_routes(config, neighbours, *snapshot);
  const GroupFacts groups = by_name(facts.target_groups);
  compile_listeners(config, facts, groups, *snapshot);
  compile_owners(config, facts, *snapshot);
  compile_groups(config, groups, *snapshot);
  compile_targets(facts, groups, *snapshot);
  compile_nat_targets(*snapshot);
  compile_tables(config, groups, previous, *snapshot);
  return snapshot;
}

}  // namespace config
