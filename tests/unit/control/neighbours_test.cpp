// Neighbours against the real kernel: a veth pair in two network namespaces that exist only for the
// test. One end plays the TAP twin, the other the hosts behind the port.
#include "control/neighbours.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace control {
namespace {

using dataplane::IpAddress;
using Texts = std::vector<std::string>;

IpAddress address(const char* text) { return *dataplane::parse_address(text); }

std::string output(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen");
  std::string text;
  char chunk[4096];
  while (const std::size_t size = fread(chunk, 1, sizeof chunk, pipe)) text.append(chunk, size);
  if (pclose(pipe) != 0) throw std::runtime_error(command + ": " + text);
  return text;
}

/// A process that does nothing but keep a network namespace alive.
class Elsewhere {
 public:
  Elsewhere() {
    int ready[2];
    if (pipe2(end_, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe");
    }
    pid_ = fork();
    if (pid_ == 0) {
      close(end_[1]);
      char byte = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
      static_cast<void>(write(ready[1], &byte, 1));
      static_cast<void>(read(end_[0], &byte, 1));  // until the test ends, however it does
      _exit(0);
    }
    char byte = 'n';
    const bool told = read(ready[0], &byte, 1) == 1 && byte == 'y';
    close(ready[0]);
    close(ready[1]);
    if (!told) throw std::runtime_error("no namespace");
  }
  ~Elsewhere() {
    close(end_[0]);
    close(end_[1]);
    waitpid(pid_, nullptr, 0);
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  [[nodiscard]] int pid() const { return pid_; }
  void run(const std::string& command) const {
    output(fmt::format("nsenter -t {} -n {}", pid_, command));
  }

 private:
  int end_[2]{};
  pid_t pid_ = -1;
};

class NeighboursTest : public testing::Test {
 protected:
  void SetUp() override {
    home_ = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "needs root, to make network namespaces";
    }
    peers_ = std::make_unique<Elsewhere>();
    output(fmt::format("ip link add twin type veth peer name peer netns {}", peers_->pid()));
    peers_->run("ip link set peer address 02:00:00:00:00:99 up");
    peers_->run("ip address add 10.0.1.1/24 dev peer");
    peers_->run("ip address add 10.0.1.11/24 dev peer");
    twin_ = {.interface = "twin",
             .addresses = {*dataplane::parse_prefix("10.0.1.2/24")},
             .gateways = {address("10.0.1.1")},
             .mtu = 1400};
  }
  void TearDown() override {
    neighbours_.reset();
    peers_.reset();
    if (home_ < 0) return;
    EXPECT_EQ(setns(home_, CLONE_NEWNET), 0);
    close(home_);
  }

  void start() {
    neighbours_ = std::make_unique<Neighbours>(
        io_, std::vector<std::optional<Twin>>{std::nullopt, twin_}, [this] { ++changes_; });
    // The kernel's second between two questions would make these tests long.
    std::ofstream("/proc/sys/net/ipv4/neigh/twin/retrans_time_ms") << "50";
    // Nor does it believe in a new MAC for a second after the last change: all of its questions,
    // asked so fast, would fall into that second.
    std::ofstream("/proc/sys/net/ipv4/neigh/twin/locktime") << "0";
  }
  template <class Condition>
  [[nodiscard]] bool comes_true(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io_.run_one_for(std::chrono::milliseconds(50));
    }
    return true;
  }
  [[nodiscard]] Texts known() const {
    Texts result;
    for (const auto& fact : neighbours_->facts()) {
      EXPECT_EQ(fact.port, dataplane::PortId{1});
      result.push_back(to_string(fact.address) + "=" + to_string(fact.mac));
    }
    return result;
  }
  [[nodiscard]] bool becomes_known(const Texts& expected) {
    return comes_true([&] { return known() == expected; });
  }
  [[nodiscard]] static bool has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
  }

  int home_ = -1;
  std::unique_ptr<Elsewhere> peers_;
  Twin twin_;
  boost::asio::io_context io_{1};
  std::unique_ptr<Neighbours> neighbours_;
  int changes_ = 0;
};

