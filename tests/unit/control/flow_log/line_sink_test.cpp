#include "control/flow_log/line_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace control {
namespace {

using Kind = LineSink::Kind;

class Sink : public testing::Test {
 protected:
  Sink() {
    std::string pattern = "/tmp/spillway-sink-XXXXXX";
    directory = mkdtemp(pattern.data());
  }
  ~Sink() override { std::filesystem::remove_all(directory); }

  [[nodiscard]] std::string path() const { return directory + "/flows.jsonl"; }
  static void put(LineSink& sink, const std::string& line) {
    std::string* room = sink.room();
    if (room == nullptr) return;
    *room += line + "\n";
    sink.commit();
  }
  void flush(LineSink& sink) {
    now += LineSink::retry;
    sink.flush(now);
  }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::string directory;
  LineSink::Time now{std::chrono::hours(1)};
};

/// Listens at a path and reads what comes.
class Reader {
 public:
  explicit Reader(const std::string& path, int buffer = 0)
      : listening_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    unlink(path.c_str());
    EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listening_, 4), 0);
    if (buffer != 0) setsockopt(listening_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  }
  ~Reader() {
    close(connection_);
    close(listening_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  std::string read() {
    if (connection_ < 0) connection_ = accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK);
    std::string text;
    std::string part(1 << 16, '\0');
    for (ssize_t size = 0; (size = ::read(connection_, part.data(), part.size())) > 0;) {
      text.append(part, 0, static_cast<std::size_t>(size));
    }
    return text;
  }

 private:
  int listening_;
  int connection_ = -1;
};

TEST_F(Sink, AppendsToAFileThatOthersMayNotRead) {
  std::ofstream(path()) << "before\n";
  std::filesystem::remove(path());
  LineSink sink(Kind::File, path(), 1 << 20);
  put(sink, "one");
  put(sink, "two");
  EXPECT_EQ(sink.waiting(), 2u);
  flush(sink);
  EXPECT_EQ(content(path()), "one\ntwo\n");
  EXPECT_EQ(sink.counts().written, 2u);
  EXPECT_EQ(sink.counts().written_bytes, 8u);
  EXPECT_EQ(sink.waiting(), 0u);
  EXPECT_TRUE(sink.open());
  struct stat status {};
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0027u, 0u);
}

TEST_F(Sink, LeavesAFileThatWasRenamedOrRemovedBeforeTheNextLine) {
  LineSink sink(Kind::File, path(), 1 << 20);
  put(sink, "one");
  flush(sink);
  std::filesystem::rename(path(), path() + ".1");
  put(sink, "two");
  flush(sink);
  EXPECT_EQ(content(path() + ".1"), "one\n");
  EXPECT_EQ(content(path()), "two\n");
  std::filesystem::remove(path());
  put(sink, "three");
  flush(sink);
  EXPECT_EQ(content(path()), "three\n");
  EXPECT_EQ(sink.counts().opened, 3u);
  EXPECT_EQ(sink.counts().written, 3u);
}

TEST_F(Sink, GoesOnAtTheEndOfAFileThatWasCutOff) {
  LineSink sink(Kind::File, path(), 1 << 20);
  put(sink, "one");
  flush(sink);
  std::filesystem::resize_file(path(), 0);  // copytruncate
  put(sink, "two");
  flush(sink);
  EXPECT_EQ(content(path()), "two\n");
}

TEST_F(Sink, EndsALineThatSomebodyLeftUnfinished) {
  std::ofstream(path()) << "{\"start";
  LineSink sink(Kind::File, path(), 1 << 20);
  put(sink, "one");
  flush(sink);
  EXPECT_EQ(content(path()), "{\"start\none\n");
}

TEST_F(Sink, WaitsForADirectoryThatIsNotThere) {
  const std::string late = directory + "/late/flows.jsonl";
  LineSink sink(Kind::File, late, 8);
  for (const char* line : {"one", "two", "three"}) put(sink, line);
  flush(sink);
  EXPECT_EQ(sink.problem(), "cannot open it: No such file or directory");
  EXPECT_FALSE(sink.open());
  EXPECT_EQ(sink.counts().dropped_unavailable, 1u) << "two lines fill the buffer";
  std::filesystem::create_directory(directory + "/late");
  sink.flush(now + std::chrono::milliseconds(1));
  EXPECT_NE(sink.problem(), "") << "it is not tried again at once";
  flush(sink);
  EXPECT_EQ(sink.problem(), "");
  EXPECT_EQ(content(late), "one\ntwo\n");
}

