#include "dataplane/packet/frame_pattern.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <random>

#include "dataplane/packet/headers.h"
#include "dataplane/table/next_hop.h"

namespace dataplane {
namespace {

constexpr MacAddress ours{{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};
constexpr MacAddress theirs{{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}};

using Frame = std::array<std::uint8_t, 64>;

/// What the pattern of (ours, vlan, family) is meant for; all that it does not ask for is noise.
Frame usual(std::uint16_t vlan, Family family, std::uint32_t noise = 1) {
  Frame frame;
  std::minstd_rand random(noise);
  for (std::uint8_t& byte : frame) byte = static_cast<std::uint8_t>(random());
  auto* at = frame.data();
  const auto put = [&at](const auto& field) {
    std::memcpy(at, &field, sizeof field);
    at += sizeof field;
  };
  put(ours);
  put(theirs);
  if (vlan != 0) {
    put(ether_type::vlan);
    put(Be16{static_cast<std::uint16_t>(0xa000 | vlan)});  // priority 5
  }
  put(ether_type_of(family));
  if (family == Family::V4) {
    at[0] = 0x45;
    at[6] = 0x40;  // don't fragment
    at[7] = 0;
  } else {
    at[0] = 0x6a;
  }
  return frame;
}

struct Case {
  std::uint16_t vlan;
  Family family;
};
class FramePatternOf : public testing::TestWithParam<Case> {
 protected:
  const Case& what = GetParam();
  FramePattern pattern = usual_frame(ours, what.vlan, what.family);
  std::size_t network = what.vlan == 0 ? 14 : 18;

  bool matches(const Frame& frame) const {
    EXPECT_EQ(pattern.matches(frame.data()), pattern.matches_plain(frame.data()));
    return pattern.matches(frame.data());
  }
  bool matches_with(std::size_t offset, std::uint8_t flipped) const {
    Frame frame = usual(what.vlan, what.family);
    frame[offset] = static_cast<std::uint8_t>(frame[offset] ^ flipped);
    return matches(frame);
  }
};

TEST_P(FramePatternOf, TakesWhatItIsMeantForWhateverElseIsInIt) {
  EXPECT_EQ(pattern.network, network);
  for (std::uint32_t noise = 1; noise < 1'000; ++noise) {
    EXPECT_TRUE(matches(usual(what.vlan, what.family, noise)));
  }
}

TEST_P(FramePatternOf, AsksForOurMacAndASenderThatIsNoGroup) {
  for (std::size_t byte = 0; byte < 6; ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      EXPECT_FALSE(matches_with(byte, static_cast<std::uint8_t>(1u << bit)));
    }
  }
  EXPECT_FALSE(matches_with(6, 0x01));
  EXPECT_TRUE(matches_with(6, 0x04));
  for (std::size_t byte = 7; byte < 12; ++byte) EXPECT_TRUE(matches_with(byte, 0xff));
}

TEST_P(FramePatternOf, AsksForTheTagButNotForItsPriority) {
  EXPECT_FALSE(matches_with(12, 0x01));
  EXPECT_FALSE(matches_with(13, 0x01));
  if (what.vlan == 0) return;
  EXPECT_TRUE(matches_with(14, 0xe0));   // priority
  EXPECT_TRUE(matches_with(14, 0x10));   // drop-eligible
  EXPECT_FALSE(matches_with(14, 0x01));  // the id
  EXPECT_FALSE(matches_with(15, 0x80));
  EXPECT_FALSE(matches_with(17, 0x01));  // the type behind it
}

TEST_P(FramePatternOf, AsksForVersionOptionsAndFragments) {
  EXPECT_FALSE(matches_with(network, 0x10));  // version
  if (what.family == Family::V6) {
    EXPECT_TRUE(matches_with(network, 0x0f));      // traffic class
    EXPECT_TRUE(matches_with(network + 6, 0xff));  // next header
    return;
  }
  EXPECT_FALSE(matches_with(network, 0x03));      // header length
  EXPECT_TRUE(matches_with(network + 1, 0xff));   // service
  EXPECT_TRUE(matches_with(network + 6, 0xc0));   // don't fragment, reserved
  EXPECT_FALSE(matches_with(network + 6, 0x20));  // more fragments
  EXPECT_FALSE(matches_with(network + 6, 0x01));  // an offset
  EXPECT_FALSE(matches_with(network + 7, 0x01));
  EXPECT_TRUE(matches_with(network + 8, 0xff));  // TTL
}

INSTANTIATE_TEST_SUITE_P(Links, FramePatternOf,
                         testing::Values(Case{0, Family::V4}, Case{0, Family::V6},
                                         Case{100, Family::V4}, Case{4094, Family::V6}));

}  // namespace
}  // namespace dataplane
