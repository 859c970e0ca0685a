#include "tests/golden/golden.h"

#include <gtest/gtest.h>

#include <map>

namespace tests {

using namespace dataplane;

Input arrives(Frame frame, PortId port) {
  return {frame.from_mac(router_mac()).to_mac(port_mac(port)).bytes(), port};
}
Input from_client(Frame frame) { return arrives(std::move(frame), front); }
Input from_target(int number, Frame frame) {
  return {frame.from_mac(target_mac(number)).to_mac(port_mac(back)).bytes(), back};
}
Bytes to_target(int number, Frame frame) {
  return frame.from_mac(port_mac(back)).to_mac(target_mac(number)).bytes();
}
Bytes to_client(Frame frame) {
  return frame.from_mac(port_mac(front)).to_mac(router_mac()).bytes();
}

void play(const Case& golden) {
  SCOPED_TRACE(golden.why);
  Rig rig(golden.config, standard_facts(golden.config));
  std::map<Verdict, std::uint64_t> expected;
  for (const Step& step : golden.steps) {
    SCOPED_TRACE(step.what);
    if (step.wait_milliseconds != 0) rig.advance(step.wait_milliseconds);
    const Outcome outcome = rig.run({step.in}).front();
    ++expected[step.verdict];
    EXPECT_EQ(to_string(outcome.verdict), to_string(step.verdict));
    if (!step.out) {
      EXPECT_FALSE(is_forward(outcome.verdict) || is_reply(outcome.verdict)) << "nothing to send";
      continue;
    }
    EXPECT_EQ(outcome.port, step.out_port);
    EXPECT_EQ(outcome.bytes, *step.out)
        << "sent:" << dump(outcome.bytes) << "\nexpected:" << dump(*step.out);
  }
  for (std::size_t i = 0; i < verdict_count; ++i) {
    const auto verdict = static_cast<Verdict>(i);
    EXPECT_EQ(rig.verdicts(verdict), expected[verdict]) << to_string(verdict);
  }
  rig.expect_laws();
}

}  // namespace tests
