// What the lifecycle announces: facts that packets notice, records that only people do, each once.
#include <gtest/gtest.h>

#include "tests/unit/control/lifecycle/lifecycle_rig.h"

namespace control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LifecycleAnnounceTest : public LifecycleRig {};

TEST_F(LifecycleAnnounceTest, AnnouncesOnceATurn) {
  reload(web({1, 2, 3}));
  EXPECT_EQ(changes_, 0) << "who applies knows";
  record_changes_ = 0;  // the first check of the first target has begun
  probes_find(passed);
  EXPECT_EQ(changes_, 0) << "not from within";
  turn();
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(record_changes_, 0) << "the records come with the facts";
  turn();
  EXPECT_EQ(changes_, 1);
}

TEST_F(LifecycleAnnounceTest, LookingDoesNotHideAChange) {
  reload(web({1}));
  probe_finds(1, passed);
  (void)lifecycle_.facts();
  (void)lifecycle_.records();
  turn();
  EXPECT_EQ(changes_, 1);
}

TEST_F(LifecycleAnnounceTest, AnnouncesOnlyWhatIsNew) {
  reload(web({1}));
  probe_finds(1, passed);
  probe_finds(1, passed);
  turn();
  changes_ = record_changes_ = 0;
  for (int i = 0; i < 5; ++i) probe_finds(1, passed);
  turn();
  EXPECT_EQ(changes_, 0);
  EXPECT_EQ(record_changes_, 0) << "the same sentence again";
  probe_finds(1, refused);
  turn();
  EXPECT_EQ(changes_, 0) << "one failure is no new fact";
  EXPECT_EQ(record_changes_, 1) << "but a new sentence";
  probe_finds(1, refused);
  turn();
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(record_changes_, 1);
}

TEST_F(LifecycleAnnounceTest, ADrainIsAFactAndSoIsATargetThatIsGone) {
  reload(web({1, 2}));
  EXPECT_FALSE(lifecycle_.drain(key(1)).has_value());
  turn();
  EXPECT_EQ(changes_, 1);
  reload(web({2}));
  EXPECT_EQ(changes_, 1);
  advance(seconds(1));
  turn();
  EXPECT_EQ(changes_, 2);
  EXPECT_EQ(availability(1), "gone");
}

TEST_F(LifecycleAnnounceTest, AListenerThatIsGoneIsAFact) {
  reload(web({}));
  config::Config none = web({});
  none.listeners.clear();
  reload(none);
  advance(seconds(1));
  turn();
  EXPECT_EQ(changes_, 1) << "its address is nobody's now";
  EXPECT_EQ(record_changes_, 0);
}

}  // namespace
}  // namespace control
