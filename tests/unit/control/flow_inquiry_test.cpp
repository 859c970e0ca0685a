#include "control/flow_inquiry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/wanted.h"
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
  /// As a worker does; every two flows are a bucket.
  static void serve(FlowQuery& mailbox, const std::vector<TargetId>& flows) {
    if (!mailbox.asked()) return;
    const auto& targets = mailbox.filter().targets;
    const auto buckets = static_cast<std::uint32_t>((flows.size() + 1) / 2);
    while (mailbox.cursor() < buckets && mailbox.has_room()) {
      const std::uint32_t bucket = mailbox.cursor();
      for (std::size_t i = 2 * bucket; i < std::min(flows.size(), 2 * std::size_t{bucket} + 2);
           ++i) {
        if (targets && !targets->test(flows[i].slot)) continue;
        FlowRecord record{};
        record.to_client.source = address("10.0.1." + std::to_string(flows[i].slot));
        record.to_target.source_port = Be16{static_cast<std::uint16_t>(i)};
        record.target = flows[i];
        record.bytes_to_target = 1'000 * i % 7'919;
        record.age_milliseconds = i;
        record.bucket = bucket;
        mailbox.add(record);
      }
      mailbox.advance(1);
    }
    mailbox.answer(mailbox.cursor() >= buckets);
  }
  Outcome ask(const FlowsWanted& wanted) {
    std::optional<Outcome> result;
    inquiry_->ask(wanted, [&](Outcome outcome) { result = std::move(outcome); });
    io_.restart();
    while (!result) {
      for (std::size_t i = 0; i < 2; ++i) serve(mailboxes_[i], flows_[i]);
      if (io_.run_one_for(std::chrono::seconds(5)) == 0) break;
    }
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

TEST_F(FlowInquiryTest, GoesOnWhereAnAnswerEnded) {
  for (const TargetId target : {web_2, dns_1, web_1, web_1, dns_1, web_2, web_1}) {
    flows_[0].push_back(target);
    flows_[1].push_back(target);
  }
  for (std::size_t limit = 1; limit < 25; ++limit) {
    FlowsWanted wanted;
    wanted.limit = limit;
    std::set<std::string> clients;
    std::size_t pages = 0;
    for (bool more = true; more; ++pages) {
      const Outcome outcome = ask(wanted);
      ASSERT_EQ(outcome.status, 200u);
      for (const auto& flow : outcome.document["flows"]) {
        EXPECT_TRUE(clients.insert(flow["worker"].dump() + flow["client"].dump()).second);
      }
      const auto& next = outcome.document["next"];
      more = outcome.document["truncated"].get<bool>();
      ASSERT_EQ(more, !next.is_null());
      if (!more) break;
      ASSERT_FALSE(take("from", next.get<std::string>(), wanted));
    }
    EXPECT_EQ(clients.size(), 19u) << limit;
    EXPECT_EQ(pages, (19 - 1) / limit) << limit;
  }
}

TEST_F(FlowInquiryTest, BringsTheLargestOfAllFirst) {
  flows_[0].assign(3 * FlowQuery::records_max, web_1);
  flows_[1].assign(100, web_2);
  FlowsWanted wanted;
  wanted.limit = 3;
  wanted.sort = FlowsWanted::Sort::Bytes;
  Outcome outcome = ask(wanted);
  for (const auto& flow : outcome.document["flows"]) EXPECT_GE(flow["bytes_to_target"], 7'917);
  EXPECT_EQ(outcome.document["flows"].size(), 3u);
  EXPECT_EQ(outcome.document["truncated"], true);
  EXPECT_TRUE(outcome.document["next"].is_null());
  wanted.sort = FlowsWanted::Sort::Age;
  outcome = ask(wanted);
  const double oldest = 3.0 * FlowQuery::records_max - 1;
  EXPECT_EQ(outcome.document["flows"][0]["age_seconds"], oldest / 1'000);
  EXPECT_EQ(outcome.document["flows"][2]["age_seconds"], (oldest - 2) / 1'000);
  wanted.from.bucket = 1;
  EXPECT_EQ(ask(wanted).status, 400u);
}

TEST_F(FlowInquiryTest, FindsASmallGroupBehindManyOthers) {
  flows_[0].assign(3 * FlowQuery::records_max, dns_1);
  flows_[0].push_back(web_1);
  flows_[0].push_back(web_2);
  FlowsWanted wanted;
  wanted.target_group = "web";
  EXPECT_EQ(ask(wanted).document["flows"].size(), 4u);
}

TEST_F(FlowInquiryTest, FindsOneFlow) {
  const FlowInquiry::Found* found = nullptr;
  bool asked = false;
  inquiry_->find({}, [&](const Outcome* wrong, const FlowInquiry::Found* flow) {
    EXPECT_EQ(wrong, nullptr);
    found = flow;
    asked = true;
  });
  EXPECT_TRUE(mailboxes_[0].filter().packet.has_value());
  mailboxes_[0].answer(true);
  while (!asked && io_.run_one_for(std::chrono::seconds(5)) != 0) {
    if (mailboxes_[1].asked()) mailboxes_[1].answer(true);
  }
  EXPECT_TRUE(asked);
  EXPECT_EQ(found, nullptr) << "neither worker has it";
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
    for (std::size_t i = 0; i < 2; ++i) serve(mailboxes_[i], flows_[i]);
    ASSERT_NE(io_.run_one_for(std::chrono::seconds(5)), 0u);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{5, 1, 5}));
}

TEST_F(FlowInquiryTest, AWorkerThatDoesNotAnswerIsAnError) {
  std::vector<Outcome> outcomes;
  const auto keep = [&](const Outcome& outcome) { outcomes.push_back(outcome); };
  inquiry_->ask({}, keep);
  serve(mailboxes_[0], flows_[0]);
  while (outcomes.empty()) ASSERT_NE(io_.run_one_for(std::chrono::seconds(5)), 0u);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].status, 500u);
  EXPECT_TRUE(outcomes[0].document["error"].get<std::string>().starts_with(
      "worker 1 did not list its flows in 200 ms"));

  inquiry_->ask({}, keep);
  serve(mailboxes_[0], flows_[0]);
  io_.restart();
  while (outcomes.size() < 2) ASSERT_NE(io_.run_one_for(std::chrono::seconds(5)), 0u);
  EXPECT_EQ(outcomes[1].status, 500u) << "it is still at the first question";

  serve(mailboxes_[1], flows_[1]);  // at last
  EXPECT_EQ(ask({}).document["flows"].size(), 5u);
}

}  // namespace
}  // namespace control
