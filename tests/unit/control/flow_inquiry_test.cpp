#include "control/flow_inquiry.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "tests/support/cpp/scratch_segment.h"

namespace control {
namespace {

using dataplane::Be16;
using dataplane::FlowQuery;
using dataplane::FlowRecord;
using dataplane::TargetId;

constexpr TargetId web_1{1, 0}, web_2{2, 0}, dns_1{3, 0};

dataplane::IpAddress address(const std::string& text) { return *dataplane::parse_address(text); }

/// Two workers with mailboxes, and three targets in two groups.
class FlowInquiryTest : public testing::Test {
 protected:
  FlowInquiryTest() {
    segment_.set_instance("edge-1");
    add_target(web_1, "web", "10.0.1.1");
    add_target(web_2, "web", "10.0.1.2");
    add_target(dns_1, "dns", "10.0.1.3");
    inquiry_.emplace(io_, std::vector{&mailboxes_[0], &mailboxes_[1]}, segment_.view(),
                     std::chrono::milliseconds(200));
  }

  void add_target(TargetId id, const char* group, const char* at) {
    dataplane::TargetRecord record{};
    record.used = true;
    record.id = id;
    record.port = 80;
    record.target_group.assign(group);
    record.address.assign(at);
    segment_.control().targets[id.slot].write(record);
  }
  /// As a worker does, one after the other.
  static void serve(FlowQuery& mailbox, const std::vector<TargetId>& flows) {
    if (!mailbox.asked()) return;
    for (const TargetId target : flows) {
      const bool wanted =
          mailbox.filter().target == dataplane::no_target || mailbox.filter().target == target;
      if (!wanted || mailbox.full()) continue;
      FlowRecord record{};
      record.to_client.source = address("10.0.1." + std::to_string(target.slot));
      record.target = target;
      mailbox.add(record);
    }
    mailbox.answer();
  }
  Outcome ask(const FlowsWanted& wanted) {
    std::optional<Outcome> result;
    inquiry_->ask(wanted, [&](Outcome outcome) { result = std::move(outcome); });
    for (int i = 0; i < 2; ++i) serve(mailboxes_[i], flows_[i]);
    io_.restart();
    io_.run();
    EXPECT_TRUE(result);
    return result.value_or(Outcome{});
  }

  test_support::ScratchSegment segment_;
  boost::asio::io_context io_;
  std::array<FlowQuery, 2> mailboxes_;
  std::array<std::vector<TargetId>, 2> flows_{std::vector{web_1, dns_1, web_2},
                                              std::vector{web_1, web_1}};
  std::optional<FlowInquiry> inquiry_;
};

TEST_F(FlowInquiryTest, PutsAllWorkersTogether) {
  const Outcome outcome = ask({});
  EXPECT_EQ(outcome.status, 200u);
  EXPECT_EQ(outcome.document["instance"], "edge-1");
  EXPECT_EQ(outcome.document["truncated"], false);
  ASSERT_EQ(outcome.document["flows"].size(), 5u);
  EXPECT_EQ(outcome.document["flows"][0]["worker"], 0);
  EXPECT_EQ(outcome.document["flows"][4]["worker"], 1);
  EXPECT_EQ(outcome.document["flows"][1]["target_group"], "dns");
}

TEST_F(FlowInquiryTest, StopsAtTheLimitAndSaysSo) {
  FlowsWanted wanted;
  wanted.limit = 5;
  EXPECT_EQ(ask(wanted).document["truncated"], false) << "exactly as many as there are";
  wanted.limit = 4;
  const Outcome outcome = ask(wanted);
  EXPECT_EQ(outcome.document["flows"].size(), 4u);
  EXPECT_EQ(outcome.document["truncated"], true);
  wanted.limit = 1;
  EXPECT_EQ(ask(wanted).document["flows"].size(), 1u);
}

TEST_F(FlowInquiryTest, SiftsByGroupAndTarget) {
  FlowsWanted wanted;
  wanted.target_group = "web";
  EXPECT_EQ(ask(wanted).document["flows"].size(), 4u) << "two targets";
  wanted.target_group = "dns";
  EXPECT_EQ(ask(wanted).document["flows"].size(), 1u) << "one target";
  wanted.target_group = "";
  wanted.address = address("10.0.1.2");
  wanted.port = 80;
  EXPECT_EQ(ask(wanted).document["flows"].size(), 1u);
  wanted.target_group = "web";
  wanted.address = address("10.0.1.1");
  wanted.limit = 2;
  const Outcome outcome = ask(wanted);
  EXPECT_EQ(outcome.document["flows"].size(), 2u);
  EXPECT_EQ(outcome.document["truncated"], true);
}

TEST_F(FlowInquiryTest, SaysThatATargetIsNotThere) {
  FlowsWanted wanted;
  wanted.target_group = "mail";
  EXPECT_EQ(ask(wanted).status, 404u);
  wanted.target_group = "dns";
  wanted.address = address("10.0.1.1");
  wanted.port = 80;
  const Outcome outcome = ask(wanted);
  EXPECT_EQ(outcome.status, 404u);
  EXPECT_EQ(outcome.document["error"], "there is no target 10.0.1.1:80 in group \"dns\"");
}

TEST_F(FlowInquiryTest, QuestionsTakeTurns) {
  std::vector<std::size_t> sizes;
  FlowsWanted dns;
  dns.target_group = "dns";
  inquiry_->ask({}, [&](const Outcome& o) { sizes.push_back(o.document["flows"].size()); });
  inquiry_->ask(dns, [&](const Outcome& o) { sizes.push_back(o.document["flows"].size()); });
  inquiry_->ask({}, [&](const Outcome& o) { sizes.push_back(o.document["flows"].size()); });
  while (sizes.size() < 3) {
    for (int i = 0; i < 2; ++i) serve(mailboxes_[i], flows_[i]);
    ASSERT_NE(io_.run_one_for(std::chrono::seconds(5)), 0u);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{5, 1, 5}));
}

TEST_F(FlowInquiryTest, AWorkerThatDoesNotAnswerIsAnError) {
  std::vector<Outcome> outcomes;
  const auto keep = [&](const Outcome& outcome) { outcomes.push_back(outcome); };
  inquiry_->ask({}, keep);
  serve(mailboxes_[0], flows_[0]);
  io_.run();
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].status, 500u);
  EXPECT_TRUE(outcomes[0].document["error"].get<std::string>().starts_with(
      "worker 1 did not list its flows in 200 ms"));

  inquiry_->ask({}, keep);
  ASSERT_EQ(outcomes.size(), 2u) << "it is still at the first question";
  EXPECT_EQ(outcomes[1].status, 500u);

  serve(mailboxes_[1], flows_[1]);  // at last
  serve(mailboxes_[0], flows_[0]);
  EXPECT_EQ(ask({}).document["flows"].size(), 5u);
}

}  // namespace
}  // namespace control
