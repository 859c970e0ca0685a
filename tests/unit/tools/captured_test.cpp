#include "tools/spillwayctl/captured.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/cpp/frame.h"

namespace tools {
namespace {

using tests::Bytes;

std::string hex(const Bytes& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

Json frame(const char* port, const Bytes& bytes) {
  return {{"port", port}, {"length", bytes.size()}, {"bytes", hex(bytes)}};
}

/// A SYN that was sent to a target.
Json forwarded() {
  const Bytes before = tests::tcp("198.51.100.7:5555", "203.0.113.10:80").flags(tests::syn).bytes();
  const Bytes after = tests::tcp("198.51.100.7:5555", "10.0.1.11:8080").flags(tests::syn).bytes();
  return {{"verdict", "ForwardToTarget"},
          {"listener", "web"},
          {"target_group", "blue"},
          {"target", "10.0.1.11:8080"},
          {"handed_off", false},
          {"waited", false},
          {"before", frame("front", before)},
          {"after", frame("back", after)},
          {"worker", 1},
          {"lost_before", 0},
          {"unix_nanoseconds", 1'700'000'000'123'456'789},
          {"number", 1}};
}

Json dropped(const Bytes& bytes) {
  Json packet = forwarded();
  packet["verdict"] = "DropNoTarget";
  packet["target"] = nullptr;
  packet["after"] = nullptr;
  packet["before"] = frame("front", bytes);
  return packet;
}

TEST(ShowCaptured, WhatCameAndWhatLeft) {
  EXPECT_EQ(show_captured(forwarded(), false),
            "22:13:20.123456  ForwardToTarget  tcp SYN      198.51.100.7:5555 > 203.0.113.10:80 => "
            "198.51.100.7:5555 > 10.0.1.11:8080  54 bytes  web  blue  10.0.1.11:8080");
}

TEST(ShowCaptured, ADrop) {
  const Bytes bytes = tests::udp("[2001:db8::7]:5555", "[2001:db8::10]:53").payload("q").bytes();
  EXPECT_EQ(show_captured(dropped(bytes), false),
            "22:13:20.123456  DropNoTarget     udp          [2001:db8::7]:5555 > [2001:db8::10]:53 "
            " 63 bytes  "
            "web  blue");
  const std::string coloured = show_captured(dropped(bytes), true);
  EXPECT_NE(coloured.find("\x1b["), std::string::npos);
}

TEST(ShowCaptured, WhatIsNotIp) {
  Bytes bytes(60, 0);
  bytes[0] = 0xff;
  bytes[11] = 1;
  bytes[12] = 0x08;
  bytes[13] = 0x06;
  EXPECT_NE(show_captured(dropped(bytes), false)
                .find("arp          00:00:00:00:00:01 > ff:00:00:00:00:00  60 bytes"),
            std::string::npos)
      << show_captured(dropped(bytes), false);
  EXPECT_NE(show_captured(dropped(Bytes(4)), false).find("frame        too short  4 bytes"),
            std::string::npos);
}

TEST(CommentOf, SaysWhatAndWhy) {
  EXPECT_EQ(comment_of(forwarded(), true),
            "after ForwardToTarget listener=web target_group=blue target=10.0.1.11:8080 worker=1 "
            "(client's packet, sent to its target)");
  Json packet = dropped(Bytes(60));
  packet["handed_off"] = packet["waited"] = true;
  EXPECT_EQ(comment_of(packet, false),
            "before DropNoTarget listener=web target_group=blue worker=1 handed_off waited (new "
            "UDP flow, but the target group has no target; register one)");
  packet["verdict"] = "DropOfTheFuture";
  packet["listener"] = nullptr;
  EXPECT_EQ(comment_of(packet, false),
            "before DropOfTheFuture target_group=blue worker=1 handed_off waited");
}

TEST(CaptureFile, HasAnInterfaceForEachPort) {
  const Json head{{"instance", "edge-1"},
                  {"version", "1.2.3"},
                  {"snap_length", 96},
                  {"ports", {{{"name", "front"}, {"device", "0000:3b:00.0"}}, {{"name", "back"}}}}};
  const CaptureFile file(head, "spillwayctl capture ?count=1");
  const std::string& beginning = file.beginning();
  for (const char* words : {"edge-1", "1.2.3", "?count=1", "front", "0000:3b:00.0", "back"}) {
    EXPECT_NE(beginning.find(words), std::string::npos) << words;
  }
  const std::string frames = file.frames(forwarded());
  const auto first = frames.find("before ForwardToTarget");
  const auto second = frames.find("after ForwardToTarget");
  ASSERT_NE(first, std::string::npos);
  ASSERT_NE(second, std::string::npos);
  EXPECT_LT(first, second);
  EXPECT_EQ(frames[8], '\0') << "interface 0: front";
  EXPECT_NE(frames.find(std::string("\6\0\0\0", 4), 4), std::string::npos);
  EXPECT_EQ(file.frames(dropped(Bytes(60))).find("after"), std::string::npos);
}

}  // namespace
}  // namespace tools
