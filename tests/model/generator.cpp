#include "tests/model/generator.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace tests {

using dataplane::Mode;

std::vector<Said> Generator::burst() {
  std::vector<Said> all;
  std::set<Client> opening;
  std::set<Client> talking;
  const std::size_t wanted = 1 + below(burst_max_);
  while (all.size() < wanted) {
    const Said said = below(2) == 0 ? from_client() : from_target();
    const Client who = client_of(said);
    const bool opens = said.tcp ? (said.flags & syn) != 0 : moves_udp(said);
    if (opening.contains(who) || (opens && talking.contains(who))) {
      if (below(8) == 0) break;
      continue;
    }
    (opens ? opening : talking).insert(who);
    all.push_back(said);
  }
  return all;
}

Generator::Client Generator::client_of(const Said& said) const {
  SocketAddress client = said.from_client ? said.source : said.destination;
  if (!said.from_client) {
    for (const auto& [key, c] : model_.connections()) {
      if (c.tcp == said.tcp && c.target.address == said.source.address &&
          c.target.port == said.source.port &&
          c.seen_by_target.address == said.destination.address &&
          c.seen_by_target.port == said.destination.port) {
        client = c.client;
      }
    }
  }
  return {client.address, client.port};
}

/// A client's datagram may end its flow and begin another if its target is gone for good.
bool Generator::moves_udp(const Said& said) const {
  if (!said.from_client) return false;
  const auto& targets = rig_.facts.targets;
  return std::any_of(targets.begin(), targets.end(), [](const config::TargetFact& target) {
    return target.availability == config::Availability::Terminated || target.resets_flows;
  });
}

bool Generator::forwards() const {
  return rig_.config.target_groups[0].overload == dataplane::Overload::Forward;
}

std::uint8_t Generator::random_flags() {
  static constexpr std::uint8_t usual[] = {syn,       syn,       syn,       ack,
                                           ack,       psh | ack, psh | ack, fin | ack,
                                           fin | ack, rst,       rst | ack, syn | ack};
  return usual[below(std::size(usual))];
}

void Generator::dress(Said& said) {
  if (said.tcp) said.flags = random_flags();
  said.sequence = ++sequence_;
  said.payload = std::string(below(5), 'p');
  // With pick-up anything may open a flow.
  const bool opens = !said.tcp || (said.flags & syn) != 0 || forwards();
  if (!opens && below(30) == 0) said.ttl = 1;
}

/// A client that waits sends its SYN again.
Said Generator::again(const Said& waiting) {
  Said said = waiting;
  said.sequence = ++sequence_;
  return said;
}

Said Generator::from_client() {
  const std::vector<Said> waiters = model_.waiters();
  if (!waiters.empty() && below(10) == 0) return again(waiters[below(waiters.size())]);
  Said said;
  said.tcp = below(3) != 0;
  const bool stranger = strangers && below(4) == 0;
  const std::string network =
      stranger ? (v4() ? "198.18.1." : "2001:db8:c:1::") : (v4() ? "198.18.0." : "2001:db8:c::");
  said.source = {ip(network + std::to_string(1 + below(stranger ? 250 : 6))),
                 static_cast<std::uint16_t>(4000 + below(stranger ? 50 : 12))};
  const auto& listeners = rig_.config.listeners;  // 0: tcp, 1: udp, 2: tcp
  const auto& listener = listeners[!said.tcp ? 1 : below(4) == 0 ? listeners.size() - 1 : 0];
  said.tcp = listener.protocol == dataplane::Protocol::Tcp;
  const dataplane::PortRange ports = ports_of(listener);
  const auto port = ports.first + below(std::uint64_t{ports.last} - ports.first + 1);
  said.destination = {listener.address, static_cast<std::uint16_t>(port)};
  dress(said);
  return said;
}

Said Generator::from_target() {
  const auto& known = model_.connections();
  const auto& homes = model_.homes();
  Said said;
  if (!homes.empty() && below(2) == 0) {
    auto chosen = homes.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(below(homes.size())));
    const config::TargetFact& target = rig_.facts.targets[chosen->second.target];
    said.tcp = chosen->second.tcp;
    const std::uint16_t asked = std::get<4>(chosen->first);
    said.source = {target.address, target.port == 0 ? asked : target.port};
    said.destination = chosen->second.client;
  } else if (known.empty() || below(20) == 0) {
    said.tcp = below(2) == 0;
    const auto& group = rig_.config.target_groups[said.tcp ? 0 : 1];
    const std::uint16_t asked = rig_.config.listeners[said.tcp ? 0 : 1].port;
    said.source = {group.targets[0].address, group.port == 0 ? asked : group.port};
    const bool full_nat = rig_.config.target_groups[0].mode == Mode::FullNat;
    said.destination = {full_nat ? rig_.config.ports[1].local_addresses[0]
                                 : ip(v4() ? "198.18.9.9" : "2001:db8:c::99"),
                        64'999};
  } else {
    auto chosen = known.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(below(known.size())));
    const Connection& c = chosen->second;
    said.tcp = c.tcp;
    said.source = c.target;
    said.destination = c.seen_by_target;
  }
  said.from_client = false;
  dress(said);
  if (said.tcp && below(3) == 0) said.flags = syn | ack;
  if (said.flags == syn) said.flags = ack;  // a target does not open connections
  return said;
}

}  // namespace tests
