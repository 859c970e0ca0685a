// The whole program against a daemon's outside: its segment and its control socket.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

#include "control/api.h"
#include "control/flow_inquiry.h"
#include "control/segment.h"
#include "tests/support/cpp/scratch_segment.h"
#include "tools/report/place.h"

namespace {

using control::Outcome;
using control::Segment;
using dataplane::TargetId;
using report::Json;

struct Result {
  int status;
  std::string output;
  std::string error;
};

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

class SpillwayctlTest : public testing::Test {
 protected:
  SpillwayctlTest() {
    char pattern[] = "/tmp/spillwayctl-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  ~SpillwayctlTest() override {
    stop();
    shm_unlink(report::segment_name(name_).c_str());
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] dataplane::InstanceRecord instance() const {
    dataplane::InstanceRecord record{};
    record.instance.assign(name_);
    record.version.assign("9.8.7");
    record.started_unix_milliseconds = report::now_unix_milliseconds() - 60'000;
    record.generation = 3;
    return record;
  }
  void start() {
    segment_.emplace(instance(), 1, report::now_unix_milliseconds());
    segment_->write_targets(std::vector{target()});
    control::Commands commands;
    commands.targets = [this] {
      return report::targets_document(segment_->view(), Segment::alive());
    };
    commands.reload = [this](const control::ReloadWanted&, const control::Done& done) {
      done(reload_);
    };
    commands.flows = [this](const control::FlowsWanted& wanted, const control::Done& done) {
      done({200,
            {{"instance", "x"}, {"flows", Json::array()}, {"truncated", false}, {"next", Json()}}});
      flows_wanted_.push_back(wanted);
    };
    commands.drain = [this](const control::TargetName& name, const control::Done& done) {
      done(change(name, dataplane::TargetState::Draining));
    };
    commands.undrain = [this](const control::TargetName& name, const control::Done& done) {
      done(change(name, dataplane::TargetState::Healthy));
    };
    commands.weight = [this](const control::TargetName& name, std::uint16_t weight,
                             const control::Done& done) {
      Outcome outcome = change(name, dataplane::TargetState::Healthy);
      if (outcome.status == 200) {
        outcome.document["previous_weight"] = outcome.document["weight"];
        outcome.document["weight"] = outcome.document["configured_weight"] = weight;
      }
      done(std::move(outcome));
    };
    api_ = std::make_unique<control::Api>(io_, report::socket_path(directory_, name_),
                                          std::move(commands));
    thread_ = std::thread([this] { io_.run(); });
  }
  void stop() {
    if (thread_.joinable()) {
      boost::asio::post(io_, [this] { api_.reset(); });
      work_.reset();
      thread_.join();
    }
    segment_.reset();
  }

  [[nodiscard]] dataplane::TargetRecord target() const {
    dataplane::TargetRecord record{};
    record.used = true;
    record.id = TargetId{2, 0};
    record.state = dataplane::TargetState::Healthy;
    record.takes_new_flows = true;
    record.port = 8080;
    record.weight = 1;
    record.target_group.assign("web");
    record.address.assign("10.0.1.11");
    record.since_unix_milliseconds = report::now_unix_milliseconds();
    return record;
  }
  Outcome change(const control::TargetName& name, dataplane::TargetState state) {
    if (name.target_group != "web" || name.port != 8080) {
      return control::refused(404, "there is no such target");
    }
    auto record = target();
    record.state = state;
    record.takes_new_flows = state == dataplane::TargetState::Healthy;
    segment_->write_target(record);
    return {200, report::target_document(segment_->view(), record)};
  }
  template <class Act>
  void on_control_thread(Act act) {
    std::promise<void> acted;
    boost::asio::post(io_, [&] {
      act();
      acted.set_value();
    });
    acted.get_future().wait();
  }
  void set_flows(std::uint64_t flows) {
    segment_->worker(dataplane::WorkerId{0}).targets[2].active_flows.set(flows);
  }

  [[nodiscard]] std::string command(const std::string& words) const {
    return std::string(SPILLWAYCTL) + " --instance " + name_ + " --run-dir " + directory_.string() +
           " " + words;
  }
  [[nodiscard]] Result call(const std::string& line) const {
    const std::string output = directory_ / "output", error = directory_ / "error";
    const int status =
        std::system(("exec timeout 20 " + line + " >" + output + " 2>" + error).c_str());
    const auto content = [](const std::string& path) {
      std::ifstream file(path);
      return std::string(std::istreambuf_iterator<char>(file), {});
    };
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(output), content(error)};
  }
  [[nodiscard]] Result run(const std::string& words) const { return call(command(words)); }

  const std::string name_ = test_support::fresh_instance_name();
  std::filesystem::path directory_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::optional<Segment> segment_;
  Outcome reload_{200, {{"generation", 4}}};
  std::vector<control::FlowsWanted> flows_wanted_;
  std::unique_ptr<control::Api> api_;
  std::thread thread_;
};

