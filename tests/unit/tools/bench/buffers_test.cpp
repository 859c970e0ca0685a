#include "tools/bench/buffers.h"

#include <gtest/gtest.h>

#include <set>

namespace tools::bench {
namespace {

template <std::size_t room = 64>
void put_number(Buffers& buffers, std::uint8_t number, std::set<std::uint8_t*>& places) {
  std::uint8_t* frame = buffers.put<room>([&](std::uint8_t* to) { std::memset(to, number, room); });
  Buffers::settle();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % 64, 0u);
  EXPECT_EQ(frame[0], number);
  EXPECT_EQ(frame[room - 1], number);
  // What the path may use in front of it and behind.
  std::memset(frame - 128, 0xff, 128);
  std::memset(frame + room, 0xff, 1024);
  places.insert(frame);
}

TEST(Buffers, HotOnesComeAgain) {
  Buffers buffers(Headers::Hot, 8);
  std::set<std::uint8_t*> places;
  for (std::uint8_t number = 0; number < 24; ++number) put_number(buffers, number, places);
  EXPECT_EQ(places.size(), 8u);
}

TEST(Buffers, ColdOnesDoNotForLong) {
  if (!Buffers::can_be_cold()) GTEST_SKIP() << "this CPU has no stores past its caches";
  Buffers buffers(Headers::Cold, 8);
  std::set<std::uint8_t*> places;
  for (int number = 0; number < 200; ++number) {
    put_number(buffers, static_cast<std::uint8_t>(number), places);
  }
  EXPECT_EQ(places.size(), 200u);
}

TEST(Buffers, FramesMayHaveTwoLines) {
  for (const Headers headers : {Headers::Hot, Headers::Cold}) {
    if (headers == Headers::Cold && !Buffers::can_be_cold()) continue;
    Buffers buffers(headers, 4);
    std::set<std::uint8_t*> places;
    for (std::uint8_t number = 0; number < 4; ++number) put_number<128>(buffers, number, places);
    EXPECT_EQ(places.size(), 4u);
  }
}

TEST(Buffers, OneFrameDoesNotTouchTheOthers) {
  Buffers buffers(Headers::Hot, 2);
  std::set<std::uint8_t*> places;
  put_number(buffers, 1, places);
  std::uint8_t* first = *places.begin();
  put_number(buffers, 2, places);
  EXPECT_EQ(first[0], 1);
  EXPECT_EQ(first[63], 1);
}

}  // namespace
}  // namespace tools::bench
