// The Internet checksum: whole (RFC 1071) and by difference (RFC 1624).
//
// All sums are ones' complement sums of 16-bit words as they lie on the wire; such a sum is the
// same in either byte order (RFC 1071, 2.B), so nothing is swapped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/packet/address.h"
#include "dataplane/packet/contract.h"
#include "dataplane/packet/headers.h"

namespace dataplane {

/// Folds a sum of 16-bit words into 16 bits, carries added back.
[[nodiscard]] constexpr std::uint16_t fold_carries(std::uint64_t sum) {
  sum = (sum & 0xffff'ffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

/// Sum of `size` bytes as words; an odd last byte is padded with zero.
[[nodiscard]] std::uint64_t sum_words(const std::uint8_t* bytes, std::size_t size);

[[nodiscard]] constexpr std::uint64_t sum_words(Ipv4Address address) {
  const std::uint32_t wire = address.bits.wire();
  return (wire & 0xffff) + (wire >> 16);
}

[[nodiscard]] constexpr std::uint64_t sum_words(const Ipv6Address& address) {
  std::uint64_t sum = 0;
  for (const std::uint64_t word : address.words()) sum += (word & 0xffff'ffff) + (word >> 32);
  return sum;
}

/// The pseudo header of TCP, UDP and ICMPv6: addresses, protocol, and bytes of header plus payload
/// (RFC 9293, 3.1; RFC 8200, 8.1: its wider fields add the same words).
template <class Address>
[[nodiscard]] constexpr std::uint64_t sum_pseudo_header(const Address& source,
                                                        const Address& destination,
                                                        std::uint8_t protocol, std::uint16_t size) {
  return sum_words(source) + sum_words(destination) +
         Be16{static_cast<std::uint16_t>(protocol)}.wire() + Be16{size}.wire();
}

[[nodiscard]] constexpr Be16 checksum_of(std::uint64_t sum) {
  return Be16::from_wire(static_cast<std::uint16_t>(~fold_carries(sum)));
}

/// The checksum after `delta` (sum of new words minus sum of old ones) was applied: RFC 1624,
/// eqn. 3.
[[nodiscard]] constexpr Be16 adjusted(Be16 checksum, std::uint16_t delta) {
  const std::uint32_t sum = std::uint32_t{static_cast<std::uint16_t>(~checksum.wire())} + delta;
  // At most 0x1fffe: one fold is enough.
  return Be16::from_wire(static_cast<std::uint16_t>(~((sum & 0xffff) + (sum >> 16))));
}

/// new − old as a ones' complement sum.
[[nodiscard]] constexpr std::uint16_t difference(std::uint64_t new_sum, std::uint64_t old_sum) {
  return fold_carries(std::uint64_t{fold_carries(new_sum)} +
                      static_cast<std::uint16_t>(~fold_carries(old_sum)));
}

/// What a TTL that is one lower adds to the header checksum: −1 in the word's first byte.
inline constexpr std::uint16_t ttl_decrement_delta = 0xfffe;

/// Of a header without options: five words, and no loop. The sum is a multiple of 0xffff, and never
/// 0, since the version is not: one multiplication tells, where folding takes ten steps.
[[nodiscard]] inline bool plain_header_checksum_right(const Ipv4Header& header) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < sizeof header; i += 4) {
    std::uint32_t word;
    std::memcpy(&word, bytes + i, sizeof word);
    sum += word;
  }
  return sum % 0xffff == 0;
}
[[nodiscard]] inline bool header_checksum_right(const Ipv4Header& header) {
  return fold_carries(sum_words(reinterpret_cast<const std::uint8_t*>(&header),
                                header.header_bytes())) == 0xffff;
}

/// Computes the IPv4 header checksum anew.
void set_header_checksum(Ipv4Header& header);

}  // namespace dataplane