TEST_F(SpillwayctlTest, ShowsTablesAndTheSameAsJson) {
  start();
  const Result table = run("targets");
  EXPECT_EQ(table.status, 0);
  EXPECT_EQ(table.error, "");
  EXPECT_TRUE(has(table.output, "web    10.0.1.11:8080       1  healthy")) << table.output;
  const Result json = run("--json targets");
  EXPECT_EQ(json.status, 0);
  EXPECT_EQ(Json::parse(json.output)["targets"][0]["state"], "healthy");
  const Json status = Json::parse(run("status --json").output);
  EXPECT_EQ(status["instance"], name_);
  EXPECT_EQ(status["running"], true);
  EXPECT_EQ(status["pid"], getpid());
  EXPECT_TRUE(has(run("status").output, "running for 1m 0s")) << run("status").output;
  EXPECT_EQ(run("listeners").output, "no listeners\n");
}

TEST_F(SpillwayctlTest, FiguresOfADeadDaemonAreShownAndCalledStale) {
  start();
  stop();
  const Result result = run("targets");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(has(result.output, "10.0.1.11:8080"));
  EXPECT_TRUE(has(result.error, "stale: instance " + name_ + " is not running, it died about"))
      << result.error;
  EXPECT_EQ(Json::parse(run("targets --json").output)["stale"], true);
  EXPECT_EQ(Json::parse(run("status --json").output)["running"], false);
  EXPECT_TRUE(has(run("status").output, "died after 1m"));
  EXPECT_TRUE(has(run("status").error, "pid " + std::to_string(getpid())));
}

TEST_F(SpillwayctlTest, FiguresOfAStuckDaemonAreCalledStaleToo) {
  start();
  segment_->beat(report::now_unix_milliseconds() - 65'000);
  const Result result = run("status");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(has(result.error, "has given no sign of life for 1m 5s")) << result.error;
  EXPECT_TRUE(has(result.output, "running, but stuck"));
}

TEST_F(SpillwayctlTest, FiguresAfterACleanStopAreCalledThat) {
  start();
  segment_->stop();
  EXPECT_TRUE(has(run("listeners").error, "was stopped")) << run("listeners").error;
  EXPECT_TRUE(has(run("status").output, "stopped after"));
}

TEST_F(SpillwayctlTest, SaysThatNothingRuns) {
  for (const char* words : {"status", "listeners", "targets", "flows", "reload",
                            "drain web 10.0.1.11:8080", "undrain web 10.0.1.11:8080", "version"}) {
    const Result result = run(words);
    EXPECT_EQ(result.status, 1) << words;
    EXPECT_EQ(result.output, "") << words;
    EXPECT_TRUE(has(result.error, "spillwayctl: instance " + name_ + " is not running")) << words;
  }
}

TEST_F(SpillwayctlTest, SaysThatADeadDaemonLeftItsSocket) {
  const std::string path = report::socket_path(directory_, name_);
  ASSERT_EQ(
      std::system(("/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"" +
                   path + "\")'")
                      .c_str()),
      0);
  const Result result = run("reload");
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(has(result.error, "a dead daemon left it")) << result.error;
}

TEST_F(SpillwayctlTest, SaysWhatPermissionIsMissing) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  start();
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  const std::string nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups ";
  const Result figures = call(nobody + command("targets"));
  EXPECT_EQ(figures.status, 1);
  EXPECT_TRUE(has(figures.error, "no permission to read")) << figures.error;
  const Result socket = call(nobody + command("reload"));
  EXPECT_EQ(socket.status, 1);
  EXPECT_TRUE(has(socket.error, "no permission to use")) << socket.error;
}

/// A /dev/shm of this process's own, so that other instances on the machine do not count.
bool have_own_shared_memory() {
  return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
         mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", "/dev/shm", "tmpfs", 0, nullptr) == 0;
}

TEST_F(SpillwayctlTest, TheInstanceMayBeLeftOutIfItIsTheOnlyOneRunning) {
  if (!have_own_shared_memory()) GTEST_SKIP() << "needs root, to have a /dev/shm of its own";
  const std::string anonymous =
      std::string(SPILLWAYCTL) + " --run-dir " + directory_.string() + " ";
  EXPECT_TRUE(has(call(anonymous + "targets").error, "no instance is running on this machine"));
  EXPECT_EQ(call(anonymous + "version").status, 0) << "needs none";

  start();
  EXPECT_EQ(call(anonymous + "targets").status, 0);
  EXPECT_EQ(call(anonymous + "reload").output, "reloaded, generation 4\n");

  test_support::ScratchSegment other;
  const std::string other_name = test_support::fresh_instance_name();
  other.publish(other_name);  // nobody holds it: a leftover
  EXPECT_EQ(call(anonymous + "targets").status, 0) << "only one of the two runs";

  other.publish(other_name, true);
  const Result two = call(anonymous + "targets");
  EXPECT_EQ(two.status, 1);
  EXPECT_TRUE(has(two.error, name_ + ", " + other_name + " are running")) << two.error;

  stop();
  other.let_go();
  const Result none = call(anonymous + "targets");
  EXPECT_EQ(none.status, 1);
  EXPECT_TRUE(has(none.error, "no instance is running; " + name_ + ", " + other_name))
      << none.error;
}

