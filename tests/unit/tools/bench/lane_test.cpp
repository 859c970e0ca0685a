#include "tools/bench/lane.h"

#include <gtest/gtest.h>

#include "tools/bench/buffers.h"
#include "tools/bench/world.h"

namespace tools::bench {
namespace {

using dataplane::Protocol;
using dataplane::TcpHeader;
using dataplane::Verdict;

class LaneTest : public testing::Test {
 protected:
  std::uint8_t* offer(std::uint32_t client, std::uint8_t flags) {
    const auto key = Ipv4::to_listener(client, Protocol::Tcp);
    std::uint8_t* frame =
        buffers.put<Ipv4::frame_room>([&](std::uint8_t* to) { writer.write(to, key, flags); });
    lane.io.offer(front, frame);
    return frame;
  }

  Clock clock;
  World world = make_world<Ipv4>({.targets = 4});
  dataplane::Publication publication{1, world.snapshot};
  Lane lane{dataplane::WorkerId{0}, Ipv4::capacity(128), Ipv4::frame_bytes, publication, clock};
  Buffers buffers{Headers::Hot, 256};
  Ipv4::Writer writer{Protocol::Tcp, router_mac, front_mac};
};

TEST_F(LaneTest, TakesAllThatWaitsThroughTheWorker) {
  const Tally tally(lane);
  std::vector<const std::uint8_t*> frames;
  for (std::uint32_t client = 0; client < 100; ++client) {
    frames.push_back(offer(client, TcpHeader::syn));
  }
  const dataplane::Instant before = lane.now();
  EXPECT_GT(lane.run(), 0u);
  EXPECT_GT(lane.now(), before);
  EXPECT_TRUE(lane.io.empty());
  EXPECT_EQ(lane.io.offered(front, 99), frames.back());
  EXPECT_EQ(tally.count(Verdict::ForwardToTarget), 100u);
  EXPECT_EQ(tally.forwarded(), 100u);
  EXPECT_EQ(tally.others(), "");
  EXPECT_EQ(lane.flows_alive(), 100u);
  EXPECT_EQ(lane.capacity(), 128u);
  EXPECT_EQ(lane.broken_law(), "");
  for (const std::uint8_t* frame : frames) {
    EXPECT_LT(Ipv4::target_number(Ipv4::key_of(frame).destination), 4u);
    EXPECT_TRUE(Ipv4::checksums_right(frame));
  }
}

TEST_F(LaneTest, SaysWhatElseBecameOfPackets) {
  offer(1, TcpHeader::syn);
  lane.run();
  const Tally tally(lane);
  lane.io.clear();
  offer(1, TcpHeader::ack);
  offer(2, TcpHeader::ack);
  offer(3, TcpHeader::ack);
  lane.run();
  EXPECT_EQ(tally.forwarded(), 1u);
  EXPECT_EQ(tally.others(), "2 ReplyResetUnknownFlow");
  const std::vector<std::pair<std::string_view, std::uint64_t>> all{{"ForwardToTarget", 1},
                                                                    {"ReplyResetUnknownFlow", 2}};
  EXPECT_EQ(tally.all(), all);
}

TEST_F(LaneTest, SeesCountersThatContradictEachOther) {
  offer(1, TcpHeader::syn);
  lane.run();
  lane.core().counters.totals.sent.add(1);
  EXPECT_EQ(lane.broken_law(), "to be sent 1, sent 2");
  lane.core().counters.totals.sent.subtract(1);
  lane.core().counters.totals.flows_expired.add(1);
  EXPECT_NE(lane.broken_law(), "");
  lane.core().counters.totals.flows_expired.subtract(1);
  lane.core().counters.totals.received.add(1);
  EXPECT_EQ(lane.broken_law(), "received 2, verdicts 1");
}

TEST_F(LaneTest, TimeThatIsSkippedPassesForFlowsToo) {
  offer(1, TcpHeader::syn);
  lane.run();
  lane.skip(std::chrono::hours(1));
  // Each turn sweeps what is due since the one before; a whole sweep is due after a second.
  for (int turn = 0; turn < 2; ++turn) {
    lane.skip(std::chrono::seconds(1));
    lane.io.clear();
    offer(2, TcpHeader::syn);
    lane.run();
  }
  EXPECT_EQ(lane.flows_expired(), 1u);
}

}  // namespace
}  // namespace tools::bench
