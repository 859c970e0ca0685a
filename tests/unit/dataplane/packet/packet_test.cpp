#include "dataplane/packet/packet.h"

#include <gtest/gtest.h>

#include <array>

#include "dataplane/packet/headers.h"

namespace dataplane {
namespace {

TEST(Packet, AtGivesAHeaderOnlyWhereTheWholeOfItIs) {
  std::array<std::uint8_t, 34> frame{};
  Packet packet;
  packet.data = frame.data();
  packet.length = 34;
  EXPECT_EQ(reinterpret_cast<std::uint8_t*>(packet.at<Ipv4Header>(14)), frame.data() + 14);
  EXPECT_EQ(packet.at<Ipv4Header>(15), nullptr);
  EXPECT_EQ(packet.at<EthernetHeader>(34), nullptr);
  EXPECT_EQ(packet.at<EthernetHeader>(0xffff'ffff), nullptr);
  packet.length = 33;
  EXPECT_EQ(packet.at<Ipv4Header>(14), nullptr);
}

TEST(PacketDeathTest, HeaderTrustsTheOffsetButIsCheckedInTests) {
  std::array<std::uint8_t, 20> frame{};
  Packet packet;
  packet.data = frame.data();
  packet.length = 20;
  EXPECT_EQ(&packet.header<EthernetHeader>(6), packet.at<EthernetHeader>(6));
  EXPECT_DEATH(static_cast<void>(packet.header<EthernetHeader>(7)), "length");
}

}  // namespace
}  // namespace dataplane
