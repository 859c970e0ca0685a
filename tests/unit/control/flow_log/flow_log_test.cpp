#include "control/flow_log/flow_log.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "control/flow_log/line.h"

namespace control {
namespace {

using Line = nlohmann::json;

dataplane::EndedFlow ended(std::uint16_t port, dataplane::TargetId target = {0, 1}) {
  dataplane::EndedFlow flow{};
  flow.to_target = {*dataplane::parse_address("198.51.100.7"),
                    *dataplane::parse_address("203.0.113.10"),
                    dataplane::Be16{port},
                    dataplane::Be16{80},
                    dataplane::Protocol::Tcp,
                    {0, 0, 0}};
  flow.to_client = {*dataplane::parse_address("10.0.1.11"),
                    flow.to_target.source,
                    dataplane::Be16{8080},
                    dataplane::Be16{port},
                    dataplane::Protocol::Tcp,
                    {0, 0, 0}};
  flow.began = {5'000'000'000};
  flow.duration_microseconds = 12'345;
  flow.bytes_to_target = 400;
  flow.bytes_to_client = 70'000;
  flow.packets_to_target = 6;
  flow.packets_to_client = 50;
  flow.connect_microseconds = 831;
  flow.sample_millionths = 250'000;
  flow.target = target;
  flow.listener = dataplane::ListenerId{0};
  flow.listener_incarnation = 1;
  flow.phase = dataplane::Phase::Closing;
  flow.reason = dataplane::EndReason::Closed;
  return flow;
}

Records records(const std::string& group) {
  Records made;
  dataplane::TargetRecord target{};
  target.id = {0, 1};
  target.state = dataplane::TargetState::Draining;
  target.target_group.assign(group);
  made.targets.push_back(target);
  ListenerEntry listener{dataplane::ListenerId{0}, {}};
  listener.record.incarnation = 1;
  listener.record.name.assign("front");
  made.listeners.push_back(listener);
  return made;
}

TEST(FlowLogLine, IsJsonWithEveryField) {
  const FlowNames names(records("web"), {}, 0);
  std::string text = "before\n";
  append_line(text, ended(5555), dataplane::WorkerId{3},
              {"edge-1", names, std::int64_t{1'700'000'000} * 1'000'000'000 + 42'000'000});
  ASSERT_EQ(text.back(), '\n');
  EXPECT_EQ(Line::parse(text.substr(7)), Line::parse(R"({
    "start": "2023-11-14T22:13:25.042Z", "duration_ms": 12.3, "instance": "edge-1", "worker": 3,
    "protocol": "tcp", "client": "198.51.100.7", "client_port": 5555,
    "destination": "203.0.113.10", "destination_port": 80, "listener": "front",
    "target_group": "web", "target": "10.0.1.11", "target_port": 8080, "zone": null,
    "local": null, "local_port": null, "packets_to_target": 6, "bytes_to_target": 400,
    "packets_to_client": 50, "bytes_to_client": 70000, "connect_us": 831, "reason": "closed",
    "phase": "closing", "target_state": "draining", "sample": 0.25})"));
}

TEST(FlowLogLine, SaysNullForWhatIsNotKnown) {
  dataplane::EndedFlow flow = ended(5555);
  flow.connect_microseconds.reset();
  flow.to_client.destination = *dataplane::parse_address("fd00::3");
  flow.sample_millionths = 1'000'000;
  std::string text;
  append_line(text, flow, {}, {"edge-1", FlowNames(), 0});
  const Line line = Line::parse(text);
  for (const char* field : {"listener", "target_group", "zone", "connect_us", "target_state"}) {
    EXPECT_TRUE(line[field].is_null()) << field;
  }
  EXPECT_EQ(line["local"], "fd00::3");
  EXPECT_EQ(line["sample"], 1);
}

class FlowLogThread : public testing::Test {
 protected:
  FlowLogThread() {
    std::string pattern = "/tmp/spillway-flow-log-XXXXXX";
    directory = mkdtemp(pattern.data());
    for (auto& worker : workers) worker = std::make_unique<dataplane::FlowLog>(1'024);
    log = std::make_unique<FlowLog>("edge-1", std::vector{workers[0].get(), workers[1].get()},
                                    [] { return dataplane::Instant{5'000'000'000}; });
    log->learn(records("web"));
  }
  ~FlowLogThread() override {
    log.reset();
    std::filesystem::remove_all(directory);
  }
  [[nodiscard]] config::FlowLog file(const std::string& name) const {
    config::FlowLog made;
    made.path = directory + "/" + name;
    return made;
  }
  [[nodiscard]] std::vector<Line> lines(const std::string& name) const {
    std::vector<Line> all;
    std::ifstream text(directory + "/" + name);
    for (std::string line; std::getline(text, line);) all.push_back(Line::parse(line));
    return all;
  }
  template <class Condition>
  static bool await(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  std::string directory;
  std::array<std::unique_ptr<dataplane::FlowLog>, 2> workers;
  std::unique_ptr<FlowLog> log;
};

TEST_F(FlowLogThread, WritesWhatAllWorkersSay) {
  log->configure(file("a"));
  for (std::uint16_t port = 1; port <= 500; ++port) {
    ASSERT_TRUE(workers[port % 2]->ring().push(ended(port)));
  }
  ASSERT_TRUE(await([&] { return log->record().written == 500; }));
  EXPECT_EQ(lines("a").size(), 500u);
  const dataplane::FlowLogRecord record = log->record();
  EXPECT_TRUE(record.used);
  EXPECT_TRUE(record.open);
  EXPECT_FALSE(record.socket);
  EXPECT_EQ(record.destination.view(), directory + "/a");
  EXPECT_EQ(record.written_bytes, std::filesystem::file_size(directory + "/a"));
}

TEST_F(FlowLogThread, WritesAllThatIsLeftWhenItStops) {
  log->configure(file("a"));
  for (std::uint16_t port = 1; port <= 1'000; ++port) workers[0]->ring().push(ended(port));
  log->stop();
  EXPECT_EQ(lines("a").size(), 1'000u);
  EXPECT_EQ(log->record().written, 1'000u);
  EXPECT_EQ(log->record().waiting, 0u);
}

TEST_F(FlowLogThread, GoesToAnotherFileAndOffWithoutLosingALine) {
  log->configure(file("a"));
  ASSERT_TRUE(await([&] { return log->record().used; }));
  for (std::uint16_t port = 1; port <= 100; ++port) workers[0]->ring().push(ended(port));
  log->configure(file("b"));
  ASSERT_TRUE(await([&] { return log->record().destination.view() == directory + "/b"; }));
  for (std::uint16_t port = 1; port <= 100; ++port) workers[0]->ring().push(ended(port));
  log->configure({});
  ASSERT_TRUE(await([&] { return !log->record().used && log->record().written == 200; }));
  EXPECT_EQ(lines("a").size() + lines("b").size(), 200u);
  // Of a worker that has not seen the new snapshot yet.
  workers[1]->ring().push(ended(1));
  ASSERT_TRUE(await([&] { return log->record().written == 201; }));
}

TEST_F(FlowLogThread, NamesATargetThatIsGoneMeanwhile) {
  log->learn(Records{});
  log->configure(file("a"));
  workers[0]->ring().push(ended(1));
  ASSERT_TRUE(await([&] { return log->record().written == 1; }));
  EXPECT_EQ(lines("a")[0]["target_group"], "web");
  EXPECT_EQ(lines("a")[0]["target_state"], "draining");
}

TEST_F(FlowLogThread, CountsWhatNobodyTakes) {
  config::FlowLog nobody;
  nobody.socket = directory + "/nobody.sock";
  log->configure(nobody);
  for (std::uint16_t port = 1; port <= 10; ++port) workers[0]->ring().push(ended(port));
  ASSERT_TRUE(await([&] { return log->record().waiting == 10; }));
  EXPECT_FALSE(log->record().open);
  EXPECT_EQ(log->record().problem.view(), "nobody listens there: No such file or directory");
  EXPECT_NE(log->record().problem_since_unix_milliseconds, 0u);
  const auto began = std::chrono::steady_clock::now();
  log->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, FlowLog::last_words);
  EXPECT_EQ(log->record().dropped_unavailable, 10u);
}

}  // namespace
}  // namespace control
