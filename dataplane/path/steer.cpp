#include "dataplane/path/steer.h"

#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

template <class Address>
WorkerId owner_by_endpoint(const Address& address, Be16 port, const Snapshot& snapshot, Seed seed) {
  if (snapshot.client_rss != nullptr && snapshot.client_rss->fields() == RssFields::Source) {
    return snapshot.client_rss->worker_of_endpoint(address, port);
  }
  return WorkerId{static_cast<std::uint8_t>(hash(address, port, seed) % snapshot.workers)};
}

bool steers_by_rss(const Packet& packet, const Snapshot& snapshot) {
  return snapshot.ports[packet.ingress.number].steering == Steering::Rss;
}

}  // namespace

template <class Address>
WorkerId owner_worker(const FlowKey<Address>& key, const Snapshot& snapshot, Seed seed) {
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

template WorkerId owner_worker(const FlowKey4&, const Snapshot&, Seed);
template WorkerId owner_worker(const FlowKey6&, const Snapshot&, Seed);

namespace {

template <class Address>
void steer_family(Burst& burst, Mask group, const Snapshot& snapshot, WorkerId self,
                  Seed owner_seed) {
  for (std::size_t i : bits(burst.of<Address>(group & burst.pending & burst.keyed))) {
    Packet& packet = burst.packets[i];
    if (packet.handed_off || steers_by_rss(packet, snapshot)) continue;
    packet.owner = owner_worker(burst.key<Address>(i), snapshot, owner_seed);
    if (packet.owner != self) burst.decide(i, Verdict::HandOff);
  }
}

/// The kernel's: health checks' answers, ssh. No flow, so nobody's in particular.
template <class Address>
bool is_ports_own(const Burst& burst, std::size_t i, const FlowKey<Address>& key,
                  const Snapshot& snapshot) {
  if (burst.kinds[i] == Kind::IcmpError) return false;
  if (snapshot.owner_of(key.destination) != Owner::Port) return false;
  const Endpoint to{key.destination, key.destination_port, key.protocol};
  return snapshot.listener_for(to) == nullptr;
}

template <class Address>
std::size_t redirect_family(Burst& burst, const Snapshot& snapshot, WorkerId self,
                            Seed owner_seed) {
  std::size_t redirected = 0;
  for (std::size_t i : bits(burst.of<Address>(burst.pending & burst.keyed & ~burst.known))) {
    Packet& packet = burst.packets[i];
    if (packet.handed_off || !steers_by_rss(packet, snapshot)) continue;
    if (is_ports_own(burst, i, burst.key<Address>(i), snapshot)) continue;
    packet.owner = owner_worker(burst.key<Address>(i), snapshot, owner_seed);
    if (packet.owner == self) continue;
    burst.decide(i, Verdict::HandOff);
    ++redirected;
  }
  return redirected;
}

}  // namespace

void steer(Burst& burst, Mask group, const Snapshot& snapshot, WorkerId self, Seed owner_seed) {
  if (snapshot.workers == 1) return;
  steer_family<Ipv4Address>(burst, group, snapshot, self, owner_seed);
  steer_family<Ipv6Address>(burst, group, snapshot, self, owner_seed);
}

std::size_t redirect(Burst& burst, const Snapshot& snapshot, WorkerId self, Seed owner_seed) {
  if (snapshot.workers == 1) return 0;
  return redirect_family<Ipv4Address>(burst, snapshot, self, owner_seed) +
         redirect_family<Ipv6Address>(burst, snapshot, self, owner_seed);
}

}  // namespace dataplane
