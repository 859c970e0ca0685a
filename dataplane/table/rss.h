// Rss: how one port's NIC spreads what it receives over the workers: Toeplitz hash with the port's
// real key, redirection table with its real entries, queue by queue the worker that polls it.
//
// nic/ reads it off the device after start; the path asks it which worker a packet arrives at.
// Never changes while a port runs. The path is right even if a NIC does otherwise, only slower: see
// path/steer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/packet/net_order.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/toeplitz.h"

namespace dataplane {

/// What of a TCP or UDP packet the NIC hashes.
enum class RssFields : std::uint8_t {
  Tuple,        // both addresses, both ports
  Source,       // source address and port
  Destination,  // destination address and port
};

class Rss {
 public:
  /// May a NIC's redirection table have so many entries? They are found by the hash's low bits.
  [[nodiscard]] static bool is_table_size(std::size_t entries) {
    return entries != 0 && entries <= 65'536 && (entries & (entries - 1)) == 0;
  }
  /// Repeats itself every 16 bits: then an address and a port hash to the same wherever they lie in
  /// the input. Devices that hash one end only differ in where they put it.
  [[nodiscard]] static bool repeats(std::span<const std::uint8_t> key);

  /// `key`: Toeplitz::key_min bytes or more, and repeats() unless `fields` is Tuple.
  /// `redirection`: the worker of each entry; is_table_size() of them.
  Rss(std::span<const std::uint8_t> key, std::vector<WorkerId> redirection, RssFields fields);

  [[nodiscard]] RssFields fields() const { return fields_; }

  /// The worker that the NIC gives a packet with this key. Key: its bytes begin with source,
  /// destination, source_port and destination_port in wire order.
  template <class Key>
  [[nodiscard]] WorkerId worker(const Key& key) const {
    return worker_of_hash(hash(key));
  }
  /// The worker of everything from that address and port (fields: Source), or to it (Destination).
  template <class Address>
  [[nodiscard]] WorkerId worker_of_endpoint(const Address& address, Be16 port) const {
    return worker_of_hash(toeplitz_.part(&address, sizeof address, 0) ^
                          toeplitz_.part(&port, sizeof port, sizeof address));
  }

  // --- the same in parts: for trying many destinations ---

  template <class Key>
  [[nodiscard]] std::uint32_t hash(const Key& key) const {
    switch (fields_) {
      case RssFields::Source: return source_part(key.source, key.source_port);
      case RssFields::Destination: return destination_part(key.destination, key.destination_port);
      case RssFields::Tuple: break;
    }
    return source_part(key.source, key.source_port) ^
           destination_part(key.destination, key.destination_port);
  }
  /// What source and destination add (XOR) to a Tuple's hash.
  template <class Address>
  [[nodiscard]] std::uint32_t source_part(const Address& address, Be16 port) const {
    return toeplitz_.part(&address, sizeof address, 0) ^
           toeplitz_.part(&port, sizeof port, 2 * sizeof address);
  }
  template <class Address>
  [[nodiscard]] std::uint32_t destination_part(const Address& address, Be16 port) const {
    return toeplitz_.part(&address, sizeof address, sizeof address) ^
           toeplitz_.part(&port, sizeof port, 2 * sizeof address + 2);
  }
  [[nodiscard]] WorkerId worker_of_hash(std::uint32_t hash) const {
    return redirection_[hash & (redirection_.size() - 1)];
  }

  /// Whatever else is in a packet, by its destination port alone it can be brought to every entry
  /// of the table, and each entry has as many ports. (Not so with keys of few bits, or Source.)
  [[nodiscard]] bool spreads_ports() const { return spreads_ports_; }
  /// Both give every address and port, and with the same fields every packet, to the same worker.
  [[nodiscard]] bool agrees_with(const Rss& other) const;

 private:
  [[nodiscard]] bool reaches_all(std::size_t port_offset) const;

  std::vector<std::uint8_t> key_;
  std::vector<WorkerId> redirection_;
  RssFields fields_;
  Toeplitz toeplitz_;
  bool spreads_ports_ = false;
};

}  // namespace dataplane
