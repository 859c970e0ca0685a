// Hostile targets beside a good one: they neither delay its checks nor make us keep more and more.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "control/health/network_probes.h"
#include "control/health/prober.h"
#include "tests/support/cpp/forked_loop.h"
#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using config::CheckProtocol;
using dataplane::TargetId;
using std::chrono::milliseconds;
using tests::ProbeTarget;

void send_for_ever(const std::shared_ptr<tests::Visit>& visit) {
  asio::async_write(visit->socket, asio::buffer(visit->outgoing),
                    [visit](boost::system::error_code error, std::size_t) {
                      if (!error) send_for_ever(visit);
                    });
}

/// Never reads; sends `chunk` again and again.
ProbeTarget::Behaviour babble(std::string chunk) {
  return [chunk = std::move(chunk)](const std::shared_ptr<tests::Visit>& visit) {
    visit->outgoing = chunk;
    send_for_ever(visit);
  };
}

struct Hostile {
  const char* what;
  CheckProtocol protocol;
  ProbeTarget::Behaviour behaviour;
};

std::vector<Hostile> hostile_targets() {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::string ping("\0\0\x08\6\0\0\0\0\0xxxxxxxx", 17);
  return {
      {"slowloris", CheckProtocol::Http, tests::drip(head, "A: b\r\n", milliseconds(20))},
      {"endless headers", CheckProtocol::Http, tests::flood(head, "X-Filler: yes\r\n")},
      {"1 GB of body", CheckProtocol::Http,
       tests::flood(head + "Content-Length: 1073741824\r\n\r\n", std::string(65'536, 'x'))},
      {"redirect loop", CheckProtocol::Http,
       tests::answer("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")},
      {"reset", CheckProtocol::Http, tests::reset},
      {"silence", CheckProtocol::Http, tests::stall},
      {"TLS: silence", CheckProtocol::Https, tests::stall},
      {"TLS: garbage", CheckProtocol::Https, babble(std::string(65'536, '\x16'))},
      {"TLS: an endless record", CheckProtocol::Https,
       babble(std::string("\x16\x03\x03\x3f\xff", 5) + std::string(0x3fff, 'x'))},
      {"gRPC: silence", CheckProtocol::Grpc, tests::stall},
      {"gRPC: garbage", CheckProtocol::Grpc, babble(std::string(65'536, 'x'))},
      {"gRPC: endless pings", CheckProtocol::Grpc, babble(ping)},
  };
}

std::size_t bytes_kept() { return mallinfo2().uordblks; }

TEST(HostileTargets, NeitherDelayAGoodOneNorGrowMemory) {
  constexpr int rounds = 12;
  const std::vector<Hostile> hostile = hostile_targets();
  tests::ForkedLoop others;
  std::vector<std::unique_ptr<ProbeTarget>> targets;
  for (const Hostile& one : hostile) {
    targets.push_back(std::make_unique<ProbeTarget>(others.loop(), one.behaviour));
  }
  others.fork();
  tests::ForkedLoop undisturbed;
  const ProbeTarget good(undisturbed.loop(), tests::answer("HTTP/1.1 200 OK\r\n\r\n"));
  undisturbed.fork();

  asio::io_context loop;
  std::vector<int> outcomes(hostile.size() + 1);
  Prober prober(loop.get_executor(),
                {.now = std::chrono::steady_clock::now,
                 .make_probe = network_probes(loop.get_executor()),
                 .report = [&](TargetId id, const ProbeOutcome& outcome) {
                   ++outcomes[id.slot];
                   if (id.slot == hostile.size()) {
                     EXPECT_EQ(outcome.finding, Finding::Passed) << outcome.sentence;
                   } else if (outcomes[id.slot] == 1) {
                     std::printf("%-24s %s\n", hostile[id.slot].what, outcome.sentence.c_str());
                   }
                 }});
  for (std::size_t i = 0; i <= hostile.size(); ++i) {
    const bool is_good = i == hostile.size();
    Check check = check_of(is_good ? CheckProtocol::Http : hostile[i].protocol,
                           is_good ? good.port() : targets[i]->port());
    check.settings.interval = check.settings.timeout = milliseconds(is_good ? 500 : 300);
    if (check.settings.protocol == CheckProtocol::Https) check.settings.tls.emplace();
    prober.watch({static_cast<std::uint16_t>(i), 0}, check);
  }
  const auto all_have = [&](int count) {
    return [&outcomes, count] {
      return std::all_of(outcomes.begin(), outcomes.end(), [&](int one) { return one >= count; });
    };
  };
  ASSERT_TRUE(tests::run_until(loop, all_have(2)));
  const std::size_t before = bytes_kept();
  ASSERT_TRUE(tests::run_until(loop, all_have(rounds)));
  const std::size_t after = bytes_kept();
  std::printf("memory in use: %zu bytes before, %zu after %d more rounds\n", before, after,
              rounds - 2);
  // What the probes that run hold, each bounded: TLS and HTTP/2 state, buffers.
  EXPECT_LT(after, before + (2u << 20));
  EXPECT_LE(prober.running(), outcomes.size());
}

}  // namespace
}  // namespace control
