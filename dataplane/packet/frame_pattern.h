// FramePattern: how the usual frame of a port begins, so that one comparison under a mask answers
// what would be seven questions (to us? from a host? tagged as it should be? what family? options?
// a fragment?). Nearly every packet says yes to all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "dataplane/packet/address.h"

namespace dataplane {

struct FramePattern {
  static constexpr std::size_t size = 32;

  alignas(32) std::array<std::uint8_t, size> bytes{};
  alignas(32) std::array<std::uint8_t, size> mask{};  // 0 bits: any
  std::uint16_t network = 0;                          // where the IP header begins

  /// `frame`: `size` bytes at least.
  [[nodiscard]] bool matches(const std::uint8_t* frame) const {
#if defined(__AVX2__)
    const __m256i seen = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(frame));
    const __m256i wanted = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes.data()));
    const __m256i asked = _mm256_load_si256(reinterpret_cast<const __m256i*>(mask.data()));
    return _mm256_testz_si256(_mm256_xor_si256(seen, wanted), asked) != 0;
#else
    return matches_plain(frame);
#endif
  }
  /// The plain version, and the oracle of the other.
  [[nodiscard]] bool matches_plain(const std::uint8_t* frame) const {
    using Words = std::array<std::uint64_t, size / 8>;
    Words seen, wanted, asked;
    std::memcpy(seen.data(), frame, size);
    std::memcpy(wanted.data(), bytes.data(), size);
    std::memcpy(asked.data(), mask.data(), size);
    std::uint64_t odd = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) odd |= (seen[i] ^ wanted[i]) & asked[i];
    return odd == 0;
  }
};

/// Frames to `mac` from no group address, with the 802.1Q id `vlan` (0: untagged) and any priority,
/// holding a packet of `family`: of IPv4 one without options that is no fragment.
[[nodiscard]] FramePattern usual_frame(const MacAddress& mac, std::uint16_t vlan, Family family);

}  // namespace dataplane
