// The sweep leaves out buckets in which nothing can be due, and no flow lives a moment longer by
// it.
#include <gtest/gtest.h>

#include <array>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using namespace dataplane;

const std::string client = "198.18.0.7:5555";
const std::string web = "203.0.113.10:80";
const std::string dns = "203.0.113.10:53";
const std::string target = "10.0.1.11:8080";

class Sweep : public testing::Test {
 protected:
  void open() {
    ASSERT_EQ(rig.run(tcp(client, web).flags(syn), front).verdict, ForwardToTarget);
    ASSERT_EQ(rig.run(tcp(target, client).flags(syn | ack), back).verdict, ForwardToClient);
    ASSERT_EQ(rig.run(tcp(client, web), front).verdict, ForwardToTarget);
  }
  std::uint64_t alive() { return rig.counters().totals.flows_alive.read(); }
  /// The bucket of the only connection's marked entry.
  std::uint32_t bucket() {
    std::array<FlowIndex, TagGroup::width> marked;
    const FlowTable4& table = rig.core().flows4;
    for (std::uint32_t bucket = 0; bucket < table.buckets(); ++bucket) {
      if (table.list_marked(bucket, marked.data()) != 0) return bucket;
    }
    ADD_FAILURE() << "no connection";
    return 0;
  }
  bool rests() { return rig.core().flows4.rests(bucket()); }

  config::Config config = standard_config(1, Mode::Nat, Algorithm::RoundRobin);
  Rig rig{config, standard_facts(config)};
};

TEST_F(Sweep, LeavesABucketAloneUntilItsFirstConnectionCanEnd) {
  open();
  EXPECT_FALSE(rests()) << "new: not looked at yet";
  rig.advance(1'100);
  EXPECT_TRUE(rests());
  rig.advance(340'000);
  EXPECT_TRUE(rests()) << "looked at now and then, and left alone again";
  rig.advance(8'000);
  EXPECT_EQ(alive(), 1u);
  rig.advance(3'000);
  EXPECT_EQ(alive(), 0u);
}

TEST_F(Sweep, LooksAtAConnectionThatCloses) {
  open();
  rig.advance(5'000);
  ASSERT_TRUE(rests());
  rig.run(tcp(client, web).flags(fin | ack), front);
  EXPECT_FALSE(rests());
  rig.advance(1'100);
  ASSERT_TRUE(rests()) << "two minutes";
  rig.run(tcp(target, client).flags(fin | ack), back);  // by the other entry
  EXPECT_FALSE(rests());
  rig.advance(9'000);
  EXPECT_EQ(alive(), 1u);
  rig.advance(2'100);
  EXPECT_EQ(alive(), 0u);
}

TEST_F(Sweep, LooksAtAConnectionThatIsReset) {
  open();
  rig.advance(5'000);
  ASSERT_TRUE(rests());
  rig.run(tcp(target, client).flags(rst), back);
  rig.advance(3'100);
  EXPECT_EQ(alive(), 0u);
}

TEST_F(Sweep, LooksAtAConnectionWhoseTargetIsTakenAway) {
  open();
  rig.advance(5'000);
  rig.facts.targets[0].availability = config::Availability::Terminated;
  rig.publish();
  ASSERT_EQ(rig.run(tcp(client, web), front).verdict, ReplyResetTargetGone);
  rig.advance(3'100);
  EXPECT_EQ(alive(), 0u);
}

TEST_F(Sweep, AsksAllAgainWhenTimeoutsMayHaveChanged) {
  open();
  rig.advance(5'000);
  ASSERT_TRUE(rests());
  rig.config.listeners[0].idle_timeout = std::chrono::seconds(8);
  rig.publish();
  rig.advance(2'900);
  EXPECT_EQ(alive(), 1u);
  rig.advance(2'200);
  EXPECT_EQ(alive(), 0u);
}

TEST_F(Sweep, AsksAllAgainAfterAPause) {
  open();
  rig.advance(5'000);
  ASSERT_TRUE(rests());
  rig.now.nanoseconds += 400'000'000'000;  // the process was stopped
  rig.advance(2'100);
  EXPECT_EQ(alive(), 0u);
}

TEST_F(Sweep, LooksAtABucketThatANewConnectionJoins) {
  for (int port = 1; port <= 3'000; ++port) {  // of 4,096: so many that buckets are shared
    const std::string from = "198.18.0.8:" + std::to_string(port);
    ASSERT_EQ(rig.run(udp(from, dns), front).verdict, ForwardToTarget);
  }
  rig.advance(3'000);
  open();
  EXPECT_EQ(rig.run(tcp(client, web).flags(rst), front).verdict, ForwardToTarget);
  const std::uint64_t before = alive();
  rig.advance(3'100);
  EXPECT_EQ(alive(), before - 1) << "the others have two minutes";
}

}  // namespace
}  // namespace tests