TEST_F(SpillwayctlTest, SetsWeights) {
  start();
  const Result result = run("weight web 10.0.1.11:8080 50");
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(result.output, "web 10.0.1.11:8080 weight 1 -> 50\n");
  EXPECT_EQ(run("weight web 10.0.1.11 0").output, "web 10.0.1.11:8080 weight 1 -> 0\n")
      << "the port is looked up";
  const Json json = Json::parse(run("--json weight web 10.0.1.11:8080 999").output);
  EXPECT_EQ(json["weight"], 999);
  EXPECT_EQ(json["previous_weight"], 1);
  for (const char* weight : {"1000", "x", "1.5", "''"}) {
    const Result wrong = run(std::string("weight web 10.0.1.11:8080 ") + weight);
    EXPECT_EQ(wrong.status, 2) << weight;
    EXPECT_TRUE(has(wrong.error, "from 0 (no new flows) to 999")) << wrong.error;
  }
  EXPECT_EQ(run("weight web 10.0.1.11:8080").status, 2);
  EXPECT_EQ(run("weight mail 10.0.1.11:8080 5").status, 1);
}

TEST_F(SpillwayctlTest, DrainsAndUndrains) {
  start();
  set_flows(7);
  const Result drain = run("drain web 10.0.1.11:8080");
  EXPECT_EQ(drain.status, 0) << drain.error;
  EXPECT_EQ(drain.output, "web 10.0.1.11:8080 is draining: 7 flows left\n");
  const Result undrain = run("--json undrain web 10.0.1.11:8080");
  EXPECT_EQ(undrain.status, 0);
  EXPECT_EQ(Json::parse(undrain.output)["state"], "healthy");
}

TEST_F(SpillwayctlTest, DrainFindsThePortOfAnAddress) {
  start();
  EXPECT_EQ(run("drain web 10.0.1.11").output, "web 10.0.1.11:8080 is draining: no flows\n");
  const Result unknown = run("drain web 10.0.1.99");
  EXPECT_EQ(unknown.status, 1);
  EXPECT_TRUE(has(unknown.error, "there is no target 10.0.1.99 in group \"web\"")) << unknown.error;
}

TEST_F(SpillwayctlTest, DrainOfAnUnknownTargetFails) {
  start();
  const Result result = run("drain mail 10.0.1.11:8080");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.error, "spillwayctl: there is no such target\n");
  EXPECT_EQ(run("drain web somewhere").status, 2);
}

TEST_F(SpillwayctlTest, DrainWaitsUntilNoFlowIsLeft) {
  start();
  set_flows(3);
  std::thread leaving([this] {
    for (std::uint64_t flows = 3; flows-- > 0;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      set_flows(flows);
    }
  });
  const Result result = run("drain web 10.0.1.11:8080 --wait");
  leaving.join();
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_TRUE(result.output.starts_with("web 10.0.1.11:8080 is draining: 3 flows left\n"))
      << result.output;
  EXPECT_TRUE(result.output.ends_with("web 10.0.1.11:8080 is draining: no flows\n"))
      << result.output;
}

TEST_F(SpillwayctlTest, DrainGivesUpWhenTold) {
  start();
  set_flows(2);
  const Result result = run("drain web 10.0.1.11:8080 --wait --timeout 0.3");
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(has(result.error, "web 10.0.1.11:8080 still has 2 flows")) << result.error;
  EXPECT_EQ(run("drain web 10.0.1.11:8080 --timeout 1").status, 2) << "without --wait";
}

