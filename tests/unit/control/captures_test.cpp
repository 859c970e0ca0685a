#include "control/captures.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/cpp/scratch_segment.h"

namespace control {
namespace {

using dataplane::Capture;
using dataplane::CapturedPacket;
using dataplane::Instant;
using dataplane::ListenerId;
using dataplane::PortId;
using dataplane::TargetGroupId;
using dataplane::TargetId;
using dataplane::Verdict;
using report::Json;

constexpr TargetId blue_1{1, 0};

/// Two workers with mailboxes, and what the segment knows of one listener with one target.
class CapturesTest : public testing::Test {
 protected:
  CapturesTest() {
    segment_.set_instance("edge-1");
    dataplane::ListenerRecord listener{};
    listener.used = true;
    listener.name.assign("web");
    segment_.control().listeners[3].write(listener);
    dataplane::TargetGroupRecord group{};
    group.used = true;
    group.name.assign("blue");
    segment_.control().target_groups[2].write(group);
    dataplane::TargetRecord target{};
    target.used = true;
    target.id = blue_1;
    target.port = 8080;
    target.target_group.assign("blue");
    target.address.assign("10.0.1.11");
    segment_.control().targets[blue_1.slot].write(target);
    for (const char* name : {"front", "back"}) {
      dataplane::PortRecord port{};
      port.used = true;
      port.name.assign(name);
      segment_.control().ports[name == std::string("front") ? 0 : 1].write(port);
    }
    captures_.emplace(
        io_, std::vector{&workers_[0], &workers_[1]}, segment_.view(),
        [this] { return Instant{now_}; }, std::chrono::milliseconds(100));
  }

