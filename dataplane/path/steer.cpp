#include "dataplane/path/steer.h"

#include "dataplane/path/verbs.h"

namespace dataplane {

template <class Address>
WorkerId owner_worker(const FlowKey<Address>& key, const Snapshot& snapshot, Seed seed) {
  switch (snapshot.owner_of(key.destination)) {
    case Owner::Local:  // full_nat's reply: the port says who took it
      return worker_of_local_port(key.destination_port, snapshot.workers);
    case Owner::Listener:
    case Owner::Port:  // a listener may use the port's own address
      return WorkerId{
          static_cast<std::uint8_t>(hash(key.source, key.source_port, seed) % snapshot.workers)};
    case Owner::Nobody: break;  // nat's reply: the destination is the client
  }
  return WorkerId{static_cast<std::uint8_t>(hash(key.destination, key.destination_port, seed) %
                                            snapshot.workers)};
}

template WorkerId owner_worker(const FlowKey4&, const Snapshot&, Seed);
template WorkerId owner_worker(const FlowKey6&, const Snapshot&, Seed);

namespace {

template <class Address>
void steer_family(Burst& burst, const Snapshot& snapshot, WorkerId self, Seed owner_seed) {
  for (std::size_t i : bits(burst.of<Address>(burst.pending & burst.keyed))) {
    Packet& packet = burst.packets[i];
    if (packet.handed_off) continue;
    packet.owner = owner_worker(burst.key<Address>(i), snapshot, owner_seed);
    if (packet.owner != self) burst.decide(i, Verdict::HandOff);
  }
}

}  // namespace

void steer(Burst& burst, const Snapshot& snapshot, WorkerId self, Seed owner_seed) {
  if (snapshot.workers == 1) return;
  steer_family<Ipv4Address>(burst, snapshot, self, owner_seed);
  steer_family<Ipv6Address>(burst, snapshot, self, owner_seed);
}

}  // namespace dataplane
