#include "dataplane/table/flow.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>

namespace dataplane {
namespace {

// The drawing in flow.h.
TEST(Flow, LiesInMemoryAsDrawn) {
  EXPECT_EQ(sizeof(Flow4), 64u);
  EXPECT_EQ(alignof(Flow4), 64u);
  EXPECT_EQ(offsetof(Flow4, key), 0u);
  EXPECT_EQ(offsetof(Flow4, new_source), 16u);
  EXPECT_EQ(offsetof(Flow4, new_source_port), 24u);
  EXPECT_EQ(offsetof(Flow4, network_delta), 28u);
  EXPECT_EQ(offsetof(Flow4, client_mac), 32u);
  EXPECT_EQ(offsetof(Flow4, client_port), 38u);
  EXPECT_EQ(offsetof(Flow4, target), 40u);
  EXPECT_EQ(offsetof(Flow4, twin), 44u);
  EXPECT_EQ(offsetof(Flow4, listener), 48u);
  EXPECT_EQ(offsetof(Flow4, bytes_high), 50u);
  EXPECT_EQ(offsetof(Flow4, packets), 52u);
  EXPECT_EQ(offsetof(Flow4, bytes_low), 56u);
  EXPECT_EQ(offsetof(Flow4, last_seen), 60u);
}

TEST(Flow, PhaseAndDirectionShareAByte) {
  Flow4 flow;
  for (const Phase phase :
       {Phase::SynSent, Phase::Established, Phase::Closing, Phase::ClientReset}) {
    for (const Direction direction : {Direction::ToTarget, Direction::ToClient}) {
      flow.phase = phase;
      flow.direction = direction;
      EXPECT_EQ(flow.phase, phase);
      EXPECT_EQ(flow.direction, direction);
    }
  }
}

TEST(Flow, CountsBytesBeyond32Bits) {
  Flow4 flow;
  flow.bytes_low = 0xffff'fff0;
  flow.count(0x20);
  EXPECT_EQ(flow.bytes(), 0x1'0000'0010u);
  EXPECT_EQ(flow.packets, 1u);
  flow.bytes_high = 0xffff;
  flow.bytes_low = 0xffff'ffff;
  flow.count(1);  // 48 bits wrap; nothing else is touched
  EXPECT_EQ(flow.bytes(), 0u);
  EXPECT_EQ(flow.packets, 2u);
}

TEST(Flow, PhasesHaveNames) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(Phase::TargetReset); ++i) {
    names.emplace(to_string(static_cast<Phase>(i)));
  }
  EXPECT_EQ(names.size(), 8u);
  EXPECT_EQ(names.count("unknown"), 0u);
}

}  // namespace
}  // namespace dataplane
