#include "config/compile_parts.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace config {

using dataplane::Be16;
using dataplane::Endpoint;
using dataplane::FixedTable;
using dataplane::IpAddress;
using dataplane::IpPrefix;
using dataplane::ListenerId;
using dataplane::Owner;
using dataplane::Protocol;
using dataplane::Protocols;
using dataplane::Snapshot;

namespace {

/// The ranges of one address and protocol, and what is left to "all".
struct Ranges {
  std::vector<dataplane::PortSegment> segments;
  ListenerId rest;
};

void add_rest(Ranges& ranges) {
  if (ranges.rest == dataplane::no_listener) return;
  std::vector<dataplane::PortSegment> whole;
  std::uint32_t next = dataplane::all_ports.first;
  const auto fill_up_to = [&](std::uint32_t end) {
    if (next >= end) return;
    whole.push_back(
        {{static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(end - 1)}, ranges.rest});
  };
  for (const dataplane::PortSegment& segment : ranges.segments) {
    fill_up_to(segment.ports.first);
    whole.push_back(segment);
    next = std::uint32_t{segment.ports.last} + 1;
  }
  fill_up_to(std::uint32_t{dataplane::all_ports.last} + 1);
  ranges.segments = std::move(whole);
}

// check() lets ranges of one address and protocol overlap only with "all", which gets what they
// leave, and with exact ports, which the path asks for first.
void compile_ranges(Snapshot& snapshot) {
  std::map<std::pair<IpAddress, Protocol>, Ranges> by_address;
  for (const dataplane::Listener& listener : snapshot.listeners) {
    if (listener.id == dataplane::no_listener || !listener.is_range()) continue;
    for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp}) {
      if (!listener.protocol.has(protocol)) continue;
      Ranges& ranges = by_address[{listener.address, protocol}];
      if (listener.ports == dataplane::all_ports) {
        ranges.rest = listener.id;
      } else {
        ranges.segments.push_back({listener.ports, listener.id});
      }
    }
  }
  snapshot.segments_at = FixedTable<Endpoint, dataplane::Segments>(by_address.size());
  for (auto& [at, ranges] : by_address) {
    std::sort(ranges.segments.begin(), ranges.segments.end(),
              [](const auto& a, const auto& b) { return a.ports.first < b.ports.first; });
    add_rest(ranges);
    snapshot.segments_at.insert({at.first, Be16{0}, at.second},
                                {static_cast<std::uint32_t>(snapshot.segments.size()),
                                 static_cast<std::uint32_t>(ranges.segments.size())});
    snapshot.segments.insert(snapshot.segments.end(), ranges.segments.begin(),
                             ranges.segments.end());
  }
}

/// The shares of a listener with several target groups; none of one with one.
void compile_shares(const Listener& listener, const GroupFacts& groups,
                    const std::set<std::string_view>& sticky, dataplane::Listener& compiled) {
  const std::vector<WeightedGroup> wanted = groups_of(listener);
  compiled.target_group = serving_group(groups, wanted.front().name);
  if (wanted.size() == 1) return;
  std::uint32_t weights = 0;
  for (const WeightedGroup& one : wanted) {
    compiled.shares.push_back({.id = serving_group(groups, one.name),
                               .weight = one.weight,
                               .identity = dataplane::share_identity(one.name)});
    weights += one.weight;
    compiled.shares_by_source = compiled.shares_by_source || sticky.contains(one.name);
  }
  CHECK(weights > 0);
}

/// Groups that keep a client at one target: all its flows must come to the same group first. Also
/// those whose standby does, always: a standby that comes and goes must not deal all flows anew.
std::set<std::string_view> groups_by_source(const Config& config) {
  std::set<std::string_view> own;
  for (const TargetGroup& group : config.target_groups) {
    if (group.algorithm == dataplane::Algorithm::SourceIp ||
        group.stickiness.type != dataplane::Stickiness::None) {
      own.insert(group.name);
    }
  }
  std::set<std::string_view> result = own;
  for (const TargetGroup& group : config.target_groups) {  // standbys do not chain
    const auto& failover = group.routing.failover;
    if (failover && own.contains(failover->target_group)) result.insert(group.name);
  }
  return result;
}

std::uint32_t milliseconds_of(seconds duration) {
  return static_cast<std::uint32_t>(milliseconds(duration).count());
}

}  // namespace

void compile_listeners(const Config& config, const Facts& facts, const GroupFacts& groups,
                       Snapshot& snapshot) {
  const ByName<ListenerFact> ids = by_name(facts.listeners);
  const std::set<std::string_view> sticky = groups_by_source(config);
  snapshot.listener_at = FixedTable<Endpoint, ListenerId>(2 * config.listeners.size());
  for (const Listener& listener : config.listeners) {
    const ListenerFact& fact = fact_of(ids, listener.name);
    CHECK(fact.id.slot < dataplane::listeners_max);
    dataplane::Listener& compiled = slot_of(snapshot.listeners, fact.id.slot);
    CHECK(compiled.id == dataplane::no_listener);
    compiled = {.id = fact.id,
                .incarnation = fact.incarnation,
                .address = listener.address,
                .ports = ports_of(listener),
                .protocol = listener.protocol,
                .target_group = {},
                .shares = {},
                .idle_milliseconds = milliseconds_of(listener.idle_timeout),
                .udp_idle_milliseconds = milliseconds_of(listener.protocol == Protocols::tcp_udp()
                                                             ? listener.udp_idle_timeout
                                                             : listener.idle_timeout)};
    compile_shares(listener, groups, sticky, compiled);
    if (compiled.is_range()) continue;
    for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp}) {
      if (!listener.protocol.has(protocol)) continue;
      snapshot.listener_at.insert({listener.address, Be16{listener.port}, protocol}, fact.id);
    }
  }
  compile_ranges(snapshot);
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

}  // namespace config
