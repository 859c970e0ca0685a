// Be16 and Be32: integers as they lie on the wire.
//
// Reads and writes of a number go through value() and the explicit constructor, so a forgotten byte
// swap does not compile. Do not add implicit conversions. Both have alignment 1: a header may start
// at any byte of a frame.
#pragma once

#include <cstdint>

namespace dataplane {

class [[gnu::packed]] Be16 {
 public:
  constexpr Be16() = default;
  constexpr explicit Be16(std::uint16_t host) : wire_(__builtin_bswap16(host)) {}
  [[nodiscard]] static constexpr Be16 from_wire(std::uint16_t wire) {
    Be16 result;
    result.wire_ = wire;
    return result;
  }
  [[nodiscard]] constexpr std::uint16_t value() const { return __builtin_bswap16(wire_); }
  [[nodiscard]] constexpr std::uint16_t wire() const { return wire_; }
  friend constexpr bool operator==(Be16 a, Be16 b) { return a.wire_ == b.wire_; }

 private:
  std::uint16_t wire_ = 0;
};

class [[gnu::packed]] Be32 {
 public:
  constexpr Be32() = default;
  constexpr explicit Be32(std::uint32_t host) : wire_(__builtin_bswap32(host)) {}
  [[nodiscard]] static constexpr Be32 from_wire(std::uint32_t wire) {
    Be32 result;
    result.wire_ = wire;
    return result;
  }
  [[nodiscard]] constexpr std::uint32_t value() const { return __builtin_bswap32(wire_); }
  [[nodiscard]] constexpr std::uint32_t wire() const { return wire_; }
  friend constexpr bool operator==(Be32 a, Be32 b) { return a.wire_ == b.wire_; }

 private:
  std::uint32_t wire_ = 0;
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the byte swaps above assume it");
static_assert(sizeof(Be16) == 2 && alignof(Be16) == 1);
static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);

}  // namespace dataplane
