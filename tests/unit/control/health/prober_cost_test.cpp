// What checking a thousand targets once a second costs; printed, not judged: machines differ.
//
// The targets are another process, so that only the prober's own work counts; on the loopback its
// thread does most of what the kernel does for the targets too, so the figure is an upper bound.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdio>
#include <string>
#include <thread>

#include "control/health/network_probes.h"
#include "control/health/prober.h"
#include "tests/support/cpp/forked_loop.h"
#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using dataplane::TargetId;

constexpr std::size_t targets = 1000;
constexpr std::size_t rounds = 4;

/// CPU time of this thread: in its own code, and in the kernel.
struct CpuSeconds {
  double user;
  double kernel;
};

CpuSeconds cpu_seconds() {
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  return {seconds(used.ru_utime), seconds(used.ru_stime)};
}

/// Checks every target `rounds` times more once each has been checked, and prints the cost of that.
void measure(config::CheckProtocol protocol, const char* name) {
  tests::ForkedLoop others;
  const tests::ProbeTarget answering(others.loop(),
                                     tests::answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  others.fork();
  asio::io_context loop;
  std::size_t good = 0;
  std::size_t bad = 0;
  Prober prober(loop.get_executor(), {.now = std::chrono::steady_clock::now,
                                      .make_probe = network_probes(loop.get_executor()),
                                      .report = [&](TargetId, const ProbeOutcome& outcome) {
                                        ++(outcome.finding == Finding::Passed ? good : bad);
                                        if (outcome.finding != Finding::Passed)
                                          ADD_FAILURE() << outcome.sentence;
                                      }});
  Check check = check_of(protocol, answering.port());
  check.settings.interval = std::chrono::seconds(1);
  for (std::size_t i = 0; i < targets; ++i) {
    prober.watch({static_cast<std::uint16_t>(i), 0}, check);
  }
  ASSERT_TRUE(tests::run_until(loop, [&] { return good >= targets; }));
  const std::size_t before = good;
  const CpuSeconds cpu_before = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(tests::run_until(loop, [&] { return good >= before + rounds * targets; }));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const CpuSeconds cpu = cpu_seconds();
  const double user = cpu.user - cpu_before.user;
  const double kernel = cpu.kernel - cpu_before.kernel;
  std::printf(
      "%zu %s checks in %.2f s: %.1f %% of a core (%.1f %% our code, the rest the kernel)\n",
      good - before, name, took.count(), 100 * (user + kernel) / took.count(),
      100 * user / took.count());
  EXPECT_EQ(bad, 0u);
}

/// What the kernel takes for the same connections, without a prober: the floor of the figures
/// above. `at_once`: so many, then a pause, as the prober's ticks have it; a processor that has
/// slept, and a target that has to be woken, cost more than those that are at it.
void measure_bare(std::size_t at_once, const char* how) {
  tests::ForkedLoop others;
  const tests::ProbeTarget answering(others.loop(), tests::stall);
  others.fork();
  asio::io_context loop;
  const asio::ip::tcp::endpoint to(asio::ip::address_v4::loopback(), answering.port());
  const CpuSeconds before = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < rounds * targets; ++i) {
    if (i % at_once == 0) {
      std::this_thread::sleep_until(start + i / at_once * Prober::tick_interval);
    }
    asio::ip::tcp::socket socket(loop);
    socket.connect(to);
    socket.set_option(asio::socket_base::linger(true, 0));
  }
  const CpuSeconds after = cpu_seconds();
  const double cpu = after.user - before.user + after.kernel - before.kernel;
  std::printf("1000 bare connects and resets a second, %s: %.1f %% of a core\n", how,
              100 * cpu / static_cast<double>(rounds));
}

TEST(ProberCost, BareConnectionsToCompareWith) {
  measure_bare(rounds * targets, "all at once");
  constexpr auto tick = Prober::tick_interval;
  constexpr auto a_tick = static_cast<std::size_t>(targets * tick / std::chrono::seconds(1));
  const std::string how = std::to_string(a_tick) + " every " + std::to_string(tick.count()) + " ms";
  measure_bare(a_tick, how.c_str());
}

TEST(ProberCost, AThousandTargetsOverTcp) { measure(config::CheckProtocol::Tcp, "tcp"); }
TEST(ProberCost, AThousandTargetsOverHttp) { measure(config::CheckProtocol::Http, "http"); }

}  // namespace
}  // namespace control
