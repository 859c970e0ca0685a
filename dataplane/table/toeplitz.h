// Toeplitz: the hash by which NICs spread packets over their receive queues (RSS, as Microsoft
// specified it), for any key.
//
// The hash of bytes is the XOR, over all set bits of the input, of the 32 bits of the key that
// begin at that bit's place. So it is linear: the hash of a whole is the XOR of the hashes of its
// parts, each where it lies, and another port costs two look-ups. Made once from a key, then read
// only. 36 KiB, of which IPv4 uses the first 12.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet/contract.h"

namespace dataplane {

/// The definition, bit by bit: the oracle of the other. 32 bits more of key than of input.
[[nodiscard]] std::uint32_t toeplitz_plain(std::span<const std::uint8_t> key,
                                           std::span<const std::uint8_t> input);

class Toeplitz {
 public:
  static constexpr std::size_t input_max = 36;           // IPv6: two addresses, two ports
  static constexpr std::size_t key_min = input_max + 4;  // what more there is cannot matter

  /// `key`: key_min bytes at least.
  explicit Toeplitz(std::span<const std::uint8_t> key);

  /// What `size` bytes at `offset` of the input add (XOR) to its hash.
  [[nodiscard]] std::uint32_t part(const void* bytes, std::size_t size, std::size_t offset) const {
    DCHECK(offset + size <= input_max);
    const auto* byte = static_cast<const std::uint8_t*>(bytes);
    std::uint32_t hash = 0;
    for (std::size_t i = 0; i < size; ++i) hash ^= table_[offset + i][byte[i]];
    return hash;
  }

 private:
  std::array<std::array<std::uint32_t, 256>, input_max> table_;  // by place and value of a byte
};

}  // namespace dataplane
