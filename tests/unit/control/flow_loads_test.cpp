#include "control/flow_loads.h"

#include <gtest/gtest.h>

#include "tests/support/cpp/rig.h"

namespace control {
namespace {

using dataplane::Algorithm;
using dataplane::Mode;

class FlowLoadsTest : public testing::Test {
 protected:
  void make(Algorithm algorithm) {
    const config::Config config = tests::standard_config(2, Mode::Nat, algorithm);
    rig_ = std::make_unique<tests::Rig>(config, tests::standard_facts(config), 3);
    std::vector<dataplane::Core*> cores;
    for (int worker = 0; worker < 3; ++worker) cores.push_back(&rig_->core(worker));
    loads_ = std::make_unique<FlowLoads>(
        io_, cores, [this]() -> const dataplane::Snapshot& { return rig_->snapshot(); });
  }
  void have(int worker, std::uint16_t slot, std::uint64_t flows, std::uint16_t incarnation = 1) {
    dataplane::TargetCounters& counters = rig_->counters(worker).targets[slot];
    counters.incarnation.set(incarnation);
    counters.active_flows.set(flows);
  }
  std::uint64_t elsewhere(int worker, std::uint16_t slot) {
    return rig_->core(worker).turns.loads[slot].elsewhere.read();
  }

  boost::asio::io_context io_;
  std::unique_ptr<tests::Rig> rig_;
  std::unique_ptr<FlowLoads> loads_;
};

TEST_F(FlowLoadsTest, TellsEachWorkerWhatTheOthersHave) {
  make(Algorithm::LeastConnections);
  have(0, 0, 5);
  have(1, 0, 7);
  have(2, 0, 100);
  have(1, 1, 9);
  io_.run_one();  // the timer
  EXPECT_EQ(elsewhere(0, 0), 107u);
  EXPECT_EQ(elsewhere(1, 0), 105u);
  EXPECT_EQ(elsewhere(2, 0), 12u);
  EXPECT_EQ(elsewhere(0, 1), 9u);
  EXPECT_EQ(elsewhere(1, 1), 0u);
}

TEST_F(FlowLoadsTest, FlowsOfAnEarlierIncarnationDoNotCount) {
  make(Algorithm::LeastConnections);
  have(0, 0, 50, 7);
  have(1, 0, 2);
  loads_->spread();
  EXPECT_EQ(elsewhere(2, 0), 2u);
}

TEST_F(FlowLoadsTest, OtherAlgorithmsCostNothing) {
  make(Algorithm::RoundRobin);
  have(0, 0, 50);
  loads_->spread();
  EXPECT_EQ(elsewhere(1, 0), 0u);
}

}  // namespace
}  // namespace control
