#include "dataplane/packet/verdict.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace dataplane {
namespace {

Verdict verdict(std::size_t index) { return static_cast<Verdict>(index); }

TEST(Verdict, EveryOneHasItsOwnNameAndAnExplanation) {
  std::set<std::string> names;
  std::set<std::string> explanations;
  for (std::size_t i = 0; i < verdict_count; ++i) {
    names.emplace(to_string(verdict(i)));
    explanations.emplace(explain(verdict(i)));
    EXPECT_GE(explain(verdict(i)).size(), 10u) << to_string(verdict(i));
  }
  EXPECT_EQ(names.size(), verdict_count);
  EXPECT_EQ(explanations.size(), verdict_count);
  EXPECT_EQ(to_string(verdict(verdict_count)), "unknown");
  EXPECT_EQ(explain(verdict(255)), "unknown");
}

TEST(Verdict, KindsFollowTheNamesAndExcludeEachOther) {
  for (std::size_t i = 0; i < verdict_count; ++i) {
    const std::string name(to_string(verdict(i)));
    EXPECT_EQ(is_forward(verdict(i)), name.starts_with("Forward")) << name;
    EXPECT_EQ(is_reply(verdict(i)), name.starts_with("Reply")) << name;
    EXPECT_EQ(is_drop(verdict(i)), name.starts_with("Drop")) << name;
  }
}

// Indices are part of the shared memory layout: append, never reorder.
TEST(Verdict, IndicesStay) {
  EXPECT_EQ(static_cast<int>(Verdict::Pending), 0);
  EXPECT_EQ(static_cast<int>(Verdict::ForwardToTarget), 1);
  EXPECT_EQ(static_cast<int>(Verdict::ReplyArp), 3);
  EXPECT_EQ(static_cast<int>(Verdict::PuntKernel), 10);
  EXPECT_EQ(static_cast<int>(Verdict::DropMalformed), 12);
  EXPECT_EQ(static_cast<int>(Verdict::DropTargetGone), 29);
  EXPECT_EQ(static_cast<int>(Verdict::DropErrorRate), 30);
  EXPECT_EQ(static_cast<int>(Verdict::DropFlowRate), 31);
  EXPECT_EQ(static_cast<int>(Verdict::DropSecurityGroupInbound), 32);
  EXPECT_EQ(static_cast<int>(Verdict::DropSecurityGroupOutbound), 33);
  EXPECT_EQ(static_cast<int>(Verdict::Wait), 34);
  EXPECT_EQ(static_cast<int>(Verdict::ReplyProhibited), 37);
  EXPECT_EQ(static_cast<int>(Verdict::DropWaiting), 40);
}

}  // namespace
}  // namespace dataplane
