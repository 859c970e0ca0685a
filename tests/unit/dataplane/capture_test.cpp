#include "dataplane/capture.h"

#include <gtest/gtest.h>

#include <thread>

namespace dataplane {
namespace {

IpAddress address(const char* text) { return *parse_address(text); }
IpPrefix prefix(const char* text) { return *parse_prefix(text); }

void hand_over(Capture& capture, std::uint16_t length) {
  CapturedPacket* const place = capture.place();
  ASSERT_NE(place, nullptr);
  place->before.length = length;
  capture.give();
}

TEST(Capture, IsNotWantedUntilItBegins) {
  Capture capture;
  EXPECT_TRUE(capture.at_rest());
  EXPECT_FALSE(capture.look());
  ASSERT_TRUE(capture.begin({.filter = {.verdicts = 5}, .snap_length = 96}));
  EXPECT_FALSE(capture.at_rest());
  EXPECT_TRUE(capture.look());
  EXPECT_EQ(capture.request().filter.verdicts, 5u);
  EXPECT_EQ(capture.request().snap_length, 96u);
  EXPECT_FALSE(capture.begin({})) << "the worker reads the request";
}

TEST(Capture, EndsWhenTheWorkerHasNoticed) {
  Capture capture;
  ASSERT_TRUE(capture.begin({.filter = {.verdicts = 1}}));
  capture.end();
  EXPECT_FALSE(capture.at_rest());
  EXPECT_FALSE(capture.begin({}));
  EXPECT_FALSE(capture.look());
  EXPECT_TRUE(capture.at_rest());
  capture.end();  // again: nothing to end
  EXPECT_TRUE(capture.at_rest());
  EXPECT_TRUE(capture.begin({}));
}

TEST(Capture, ForgetsAtItsBeginningWhatWasNotTaken) {
  Capture capture;
  ASSERT_TRUE(capture.begin({.filter = {.verdicts = 1}}));
  hand_over(capture, 1);
  EXPECT_EQ(capture.given(), 1u);
  capture.end();
  EXPECT_FALSE(capture.look());
  ASSERT_TRUE(capture.begin({.filter = {.verdicts = 1}}));
  EXPECT_EQ(capture.given(), 0u);
  hand_over(capture, 2);
  std::vector<std::uint16_t> lengths;
  const auto take = [&](const CapturedPacket& packet) { lengths.push_back(packet.before.length); };
  EXPECT_EQ(capture.take_each(10, take), 1u);
  EXPECT_EQ(lengths, std::vector<std::uint16_t>{2});
}

TEST(Capture, IsNotWantedAnyMoreAtTheLimit) {
  Capture capture;
  ASSERT_TRUE(capture.begin({.filter = {.verdicts = 1}, .limit = 2}));
  hand_over(capture, 1);
  EXPECT_TRUE(capture.look());
  EXPECT_FALSE(capture.has_enough());
  hand_over(capture, 2);
  EXPECT_TRUE(capture.has_enough());
  EXPECT_FALSE(capture.look());
  EXPECT_FALSE(capture.at_rest()) << "control ends it";
}

TEST(Capture, CountsWhatAFullRingLoses) {
  Capture capture;
  ASSERT_TRUE(capture.begin({.filter = {.verdicts = 1}}));
  for (std::size_t i = 0; i < Capture::places; ++i) hand_over(capture, 1);
  EXPECT_EQ(capture.place(), nullptr);
  EXPECT_EQ(capture.place(), nullptr);
  EXPECT_EQ(capture.lost(), 2u);
  EXPECT_EQ(capture.given(), Capture::places);
  EXPECT_EQ(capture.take_each(1, [](const CapturedPacket&) {}), 1u);
  hand_over(capture, 1);
}

TEST(CaptureDeathTest, NoMoreThanAPlaceHas) {
  Capture capture;
  EXPECT_DEATH(static_cast<void>(capture.begin({.filter = {}, .snap_length = snap_max + 1})),
               "snap_max");
}

TEST(CaptureEnd, FitsAnythingIfNothingIsSaid) {
  const CaptureEnd any;
  EXPECT_TRUE(any.is_any());
  EXPECT_TRUE(any.fits(address("198.51.100.7"), 1));
  EXPECT_TRUE(any.fits(address("2001:db8::7"), 0));
}

TEST(CaptureEnd, FitsNetworks) {
  const CaptureEnd end(prefix("198.51.100.77/25"), 0);
  EXPECT_FALSE(end.is_any());
  EXPECT_TRUE(end.fits(address("198.51.100.0"), 1));
  EXPECT_TRUE(end.fits(address("198.51.100.127"), 1));
  EXPECT_FALSE(end.fits(address("198.51.100.128"), 1));
  EXPECT_FALSE(end.fits(address("198.51.101.7"), 1));
  EXPECT_FALSE(end.fits(address("2001:db8::7"), 1));
}

TEST(CaptureEnd, FamiliesDoNotMeet) {
  const CaptureEnd all_of_v6(prefix("::/0"), 0);
  EXPECT_TRUE(all_of_v6.fits(address("2001:db8::7"), 1));
  EXPECT_FALSE(all_of_v6.fits(address("198.51.100.7"), 1));
  const CaptureEnd all_of_v4(prefix("0.0.0.0/0"), 0);
  EXPECT_TRUE(all_of_v4.fits(address("198.51.100.7"), 1));
  EXPECT_FALSE(all_of_v4.fits(address("2001:db8::7"), 1));
  const CaptureEnd host(prefix("2001:db8::7/128"), 0);
  EXPECT_TRUE(host.fits(address("2001:db8::7"), 1));
  EXPECT_FALSE(host.fits(address("2001:db8::8"), 1));
  const CaptureEnd between(prefix("2001:db8::/62"), 0);
  EXPECT_TRUE(between.fits(address("2001:db8:0:3::1"), 1));
  EXPECT_FALSE(between.fits(address("2001:db8:0:4::1"), 1));
}

TEST(CaptureEnd, FitsPorts) {
  const CaptureEnd port(std::nullopt, 53);
  EXPECT_FALSE(port.is_any());
  EXPECT_TRUE(port.fits(address("198.51.100.7"), 53));
  EXPECT_FALSE(port.fits(address("198.51.100.7"), 54));
  const CaptureEnd both(prefix("198.51.100.7/32"), 53);
  EXPECT_TRUE(both.fits(address("198.51.100.7"), 53));
  EXPECT_FALSE(both.fits(address("198.51.100.8"), 53));
  EXPECT_FALSE(both.fits(address("198.51.100.7"), 0));
}

// Control begins, takes and ends; the worker hands over (ThreadSanitizer watches).
TEST(Capture, PassesBetweenThreads) {
  Capture capture;
  constexpr std::uint64_t rounds = 300;
  std::atomic<bool> over{false};
  std::thread worker([&] {
    while (!over.load()) {
      if (!capture.look()) {
        std::this_thread::yield();
        continue;
      }
      const auto round = static_cast<std::uint16_t>(capture.request().snap_length);
      for (int i = 0; i < 64 && !capture.has_enough(); ++i) {
        CapturedPacket* const place = capture.place();
        if (place == nullptr) continue;
        place->before.length = round;
        capture.give();
      }
    }
  });
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    const auto mark = static_cast<std::uint16_t>(round);
    while (!capture.begin({.filter = {.verdicts = 1}, .snap_length = mark, .limit = round})) {
      std::this_thread::yield();
    }
    std::uint64_t count = 0;
    while (count < round) {
      count += capture.take_each(
          16, [&](const CapturedPacket& packet) { ASSERT_EQ(packet.before.length, mark); });
      std::this_thread::yield();
    }
    EXPECT_EQ(count, round);
    capture.end();
  }
  over = true;
  worker.join();
}

}  // namespace
}  // namespace dataplane
