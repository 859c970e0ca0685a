#include "dataplane/path/local_ports.h"

#include "dataplane/packet/contract.h"

namespace dataplane {
namespace {

/// The way over all places: at turn t, address t mod n, and of its ports the next but 7918.
template <class Address>
class Walk {
 public:
  Walk(const LocalAddresses& locals, std::uint64_t turn)
      : addresses_(locals.of<Address>()),
        first_(locals.port_first),
        ports_(static_cast<std::uint32_t>(locals.port_last - locals.port_first) + 1),
        // Prime to the number of ports, so that every port has its turn.
        stride_(ports_ % 7919 == 0 ? 7907 % ports_ : 7919 % ports_),
        address_(turn % addresses_.size()),
        place_(static_cast<std::uint32_t>(turn / addresses_.size() % ports_ * stride_ % ports_)) {}

  [[nodiscard]] const Address& address() const { return addresses_[address_]; }
  [[nodiscard]] Be16 port() const { return Be16{static_cast<std::uint16_t>(first_ + place_)}; }
  void go_on() {
    if (++address_ < addresses_.size()) return;
    address_ = 0;
    place_ += stride_;
    if (place_ >= ports_) place_ -= ports_;
  }

 private:
  const std::vector<Address>& addresses_;
  std::uint32_t first_;
  std::uint32_t ports_;
  std::uint32_t stride_;
  std::size_t address_;
  std::uint32_t place_;
};

/// Whose the replies to a local port are.
template <class Address>
class Owners {
 public:
  Owners(const LocalAddresses& locals, const FlowKey<Address>& to_client)
      : locals_(locals),
        source_part_(locals.rss != nullptr && locals.rss->fields() == RssFields::Tuple
                         ? locals.rss->source_part(to_client.source, to_client.source_port)
                         : 0) {}

  [[nodiscard]] WorkerId of(const Address& address, Be16 port) const {
    if (locals_.rss == nullptr) return worker_of_local_port(port, locals_.workers);
    return locals_.rss->worker_of_hash(source_part_ ^ locals_.rss->destination_part(address, port));
  }

 private:
  const LocalAddresses& locals_;
  std::uint32_t source_part_;  // the same whatever the local port: computed once
};

/// The places that are a worker's own, one after another.
template <class Address>
class Search {
 public:
  Search(const LocalAddresses& locals, const FlowKey<Address>& to_client, Turns& turns)
      : owners_(locals, to_client),
        walk_(locals, turns.local_port),
        turns_(turns),
        steps_(local_ports_max * locals.workers) {}

  /// Sets the destination of `to_client` to the next one. False: searched long enough.
  [[nodiscard]] bool next(FlowKey<Address>& to_client) {
    // Every n-th place or so is ours.
    for (; steps_ > 0; --steps_, walk_.go_on()) {
      ++turns_.local_port;
      if (owners_.of(walk_.address(), walk_.port()) != turns_.worker) continue;
      to_client.destination = walk_.address();
      to_client.destination_port = walk_.port();
      --steps_;
      walk_.go_on();
      return true;
    }
    return false;
  }

 private:
  Owners<Address> owners_;
  Walk<Address> walk_;
  Turns& turns_;
  int steps_;
};

}  // namespace

template <class Address>
bool take_local_port(FlowKey<Address>& to_client, const LocalAddresses& locals,
                     const FlowTable<Address>& flows, Turns& turns) {
  if (locals.of<Address>().empty()) return false;
  Search<Address> search(locals, to_client, turns);
  for (int tries = 0; tries < local_ports_max && search.next(to_client); ++tries) {
    if (flows.find(to_client) == no_flow) return true;
  }
  return false;
}

template <class Address>
bool draft_local_port(FlowKey<Address>& to_client, const LocalAddresses& locals, Turns& turns) {
  if (locals.of<Address>().empty()) return false;
  return Search<Address>(locals, to_client, turns).next(to_client);
}

template bool take_local_port(FlowKey4&, const LocalAddresses&, const FlowTable4&, Turns&);
template bool take_local_port(FlowKey6&, const LocalAddresses&, const FlowTable6&, Turns&);
template bool draft_local_port(FlowKey4&, const LocalAddresses&, Turns&);
template bool draft_local_port(FlowKey6&, const LocalAddresses&, Turns&);

}  // namespace dataplane