const std::string gateway = "10.0.1.1=02:00:00:00:00:99";
const std::string target = "10.0.1.11=02:00:00:00:00:99";

TEST_F(NeighboursTest, SetsTheTwinUp) {
  start();
  const std::string state = output("ip address show dev twin");
  EXPECT_TRUE(has(state, "10.0.1.2/24 brd 10.0.1.255")) << state;
  EXPECT_TRUE(has(state, "mtu 1400")) << state;
  EXPECT_TRUE(has(state, ",UP")) << state;
  EXPECT_FALSE(has(state, "inet6")) << state;
  EXPECT_EQ(output("cat /proc/sys/net/ipv4/conf/twin/arp_ignore"), "1\n");
  EXPECT_EQ(output("cat /proc/sys/net/ipv4/conf/all/arp_ignore"), "0\n") << "nothing global";
}

TEST_F(NeighboursTest, SetsTheTwinUpAgainAfterAKilledDaemon) {
  start();
  neighbours_.reset();
  start();
  EXPECT_TRUE(becomes_known({gateway}));
}

TEST_F(NeighboursTest, ResolvesGatewaysAndTargetsUnasked) {
  start();
  EXPECT_TRUE(becomes_known({gateway}));
  EXPECT_TRUE(comes_true([&] { return changes_ == 1; }));
  neighbours_->want({address("10.0.1.11")});
  EXPECT_TRUE(becomes_known({gateway, target}));
}

TEST_F(NeighboursTest, LearnsWhatTheKernelKnewBefore) {
  output("ip link set twin up");
  output("ip address add 10.0.1.2/24 dev twin");
  output("ip neigh add 10.0.1.77 lladdr 02:00:00:00:00:77 nud permanent dev twin");
  start();
  neighbours_->want({address("10.0.1.77")});
  EXPECT_TRUE(becomes_known({gateway, "10.0.1.77=02:00:00:00:00:77"}));
}

TEST_F(NeighboursTest, ConfirmsWhatIsStaleAndKeepsItMeanwhile) {
  start();
  ASSERT_TRUE(becomes_known({gateway}));
  ASSERT_TRUE(comes_true([&] { return changes_ == 1; }));
  ASSERT_TRUE(comes_true([] { return has(output("ip neigh show dev twin"), "REACHABLE"); }));
  output("ip neigh change 10.0.1.1 dev twin nud stale");
  EXPECT_TRUE(comes_true([&] {
    EXPECT_EQ(known(), Texts{gateway});
    return has(output("ip neigh show dev twin"), "REACHABLE");
  }));
  EXPECT_EQ(changes_, 1) << "nothing changed for packets";
}

TEST_F(NeighboursTest, DropsAHostThatDoesNotAnswerAndFindsItAgain) {
  start();
  neighbours_->want({address("10.0.1.11")});
  ASSERT_TRUE(becomes_known({gateway, target}));
  peers_->run("ip address del 10.0.1.11/24 dev peer");
  output("ip neigh change 10.0.1.11 dev twin nud stale");
  EXPECT_TRUE(becomes_known({gateway}));
  peers_->run("ip address add 10.0.1.11/24 dev peer");
  EXPECT_TRUE(becomes_known({gateway, target}));
}

TEST_F(NeighboursTest, FollowsAHostToAnotherMac) {
  start();
  ASSERT_TRUE(becomes_known({gateway}));
  peers_->run("ip link set peer address 02:00:00:00:00:55");
  output("ip neigh change 10.0.1.1 dev twin nud stale");
  EXPECT_TRUE(comes_true([&] {
    EXPECT_EQ(known().size(), 1u) << "no gap";
    return known() == Texts{"10.0.1.1=02:00:00:00:00:55"};
  }));
}

TEST_F(NeighboursTest, AsksAgainForWhatWasFlushed) {
  start();
  ASSERT_TRUE(becomes_known({gateway}));
  output("ip neigh flush dev twin");
  EXPECT_TRUE(comes_true([&] {
    EXPECT_EQ(known(), Texts{gateway}) << "no gap";
    return has(output("ip neigh show dev twin"), "REACHABLE");
  }));
}

