// FixedTable: key → value, immutable after it is built. Snapshots use it for listeners, targets and
// addresses.
//
// Open addressing at most half full, power-of-two size, so a look-up is one or two lines and
// bounded. Its keys come from the operator, not from packets, so the hash needs no secret.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/packet/contract.h"
#include "dataplane/packet/flow_key.h"

namespace dataplane {

struct Endpoint {
  IpAddress address;
  Be16 port;
  Protocol protocol = Protocol::Tcp;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

[[nodiscard]] constexpr std::uint64_t fixed_table_bits(const IpAddress& key) {
  const auto [high, low] = key.v6().words();
  return fold(high ^ 0x9e37'79b9'7f4a'7c15u, low ^ 0xd6e8'feb8'6659'fd93u);
}
[[nodiscard]] constexpr std::uint64_t fixed_table_bits(const Endpoint& key) {
  return fixed_table_bits(key.address) ^ std::uint64_t{key.port.value()} << 8 ^
         static_cast<std::uint64_t>(key.protocol);
}

template <class Key, class Value>
class FixedTable {
 public:
  explicit FixedTable(std::size_t entries_max = 0) : places_(std::bit_ceil(entries_max * 2 + 2)) {}

  /// False if the key is already there (its first value stays). CHECKs the announced maximum.
  bool insert(const Key& key, const Value& value) {
    CHECK((size_ + 1) * 2 <= places_.size());
    Place& place = places_[probe(key)];
    if (place.used) return false;
    place = Place{key, value, true};
    ++size_;
    return true;
  }

  /// Null if nothing is there.
  [[nodiscard]] const Value* find(const Key& key) const {
    const Place& place = places_[probe(key)];
    return place.used ? &place.value : nullptr;
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Place {
    Key key;
    Value value{};
    bool used = false;
  };

  /// Where the key is, or the free place where it would go: there always is one.
  [[nodiscard]] std::size_t probe(const Key& key) const {
    const std::size_t mask = places_.size() - 1;
    // The product's top bits: the only ones that all bits of the key have a say in.
    auto place = static_cast<std::size_t>((fixed_table_bits(key) * 0x9e37'79b9'7f4a'7c15u) >>
                                          std::countl_zero(std::uint64_t{mask}));
    while (places_[place].used && !(places_[place].key == key)) place = (place + 1) & mask;
    return place;
  }

  std::vector<Place> places_;
  std::size_t size_ = 0;
};

}  // namespace dataplane
