#include "dataplane/table/toeplitz.h"

namespace dataplane {
namespace {

/// The 32 bits of the key that begin at bit `place`, counted from the first byte's highest.
std::uint32_t window(std::span<const std::uint8_t> key, std::size_t place) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const std::size_t byte = place / 8 + i;
    bits = bits << 8 | (byte < key.size() ? key[byte] : 0u);
  }
  return static_cast<std::uint32_t>(bits >> (8 - place % 8));
}

}  // namespace

std::uint32_t toeplitz_plain(std::span<const std::uint8_t> key,
                             std::span<const std::uint8_t> input) {
  CHECK(key.size() >= input.size() + 4);
  std::uint32_t hash = 0;
  for (std::size_t place = 0; place < 8 * input.size(); ++place) {
    const bool set = (input[place / 8] >> (7 - place % 8) & 1) != 0;
    if (set) hash ^= window(key, place);
  }
  return hash;
}

Toeplitz::Toeplitz(std::span<const std::uint8_t> key) {
  CHECK(key.size() >= key_min);
  for (std::size_t byte = 0; byte < input_max; ++byte) {
    for (std::size_t value = 0; value < 256; ++value) {
      std::uint32_t hash = 0;
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((value >> (7 - bit) & 1) != 0) hash ^= window(key, 8 * byte + bit);
      }
      table_[byte][value] = hash;
    }
  }
}

}  // namespace dataplane
