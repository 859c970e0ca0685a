// spillwayctl events, the whole program, against a daemon's control socket.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <thread>

#include "control/api.h"
#include "control/events.h"
#include "tests/support/cpp/scratch_segment.h"
#include "tools/report/place.h"

namespace {

using report::Json;

struct Result {
  int status;
  std::string output;
  std::string error;
};

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

class EventsCommand : public testing::Test {
 protected:
  EventsCommand() {
    char pattern[] = "/tmp/spillwayctl-XXXXXX";
    directory_ = mkdtemp(pattern);
    control::Commands commands;
    commands.events = [this](const control::EventsWanted& wanted) {
      events_wanted_ = wanted;
      return events_.document(wanted);
    };
    api_ = std::make_unique<control::Api>(io_, report::socket_path(directory_, name_),
                                          std::move(commands));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~EventsCommand() override {
    stop();
    std::filesystem::remove_all(directory_);
  }
  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] { api_.reset(); });
    work_.reset();
    thread_.join();
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

  [[nodiscard]] std::string command(const std::string& words) const {
    return std::string(SPILLWAYCTL) + " --instance " + name_ + " --run-dir " + directory_.string() +
           " " + words;
  }
  [[nodiscard]] Result run(const std::string& words) const {
    const std::string output = directory_ / "output", error = directory_ / "error";
    const int status =
        std::system(("exec timeout 20 " + command(words) + " >" + output + " 2>" + error).c_str());
    const auto content = [](const std::string& path) {
      std::ifstream file(path);
      return std::string(std::istreambuf_iterator<char>(file), {});
    };
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(output), content(error)};
  }

  const std::string name_ = test_support::fresh_instance_name();
  std::filesystem::path directory_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  control::Events events_{[] { return std::uint64_t{1'700'000'000'000}; }};
  control::EventsWanted events_wanted_;
  std::unique_ptr<control::Api> api_;
  std::thread thread_;
};

TEST_F(EventsCommand, ShowsEvents) {
  EXPECT_EQ(run("events").output, "no events\n");
  on_control_thread([this] {
    events_.add({.target_group = "web",
                 .target = "10.0.1.11:8080",
                 .from = "healthy",
                 .to = "unhealthy",
                 .reason = "Target.Timeout",
                 .sentence = "no answer within 6 s"});
    events_.published(dataplane::Generation{12});
    events_.add({.kind = "reload", .to = "refused", .sentence = "a.cfg:1: x\na.cfg:2: y\n"});
  });
  EXPECT_EQ(
      run("events").output,
      "TIME                      GENERATION  SUBJECT             CHANGE               WHY\n"
      "2023-11-14T22:13:20.000Z          12  web 10.0.1.11:8080  healthy → unhealthy  "
      "Target.Timeout: no answer within 6 s\n"
      "2023-11-14T22:13:20.000Z              reload              refused              a.cfg:1: x; "
      "a.cfg:2: y\n");
  const Json document = Json::parse(run("--json events --count 1").output);
  EXPECT_EQ(document["events"].size(), 1u);
  EXPECT_EQ(document["events"][0]["to"], "refused");
}

TEST_F(EventsCommand, EventsPassesTheFiltersOn) {
  EXPECT_EQ(run("events --count 7 --target-group web --target [fd00::1]:80 --kind target "
                "--since 2023-11-14T22:13:20.000Z")
                .status,
            0);
  EXPECT_EQ(events_wanted_.count, 7u);
  EXPECT_EQ(events_wanted_.target_group, "web");
  EXPECT_EQ(events_wanted_.kind, "target");
  EXPECT_EQ(events_wanted_.address, dataplane::parse_address("fd00::1"));
  EXPECT_EQ(events_wanted_.port, 80);
  EXPECT_EQ(events_wanted_.since_unix_milliseconds, 1'700'000'000'000u);
  const std::uint64_t before = report::now_unix_milliseconds();
  EXPECT_EQ(run("events --since 2h").status, 0);
  EXPECT_NEAR(static_cast<double>(events_wanted_.since_unix_milliseconds),
              static_cast<double>(before) - 7'200'000, 10'000);
  for (const char* words : {"events --count 0", "events --count 4097", "events --since soon",
                            "events --since 5", "events --target web", "events --since 5w"}) {
    const Result wrong = run(words);
    EXPECT_EQ(wrong.status, 2) << words;
    EXPECT_TRUE(has(wrong.error, "allowed")) << wrong.error;
  }
}

TEST_F(EventsCommand, EventsFollows) {
  const auto happen = [this](const char* to) {
    on_control_thread([this, to] {
      events_.add({.target_group = "web", .target = "10.0.1.11:8080", .from = "x", .to = to});
    });
  };
  happen("one");
  FILE* pipe = popen(("timeout 20 " + command("events --follow") + " 2>&1").c_str(), "r");
  std::array<char, 500> line{};
  ASSERT_NE(fgets(line.data(), line.size(), pipe), nullptr);
  EXPECT_TRUE(has(line.data(), "web 10.0.1.11:8080        x → one")) << line.data();
  happen("two");
  ASSERT_NE(fgets(line.data(), line.size(), pipe), nullptr);
  EXPECT_TRUE(has(line.data(), "x → two")) << line.data();
  stop();
  ASSERT_NE(fgets(line.data(), line.size(), pipe), nullptr);
  EXPECT_TRUE(has(line.data(), "spillwayctl: ")) << "it says that the daemon is gone";
  EXPECT_NE(pclose(pipe), 0);
}

}  // namespace
