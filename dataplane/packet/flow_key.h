// FlowKey: what identifies one direction of one flow, and its keyed hash.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/packet/address.h"

namespace dataplane {

/// The 5-tuple in wire order, padded with zeros so that whole words compare and hash: 16 bytes for
/// IPv4, 40 for IPv6. With IpAddress for either, where size does not matter.
template <class Address>
struct FlowKey {
  Address source;
  Address destination;
  Be16 source_port;
  Be16 destination_port;
  Protocol protocol = Protocol::Tcp;
  std::uint8_t zero[3] = {0, 0, 0};

  /// The key of a packet that goes back over the same two endpoints.
  [[nodiscard]] constexpr FlowKey reversed() const {
    return {destination, source, destination_port, source_port, protocol, {0, 0, 0}};
  }
  /// What is hashed and compared. A key that is made should be written in whole words too: a load
  /// that spans several smaller stores has to wait for all of them (some 12 cycles, measured).
  using Words = std::array<std::uint64_t, (2 * sizeof(Address) + 8) / 8>;
  [[nodiscard]] Words words() const {
    Words words;
    std::memcpy(words.data(), this, sizeof words);
    return words;
  }
  friend bool operator==(const FlowKey& a, const FlowKey& b) {
    const Words left = a.words(), right = b.words();
    std::uint64_t difference = 0;
    for (std::size_t i = 0; i < left.size(); ++i) difference |= left[i] ^ right[i];
    return difference == 0;
  }
};
using FlowKey4 = FlowKey<Ipv4Address>;
using FlowKey6 = FlowKey<Ipv6Address>;
static_assert(sizeof(FlowKey4) == 16);
static_assert(sizeof(FlowKey6) == 40);

/// The same key where either family's is wanted.
template <class Address>
[[nodiscard]] FlowKey<IpAddress> of_any_family(const FlowKey<Address>& key) {
  return {IpAddress(key.source), IpAddress(key.destination),
          key.source_port,       key.destination_port,
          key.protocol,          {0, 0, 0}};
}

/// … and back, where the family is known.
template <class Address>
[[nodiscard]] FlowKey<Address> of_family(const FlowKey<IpAddress>& key) {
  return {key.source.as<Address>(),
          key.destination.as<Address>(),
          key.source_port,
          key.destination_port,
          key.protocol,
          {0, 0, 0}};
}

/// 128 secret bits, fresh for every start (or fixed, for tests and for Maglev).
struct Seed {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

/// Multiplies to 128 bits and folds: not linear, unlike a CRC, whose collisions do not depend on
/// its initial value and could be aimed by an outsider. 2 multiplications, about 2 ns
/// (docs/decisions.md).
[[nodiscard]] constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Multipliers with about as many ones as zeros: 2^64 over the golden ratio (Knuth 6.4), and a
/// constant of wyhash's.
inline constexpr std::uint64_t golden = 0x9e37'79b9'7f4a'7c15u;
inline constexpr std::uint64_t balanced = 0xa076'1d64'78bd'642fu;

[[nodiscard]] inline std::uint64_t hash(const FlowKey4& key, Seed seed) {
  const auto words = key.words();
  return fold(fold(words[0] ^ seed.first, words[1] ^ seed.second) ^ seed.second,
              seed.first | golden);
}

/// Three folds with independent operands and one that binds them: about 3 ns.
[[nodiscard]] inline std::uint64_t hash(const FlowKey6& key, Seed seed) {
  const auto words = key.words();
  const std::uint64_t source = fold(words[0] ^ seed.first, words[1] ^ seed.second);
  const std::uint64_t destination = fold(words[2] ^ ~seed.second, words[3] ^ ~seed.first);
  const std::uint64_t rest = fold(words[4] ^ source, destination ^ seed.second);
  return fold(rest ^ seed.first, seed.first | golden);
}

/// Hash of one endpoint (the client's): which worker owns its flows. Two folds: after one, the low
/// bits of a client's ports are those of a line through the seed, and under one seed in 60 all of
/// the client's even ports were one worker's.
[[nodiscard]] inline std::uint64_t hash(Ipv4Address address, Be16 port, Seed seed) {
  const std::uint64_t word = std::uint64_t{address.bits.wire()} << 16 | port.wire();
  return fold(fold(word ^ seed.first, balanced) ^ seed.second, seed.first | golden);
}
[[nodiscard]] inline std::uint64_t hash(const Ipv6Address& address, Be16 port, Seed seed) {
  const auto [high, low] = address.words();
  const std::uint64_t host = fold(high ^ seed.first, low ^ seed.second);
  return fold(fold(host ^ port.wire(), balanced) ^ seed.second, seed.first | golden);
}

}  // namespace dataplane
