#include "control/neighbour_table.h"

#include <linux/neighbour.h>

#include <algorithm>

namespace control {

using dataplane::IpAddress;
using dataplane::PortId;

namespace {

PortId port_id(std::size_t index) { return PortId{static_cast<std::uint8_t>(index)}; }

}  // namespace

NeighbourTable::NeighbourTable(std::vector<PortNetwork> ports) : ports_(std::move(ports)) {
  want({});
}

/// The port whose network is the most specific one with `host` in it; the first among equals.
std::optional<PortId> NeighbourTable::link_of(const IpAddress& host) const {
  std::optional<PortId> best;
  int best_length = -1;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    for (const auto& prefix : ports_[i].addresses) {
      if (!prefix.contains(host) || prefix.length <= best_length) continue;
      best = port_id(i);
      best_length = prefix.length;
    }
  }
  return best;
}

NeighbourTable::Difference NeighbourTable::want(const std::vector<IpAddress>& hosts) {
  std::map<Key, Entry> wanted;
  std::vector<IpAddress> off_link;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    for (const IpAddress& gateway : ports_[i].gateways) wanted.try_emplace({port_id(i), gateway});
  }
  for (const IpAddress& host : hosts) {
    if (const auto port = link_of(host)) {
      wanted.try_emplace({*port, host});
    } else {
      off_link.push_back(host);
    }
  }
  Difference difference;
  std::size_t kept = 0;
  for (auto& [key, entry] : wanted) {
    const auto known = entries_.find(key);
    if (known == entries_.end()) {
      difference.more = true;
      continue;
    }
    entry = known->second;
    if (entry.mac) ++kept;
  }
  difference.lost = kept != facts().size();
  entries_ = std::move(wanted);
  off_link_ = std::move(off_link);
  return difference;
}

bool NeighbourTable::take(const NeighbourNews& news) {
  const auto found = entries_.find({news.port, news.address});
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  const auto before = entry.mac;
  // A neighbour that an operator deletes or flushes is called failed too, but without having been
  // asked: before that question it is called something else.
  constexpr unsigned not_asked = NUD_REACHABLE | NUD_STALE | NUD_PERMANENT | NUD_NOARP;
  constexpr unsigned has_mac = not_asked | NUD_DELAY | NUD_PROBE;
  const bool failed = (news.state & NUD_FAILED) != 0;
  const bool in_vain = failed && (entry.state & not_asked) == 0;
  entry.state = failed && !in_vain ? std::uint16_t{NUD_NONE} : news.state;
  if (in_vain) {
    entry.mac.reset();
  } else if (news.mac && (news.state & has_mac) != 0) {
    entry.mac = news.mac;
  }
  // Forgotten (garbage collection, `ip neigh flush`, link down) or being asked for: the last known
  // address is the best there is until an answer or its absence is known.
  return entry.mac != before;
}

void NeighbourTable::forget_all_but(const std::set<std::pair<PortId, IpAddress>>& listed) {
  for (auto& [key, entry] : entries_) {
    if (!listed.contains(key)) entry.state = NUD_NONE;
  }
}

std::vector<config::NeighbourFact> NeighbourTable::facts() const {
  std::vector<config::NeighbourFact> facts;
  for (const auto& [key, entry] : entries_) {
    if (entry.mac) facts.push_back({key.first, key.second, *entry.mac});
  }
  return facts;
}

bool NeighbourTable::wants(PortId port, const IpAddress& address) const {
  return entries_.contains({port, address});
}

std::vector<Inquiry> NeighbourTable::due(std::size_t limit) {
  // Reachable, permanent and no-ARP need nothing; the kernel is at work on the others.
  constexpr unsigned settled =
      NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP | NUD_DELAY | NUD_PROBE | NUD_INCOMPLETE;
  std::vector<Inquiry> probes;
  auto at = entries_.upper_bound(cursor_);
  for (std::size_t seen = 0; seen < entries_.size() && probes.size() < limit; ++seen, ++at) {
    if (at == entries_.end()) at = entries_.begin();
    const auto& [key, entry] = *at;
    cursor_ = key;
    if ((entry.state & settled) != 0) continue;
    probes.push_back({key.first, key.second, (entry.state & NUD_STALE) != 0});
  }
  return probes;
}

std::optional<GatewayChoice> NeighbourTable::gateway_for(dataplane::Family family) const {
  std::optional<GatewayChoice> first;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    for (const IpAddress& gateway : ports_[i].gateways) {
      if (gateway.family() != family) continue;
      const GatewayChoice choice{port_id(i), gateway};
      if (!first) first = choice;
      const auto entry = entries_.find({choice.port, gateway});
      if (entry != entries_.end() && entry->second.mac) return choice;
    }
  }
  return first;
}

std::map<IpAddress, GatewayChoice> NeighbourTable::routes() const {
  std::map<IpAddress, GatewayChoice> routes;
  const auto v4 = gateway_for(dataplane::Family::V4);
  const auto v6 = gateway_for(dataplane::Family::V6);
  for (const IpAddress& host : off_link_) {
    const auto& gateway = host.is_v4() ? v4 : v6;
    if (gateway) routes.emplace(host, *gateway);
  }
  return routes;
}

}  // namespace control
