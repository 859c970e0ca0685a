// What the probe tests share: one probe, run to its outcome in the test's loop.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "config/config.h"
#include "control/health/check.h"
#include "control/health/probe.h"
#include "tests/support/cpp/probe_target.h"

namespace control {

inline Check check_of(config::CheckProtocol protocol, std::uint16_t port) {
  Check check;
  check.address = *dataplane::parse_address("127.0.0.1");
  check.port = port;
  check.settings.protocol = protocol;
  check.settings.timeout = std::chrono::milliseconds(5'000);
  return check;
}

struct ProbeRun {
  ProbeOutcome outcome;
  std::chrono::steady_clock::duration took{};
};

inline ProbeRun run(boost::asio::io_context& loop, const std::unique_ptr<Probe>& probe) {
  std::optional<ProbeOutcome> outcome;
  const auto start = std::chrono::steady_clock::now();
  bool inside_start = true;
  probe->start([&](const ProbeOutcome& found) {
    EXPECT_FALSE(inside_start);
    EXPECT_FALSE(outcome.has_value()) << "a second outcome";
    outcome = found;
  });
  inside_start = false;
  EXPECT_TRUE(tests::run_until(loop, [&] { return outcome.has_value(); })) << "no outcome";
  return {outcome.value_or(ProbeOutcome{}), std::chrono::steady_clock::now() - start};
}

}  // namespace control