  /// What the worker does with a packet that matches.
  void hand_over(int worker, std::uint64_t at, std::uint8_t mark = 0) {
    Capture& capture = workers_[static_cast<std::size_t>(worker)];
    if (!capture.look()) return;
    CapturedPacket* const place = capture.place();
    if (place == nullptr) return;
    place->at = Instant{at};
    place->lost = capture.lost();
    place->verdict = Verdict::ForwardToTarget;
    place->listener = ListenerId{3};
    place->group = TargetGroupId{2};
    place->target = blue_1;
    place->handed_off = place->waited = false;
    for (auto* frame : {&place->before, &place->after}) {
      frame->port = PortId{static_cast<std::uint8_t>(frame == &place->before ? 0 : 1)};
      frame->length = 60;
      frame->captured = 2;
      frame->bytes[0] = mark;
      frame->bytes[1] = 0xab;
    }
    capture.give();
  }
  void notice() {
    for (Capture& worker : workers_) static_cast<void>(worker.look());
  }
  Outcome ask(const CaptureWanted& wanted) {
    std::optional<Outcome> result;
    captures_->ask(wanted, [&](Outcome outcome) { result = std::move(outcome); });
    io_.restart();
    io_.run();
    EXPECT_TRUE(result);
    return result.value_or(Outcome{});
  }
  /// The next lines, as the daemon's client gets them; the workers notice what they are told.
  std::vector<Json> next(const Outcome& outcome) {
    std::optional<std::string> text;
    outcome.stream->next([&](std::string lines) { text = std::move(lines); });
    for (int turn = 0; turn < 2'000 && !text; ++turn) {
      notice();
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(text);
    std::vector<Json> lines;
    for (std::size_t begin = 0, end = 0; text && begin < text->size(); begin = end + 1) {
      end = text->find('\n', begin);
      lines.push_back(Json::parse(text->substr(begin, end - begin)));
    }
    return lines;
  }
  /// The first lines that are no progress.
  std::vector<Json> next_packets(const Outcome& outcome) {
    for (;;) {
      auto lines = next(outcome);
      if (lines.size() != 1 || !lines[0].contains("progress")) return lines;
    }
  }

  test_support::ScratchSegment segment_;
  boost::asio::io_context io_;
  std::array<Capture, 2> workers_;
  std::uint64_t now_ = 5'000'000'000;
  std::optional<Captures> captures_;
};

TEST_F(CapturesTest, TellsWhoAnswersAndWhichPortsThereAre) {
  const Outcome outcome = ask({});
  EXPECT_EQ(outcome.status, 200u);
  EXPECT_EQ(outcome.document["instance"], "edge-1");
  EXPECT_EQ(outcome.document["workers"], 2);
  EXPECT_EQ(outcome.document["snap_length"], 2048);
  ASSERT_EQ(outcome.document["ports"].size(), 2u);
  EXPECT_EQ(outcome.document["ports"][1]["name"], "back");
  ASSERT_NE(outcome.stream, nullptr);
}

TEST_F(CapturesTest, LeavesTheRequestWithEveryWorker) {
  CaptureWanted wanted;
  wanted.listener = "web";
  wanted.target_group = "blue";
  wanted.snap_length = 96;
  wanted.count = 7;
  const Outcome outcome = ask(wanted);
  for (Capture& worker : workers_) {
    EXPECT_TRUE(worker.look());
    EXPECT_EQ(worker.request().filter.verdicts, CaptureWanted::verdicts_default);
    EXPECT_EQ(worker.request().filter.listener, ListenerId{3});
    EXPECT_EQ(worker.request().filter.group, TargetGroupId{2});
    EXPECT_EQ(worker.request().snap_length, 96u);
    EXPECT_EQ(worker.request().limit, 7u);
  }
}

TEST_F(CapturesTest, PassesPacketsOnInOrderOfTime) {
  const Outcome outcome = ask({});
  hand_over(0, 30, 3);
  hand_over(1, 10, 1);
  hand_over(1, 20, 2);
  const auto lines = next_packets(outcome);
  ASSERT_EQ(lines.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const Json& packet = lines[i]["packet"];
    EXPECT_EQ(packet["number"], i + 1);
    EXPECT_EQ(packet["worker"], i == 2 ? 0 : 1);
    EXPECT_EQ(packet["verdict"], "ForwardToTarget");
    EXPECT_EQ(packet["listener"], "web");
    EXPECT_EQ(packet["target_group"], "blue");
    EXPECT_EQ(packet["target"], "10.0.1.11:8080");
    EXPECT_EQ(packet["before"]["port"], "front");
    EXPECT_EQ(packet["after"]["port"], "back");
    EXPECT_EQ(packet["before"]["length"], 60);
    EXPECT_EQ(packet["before"]["bytes"], "0" + std::to_string(i + 1) + "ab");
  }
  const auto unix_time = [&](std::size_t i) {
    return lines[i]["packet"]["unix_nanoseconds"].get<std::uint64_t>();
  };
  EXPECT_EQ(unix_time(1) - unix_time(0), 10u);
  EXPECT_GT(unix_time(0), 1'500'000'000'000'000'000u);
}

TEST_F(CapturesTest, EndsWithTheCount) {
  CaptureWanted wanted;
  wanted.count = 2;
  const Outcome outcome = ask(wanted);
  for (int i = 0; i < 2; ++i) hand_over(0, 1);
  for (int i = 0; i < 2; ++i) hand_over(1, 1);
  EXPECT_EQ(next_packets(outcome).size(), 2u);
  const auto end = next_packets(outcome);
  ASSERT_EQ(end.size(), 1u);
  EXPECT_EQ(end[0]["end"]["reason"], "count");
  EXPECT_EQ(end[0]["end"]["written"], 2);
  EXPECT_EQ(end[0]["end"]["lost"], 0);
  EXPECT_TRUE(next(outcome).empty());
  EXPECT_TRUE(workers_[0].at_rest() && workers_[1].at_rest());
}

TEST_F(CapturesTest, EndsWithTheTime) {
  CaptureWanted wanted;
  wanted.time = std::chrono::seconds(1);
  const Outcome outcome = ask(wanted);
  std::vector<Json> lines;
  while (lines.empty() || !lines[0].contains("end")) lines = next(outcome);
  EXPECT_EQ(lines[0]["end"]["reason"], "time");
  EXPECT_TRUE(workers_[0].at_rest());
}

TEST_F(CapturesTest, GivesAllThatMatchedWhenTheClientEndsIt) {
  const Outcome outcome = ask({});
  for (int i = 0; i < 100; ++i) hand_over(0, 1);
  outcome.stream->end();
  EXPECT_EQ(next_packets(outcome).size(), 64u);
  EXPECT_EQ(next_packets(outcome).size(), 36u);
  const auto end = next_packets(outcome);
  EXPECT_EQ(end.at(0)["end"]["reason"], "client");
  EXPECT_EQ(end.at(0)["end"]["matched"], 100);
  EXPECT_EQ(end.at(0)["end"]["written"], 100);
}

TEST_F(CapturesTest, TellsWhatWasLostAndWhere) {
  const Outcome outcome = ask({});
  for (std::size_t i = 0; i < Capture::places + 5; ++i) hand_over(0, 1);
  std::size_t taken = 0;
  while (taken < Capture::places) {
    for (const Json& line : next_packets(outcome)) {
      ++taken;
      EXPECT_EQ(line["packet"]["lost_before"], 0);
    }
  }
  hand_over(0, 2);
  const auto behind = next_packets(outcome);
  EXPECT_EQ(behind.at(0)["packet"]["lost_before"], 5);
  outcome.stream->end();
  const auto end = next_packets(outcome);
  EXPECT_EQ(end.at(0)["end"]["lost"], 5);
  EXPECT_EQ(end.at(0)["end"]["matched"], Capture::places + 6);
}

TEST_F(CapturesTest, OneAtATime) {
  Outcome first = ask({});
  const Outcome second = ask({});
  EXPECT_EQ(second.status, 409u);
  EXPECT_EQ(second.stream, nullptr);
  EXPECT_TRUE(workers_[0].look()) << "the first goes on";
  first.stream.reset();  // its client is gone
  EXPECT_FALSE(workers_[0].look());
  EXPECT_FALSE(workers_[1].look());
  EXPECT_EQ(ask({}).status, 200u);
}

TEST_F(CapturesTest, WaitsUntilTheWorkersHaveEndedTheOneBefore) {
  ask({}).stream.reset();
  EXPECT_FALSE(workers_[0].at_rest());
  static_cast<void>(workers_[0].look());  // the other worker is stuck
  const Outcome outcome = ask({});
  EXPECT_EQ(outcome.status, 500u);
  EXPECT_NE(outcome.document["error"].get<std::string>().find("worker 1 has not ended"),
            std::string::npos);
  notice();
  EXPECT_EQ(ask({}).status, 200u);
}

TEST_F(CapturesTest, RefusesWhatIsNotThere) {
  CaptureWanted listener, group, target;
  listener.listener = "nobody";
  group.target_group = "nobody";
  target.filter.target = *dataplane::parse_address("10.0.1.11");
  target.filter.target_port = 81;
  for (const CaptureWanted& wanted : {listener, group, target}) {
    const Outcome outcome = ask(wanted);
    EXPECT_EQ(outcome.status, 404u);
    EXPECT_TRUE(workers_[0].at_rest());
  }
  target.filter.target_port = 8080;
  EXPECT_EQ(ask(target).status, 200u);
}

// The daemon stops while a client follows.
TEST_F(CapturesTest, EndsBeforeItsWorkersDo) {
  const Outcome outcome = ask({});
  captures_.reset();
  EXPECT_FALSE(workers_[0].look());
  EXPECT_TRUE(next(outcome).empty());
}

}  // namespace
}  // namespace control
