// Golden cases: packets in → verdict and packets out, byte for byte. A case reads as prose; the
// frames that must come out are built whole by tests/support/cpp/frame, so an incremental checksum
// that is one off fails.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/support/cpp/rig.h"

namespace tests {

struct Step {
  std::string what;
  Input in;
  dataplane::Verdict verdict;
  std::optional<Bytes> out;                    // nothing: not sent
  dataplane::PortId out_port = dataplane::no_port;
  std::uint64_t wait_milliseconds = 0;         // before it comes
};

struct Case {
  std::string why;
  config::Config config;
  std::vector<Step> steps;
};

/// A frame that arrives at a port, from the router in front or from a target at the back.
[[nodiscard]] Input arrives(Frame frame, dataplane::PortId port);
[[nodiscard]] Input from_client(Frame frame);
[[nodiscard]] Input from_target(int number, Frame frame);
/// The frame as it must leave towards a target or the client's router.
[[nodiscard]] Bytes to_target(int number, Frame frame);
[[nodiscard]] Bytes to_client(Frame frame);

/// Runs all steps, compares each, and what a capture of everything has of it, then checks verdict
/// counters against the steps and the laws.
void play(const Case& golden);

}  // namespace tests
