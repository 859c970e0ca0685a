// spillwayctl capture, the whole program, against a daemon's control socket.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "control/api.h"
#include "tests/support/cpp/scratch_segment.h"
#include "tools/report/place.h"

namespace {

using report::Json;

class CaptureCommand : public testing::Test {
 protected:
  struct Result {
    int status;
    std::string output;
    std::string error;
  };

  CaptureCommand() {
    char pattern[] = "/tmp/spillwayctl-XXXXXX";
    directory_ = mkdtemp(pattern);
    control::Commands commands;
    commands.capture = [this](const control::CaptureWanted& wanted, const control::Done& done) {
      wanted_ = wanted;
      if (!refusal_.empty()) return done(control::refused(409, refusal_));
      const auto stream = std::make_shared<control::Stream>();
      auto lines = std::make_shared<std::vector<std::string>>(lines_);
      stream->next = [lines](const control::Stream::Take& take) {
        if (lines->empty()) return take({});
        std::string line = lines->front();
        lines->erase(lines->begin());
        take(std::move(line));
      };
      stream->end = [] {};
      done({200,
            {{"instance", "edge-1"},
             {"version", "1"},
             {"ports", {{{"name", "front"}}}},
             {"snap_length", 2048}},
            stream});
    };
    api_ = std::make_unique<control::Api>(io_, report::socket_path(directory_, name_),
                                          std::move(commands));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~CaptureCommand() override {
    boost::asio::post(io_, [this] { api_.reset(); });
    work_.reset();
    thread_.join();
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] Result run(const std::string& words) const {
    const std::string output = directory_ / "output", error = directory_ / "error";
    const std::string command = std::string(SPILLWAYCTL) + " --instance " + name_ + " --run-dir " +
                                directory_.string() + " " + words;
    const int status =
        std::system(("exec timeout 20 " + command + " >" + output + " 2>" + error).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(output), content(error)};
  }
  [[nodiscard]] static std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  [[nodiscard]] static std::string packet(int number) {
    return R"({"packet":{"verdict":"DropNoTarget","listener":"dns","target_group":null,)"
           R"("target":null,"before":{"port":"front","length":60,"bytes":"00010203"},)"
           R"("after":null,"worker":0,"unix_nanoseconds":1700000000000000000,"number":)" +
           std::to_string(number) + "}}\n";
  }

  const std::string name_ = test_support::fresh_instance_name();
  std::filesystem::path directory_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  control::CaptureWanted wanted_;
  std::string refusal_;
  std::vector<std::string> lines_;
  std::unique_ptr<control::Api> api_;
  std::thread thread_;
};

const std::string ended = R"({"end":{"reason":"count","matched":5,"written":2,"lost":3}})"
                          "\n";

TEST_F(CaptureCommand, AsksForWhatTheOptionsSay) {
  lines_ = {ended};
  EXPECT_EQ(run("capture --verdict DropNoTarget -v HandOff -p udp --from 198.51.100.0/24 "
                "--to [2001:db8::10]:53 --client :5555 --listener dns -g blue -t 10.0.1.11:53 "
                "-n 9 --seconds 8 -s 96")
                .status,
            0);
  using dataplane::Verdict;
  EXPECT_EQ(wanted_.filter.verdicts,
            dataplane::verdicts::mask(Verdict::DropNoTarget, Verdict::HandOff));
  EXPECT_EQ(wanted_.filter.protocol, dataplane::Protocol::Udp);
  EXPECT_TRUE(wanted_.filter.from.fits(*dataplane::parse_address("198.51.100.9"), 1));
  EXPECT_TRUE(wanted_.filter.to.fits(*dataplane::parse_address("2001:db8::10"), 53));
  EXPECT_TRUE(wanted_.filter.client.fits(*dataplane::parse_address("10.0.0.1"), 5555));
  EXPECT_EQ(wanted_.listener, "dns");
  EXPECT_EQ(wanted_.target_group, "blue");
  EXPECT_EQ(wanted_.filter.target_port, 53u);
  EXPECT_EQ(wanted_.count, 9u);
  EXPECT_EQ(wanted_.time, std::chrono::seconds(8));
  EXPECT_EQ(wanted_.snap_length, 96u);
  EXPECT_EQ(run("capture --drops").status, 0);
  EXPECT_EQ(wanted_.filter.verdicts, dataplane::verdicts::drops);
}

TEST_F(CaptureCommand, PrintsALineAPacket) {
  lines_ = {packet(1) + packet(2),
            R"({"progress":{"matched":2,"written":2,"lost":0}})"
            "\n",
            ended};
  const Result shown = run("capture");
  EXPECT_EQ(shown.status, 0);
  EXPECT_EQ(shown.output,
            "22:13:20.000000  DropNoTarget     frame        too short  60 bytes  dns\n"
            "22:13:20.000000  DropNoTarget     frame        too short  60 bytes  dns\n");
  EXPECT_EQ(shown.error,
            "2 packets captured, 3 more matched but were lost: they came faster than they were "
            "taken\n");
  const Result documents = run("--json capture");
  EXPECT_EQ(Json::parse(documents.output.substr(0, documents.output.find('\n')))["verdict"],
            "DropNoTarget");
}

TEST_F(CaptureCommand, WritesAFile) {
  lines_ = {packet(1), ended};
  const std::filesystem::path file = directory_ / "out.pcapng";
  const Result written = run("capture -w " + file.string());
  EXPECT_EQ(written.status, 0) << written.error;
  EXPECT_EQ(written.output, "");
  EXPECT_TRUE(written.error.starts_with("1 packet captured to " + file.string() + ", 3 more"))
      << written.error;
  const std::string bytes = content(file);
  EXPECT_TRUE(bytes.starts_with("\n\r\r\n"));
  EXPECT_NE(bytes.find("before DropNoTarget listener=dns worker=0 (new UDP flow"),
            std::string::npos);
  EXPECT_EQ(run("capture -w -").output, bytes);
}

TEST_F(CaptureCommand, SaysWhatIsWrong) {
  const auto expect = [&](const std::string& words, int status, const std::string& sentence) {
    const Result wrong = run("capture " + words);
    EXPECT_EQ(wrong.status, status) << words;
    EXPECT_NE(wrong.error.find(sentence), std::string::npos) << wrong.error;
  };
  expect("--verdict DropNoTarge", 2, "DropNoTarget");
  expect("--count 0", 2, "from 1 to 1000000000");
  expect("--from somewhere", 2, "from = \"somewhere\": an address");
  expect("-w /no/such/place", 1, "cannot write /no/such/place");
  expect("-w /dev/full", 1, "cannot write all of /dev/full");
  expect("--json -w x", 2, "--json goes without -w");
  refusal_ = "another capture is under way";
  expect("", 1, "spillwayctl: another capture is under way");
}

TEST_F(CaptureCommand, SaysThatTheDaemonWentAway) {
  lines_ = {packet(1)};  // and no end
  const Result result = run("capture");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.error.find("1 packet captured"), std::string::npos);
  EXPECT_NE(result.error.find("went away before the end"), std::string::npos) << result.error;
}

}  // namespace
