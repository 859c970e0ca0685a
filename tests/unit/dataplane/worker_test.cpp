#include "dataplane/worker.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <new>
#include <vector>

#include "dataplane/path/flow_ledger.h"

namespace dataplane {
namespace {

/// Gives the announced bursts of frames that are too short to be any, and notes what comes back.
struct FakeIo {
  std::vector<std::size_t> bursts;
  std::size_t idle_packets = 0;
  std::size_t given = 0;
  std::size_t transmitted = 0;
  std::size_t originated = 0;
  std::vector<Instant> times;
  std::array<std::uint8_t, 4> frame{};

  bool receive(Burst& burst, Instant now) {
    if (given == bursts.size()) return false;
    burst.reset(now, bursts[given++]);
    for (std::size_t i = 0; i < burst.size; ++i) {
      burst.packets[i] = Packet{};
      burst.packets[i].data = frame.data();
      burst.packets[i].length = 4;
      burst.packets[i].ingress = PortId{0};
    }
    times.push_back(now);
    return true;
  }
  void transmit(Burst& burst, Totals&) {
    EXPECT_EQ(burst.pending, 0u);
    for (std::size_t i = 0; i < burst.size; ++i) {
      EXPECT_EQ(burst.verdicts[i], Verdict::DropMalformed);
    }
    transmitted += burst.size;
  }
  std::size_t idle(Totals&) { return idle_packets; }
  void originate(std::span<const OwnFrame> frames, Totals&) { originated += frames.size(); }
};

std::shared_ptr<const Snapshot> snapshot(std::uint64_t generation) {
  auto made = std::make_shared<Snapshot>();
  made->generation = Generation{generation};
  made->ports.push_back({.id = PortId{0}, .mac = {}, .vlan = 0, .mtu = 1500});
  return made;
}

struct WorkerTest : testing::Test {
  static constexpr std::size_t flows_max = 100;
  struct Free {
    void operator()(std::byte* start) const { ::operator delete[](start, std::align_val_t{64}); }
  };
  static constexpr FlowCapacity capacity{.v4 = flows_max, .v6 = flows_max};
  std::size_t bytes = capacity.bytes();
  std::unique_ptr<std::byte[], Free> memory{new (std::align_val_t{64}) std::byte[bytes]};
  std::unique_ptr<WorkerBlock> block = std::make_unique<WorkerBlock>();
  StickyTable sticky{{}, 0, {}};
  std::unique_ptr<Gate> gate = std::make_unique<Gate>(1, 16);
  Core core{WorkerId{0}, {memory.get(), bytes}, capacity, Seed{1, 2}, Seed{3, 4}, *block, sticky,
            *gate};
  FakeIo io;
  Publication publication{1, snapshot(1)};
  Worker<FakeIo> worker{core, io, publication};
};

TEST_F(WorkerTest, CoreAnnouncesItsCapacity) {
  EXPECT_EQ(block->totals.flow_capacity.read(), 2 * flows_max);
  EXPECT_EQ(block->totals.flow_capacity_ipv6.read(), flows_max);
  EXPECT_GE(core.flows4.slots(), 2 * flows_max);
}

TEST_F(WorkerTest, TakesEveryWaitingBurstThroughThePath) {
  io.bursts = {3, 64, 1};
  EXPECT_EQ(worker.step(Instant{5}), 68u);
  EXPECT_EQ(io.transmitted, 68u);
  EXPECT_EQ(io.times, std::vector<Instant>(3, Instant{5}));
  EXPECT_EQ(block->totals.received.read(), 68u);
  EXPECT_EQ(block->verdicts[static_cast<std::size_t>(Verdict::DropMalformed)].read(), 68u);
}

TEST_F(WorkerTest, SaysWhetherThereWasAnythingToDo) {
  EXPECT_EQ(worker.step(Instant{1}), 0u);
  EXPECT_EQ(block->totals.polls.read(), 1u);
  EXPECT_EQ(block->totals.busy_polls.read(), 0u);
  io.idle_packets = 7;  // the kernel path had something
  EXPECT_EQ(worker.step(Instant{2}), 7u);
  EXPECT_EQ(block->totals.polls.read(), 2u);
  EXPECT_EQ(block->totals.busy_polls.read(), 1u);
}

TEST_F(WorkerTest, ReportsTheGenerationItUses) {
  worker.step(Instant{1});
  EXPECT_EQ(block->totals.generation.read(), 1u);
  publication.publish(snapshot(2));
  EXPECT_EQ(block->totals.generation.read(), 1u);  // not before its next turn
  EXPECT_EQ(publication.oldest_applied(), Generation{1});
  worker.step(Instant{2});
  EXPECT_EQ(block->totals.generation.read(), 2u);
  EXPECT_EQ(publication.oldest_applied(), Generation{2});
}

TEST_F(WorkerTest, TellsWhereItsWalkOverLocalPortsStands) {
  core.turns.local_port = 4711;
  worker.step(Instant{1});
  EXPECT_EQ(block->totals.local_port_turn.read(), 4711u);
  // What the next process finds in its block: that one goes on there.
  Core next{WorkerId{0}, {memory.get(), bytes}, capacity, Seed{1, 2}, Seed{3, 4}, *block, sticky,
            *gate};
  EXPECT_EQ(next.turns.local_port, 4711u);
}

TEST_F(WorkerTest, TellsHowManyFlowsAreIpv6) {
  for (std::uint8_t i = 0; i < 3; ++i) {
    FlowKey6 key;
    key.source.bytes[15] = i;
    key.destination.bytes[15] = 99;
    const FlowKey6 back = key.reversed();
    const FlowIndex to_target = core.flows6.insert(core.flows6.prehash(key), key);
    const FlowIndex to_client = core.flows6.insert(core.flows6.prehash(back), back);
    core.flows6[to_target].twin = to_client;
    core.flows6[to_client].twin = to_target;
  }
  worker.step(Instant{1});
  EXPECT_EQ(block->totals.flows_alive_ipv6.read(), 3u);
}

TEST_F(WorkerTest, WorkersThatTakeNothingOverBeginTogether) {
  auto other = std::make_unique<WorkerBlock>();
  Core second{WorkerId{1}, {memory.get(), bytes}, capacity, Seed{5, 6}, Seed{3, 4}, *other, sticky,
              *gate};
  EXPECT_EQ(second.turns.local_port, core.turns.local_port);
}

TEST_F(WorkerTest, HoldsNothingAfterItsStop) {
  worker.step(Instant{1});
  worker.stop();
  publication.publish(snapshot(2));
  EXPECT_EQ(publication.snapshots_alive(), 1u);
}

TEST_F(WorkerTest, SendsWhatAsksBothEndsOfAFlowThatIsToEnd) {
  const TargetId id{0, 1};
  auto made = std::make_shared<Snapshot>(*snapshot(2));
  Listener listener;
  listener.id = ListenerId{0};
  made->listeners.push_back(listener);
  const NextHop hop =
      next_hop(PortId{0}, MacAddress{{2, 0, 0, 0, 1, 1}}, MacAddress{}, 0, 1500, Family::V4);
  Target& target = made->targets.emplace_back();
  target.id = id;
  target.next_hop = hop;
  target.terminated = target.ending = true;
  FlowKey4 to_target;
  to_target.source = Ipv4Address{Be32{0xc612'0001}};
  to_target.destination = Ipv4Address{Be32{0xcb00'710a}};
  to_target.protocol = Protocol::Tcp;
  FlowKey4 to_client = to_target.reversed();
  to_client.source = Ipv4Address{Be32{0x0a00'010b}};
  FlowLedger<Ipv4Address> flows(core.flows4, *block, core.places);
  ASSERT_NE(flows.start({.to_target = to_target,
                         .to_client = to_client,
                         .to_target_token = core.flows4.prehash(to_target),
                         .to_client_token = core.flows4.prehash(to_client),
                         .target = id,
                         .listener = &listener,
                         .now = Tick::of(Instant{1}),
                         .client_mac = MacAddress{{2, 0, 0, 0, 0xcc, 1}},
                         .client_port = PortId{0}}),
            no_flow);
  worker.step(Instant{1});
  EXPECT_EQ(io.originated, 0u) << "its target does not end yet";
  made->terminated = {id};
  publication.publish(made);
  for (std::uint32_t bucket = 0; bucket <= core.flows4.buckets(); ++bucket) {
    worker.step(Instant{2});
  }
  EXPECT_EQ(io.originated, 2u);
}

TEST_F(WorkerTest, AnswersQuestionsOnTheWay) {
  ASSERT_TRUE(core.query.ask(10, {}));
  for (std::uint32_t bucket = 0; bucket <= core.flows4.buckets(); ++bucket) {
    if (core.query.answered()) break;
    worker.step(Instant{1});
  }
  EXPECT_TRUE(core.query.answered());
  EXPECT_TRUE(core.query.records().empty());
}

}  // namespace
}  // namespace dataplane
