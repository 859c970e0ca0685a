#include "control/lifecycle/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace control {
namespace {

using Words = Registry<std::string, int>;

Words::Entry& add(Words& words, const std::string& name) {
  return words.add(name, [](Slot slot) { return int{slot.number}; });
}
bool unused(const Words::Entry&) { return true; }

TEST(Slots, GiveOutWhatHasBeenFreeForLongest) {
  Slots slots(3);
  EXPECT_EQ(slots.free(), 3u);
  const Slot a = slots.take();
  const Slot b = slots.take();
  EXPECT_EQ(a, (Slot{0, 0}));
  EXPECT_EQ(b, (Slot{1, 0}));
  slots.give_back(b);
  slots.give_back(a);
  EXPECT_EQ(slots.take(), (Slot{2, 0})) << "never used: free for longest";
  EXPECT_EQ(slots.take(), (Slot{1, 1}));
  EXPECT_EQ(slots.take(), (Slot{0, 1}));
  EXPECT_EQ(slots.free(), 0u);
}

TEST(Slots, EveryUseIsANewIncarnation) {
  Slots slots(1);
  for (std::uint16_t use = 0; use < 1000; ++use) {
    const Slot slot = slots.take();
    ASSERT_EQ(slot, (Slot{0, use}));
    slots.give_back(slot);
  }
}

TEST(Slots, TakingWhatIsNotThereIsOurMistake) {
  Slots slots(1);
  slots.give_back(slots.take());
  const Slot last = slots.take();
  EXPECT_EQ(last.incarnation, 1);
  EXPECT_DEATH((void)slots.take(), "free_.empty");
}

TEST(Registry, FindsByNameAndBySlot) {
  Words words(10);
  Words::Entry& one = add(words, "one");
  Words::Entry& two = add(words, "two");
  EXPECT_EQ(words.find("one"), &one);
  EXPECT_EQ(words.find(two.slot), &two);
  EXPECT_EQ(words.find("three"), nullptr);
  EXPECT_EQ(words.find(Slot{1, 1}), nullptr) << "another incarnation";
  EXPECT_EQ(two.thing, 1);
  EXPECT_EQ(words.size(), 2u);
  EXPECT_EQ(words.free(), 8u);
  EXPECT_DEATH(add(words, "one"), "find.name");
}

TEST(Registry, ReleasesWhatLeftEarlierAndIsUnused) {
  Words words(10);
  for (const char* name : {"stays", "just left", "left", "left but used"}) add(words, name);
  words.leave(*words.find("left"), 4);
  words.leave(*words.find("left but used"), 4);
  words.leave(*words.find("just left"), 5);
  EXPECT_EQ(words.left(), 3u);
  const auto released =
      words.release(5, [](const Words::Entry& entry) { return entry.name != "left but used"; });
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].name, "left");
  EXPECT_EQ(words.find("left"), nullptr);
  EXPECT_EQ(words.find(released[0].slot), nullptr);
  EXPECT_EQ(words.left(), 2u);
  EXPECT_EQ(words.free(), 7u);
  EXPECT_EQ(words.release(6, unused).size(), 2u);
  EXPECT_TRUE(words.find("stays")->registered());
}

TEST(Registry, WhatReturnsKeepsItsSlot) {
  Words words(10);
  const Slot slot = add(words, "one").slot;
  words.leave(*words.find("one"), 1);
  words.return_to(*words.find("one"));
  EXPECT_TRUE(words.release(9, unused).empty());
  EXPECT_EQ(words.find("one")->slot, slot);
  EXPECT_EQ(words.left(), 0u);
}

TEST(Registry, ANameThatComesBackLaterIsSomebodyElse) {
  Words words(1);
  const Slot before = add(words, "one").slot;
  words.leave(*words.find("one"), 1);
  words.release(2, unused);
  const Slot after = add(words, "one").slot;
  EXPECT_EQ(after.number, before.number);
  EXPECT_NE(after.incarnation, before.incarnation);
}

}  // namespace
}  // namespace control
