#include "dataplane/packet/checksum.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace dataplane {
namespace {

// RFC 1071 in the most obvious way: 16-bit words in network order, carries added back one by one.
std::uint16_t plain_sum(const std::vector<std::uint8_t>& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const std::uint32_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0;
    sum += std::uint32_t{bytes[i]} << 8 | low;
    if (sum > 0xffff) sum = (sum & 0xffff) + 1;
  }
  return static_cast<std::uint16_t>(sum);
}

std::uint16_t checksum(const std::vector<std::uint8_t>& bytes) {
  return checksum_of(sum_words(bytes.data(), bytes.size())).value();
}

TEST(Checksum, ExampleOfRfc1071) {
  EXPECT_EQ(checksum({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}), 0xffff - 0xddf2);
}

TEST(Checksum, OfAWellKnownHeader) {
  Ipv4Header ip{};
  ip.version_and_words = 0x45;
  ip.total_length = Be16{0x73};
  ip.fragment = Be16{0x4000};
  ip.ttl = 0x40;
  ip.protocol = 0x11;
  ip.source = Ipv4Address{Be32{0xc0a8'0001}};
  ip.destination = Ipv4Address{Be32{0xc0a8'00c7}};
  EXPECT_FALSE(header_checksum_right(ip));
  set_header_checksum(ip);
  EXPECT_EQ(ip.checksum.value(), 0xb861);
  EXPECT_TRUE(header_checksum_right(ip));
}

TEST(Checksum, SameAsThePlainSumForAllLengthsAndContents) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    std::vector<std::uint8_t> bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    EXPECT_EQ(checksum(bytes), 0xffff - plain_sum(bytes)) << size;
    std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xff});
    EXPECT_EQ(checksum(bytes), 0xffff - plain_sum(bytes)) << size;
  }
  const std::vector<std::uint8_t> large(65'535, 0xff);
  EXPECT_EQ(checksum(large), 0xffff - plain_sum(large));
}

TEST(Checksum, FoldsTheLargestSums) {
  EXPECT_EQ(fold_carries(0), 0);
  EXPECT_EQ(fold_carries(0x1'0000), 1);
  EXPECT_EQ(fold_carries(0xffff), 0xffff);
  EXPECT_EQ(fold_carries(~std::uint64_t{0}), 0xffff);
  std::mt19937_64 random(2);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t sum = random();
    const std::uint64_t expected = sum % 0xffff;  // ones' complement addition is modulo 2^16 - 1
    EXPECT_EQ(fold_carries(sum) % 0xffff, expected);
  }
}

// What the path does to every packet, against computing anew.
TEST(Checksum, AdjustedEqualsRecomputed) {
  std::mt19937 random(3);
  for (int round = 0; round < 100'000; ++round) {
    std::vector<std::uint8_t> bytes(40);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const std::uint64_t old_sum = sum_words(bytes.data(), 8);
    const Be16 before = checksum_of(sum_words(bytes.data(), bytes.size()));
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(random());
    if (round % 4 == 0) bytes[0] = bytes[1] = 0;
    const std::uint16_t delta = difference(sum_words(bytes.data(), 8), old_sum);
    ASSERT_EQ(adjusted(before, delta), checksum_of(sum_words(bytes.data(), bytes.size())));
  }
}

TEST(Checksum, TtlDecrement) {
  for (unsigned ttl = 1; ttl <= 255; ++ttl) {
    Ipv4Header ip{};
    ip.version_and_words = 0x45;
    ip.ttl = static_cast<std::uint8_t>(ttl);
    ip.protocol = 6;
    ip.source = Ipv4Address{Be32{0x0a00'0001}};
    set_header_checksum(ip);
    ip.ttl = static_cast<std::uint8_t>(ttl - 1);
    ip.checksum = adjusted(ip.checksum, ttl_decrement_delta);
    ASSERT_TRUE(header_checksum_right(ip)) << ttl;
  }
}

// UDP over IPv4 as tcpdump showed it: the pseudo header counts too.
TEST(Checksum, PseudoHeader) {
  const Ipv4Address source{Be32{0x0a00'0001}};
  const Ipv4Address destination{Be32{0x0a00'0002}};
  const std::vector<std::uint8_t> udp{0x04, 0xd2, 0x16, 0x2e, 0x00, 0x0a, 0, 0, 'h', 'i'};
  std::vector<std::uint8_t> all{10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 10};
  all.insert(all.end(), udp.begin(), udp.end());
  EXPECT_EQ(checksum_of(sum_pseudo_header(source, destination, 17, 10) +
                        sum_words(udp.data(), udp.size()))
                .value(),
            0xffff - plain_sum(all));
}

}  // namespace
}  // namespace dataplane
