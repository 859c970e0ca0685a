// GroupShare: the part that one of a listener's target groups has in its new flows, and which group
// a flow falls to (weighted rendezvous hashing; Thaler and Ravishankar, 1998, with weights as
// Schindelhauer and Schomaker, 2005, have them).
//
// Every group draws a waiting time for the flow, from the flow's hash and its own name:
// exponential, shorter by its weight. The shortest takes the flow. So a group's part is its
// weight's exactly, and a change of one weight moves flows to or from that group only, no more than
// the change asks for. Needs nothing but the packet and the weights: no state, no secret, no order
// of the groups.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/packet/flow_key.h"
#include "dataplane/table/ids.h"

namespace dataplane {

struct GroupShare {
  TargetGroupId id;
  std::uint16_t weight = 1;    // 0: gets no new flows
  std::uint64_t identity = 0;  // share_identity() of the group's name
};

// Not secret, for the reasons that Maglev's is not (path/pick.h), and another than that one: which
// group a flow falls to says nothing about its place in that group's table.
inline constexpr Seed share_seed{0x7765'6967'6874'6564, 0x2073'6861'7265'7331};

/// A number for a group's name, the same on every machine and in every version (FNV-1a, folded once
/// more as its high bits are poor).
[[nodiscard]] constexpr std::uint64_t share_identity(std::string_view name) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325u;
  for (const char byte : name) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x0000'0100'0000'01b3u;
  }
  return fold(hash ^ balanced, golden);
}

namespace share {

constexpr int fraction_bits = 32;
constexpr std::size_t steps = 256;

/// log2(1 + i / steps), in units of 2^-32, by repeated squaring: a table that is the same whoever
/// compiles it, unlike libm's logarithms.
constexpr std::array<std::uint64_t, steps + 1> make_logarithms() {
  __extension__ using Wide = unsigned __int128;
  std::array<std::uint64_t, steps + 1> table{};
  for (std::size_t i = 0; i < steps; ++i) {
    std::uint64_t x = (steps + i) << (63 - 8);  // 1 + i / steps; 2^63 stands for 1
    std::uint64_t logarithm = 0;
    for (int bit = 0; bit < fraction_bits; ++bit) {
      const auto square = static_cast<Wide>(x) * x >> 63;
      const bool above = (square >> 64) != 0;
      logarithm = logarithm << 1 | (above ? 1 : 0);
      x = static_cast<std::uint64_t>(above ? square >> 1 : square);
    }
    table[i] = logarithm;
  }
  table[steps] = std::uint64_t{1} << fraction_bits;
  return table;
}
inline constexpr auto logarithms = make_logarithms();

/// Two folds: after one, the draws of two groups whose names' numbers differ in few bits would
/// resemble each other.
[[nodiscard]] constexpr std::uint64_t draw(std::uint64_t flow_hash, const GroupShare& of) {
  return fold(fold(flow_hash ^ of.identity, balanced) ^ of.identity, golden);
}

/// -log2(random / 2^64) in units of 2^-32, from 0 to 64 of them: a waiting time, if `random` is.
/// Off by less than 3e-6.
[[nodiscard]] constexpr std::uint64_t waiting_time(std::uint64_t random) {
  random |= 1;  // 0 would wait for ever
  const int zeros = std::countl_zero(random);
  const std::uint64_t fraction = random << zeros << 1;  // of 1.fraction, as 64 bits
  const std::size_t step = fraction >> 56;
  const std::uint64_t rest = fraction << 8 >> 32;
  const std::uint64_t low = logarithms[step], high = logarithms[step + 1];
  const std::uint64_t logarithm = low + ((high - low) * rest >> 32);
  return (static_cast<std::uint64_t>(zeros + 1) << fraction_bits) - logarithm;
}

}  // namespace share

/// The group that a flow of this hash falls to; none if no group has weight.
[[nodiscard]] TargetGroupId pick_share(std::span<const GroupShare> shares, std::uint64_t flow_hash);

}  // namespace dataplane
