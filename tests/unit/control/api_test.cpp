#include "control/api.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace control {
namespace {

/// A client that writes and reads bytes; every wait of it ends after 5 s.
class Caller {
 public:
  explicit Caller(const std::filesystem::path& path) : file_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    const timeval patience{5, 0};
    setsockopt(file_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ = connect(file_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Caller() { close(file_); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  void say(const std::string& bytes) const {
    static_cast<void>(send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  void shut_down() const { shutdown(file_, SHUT_WR); }
  /// Until the other side closes.
  [[nodiscard]] std::string rest() const {
    std::string bytes;
    char chunk[4096];
    for (;;) {
      const ssize_t size = recv(file_, chunk, sizeof chunk, 0);
      if (size <= 0) return bytes;
      bytes.append(chunk, static_cast<std::size_t>(size));
    }
  }
  /// Header and body of one answer.
  [[nodiscard]] std::string answer() const {
    std::string bytes;
    char byte = 0;
    while (!bytes.ends_with("\r\n\r\n") && recv(file_, &byte, 1, 0) == 1) bytes += byte;
    const std::size_t at = bytes.find("Content-Length: ");
    if (at == std::string::npos) return bytes;
    for (std::size_t left = std::stoul(bytes.substr(at + 16)); left > 0; --left) {
      if (recv(file_, &byte, 1, 0) != 1) break;
      bytes += byte;
    }
    return bytes;
  }

 private:
  int file_;
  bool connected_ = false;
};

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    char pattern[] = "/tmp/spillway-api-XXXXXX";
    directory_ = mkdtemp(pattern);
    commands_.status = [] { return report::Json{{"instance", "edge-1"}}; };
    commands_.flows = [this](const FlowsWanted&, Done done) {
      pending_ = std::move(done);
      asked_.set_value();
    };
    commands_.reload = [](const ReloadWanted&, const Done& done) {
      done(refused(409, "line 3: no"));
    };
  }
  ~ApiTest() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void start(ApiLimits limits = {}) {
    api_ = std::make_unique<Api>(io_, socket(), commands_, limits);
    thread_ = std::thread([this] { io_.run(); });
  }
  /// As the daemon stops: on the control thread, which then ends.
  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] { api_.reset(); });
    work_.reset();
    thread_.join();
  }
  [[nodiscard]] std::filesystem::path socket() const { return directory_ / "run" / "edge-1.sock"; }
  [[nodiscard]] std::string refusal() {
    try {
      boost::asio::io_context io;
      const Api api(io, socket(), commands_);
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  static constexpr const char* get_status = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
  static constexpr const char* get_status_and_close =
      "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

  std::filesystem::path directory_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  Commands commands_;
  Done pending_;
  std::promise<void> asked_;
  std::unique_ptr<Api> api_;
  std::thread thread_;
};

TEST_F(ApiTest, AnswersInJson) {
  start();
  const Caller caller(socket());
  caller.say(get_status_and_close);
  const std::string answer = caller.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Content-Type: application/json\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n{\"instance\":\"edge-1\"}\n")) << answer;
}

TEST_F(ApiTest, WorksWithCurl) {
  if (std::system("command -v curl >/dev/null") != 0) GTEST_SKIP() << "curl is not installed";
  start();
  const std::string command = "curl -sS --max-time 5 --unix-socket " + socket().string();
  const auto output = [&](const std::string& arguments) {
    FILE* pipe = popen((command + " " + arguments).c_str(), "r");
    std::string text;
    char chunk[4096];
    while (const std::size_t size = fread(chunk, 1, sizeof chunk, pipe)) text.append(chunk, size);
    pclose(pipe);
    return text;
  };
  EXPECT_EQ(output("http://spillway/v1/status"), "{\"instance\":\"edge-1\"}\n");
  EXPECT_EQ(output("-X POST -w '%{http_code}' http://spillway/v1/reload"),
            "{\"error\":\"line 3: no\"}\n409");
  EXPECT_EQ(output("-d '{\"force\": true}' -w '%{http_code}' http://spillway/v1/reload"),
            "{\"error\":\"line 3: no\"}\n409");
  EXPECT_TRUE(has(output("-d 'no JSON' http://spillway/v1/reload"), "is no JSON object"));
}

TEST_F(ApiTest, KeepsAConnectionForManyRequests) {
  start();
  const Caller caller(socket());
  for (int i = 0; i < 50; ++i) {
    caller.say(get_status);
    ASSERT_TRUE(caller.answer().ends_with("{\"instance\":\"edge-1\"}\n")) << i;
  }
}

TEST_F(ApiTest, TakesRequestsThatWereSentAhead) {
  start();
  const Caller caller(socket());
  caller.say(std::string(get_status) + get_status + get_status_and_close);
  const std::string answers = caller.rest();
  std::size_t count = 0;
  for (std::size_t at = 0; (at = answers.find("edge-1", at)) != std::string::npos; ++at) ++count;
  EXPECT_EQ(count, 3u) << answers;
}

TEST_F(ApiTest, TakesARequestByteByByte) {
  start();
  const Caller caller(socket());
  for (const char c : std::string(get_status_and_close)) caller.say(std::string(1, c));
  EXPECT_TRUE(has(caller.rest(), "edge-1"));
}

TEST_F(ApiTest, OthersAreServedWhileACommandTakesItsTime) {
  start();
  const Caller slow(socket());
  slow.say("GET /v1/flows HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_EQ(asked_.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  const Caller other(socket());
  other.say(get_status_and_close);
  EXPECT_TRUE(has(other.rest(), "edge-1"));
  boost::asio::post(io_, [this] { std::exchange(pending_, nullptr)({200, {{"flows", 0}}}); });
  EXPECT_TRUE(slow.rest().ends_with("{\"flows\":0}\n"));
}

TEST_F(ApiTest, AnAnswerForAClientThatLeftGoesNowhere) {
  start();
  {
    const Caller caller(socket());
    caller.say("GET /v1/flows HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_EQ(asked_.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  }
  boost::asio::post(io_, [this] { std::exchange(pending_, nullptr)({200, {}}); });
  const Caller other(socket());
  other.say(get_status_and_close);
  EXPECT_TRUE(has(other.rest(), "edge-1"));
}

TEST_F(ApiTest, RefusesWhatIsNoHttp) {
  start();
  const Caller caller(socket());
  caller.say("hello there\r\n\r\n");
  const std::string answer = caller.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_TRUE(has(answer, "not an HTTP request")) << answer;
}

TEST_F(ApiTest, RefusesRequestsThatAreTooLarge) {
  start({.request_bytes = 8192, .body_bytes = 8192});
  const Caller header(socket());
  header.say("GET /v1/status HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  const std::string to_header = header.rest();
  EXPECT_TRUE(to_header.starts_with("HTTP/1.1 4")) << to_header;
  EXPECT_TRUE(has(to_header, "larger than 8192 bytes")) << to_header;

  const Caller body(socket());
  body.say("POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n" +
           std::string(20'000, 'x'));
  const std::string to_body = body.rest();
  EXPECT_TRUE(to_body.starts_with("HTTP/1.1 413 ")) << to_body;
  EXPECT_TRUE(has(to_body, "larger than 8192 bytes")) << to_body;
}

TEST_F(ApiTest, TellsTooManyClients) {
  start({.clients = 3});
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < 3; ++i) {
    callers.push_back(std::make_unique<Caller>(socket()));
    callers.back()->say(get_status);
    EXPECT_TRUE(has(callers.back()->answer(), "edge-1"));
  }
  const Caller refused(socket());
  refused.say(get_status);
  const std::string answer = refused.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(has(answer, "3 clients are connected already")) << answer;

  // Somebody leaves; the server learns of it in its own time.
  callers.pop_back();
  for (int attempt = 0;; ++attempt) {
    ASSERT_LT(attempt, 1000);
    const Caller next(socket());
    next.say(get_status_and_close);
    if (has(next.rest(), "edge-1")) break;
  }
}

TEST_F(ApiTest, ACrowdWaitsAndIsServedInTheEnd) {
  start({.clients = 2});
  std::vector<std::unique_ptr<Caller>> crowd;
  for (int i = 0; i < 60; ++i) crowd.push_back(std::make_unique<Caller>(socket()));
  for (const auto& caller : crowd) {
    ASSERT_TRUE(caller->connected());
    caller->say(get_status_and_close);
  }
  for (const auto& caller : crowd) {
    const std::string answer = caller->rest();
    EXPECT_TRUE(has(answer, "edge-1") || answer.starts_with("HTTP/1.1 503 ")) << answer;
  }
}

TEST_F(ApiTest, EndsClientsThatSayNothing) {
  start({.idle = std::chrono::milliseconds(50)});
  const Caller silent(socket());
  EXPECT_EQ(silent.rest(), "");
  const Caller half(socket());
  half.say("GET /v1/sta");
  EXPECT_EQ(half.rest(), "");
}

TEST_F(ApiTest, OnlyUserAndGroupMayConnect) {
  start();
  struct stat status {};
  ASSERT_EQ(stat(socket().c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777u, 0660u);
}

TEST_F(ApiTest, TakesItsSocketAwayWhenItStops) {
  start();
  const Caller caller(socket());
  caller.say(get_status);
  EXPECT_TRUE(has(caller.answer(), "edge-1"));
  stop();
  EXPECT_FALSE(std::filesystem::exists(socket()));
  EXPECT_EQ(caller.rest(), "") << "its clients are let go";
}

TEST_F(ApiTest, ReplacesADeadDaemonsSocket) {
  std::filesystem::create_directory(socket().parent_path());
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket().string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(dead);  // the file stays, as after kill -9
  ASSERT_TRUE(std::filesystem::exists(socket()));
  start();
  const Caller caller(socket());
  caller.say(get_status_and_close);
  EXPECT_TRUE(has(caller.rest(), "edge-1"));
}

TEST_F(ApiTest, LeavesALiveDaemonsSocketAlone) {
  start();
  EXPECT_TRUE(has(refusal(), "another daemon answers there")) << refusal();
  const Caller caller(socket());
  caller.say(get_status_and_close);
  EXPECT_TRUE(has(caller.rest(), "edge-1"));
}

/// A stream that a test feeds, on the control thread.
struct Feed {
  std::shared_ptr<Stream> stream = std::make_shared<Stream>();
  Stream::Take take;
  std::promise<void> ended;

  Feed() {
    stream->next = [this](Stream::Take next) { take = std::move(next); };
    stream->end = [this] { ended.set_value(); };
  }
};

class ApiStream : public ApiTest {
 protected:
  ApiStream() {
    commands_.capture = [this](const CaptureWanted&, const Done& done) {
      left_ = feed_.stream;
      done({200, {{"instance", "edge-1"}}, std::move(feed_.stream)});
    };
  }
  void feed(const std::string& lines) {
    std::promise<void> taken;
    boost::asio::post(io_, [&] {
      std::exchange(feed_.take, nullptr)(lines);
      taken.set_value();
    });
    taken.get_future().wait();
  }
  /// Until the first chunk is written and the next is asked for.
  void await_next() {
    for (bool asked = false; !asked;) {
      std::promise<bool> looked;
      boost::asio::post(io_, [&] { looked.set_value(feed_.take != nullptr); });
      asked = looked.get_future().get();
    }
  }
  [[nodiscard]] bool left() {
    std::promise<bool> looked;
    boost::asio::post(io_, [&] { looked.set_value(left_.expired()); });
    return looked.get_future().get();
  }

  static constexpr const char* get_capture = "GET /v1/capture HTTP/1.1\r\nHost: x\r\n\r\n";
  Feed feed_;
  std::weak_ptr<Stream> left_;
};

TEST_F(ApiStream, SendsLinesAsTheyCome) {
  start();
  const Caller caller(socket());
  caller.say(get_capture);
  await_next();
  feed("{\"packet\":1}\n");
  await_next();
  feed("");
  const std::string answer = caller.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Content-Type: application/x-ndjson\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Transfer-Encoding: chunked\r\n")) << answer;
  EXPECT_TRUE(
      answer.ends_with("\r\n\r\n16\r\n{\"instance\":\"edge-1\"}\n\r\n"
                       "d\r\n{\"packet\":1}\n\r\n0\r\n\r\n"))
      << answer;
}

TEST_F(ApiStream, AClientThatShutsDownGetsTheLastLines) {
  start();
  const Caller caller(socket());
  caller.say(get_capture);
  await_next();
  caller.shut_down();
  feed_.ended.get_future().wait();
  feed("{\"end\":1}\n");
  await_next();
  feed("");
  EXPECT_TRUE(has(caller.rest(), "{\"end\":1}\n"));
}

TEST_F(ApiStream, AClientThatIsGoneIsLeft) {
  start();
  {
    const Caller caller(socket());
    caller.say(get_capture);
    await_next();
  }
  while (!left()) std::this_thread::yield();  // though there are no lines for it
}

TEST_F(ApiStream, StopsWithTheDaemon) {
  start();
  const Caller caller(socket());
  caller.say(get_capture);
  await_next();
  stop();
  EXPECT_TRUE(left_.expired());
  EXPECT_EQ(caller.rest().find("0\r\n\r\n"), std::string::npos) << "cut short";
}

TEST_F(ApiTest, LeavesOtherFilesAlone) {
  std::filesystem::create_directories(socket());
  EXPECT_TRUE(has(refusal(), "no socket")) << refusal();
  EXPECT_TRUE(std::filesystem::is_directory(socket()));
}

TEST_F(ApiTest, SaysThatAPathIsTooLong) {
  directory_ /= std::string(90, 'd');
  EXPECT_TRUE(has(refusal(), "choose a shorter")) << refusal();
  directory_ = directory_.parent_path();
}

TEST_F(ApiTest, SaysThatTheDirectoryCannotBeMade) {
  directory_ /= "missing";
  EXPECT_TRUE(has(refusal(), "cannot make the directory")) << refusal();
  directory_ = directory_.parent_path();
}

TEST_F(ApiTest, RefusesADirectoryOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give a directory away";
  std::filesystem::create_directory(socket().parent_path());
  ASSERT_EQ(chown(socket().parent_path().c_str(), 65534, 65534), 0);
  EXPECT_TRUE(has(refusal(), "belongs to another user")) << refusal();
}

}  // namespace
}  // namespace control
