#include "tools/bench/family.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <tuple>

namespace tools::bench {
namespace {

using dataplane::EthernetHeader;
using dataplane::Ipv4Header;
using dataplane::Protocol;
using dataplane::TcpHeader;

struct alignas(64) Frame {
  std::uint8_t bytes[64] = {};
  template <class T>
  [[nodiscard]] const T& at(std::size_t offset) const {
    return *reinterpret_cast<const T*>(bytes + offset);
  }
};

TEST(Ipv4Family, ClientsAllDiffer) {
  std::set<std::tuple<std::uint32_t, std::uint16_t>> clients;
  constexpr std::uint32_t count = 200'000;
  for (std::uint32_t number = 0; number < count; ++number) {
    const auto key = Ipv4::to_listener(number, Protocol::Tcp);
    EXPECT_GE(key.source_port.value(), 1024);
    EXPECT_EQ(key.source.bits.value() >> 17, 0xc612'0000u >> 17) << "outside of 198.18.0.0/15";
    EXPECT_EQ(key.destination, Ipv4::listener());
    clients.insert({key.source.bits.value(), key.source_port.value()});
  }
  EXPECT_EQ(clients.size(), count);
}

TEST(Ipv4Family, TargetsAndLocalsHaveNumbers) {
  EXPECT_EQ(dataplane::to_string(Ipv4::target(3)), "10.0.1.3");
  for (const std::uint32_t number : {0u, 1u, 999u}) {
    EXPECT_EQ(Ipv4::target_number(Ipv4::target(number)), number);
    EXPECT_EQ(Ipv4::local_number(Ipv4::local(number)), number);
  }
}

TEST(Ipv4Family, WritesTrueTcpFrames) {
  const Ipv4::Writer writer(Protocol::Tcp, router_mac, front_mac);
  const auto key = Ipv4::to_listener(17, Protocol::Tcp);
  Frame frame;
  writer.write(frame.bytes, key, TcpHeader::syn | TcpHeader::ack);
  EXPECT_EQ(frame.at<EthernetHeader>(0).source, router_mac);
  EXPECT_EQ(frame.at<EthernetHeader>(0).destination, front_mac);
  EXPECT_EQ(frame.at<Ipv4Header>(14).total_length.value(), 40);
  EXPECT_EQ(frame.at<TcpHeader>(34).flags, TcpHeader::syn | TcpHeader::ack);
  EXPECT_EQ(Ipv4::key_of(frame.bytes), key);
  EXPECT_TRUE(Ipv4::checksums_right(frame.bytes));
}

TEST(Ipv4Family, WritesTrueUdpFrames) {
  const Ipv4::Writer writer(Protocol::Udp, target_mac, back_mac);
  for (std::uint32_t number = 0; number < 100; ++number) {
    const auto key = Ipv4::to_listener(number, Protocol::Udp).reversed();
    Frame frame;
    writer.write(frame.bytes, key, 0);
    EXPECT_EQ(frame.at<Ipv4Header>(14).total_length.value(), frame_bytes - 14);
    EXPECT_EQ(Ipv4::key_of(frame.bytes), key);
    EXPECT_TRUE(Ipv4::checksums_right(frame.bytes));
  }
}

TEST(Ipv4Family, SeesWrongChecksums) {
  const Ipv4::Writer writer(Protocol::Tcp, router_mac, front_mac);
  for (const std::size_t damaged : {15u, 26u, 35u, 47u}) {  // service, source, port, flags
    Frame frame;
    writer.write(frame.bytes, Ipv4::to_listener(1, Protocol::Tcp), TcpHeader::ack);
    frame.bytes[damaged] ^= 0x20;
    EXPECT_FALSE(Ipv4::checksums_right(frame.bytes)) << damaged;
  }
}

}  // namespace
}  // namespace tools::bench
