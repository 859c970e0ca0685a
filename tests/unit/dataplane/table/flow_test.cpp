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
  EXPECT_EQ(offsetof(Flow4, listener_and_bytes), 48u);
  EXPECT_EQ(offsetof(Flow4, packets), 56u);
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
  flow.set_listener(ListenerId{7});
  flow.count(0xffff'fff0);
  flow.count(0x20);
  EXPECT_EQ(flow.bytes(), 0x1'0000'0010u);
  EXPECT_EQ(flow.packets, 2u);
  EXPECT_EQ(flow.listener(), ListenerId{7});
  flow.listener_and_bytes |= 0xffff'ffff'ffff'0000;
  flow.count(1);  // 48 bits wrap; nothing else is touched
  EXPECT_EQ(flow.bytes(), 0u);
  EXPECT_EQ(flow.packets, 3u);
  EXPECT_EQ(flow.listener(), ListenerId{7});
}

TEST(Flow, PhasesHaveNames) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(Phase::Terminated); ++i) {
    names.emplace(to_string(static_cast<Phase>(i)));
  }
  EXPECT_EQ(names.size(), 9u);
  EXPECT_EQ(names.count("unknown"), 0u);
}

}  // namespace
}  // namespace dataplane
