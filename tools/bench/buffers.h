// Buffers: where frames lie before the path sees them. Hot: a few, over and over, so that their
// headers are in the nearest cache. Cold: a ring of 64k of an mbuf's size, written past the caches,
// as a NIC without cache injection does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tools/bench/memory.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tools::bench {

enum class Headers : std::uint8_t { Hot, Cold };

class Buffers {
 public:
  /// Hot: `hot` buffers are used in turn.
  Buffers(Headers headers, std::size_t hot)
      : cold_(headers == Headers::Cold),
        count_(cold_ ? cold_buffers : hot),
        memory_(count_ * stride) {}

  /// The next frame's place: aligned to 64, with room in front and behind. Write the frame with
  /// `write(std::uint8_t*)` in it: `room` bytes, whole cache lines.
  template <std::size_t room, class Write>
  std::uint8_t* put(Write write) {
    static_assert(room % 64 == 0 && room <= 2048);
    auto* frame =
        reinterpret_cast<std::uint8_t*>(memory_.bytes().data() + next_ * stride + headroom);
    if (++next_ == count_) next_ = 0;
    if (!cold_) {
      write(frame);
      return frame;
    }
    alignas(64) std::uint8_t lines[room];
    write(lines);
    write_past_caches(frame, lines, room);
    return frame;
  }

  /// Everything that was put has left for memory.
  static void settle() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
  }

  /// Whether put() can go past the caches on this CPU.
  [[nodiscard]] static constexpr bool can_be_cold() {
#if defined(__SSE2__)
    return true;
#else
    return false;
#endif
  }

 private:
  // An mbuf of 2 kB data: struct, headroom, data; and one line more, so that frames do not all fall
  // into the same few sets of the cache: DPDK's mempools spread them likewise.
  static constexpr std::size_t stride = 128 + 128 + 2048 + 64;
  static constexpr std::size_t headroom = 128 + 128;
  static constexpr std::size_t cold_buffers = std::size_t{1} << 16;

  static void write_past_caches(std::uint8_t* to, const std::uint8_t* lines, std::size_t size) {
#if defined(__SSE2__)
    for (std::size_t i = 0; i < size; i += 16) {
      const __m128i words = _mm_load_si128(reinterpret_cast<const __m128i*>(lines + i));
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), words);
    }
#else
    std::memcpy(to, lines, size);
#endif
  }

  bool cold_;
  std::size_t count_;
  Memory memory_;
  std::size_t next_ = 0;
};

}  // namespace tools::bench
