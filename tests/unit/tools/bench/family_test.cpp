#include "tools/bench/family.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <tuple>

namespace tools::bench {
namespace {

using dataplane::EthernetHeader;
using dataplane::HeaderOf;
using dataplane::Ipv4Header;
using dataplane::Ipv6Header;
using dataplane::Protocol;
using dataplane::TcpHeader;

struct alignas(64) Frame {
  std::uint8_t bytes[128] = {};
  template <class T>
  [[nodiscard]] const T& at(std::size_t offset) const {
    return *reinterpret_cast<const T*>(bytes + offset);
  }
};

/// What an IP header says, of either family.
std::size_t bytes_of(const Ipv4Header& ip) { return ip.total_length.value(); }
std::size_t bytes_of(const Ipv6Header& ip) { return sizeof ip + ip.payload_length.value(); }

template <class Family>
class FamilyTest : public testing::Test {
 protected:
  static constexpr std::size_t transport = 14 + sizeof(HeaderOf<typename Family::Address>);
  [[nodiscard]] static const auto& ip(const Frame& frame) {
    return frame.at<HeaderOf<typename Family::Address>>(14);
  }
};
struct Name {
  template <class Family>
  static std::string GetName(int) {
    return std::string(Family::name);
  }
};
using Families = testing::Types<Ipv4, Ipv6>;
TYPED_TEST_SUITE(FamilyTest, Families, Name);

TYPED_TEST(FamilyTest, ClientsAllDiffer) {
  std::set<std::tuple<typename TypeParam::Address, std::uint16_t>> clients;
  constexpr std::uint32_t count = 200'000;
  const auto network =
      *dataplane::parse_prefix(std::is_same_v<TypeParam, Ipv4> ? "198.18.0.0/15" : "2001:2::/48");
  for (std::uint32_t number = 0; number < count; ++number) {
    const auto key = TypeParam::to_listener(number, Protocol::Tcp);
    EXPECT_GE(key.source_port.value(), 1024);
    EXPECT_TRUE(network.contains(key.source)) << dataplane::to_string(key.source);
    EXPECT_EQ(key.destination, TypeParam::listener());
    clients.insert({key.source, key.source_port.value()});
  }
  EXPECT_EQ(clients.size(), count);
}

TYPED_TEST(FamilyTest, TargetsAndLocalsHaveNumbersInTheBackNetwork) {
  const auto network = *dataplane::parse_prefix(TypeParam::back_network);
  for (const std::uint32_t number : {0u, 1u, 999u}) {
    EXPECT_EQ(TypeParam::target_number(TypeParam::target(number)), number);
    EXPECT_EQ(TypeParam::local_number(TypeParam::local(number)), number);
    EXPECT_TRUE(network.contains(TypeParam::target(number)));
    EXPECT_TRUE(network.contains(TypeParam::local(number)));
    EXPECT_NE(TypeParam::local(number), TypeParam::target(number));
  }
  EXPECT_TRUE(dataplane::parse_prefix(TypeParam::front_network)->contains(TypeParam::gateway()));
}

TEST(Family, AddressesAreTheDocumentedOnes) {
  EXPECT_EQ(dataplane::to_string(Ipv4::target(3)), "10.0.1.3");
  EXPECT_EQ(dataplane::to_string(Ipv4::local(3)), "10.0.128.3");
  EXPECT_EQ(dataplane::to_string(Ipv6::target(3)), "fd00::1:3");
  EXPECT_EQ(dataplane::to_string(Ipv6::local(3)), "fd00::80:3");
  EXPECT_EQ(dataplane::to_string(Ipv6::listener()), "2001:db8:a::a");
}

TYPED_TEST(FamilyTest, WritesTrueTcpFrames) {
  const typename TypeParam::Writer writer(Protocol::Tcp, router_mac, front_mac);
  const auto key = TypeParam::to_listener(17, Protocol::Tcp);
  Frame frame;
  writer.write(frame.bytes, key, TcpHeader::syn | TcpHeader::ack);
  EXPECT_EQ(frame.at<EthernetHeader>(0).source, router_mac);
  EXPECT_EQ(frame.at<EthernetHeader>(0).destination, front_mac);
  EXPECT_EQ(bytes_of(this->ip(frame)), this->transport - 14 + 20);
  EXPECT_LE(this->transport + 20, TypeParam::frame_bytes);
  EXPECT_EQ(frame.at<TcpHeader>(this->transport).flags, TcpHeader::syn | TcpHeader::ack);
  EXPECT_EQ(TypeParam::key_of(frame.bytes), key);
  EXPECT_TRUE(TypeParam::checksums_right(frame.bytes));
}

TYPED_TEST(FamilyTest, WritesTrueUdpFrames) {
  const typename TypeParam::Writer writer(Protocol::Udp, target_mac, back_mac);
  for (std::uint32_t number = 0; number < 100; ++number) {
    const auto key = TypeParam::to_listener(number, Protocol::Udp).reversed();
    Frame frame;
    writer.write(frame.bytes, key, 0);
    EXPECT_EQ(bytes_of(this->ip(frame)), TypeParam::frame_bytes - 14u);
    EXPECT_EQ(TypeParam::key_of(frame.bytes), key);
    EXPECT_TRUE(TypeParam::checksums_right(frame.bytes));
  }
}

TYPED_TEST(FamilyTest, SeesWrongChecksums) {
  const typename TypeParam::Writer writer(Protocol::Tcp, router_mac, front_mac);
  // Version, source, port, flags.
  for (const std::size_t damaged :
       {std::size_t{14}, std::size_t{29}, this->transport + 1, this->transport + 13}) {
    Frame frame;
    writer.write(frame.bytes, TypeParam::to_listener(1, Protocol::Tcp), TcpHeader::ack);
    frame.bytes[damaged] ^= 0x20;
    EXPECT_FALSE(TypeParam::checksums_right(frame.bytes)) << damaged;
  }
}

TYPED_TEST(FamilyTest, WritesNoMoreThanTheRoomItAsksFor) {
  Frame frame;
  std::memset(frame.bytes, 0x5a, sizeof frame.bytes);
  const typename TypeParam::Writer writer(Protocol::Tcp, router_mac, front_mac);
  writer.write(frame.bytes, TypeParam::to_listener(1, Protocol::Tcp), TcpHeader::ack);
  EXPECT_EQ(TypeParam::frame_room % 64, 0u);
  EXPECT_GE(TypeParam::frame_room, TypeParam::frame_bytes);
  for (std::size_t i = TypeParam::frame_room; i < sizeof frame.bytes; ++i) {
    EXPECT_EQ(frame.bytes[i], 0x5a) << i;
  }
}

TYPED_TEST(FamilyTest, GivesAllRoomToItsOwnTable) {
  const dataplane::FlowCapacity capacity = TypeParam::capacity(1'000);
  const bool is_v4 = std::is_same_v<TypeParam, Ipv4>;
  EXPECT_EQ(is_v4 ? capacity.v4 : capacity.v6, 1'000u);
  EXPECT_EQ(is_v4 ? capacity.v6 : capacity.v4, 0u);
}

}  // namespace
}  // namespace tools::bench