TEST_F(SpillwayctlTest, DrainWaitsInDocumentsALine) {
  start();
  set_flows(2);
  std::thread leaving([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    segment_->worker(dataplane::WorkerId{0}).targets[2].bytes_to_client.set(5'000);
    set_flows(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    set_flows(0);
  });
  const Result result = run("--json drain web 10.0.1.11:8080 --wait");
  leaving.join();
  EXPECT_EQ(result.status, 0) << result.error;
  std::istringstream lines(result.output);
  std::vector<Json> documents;
  for (std::string line; std::getline(lines, line);) documents.push_back(Json::parse(line));
  ASSERT_EQ(documents.size(), 3u) << result.output;
  EXPECT_EQ(documents[0]["active_flows"], 2);
  EXPECT_EQ(documents[0]["bytes_moved"], 0);
  EXPECT_EQ(documents[1]["active_flows"], 1);
  EXPECT_EQ(documents[1]["bytes_moved"], 5'000);
  EXPECT_GT(documents[1]["bytes_per_second"].get<double>(), 5'000);
  EXPECT_EQ(documents[2]["active_flows"], 0);
  EXPECT_EQ(documents[2]["state"], "draining");
}

TEST_F(SpillwayctlTest, ReloadSaysWhatCameOfIt) {
  start();
  EXPECT_EQ(run("reload").output, "reloaded, generation 4\n");
  on_control_thread([this] {
    reload_ = control::refused(409, "edge.cfg:3: unknown key \"colour\"\nedge.cfg:7: no targets");
  });
  const Result refused = run("reload");
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.error,
            "spillwayctl: edge.cfg:3: unknown key \"colour\"\nedge.cfg:7: no targets\n");
}

TEST_F(SpillwayctlTest, FlowsPassesTheFiltersOn) {
  start();
  const Json answer = Json::parse(run("--json flows --limit 20 --target-group 'a/b c'").output);
  EXPECT_EQ(answer["truncated"], false);
  EXPECT_EQ(answer["flows"], Json::array());
  ASSERT_EQ(flows_wanted_.size(), 1u);
  EXPECT_EQ(flows_wanted_[0].limit, 20u);
  EXPECT_EQ(flows_wanted_[0].target_group, "a/b c");
  EXPECT_EQ(run("flows --limit all --age 2h").output, "no flows\n");
  EXPECT_EQ(flows_wanted_[1].limit, 2'000u) << "a page";
  EXPECT_EQ(flows_wanted_[1].filter.age_milliseconds, 7'200'000u);
  for (const char* limit : {"0", "-1", "many", "1e3", "''"}) {
    const Result wrong = run(std::string("flows --limit ") + limit);
    EXPECT_EQ(wrong.status, 2) << limit;
    EXPECT_TRUE(has(wrong.error, "a number from 1 on, or all")) << wrong.error;
  }
  const Result sorted = run("flows --sort age --limit all");
  EXPECT_EQ(sorted.status, 2);
  EXPECT_TRUE(has(sorted.error, "--sort keeps 10000 flows at most")) << sorted.error;
}

TEST_F(SpillwayctlTest, VersionKnowsBothSides) {
  start();
  EXPECT_EQ(run("version").output,
            "spillwayctl " SPILLWAY_VERSION "\ninstance " + name_ + ": spillway 9.8.7\n");
  EXPECT_EQ(Json::parse(run("--json version").output)["version"], "9.8.7");
}

TEST_F(SpillwayctlTest, WatchShowsAgainAndSurvivesARestart) {
  start();
  const std::string output = directory_ / "watched";
  const std::string line =
      "timeout 20 " + command("--json targets --watch 0.1") + " >" + output + " & echo $!";
  FILE* shell = popen(line.c_str(), "r");
  int pid = 0;
  ASSERT_EQ(fscanf(shell, "%d", &pid), 1);
  pclose(shell);
  const auto lines = [&](const std::string& words) {
    std::ifstream file(output);
    int count = 0;
    for (std::string text; std::getline(file, text);) count += has(text, words) ? 1 : 0;
    return count;
  };
  const auto comes = [&](const std::string& words) {
    for (int i = 0; i < 200 && lines(words) < 2; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return lines(words) >= 2;
  };
  EXPECT_TRUE(comes("\"new_flows\":0,"));
  segment_.reset();
  EXPECT_TRUE(comes("\"stale\":true"));
  segment_.emplace(instance(), 1, report::now_unix_milliseconds());
  segment_->worker(dataplane::WorkerId{0}).targets[2].new_flows.set(55);
  segment_->write_targets(std::vector{target()});
  EXPECT_TRUE(comes("\"stale\":false,\"targets\":[{\"target_group\":\"web\""));
  EXPECT_TRUE(comes("\"new_flows\":55,"));
  kill(pid, SIGTERM);
}

TEST_F(SpillwayctlTest, BadUsageIsStatusTwo) {
  for (const char* words : {"", "explode", "drain", "drain web", "targets --watch 0",
                            "targets --watch x", "status --colour", "flows --limit -1"}) {
    const Result result = run(words);
    EXPECT_EQ(result.status, 2) << words;
    EXPECT_TRUE(result.error.starts_with("spillwayctl: ")) << words << ": " << result.error;
    EXPECT_EQ(result.output, "") << words;
  }
  EXPECT_TRUE(has(run("drain web").error, "try: spillwayctl drain --help"));
}

TEST_F(SpillwayctlTest, AFullDiskIsAFailure) {
  start();
  const int status = std::system((command("status") + " >/dev/full 2>/dev/null").c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

}  // namespace
