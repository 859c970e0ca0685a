#include "dataplane/table/toeplitz.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/packet/flow_key.h"

namespace dataplane {
namespace {

using Bytes = std::vector<std::uint8_t>;

// "Verifying the RSS Hash Calculation", Microsoft: key, inputs and results as published.
const Bytes published_key = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                             0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                             0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                             0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

struct Published4 {
  const char* source;
  std::uint16_t source_port;
  const char* destination;
  std::uint16_t destination_port;
  std::uint32_t addresses;  // hash of the addresses alone
  std::uint32_t tuple;      // and of the ports behind them
};
const Published4 published_ipv4[] = {
    {"66.9.149.187", 2794, "161.142.100.80", 1766, 0x323e8fc2, 0x51ccc178},
    {"199.92.111.2", 14230, "65.69.140.83", 4739, 0xd718262a, 0xc626b0ea},
    {"24.19.198.95", 12898, "12.22.207.184", 38024, 0xd2d0a5de, 0x5c2b394a},
    {"38.27.205.30", 48228, "209.142.163.6", 2217, 0x82989176, 0xafc7327f},
    {"153.39.163.191", 44251, "202.188.127.2", 1303, 0x5d1809c5, 0x10e828a2},
};

struct Published6 {
  std::array<std::uint16_t, 8> source;
  std::uint16_t source_port;
  std::array<std::uint16_t, 8> destination;
  std::uint16_t destination_port;
  std::uint32_t addresses;
  std::uint32_t tuple;
};
const Published6 published_ipv6[] = {
    {{0x3ffe, 0x2501, 0x200, 0x1fff, 0, 0, 0, 7},
     2794,
     {0x3ffe, 0x2501, 0x200, 3, 0, 0, 0, 1},
     1766,
     0x2cc18cd5,
     0x40207d3d},
    {{0x3ffe, 0x501, 8, 0, 0x260, 0x97ff, 0xfe40, 0xefab},
     14230,
     {0xff02, 0, 0, 0, 0, 0, 0, 1},
     4739,
     0x0f0c461c,
     0xdde51bbf},
    {{0x3ffe, 0x1900, 0x4545, 3, 0x200, 0xf8ff, 0xfe21, 0x67cf},
     44251,
     {0xfe80, 0, 0, 0, 0x200, 0xf8ff, 0xfe21, 0x67cf},
     38024,
     0x4b61e985,
     0x02d1feef},
};

void append(Bytes& bytes, std::uint16_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value & 0xff));
}

Bytes random_bytes(std::mt19937& random, std::size_t size) {
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

TEST(Toeplitz, GivesThePublishedHashesOfIpv4) {
  const Toeplitz toeplitz{published_key};
  for (const Published4& one : published_ipv4) {
    // A flow key's bytes are the NIC's input, in the same order.
    const FlowKey4 key{parse_address(one.source)->v4(),
                       parse_address(one.destination)->v4(),
                       Be16{one.source_port},
                       Be16{one.destination_port},
                       Protocol::Tcp,
                       {0, 0, 0}};
    EXPECT_EQ(toeplitz.part(&key, 8, 0), one.addresses) << one.source;
    EXPECT_EQ(toeplitz.part(&key, 12, 0), one.tuple) << one.source;
  }
}

TEST(Toeplitz, GivesThePublishedHashesOfIpv6) {
  const Toeplitz toeplitz{published_key};
  for (const Published6& one : published_ipv6) {
    Bytes input;
    for (const std::uint16_t word : one.source) append(input, word);
    for (const std::uint16_t word : one.destination) append(input, word);
    EXPECT_EQ(toeplitz.part(input.data(), 32, 0), one.addresses) << one.source_port;
    append(input, one.source_port);
    append(input, one.destination_port);
    EXPECT_EQ(toeplitz.part(input.data(), 36, 0), one.tuple) << one.source_port;
  }
}

TEST(Toeplitz, IsTheDefinitionForAnyKeyAndInput) {
  std::mt19937 random{1};
  for (const std::size_t key_size : {40u, 52u}) {
    for (int i = 0; i < 100; ++i) {
      const Bytes key = random_bytes(random, key_size);
      const Bytes input = random_bytes(random, random() % (Toeplitz::input_max + 1));
      EXPECT_EQ(Toeplitz{key}.part(input.data(), input.size(), 0), toeplitz_plain(key, input));
    }
  }
}

TEST(Toeplitz, PartsAddUpToTheWhole) {
  std::mt19937 random{2};
  const Toeplitz toeplitz{random_bytes(random, 40)};
  const Bytes input = random_bytes(random, 36);
  const std::uint32_t whole = toeplitz.part(input.data(), 36, 0);
  for (std::size_t cut = 0; cut <= 36; ++cut) {
    EXPECT_EQ(
        toeplitz.part(input.data(), cut, 0) ^ toeplitz.part(input.data() + cut, 36 - cut, cut),
        whole);
  }
}

}  // namespace
}  // namespace dataplane
