#include "dataplane/table/next_hop.h"

#include <gtest/gtest.h>

#include <vector>

namespace dataplane {
namespace {

const MacAddress theirs = *parse_mac("02:00:00:00:00:01");
const MacAddress ours = *parse_mac("02:00:00:00:00:02");

TEST(NextHop, IsUnresolvedUntilMade) { EXPECT_FALSE(NextHop{}.resolved()); }

TEST(NextHop, UntaggedHeader) {
  const NextHop hop = next_hop(PortId{3}, theirs, ours, 0, 1500, Family::V4);
  EXPECT_TRUE(hop.resolved());
  EXPECT_EQ(hop.port, PortId{3});
  EXPECT_EQ(hop.mtu, 1500);
  const std::vector<std::uint8_t> expected{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
  EXPECT_EQ(std::vector(hop.header.begin(), hop.header.begin() + hop.header_size), expected);
}

TEST(NextHop, HeaderForIpv6) {
  const NextHop hop = next_hop(PortId{3}, theirs, ours, 0, 1500, Family::V6);
  EXPECT_EQ(hop.header[12], 0x86);
  EXPECT_EQ(hop.header[13], 0xdd);
  const NextHop tagged = next_hop(PortId{3}, theirs, ours, 5, 1500, Family::V6);
  EXPECT_EQ(tagged.header[12], 0x81);
  EXPECT_EQ(tagged.header[16], 0x86);
}

TEST(NextHop, TaggedHeader) {
  const NextHop hop = next_hop(PortId{0}, theirs, ours, 0x123, 9000, Family::V4);
  const std::vector<std::uint8_t> expected{2, 0, 0, 0,    0, 1,    2,    0,    0,
                                           0, 0, 2, 0x81, 0, 0x01, 0x23, 0x08, 0};
  EXPECT_EQ(std::vector(hop.header.begin(), hop.header.begin() + hop.header_size), expected);
  EXPECT_EQ(hop.mtu, 9000);
}

}  // namespace
}  // namespace dataplane
