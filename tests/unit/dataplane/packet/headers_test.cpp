#include "dataplane/packet/headers.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace dataplane {
namespace {

template <class Header, std::size_t N>
Header read(const std::array<std::uint8_t, N>& bytes) {
  static_assert(sizeof(Header) == N);
  Header header;
  std::memcpy(static_cast<void*>(&header), bytes.data(), N);
  return header;
}

TEST(Headers, Ethernet) {
  const auto header = read<EthernetHeader>(
      std::array<std::uint8_t, 14>{0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00});
  EXPECT_EQ(to_string(header.destination), "02:00:00:00:00:01");
  EXPECT_EQ(to_string(header.source), "02:00:00:00:00:02");
  EXPECT_EQ(header.type, ether_type::ipv4);
}

TEST(Headers, VlanIdIsTwelveBits) {
  const auto tag = read<VlanTag>(std::array<std::uint8_t, 4>{0xef, 0xfe, 0x08, 0x06});
  EXPECT_EQ(tag.id(), 0xffe);  // priority 7 and drop-eligible set
  EXPECT_EQ(tag.type, ether_type::arp);
}

TEST(Headers, Arp) {
  const auto arp = read<ArpHeader>(std::array<std::uint8_t, 28>{
      0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 7, 10, 0, 0, 7, 2, 0, 0, 0, 0, 8, 10, 0, 0, 8});
  EXPECT_EQ(arp.hardware_type.value(), 1);
  EXPECT_EQ(arp.protocol_type, ether_type::ipv4);
  EXPECT_EQ(arp.operation, ArpHeader::reply);
  EXPECT_EQ(to_string(arp.sender_mac), "02:00:00:00:00:07");
  EXPECT_EQ(to_string(arp.sender_address), "10.0.0.7");
  EXPECT_EQ(to_string(arp.target_mac), "02:00:00:00:00:08");
  EXPECT_EQ(to_string(arp.target_address), "10.0.0.8");
}

// The example of RFC 791, appendix A, figure 5, completed with addresses and a checksum.
TEST(Headers, Ipv4) {
  auto ip = read<Ipv4Header>(std::array<std::uint8_t, 20>{
      0x45, 0, 0, 21, 0, 111, 0, 0, 123, 1, 0xab, 0xcd, 10, 0, 0, 1, 198, 51, 100, 7});
  EXPECT_EQ(ip.version(), 4u);
  EXPECT_EQ(ip.header_bytes(), 20u);
  EXPECT_EQ(ip.total_length.value(), 21);
  EXPECT_EQ(ip.identification.value(), 111);
  EXPECT_EQ(ip.ttl, 123);
  EXPECT_EQ(ip.protocol, 1);
  EXPECT_EQ(ip.checksum.value(), 0xabcd);
  EXPECT_EQ(to_string(ip.source), "10.0.0.1");
  EXPECT_EQ(to_string(ip.destination), "198.51.100.7");
  ip.version_and_words = 0x4f;
  EXPECT_EQ(ip.header_bytes(), 60u);
}

TEST(Headers, Ipv4FragmentBits) {
  Ipv4Header ip{};
  EXPECT_FALSE(ip.is_fragment());
  EXPECT_TRUE(ip.may_fragment());
  ip.fragment = Be16{0x4000};  // don't fragment
  EXPECT_FALSE(ip.is_fragment());
  EXPECT_FALSE(ip.may_fragment());
  ip.fragment = Be16{0x2000};  // more fragments: the first one
  EXPECT_TRUE(ip.is_fragment());
  ip.fragment = Be16{0x0001};  // an offset: the last one
  EXPECT_TRUE(ip.is_fragment());
  ip.fragment = Be16{0x8000};  // reserved ("evil") bit alone
  EXPECT_FALSE(ip.is_fragment());
}

TEST(Headers, Tcp) {
  const auto tcp = read<TcpHeader>(std::array<std::uint8_t, 20>{
      0x1f, 0x90, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0xf0, 0x12, 0xff, 0xff, 0xbe, 0xef, 0, 9});
  EXPECT_EQ(tcp.source_port.value(), 8080);
  EXPECT_EQ(tcp.destination_port.value(), 80);
  EXPECT_EQ(tcp.sequence.value(), 0x0102'0304u);
  EXPECT_EQ(tcp.acknowledgement.value(), 0x0506'0708u);
  EXPECT_EQ(tcp.header_bytes(), 60u);
  EXPECT_EQ(tcp.flags, TcpHeader::syn | TcpHeader::ack);
  EXPECT_EQ(tcp.window.value(), 0xffff);
  EXPECT_EQ(tcp.checksum.value(), 0xbeef);
  EXPECT_EQ(tcp.urgent.value(), 9);
}

TEST(Headers, UdpAndIcmp) {
  const auto udp = read<UdpHeader>(std::array<std::uint8_t, 8>{0, 53, 0x80, 0, 0, 12, 0x12, 0x34});
  EXPECT_EQ(udp.source_port.value(), 53);
  EXPECT_EQ(udp.destination_port.value(), 0x8000);
  EXPECT_EQ(udp.length.value(), 12);
  EXPECT_EQ(udp.checksum.value(), 0x1234);
  const auto icmp = read<IcmpHeader>(std::array<std::uint8_t, 8>{3, 4, 0x12, 0x34, 0, 0, 5, 220});
  EXPECT_EQ(icmp.type, IcmpHeader::unreachable);
  EXPECT_EQ(icmp.code, IcmpHeader::fragmentation_needed_code);
  EXPECT_EQ(icmp.sequence.value(), 1500);  // the next hop's MTU
}

}  // namespace
}  // namespace dataplane
