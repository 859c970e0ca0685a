#include "config/compile_parts.h"

#include <cstddef>

namespace config {

using dataplane::Be16;
using dataplane::Endpoint;
using dataplane::FixedTable;
using dataplane::IpAddress;
using dataplane::IpPrefix;
using dataplane::ListenerId;
using dataplane::Owner;
using dataplane::Snapshot;

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
                .target_group = serving_group(groups, listener.target_group),
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

}  // namespace config
