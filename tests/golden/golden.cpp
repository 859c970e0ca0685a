#include "tests/golden/golden.h"

#include <gtest/gtest.h>

#include <algorithm>
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

namespace {

Bytes bytes_of(const CapturedFrame& frame) {
  return {frame.bytes.begin(), frame.bytes.begin() + frame.captured};
}

/// One packet was captured: as it came, and as it left.
void expect_captured(Capture& capture, const Step& step) {
  std::size_t count = 0;
  capture.take_each(Capture::places, [&](const CapturedPacket& packet) {
    ++count;
    EXPECT_EQ(to_string(packet.verdict), to_string(step.verdict));
    EXPECT_EQ(packet.before.port, step.in.port);
    EXPECT_EQ(packet.before.length, step.in.bytes.size());
    // Whole, but where a reply was written over it or its headers are very long: capture_test.
    EXPECT_GE(packet.before.captured, std::min<std::size_t>(step.in.bytes.size(), 128));
    EXPECT_TRUE(std::equal(packet.before.bytes.begin(),
                           packet.before.bytes.begin() + packet.before.captured,
                           step.in.bytes.begin()));
    EXPECT_EQ(bytes_of(packet.after), step.out.value_or(Bytes{}));
    EXPECT_EQ(packet.after.length, step.out ? step.out->size() : 0);
    EXPECT_EQ(packet.after.port, step.out ? step.out_port : no_port);
  });
  EXPECT_EQ(count, 1u) << "captured";
}

}  // namespace

void play(const Case& golden) {
  SCOPED_TRACE(golden.why);
  Rig rig(golden.config, standard_facts(golden.config));
  Capture& capture = rig.core().capture;
  ASSERT_TRUE(capture.begin({.filter = {.verdicts = ~std::uint64_t{0}}}));
  std::map<Verdict, std::uint64_t> expected;
  for (const Step& step : golden.steps) {
    SCOPED_TRACE(step.what);
    if (step.wait_milliseconds != 0) rig.advance(step.wait_milliseconds);
    const Outcome outcome = rig.run({step.in}).front();
    ++expected[step.verdict];
    EXPECT_EQ(to_string(outcome.verdict), to_string(step.verdict));
    expect_captured(capture, step);
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
