#include "dataplane/packet/flow_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace dataplane {
namespace {

constexpr Seed fixed{0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210};
constexpr Seed other{0x0f1e'2d3c'4b5a'6978, 0x1122'3344'5566'7788};

FlowKey4 key(std::uint32_t source, std::uint16_t source_port) {
  return {Ipv4Address{Be32{source}},
          Ipv4Address{Be32{0xcb00'710a}},
          Be16{source_port},
          Be16{80},
          Protocol::Tcp,
          {0, 0, 0}};
}

// Clients as they come: sequential addresses, sequential ports, a few of each, random ones.
struct Population {
  const char* name;
  std::function<FlowKey4(std::uint32_t)> make;
};
std::vector<Population> populations() {
  return {
      {"one client, counting ports",
       [](std::uint32_t n) { return key(0x0a00'0001 + (n >> 16), static_cast<std::uint16_t>(n)); }},
      {"one port, counting clients", [](std::uint32_t n) { return key(0x0a00'0000 + n, 40'000); }},
      {"clients of one last byte", [](std::uint32_t n) { return key(n << 8 | 1, 1234); }},
      {"a few of each",
       [](std::uint32_t n) {
         return key(0xc633'6400 + n % 317, static_cast<std::uint16_t>(1024 + n / 317));
       }},
      {"random", [](std::uint32_t n) {
         std::minstd_rand random(n + 1);
         random.discard(3);
         const auto address = static_cast<std::uint32_t>(random()) << 1;
         return key(address ^ n, static_cast<std::uint16_t>(random()));
       }}};
}

/// Pearson's chi-square of `count` values over 1024 bins, as standard deviations from its mean.
double chi_square_deviation(std::uint32_t count,
                            const std::function<std::uint32_t(std::uint32_t)>& bin) {
  std::array<double, 1024> bins{};
  for (std::uint32_t n = 0; n < count; ++n) bins[bin(n)] += 1;
  const double expected = count / 1024.0;
  double sum = 0;
  for (const double seen : bins) sum += (seen - expected) * (seen - expected) / expected;
  return (sum - 1023) / std::sqrt(2 * 1023.0);
}

TEST(FlowKey, ReversedSwapsBothEnds) {
  const FlowKey4 there = key(0x0a00'0001, 1234);
  const FlowKey4 back = there.reversed();
  EXPECT_EQ(back.source, there.destination);
  EXPECT_EQ(back.destination, there.source);
  EXPECT_EQ(back.source_port, there.destination_port);
  EXPECT_EQ(back.destination_port, there.source_port);
  EXPECT_EQ(back.protocol, there.protocol);
  EXPECT_TRUE(back.reversed() == there);
  EXPECT_FALSE(back == there);
}

TEST(FlowKey, EveryFieldCounts) {
  const FlowKey4 base = key(0x0a00'0001, 1234);
  std::vector<FlowKey4> changed(5, base);
  changed[0].source = Ipv4Address{Be32{0x0a00'0002}};
  changed[1].destination = Ipv4Address{Be32{0xcb00'710b}};
  changed[2].source_port = Be16{1235};
  changed[3].destination_port = Be16{81};
  changed[4].protocol = Protocol::Udp;
  for (const FlowKey4& one : changed) {
    EXPECT_FALSE(one == base);
    EXPECT_NE(hash(one, fixed), hash(base, fixed));
  }
}

// The table takes its buckets and its tag from different bits, the workers from others: all must be
// spread evenly, whatever the clients look like.
TEST(FlowKeyHash, SpreadsEvenly) {
  for (const Population& clients : populations()) {
    for (const Seed seed : {fixed, other}) {
      for (const int shift : {0, 16, 22, 32, 48, 54}) {
        const double deviation = chi_square_deviation(100'000, [&](std::uint32_t n) {
          return static_cast<std::uint32_t>(hash(clients.make(n), seed) >> shift) & 1023;
        });
        EXPECT_LT(deviation, 5) << clients.name << ", bits from " << shift;
      }
    }
  }
}

TEST(FlowKeyHash, OneBitInFlipsHalfOfTheBitsOut) {
  constexpr int samples = 2'000;
  constexpr int bits_in = 8 * 13;  // the padding is not input
  std::vector<std::array<int, 64>> flips(bits_in);
  std::mt19937_64 random(1);
  for (int sample = 0; sample < samples; ++sample) {
    std::array<std::uint8_t, 16> bytes{};
    for (int i = 0; i < 13; ++i)
      bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(random());
    const std::uint64_t before = hash(std::bit_cast<FlowKey4>(bytes), fixed);
    for (std::size_t in = 0; in < bits_in; ++in) {
      bytes[in / 8] ^= static_cast<std::uint8_t>(1u << in % 8);
      const std::uint64_t flipped = before ^ hash(std::bit_cast<FlowKey4>(bytes), fixed);
      for (std::size_t out = 0; out < 64; ++out)
        flips[in][out] += static_cast<int>(flipped >> out & 1);
      bytes[in / 8] ^= static_cast<std::uint8_t>(1u << in % 8);
    }
  }
  for (std::size_t in = 0; in < bits_in; ++in) {
    for (const int flipped : flips[in]) {
      EXPECT_NEAR(flipped, samples / 2, samples / 10) << "input bit " << in;
    }
  }
}

// With a CRC, h(a) ^ h(b) ^ h(c) == h(a ^ b ^ c) whatever its initial value: who knows one
// collision knows them all. Here that equation holds as often as for a random function: never in
// 2^64.
TEST(FlowKeyHash, IsNotLinear) {
  std::mt19937_64 random(2);
  int linear_bytes = 0;
  constexpr int rounds = 10'000;
  for (int round = 0; round < rounds; ++round) {
    std::array<std::uint8_t, 16> a{}, b{}, c{}, sum{};
    for (std::size_t i = 0; i < 13; ++i) {
      a[i] = static_cast<std::uint8_t>(random());
      b[i] = static_cast<std::uint8_t>(random());
      c[i] = static_cast<std::uint8_t>(random());
      sum[i] = a[i] ^ b[i] ^ c[i];
    }
    const auto of = [](const auto& bytes) { return hash(std::bit_cast<FlowKey4>(bytes), fixed); };
    const std::uint64_t rest = of(a) ^ of(b) ^ of(c) ^ of(sum);
    EXPECT_NE(rest, 0u);
    linear_bytes += (rest & 0xff) == 0;
  }
  EXPECT_LT(linear_bytes, rounds / 256 + 50);  // 39 expected, deviation 6
}

// Keys that collide under one seed are strangers under another: nothing learned about one start of
// the balancer can be aimed at the next.
TEST(FlowKeyHash, CollisionsDoNotOutliveTheSeed) {
  const auto bucket = [](std::uint32_t n, Seed seed) {
    return hash(key(0x0a00'0000 + n, 40'000), seed) >> 22 & 1023;
  };
  std::vector<std::uint32_t> colliding;
  for (std::uint32_t n = 0; colliding.size() < 1'000; ++n) {
    if (bucket(n, fixed) == 7) colliding.push_back(n);
  }
  for (const Seed seed :
       {other, Seed{fixed.first + 1, fixed.second}, Seed{fixed.first, fixed.second + 1}}) {
    std::array<int, 1024> bins{};
    for (const std::uint32_t n : colliding) ++bins[bucket(n, seed)];
    EXPECT_LT(*std::max_element(bins.begin(), bins.end()), 12);  // 1000 into 1024: 5 or 6 usually
  }
}

// pick_up after a restart relies on it: with a fixed seed the hash is the same in every version.
TEST(FlowKeyHash, IsFrozen) {
  EXPECT_EQ(hash(key(0xc633'6407, 40'000), fixed), 0xfd4b'0c4a'f013'd07fu);
  EXPECT_EQ(hash(Ipv4Address{Be32{0xc633'6407}}, Be16{40'000}, fixed), 0x9a24'f023'5b4c'8027u);
}

TEST(EndpointHash, SpreadsClientsOverWorkers) {
  for (const unsigned workers : {2u, 3u, 4u, 7u, 16u}) {
    for (const Population& clients : populations()) {
      std::vector<double> load(workers);
      for (std::uint32_t n = 0; n < 40'000; ++n) {
        const FlowKey4 one = clients.make(n);
        ++load[hash(one.source, one.source_port, fixed) % workers];
      }
      for (const double one : load) {
        EXPECT_NEAR(one, 40'000.0 / workers, 5 * std::sqrt(40'000.0 / workers))
            << clients.name << ", " << workers << " workers";
      }
    }
  }
}

/// The smallest share of two workers, over `seeds` seeds, in `count` values of `of(n, seed)`.
double smallest_half(std::uint32_t seeds, std::uint32_t count,
                     const std::function<std::uint64_t(std::uint32_t, Seed)>& of) {
  std::mt19937_64 random(7);
  double smallest = 1;
  for (std::uint32_t i = 0; i < seeds; ++i) {
    const Seed seed{random(), random()};
    std::uint32_t odd = 0;
    for (std::uint32_t n = 0; n < count; ++n) odd += static_cast<std::uint32_t>(of(n, seed) % 2);
    smallest = std::min(smallest, double(std::min(odd, count - odd)) / count);
  }
  return smallest;
}

// Linux connects from even ports first.
TEST(EndpointHash, SpreadsOneClientUnderEverySeed) {
  constexpr std::uint32_t ports = 4'000, seeds = 2'000;
  constexpr double bound = 0.45;
  const auto port = [](std::uint32_t n) {
    return Be16{static_cast<std::uint16_t>(32'768 + 2 * n)};
  };
  const Ipv4Address v4{Be32{0xc633'6402}};
  EXPECT_GT(smallest_half(seeds, ports, [&](auto n, Seed seed) { return hash(v4, port(n), seed); }),
            bound);
  const Ipv6Address v6{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
  EXPECT_GT(smallest_half(seeds, ports, [&](auto n, Seed seed) { return hash(v6, port(n), seed); }),
            bound);
}

}  // namespace
}  // namespace dataplane
