#include "dataplane/path/steer.h"

#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

WorkerId owner_by_endpoint(Ipv4Address address, Be16 port, const Snapshot& snapshot, Seed seed) {
  if (snapshot.client_rss != nullptr && snapshot.client_rss->fields() == RssFields::Source) {
    return snapshot.client_rss->worker_of_endpoint(address, port);
  }
  return WorkerId{static_cast<std::uint8_t>(hash(address, port, seed) % snapshot.workers)};
}

bool steers_by_rss(const Packet& packet, const Snapshot& snapshot) {
  return snapshot.ports[packet.ingress.number].steering == Steering::Rss;
}

}  // namespace

WorkerId owner_worker(const FlowKey4& key, const Snapshot& snapshot, Seed seed) {
  switch (snapshot.owner_of(key.destination)) {
    case Owner::Local: return snapshot.locals_of(key.destination).worker(key);
    case Owner::Listener:
    case Owner::Port:  // a listener may use the port's own address
      if (snapshot.client_rss != nullptr && snapshot.client_rss->fields() == RssFields::Tuple) {
        return snapshot.client_rss->worker(key);
      }
      return owner_by_endpoint(key.source, key.source_port, snapshot, seed);
    case Owner::Nobody: break;  // nat's reply: the destination is the client
  }
  return owner_by_endpoint(key.destination, key.destination_port, snapshot, seed);
}

void steer(Burst& burst, const Snapshot& snapshot, WorkerId self, Seed owner_seed) {
  if (snapshot.workers == 1) return;
  for (std::size_t i : bits(burst.pending & burst.keyed)) {
    Packet& packet = burst.packets[i];
    if (packet.handed_off || steers_by_rss(packet, snapshot)) continue;
    packet.owner = owner_worker(burst.keys[i], snapshot, owner_seed);
    if (packet.owner != self) burst.decide(i, Verdict::HandOff);
  }
}

std::size_t redirect(Burst& burst, const Snapshot& snapshot, WorkerId self, Seed owner_seed) {
  if (snapshot.workers == 1) return 0;
  std::size_t redirected = 0;
  for (std::size_t i : bits(burst.pending & burst.keyed)) {
    Packet& packet = burst.packets[i];
    if (burst.flows[i] != no_flow || packet.handed_off || !steers_by_rss(packet, snapshot)) {
      continue;
    }
    packet.owner = owner_worker(burst.keys[i], snapshot, owner_seed);
    if (packet.owner == self) continue;
    burst.decide(i, Verdict::HandOff);
    ++redirected;
  }
  return redirected;
}

}  // namespace dataplane
