#include "dataplane/packet/net_order.h"

#include <gtest/gtest.h>

#include <cstring>
#include <type_traits>

namespace dataplane {
namespace {

TEST(NetOrder, LiesOnTheWireMostSignificantByteFirst) {
  const Be16 port{0x1f90};
  const Be32 address{0xc633'6402};
  unsigned char bytes[6];
  std::memcpy(bytes, &port, 2);
  std::memcpy(bytes + 2, &address, 4);
  const unsigned char expected[] = {0x1f, 0x90, 0xc6, 0x33, 0x64, 0x02};
  EXPECT_EQ(std::memcmp(bytes, expected, sizeof bytes), 0);
}

TEST(NetOrder, ValueGivesBackWhatWasPutIn) {
  for (unsigned host = 0; host <= 0xffff; ++host) {
    ASSERT_EQ(Be16{static_cast<std::uint16_t>(host)}.value(), host);
  }
  for (const std::uint32_t host : {0u, 1u, 0x0102'0304u, 0x8000'0000u, 0xffff'ffffu}) {
    EXPECT_EQ(Be32{host}.value(), host);
  }
}

TEST(NetOrder, WireRoundTripDoesNotSwap) {
  EXPECT_EQ(Be16::from_wire(Be16{0x1234}.wire()), Be16{0x1234});
  EXPECT_EQ(Be32::from_wire(Be32{0x1234'5678}.wire()), Be32{0x1234'5678});
  EXPECT_EQ(Be16::from_wire(0x1234).value(), 0x3412);
}

// What the type is for: a forgotten swap must not compile.
static_assert(!std::is_convertible_v<std::uint16_t, Be16>);
static_assert(!std::is_convertible_v<Be16, std::uint16_t>);
static_assert(!std::is_convertible_v<Be32, std::uint32_t>);
static_assert(!std::is_constructible_v<Be16, Be32>);
static_assert(std::is_trivially_copyable_v<Be16> && std::is_trivially_copyable_v<Be32>);

}  // namespace
}  // namespace dataplane