TEST_F(NeighboursTest, ForgetsWhatIsNotWantedAnyMore) {
  start();
  neighbours_->want({address("10.0.1.11")});
  ASSERT_TRUE(becomes_known({gateway, target}));
  io_.poll();
  ASSERT_GE(changes_, 1);
  const int changes = changes_;
  neighbours_->want({});
  EXPECT_EQ(known(), Texts{gateway});
  EXPECT_EQ(changes_, changes) << "on_change does not come out of a call";
  EXPECT_TRUE(comes_true([&] { return changes_ == changes + 1; }));
}

TEST_F(NeighboursTest, RoutesOffLinkTargetsOverTheGateway) {
  start();
  neighbours_->want({address("172.16.0.9"), address("10.0.1.11")});
  EXPECT_EQ(output("ip -o route show proto 83"), "172.16.0.9 via 10.0.1.1 dev twin metric 100 \n");
  neighbours_->want({});
  EXPECT_EQ(output("ip -o route show proto 83"), "");
}

TEST_F(NeighboursTest, RoutesOverTheGatewayThatAnswers) {
  twin_.gateways = {address("10.0.1.254"), address("10.0.1.1")};  // nobody is .254, yet
  start();
  neighbours_->want({address("172.16.0.9")});
  EXPECT_TRUE(comes_true([] { return has(output("ip route show proto 83"), "via 10.0.1.1 "); }));
  peers_->run("ip address add 10.0.1.254/24 dev peer");
  EXPECT_TRUE(comes_true([] { return has(output("ip route show proto 83"), "via 10.0.1.254 "); }));
}

TEST_F(NeighboursTest, RoutesComeBackWithTheInterface) {
  start();
  neighbours_->want({address("172.16.0.9")});
  ASSERT_TRUE(becomes_known({gateway}));
  output("ip link set twin down");
  ASSERT_TRUE(comes_true([] { return output("ip route show proto 83").empty(); }));
  for (int i = 0; i < 20; ++i) io_.run_one_for(std::chrono::milliseconds(10));
  EXPECT_EQ(known(), Texts{gateway}) << "packets do not go through the twin";
  output("ip link set twin up");
  EXPECT_TRUE(comes_true([] { return !output("ip route show proto 83").empty(); }));
  EXPECT_TRUE(comes_true([] { return has(output("ip neigh show dev twin"), "REACHABLE"); }));
}

TEST_F(NeighboursTest, KeepsUpWithHundredsOfTargets) {
  // Addresses by batch: three hundred calls of ip take longer than the test.
  std::string batch;
  std::vector<IpAddress> hosts;
  for (int i = 0; i < 300; ++i) {
    const std::string host = fmt::format("10.0.{}.{}", 2 + i / 200, 1 + i % 200);
    batch += fmt::format("address add {}/32 dev peer\\n", host);
    hosts.push_back(address(host.c_str()));
  }
  peers_->run("sh -c \"printf '" + batch + "' | ip -batch -\"");
  twin_.addresses = {*dataplane::parse_prefix("10.0.1.2/16")};
  start();
  neighbours_->want(hosts);
  EXPECT_TRUE(comes_true([&] { return known().size() == 301; })) << known().size();
}

TEST_F(NeighboursTest, SaysThatThereIsNoTwin) {
  twin_.interface = "nowhere";
  try {
    start();
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_TRUE(has(error.what(), "interface nowhere: there is no such interface")) << error.what();
  }
}

TEST_F(NeighboursTest, SaysWhatTheKernelRefuses) {
  twin_.mtu = 60;  // IPv4 needs 68
  try {
    start();
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_TRUE(has(error.what(), "interface twin: cannot set it up with MTU 60")) << error.what();
  }
}

TEST_F(NeighboursTest, SaysWhichRightIsMissing) {
  ASSERT_EQ(seteuid(65534), 0);
  std::string message;
  try {
    start();
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_TRUE(has(message, "CAP_NET_ADMIN")) << message;
}

}  // namespace
}  // namespace control