TEST_F(Sink, AFullDiskIsSaidAndItsLinesWait) {
  LineSink sink(Kind::File, "/dev/full", 8);
  put(sink, "one");
  flush(sink);
  EXPECT_EQ(sink.problem(), "cannot write to it: No space left on device");
  EXPECT_EQ(sink.waiting(), 1u);
  for (const char* line : {"two", "three", "four"}) put(sink, line);
  EXPECT_EQ(sink.counts().dropped_unavailable, 2u);
  sink.abandon();
  EXPECT_EQ(sink.counts().dropped_unavailable, 4u);
  EXPECT_EQ(sink.counts().written, 0u);
}

TEST_F(Sink, FinishesALineThatTheDiskHadRoomForHalfOf) {
  // A limit on the file's size stands in for the disk's.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{6, before.rlim_max};
  LineSink sink(Kind::File, path(), 1 << 20);
  put(sink, "one");
  put(sink, "two");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  flush(sink);
  const std::string half = content(path());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(half, "one\ntw");
  EXPECT_EQ(sink.counts().written, 1u);
  EXPECT_NE(sink.problem(), "");
  flush(sink);
  EXPECT_EQ(content(path()), "one\ntwo\n");
  EXPECT_EQ(sink.counts().written, 2u);
  EXPECT_EQ(sink.waiting(), 0u);
}

TEST_F(Sink, SendsToWhoListensAndComesBackToOneWhoDoesAgain) {
  LineSink sink(Kind::Socket, path(), 1 << 20);
  put(sink, "one");
  flush(sink);
  EXPECT_EQ(sink.problem(), "nobody listens there: No such file or directory");
  {
    Reader reader(path());
    flush(sink);
    EXPECT_EQ(reader.read(), "one\n");
    EXPECT_EQ(sink.problem(), "");
  }
  put(sink, "two");
  flush(sink);
  EXPECT_FALSE(sink.open());
  EXPECT_EQ(sink.waiting(), 1u) << "nothing of it went to the one who has gone";
  Reader reader(path());
  flush(sink);
  EXPECT_EQ(reader.read(), "two\n");
  EXPECT_EQ(sink.counts().written, 2u);
  EXPECT_EQ(sink.counts().opened, 2u);
}

TEST_F(Sink, ASlowReaderCostsTheNewestAndGetsWholeLines) {
  Reader reader(path());
  LineSink sink(Kind::Socket, path(), 1 << 16);
  const std::string line(999, 'x');
  std::string got;
  constexpr std::uint64_t lines = 5'000;
  for (std::uint64_t i = 0; i < lines; ++i) {
    put(sink, line);
    flush(sink);
  }
  EXPECT_EQ(sink.problem(), "it takes lines more slowly than flows end");
  EXPECT_TRUE(sink.open());
  EXPECT_GT(sink.counts().dropped_slow, 0u);
  EXPECT_EQ(sink.counts().dropped_unavailable, 0u);
  EXPECT_EQ(sink.counts().written + sink.waiting() + sink.counts().dropped_slow, lines);
  while (sink.waiting() != 0) {
    got += reader.read();
    flush(sink);
  }
  got += reader.read();
  EXPECT_EQ(sink.problem(), "");
  EXPECT_EQ(got.size(), sink.counts().written * 1'000);
  for (std::size_t end = 999; end < got.size(); end += 1'000) ASSERT_EQ(got[end], '\n');
}

TEST_F(Sink, ANewReaderGetsNoHalfLine) {
  LineSink sink(Kind::Socket, path(), 1 << 20);
  auto first = std::make_unique<Reader>(path());
  // Longer than what the kernel takes at once.
  put(sink, std::string(1 << 19, 'x'));
  put(sink, "whole");
  flush(sink);
  EXPECT_EQ(sink.waiting(), 2u);
  first.reset();
  flush(sink);
  EXPECT_EQ(sink.counts().dropped_unavailable, 1u);
  Reader second(path());
  flush(sink);
  EXPECT_EQ(second.read(), "whole\n");
}

TEST_F(Sink, AFifoWithoutAReaderIsNotWaitedFor) {
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  LineSink sink(Kind::File, path(), 1 << 20);
  put(sink, "one");
  flush(sink);
  EXPECT_NE(sink.problem(), "");
  const int reader = open(path().c_str(), O_RDONLY | O_NONBLOCK);
  flush(sink);
  std::string text(16, '\0');
  EXPECT_EQ(read(reader, text.data(), text.size()), 4);
  close(reader);
}

}  // namespace
}  // namespace control
