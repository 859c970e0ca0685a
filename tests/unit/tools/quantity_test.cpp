#include "tools/spillwayctl/quantity.h"

#include <gtest/gtest.h>

namespace tools {
namespace {

TEST(Quantity, CountsStayExactWhileTheyAreShort) {
  EXPECT_EQ(count(0), "0");
  EXPECT_EQ(count(9'999), "9999");
  EXPECT_EQ(count(10'000), "10.0k");
  EXPECT_EQ(count(99'949), "99.9k");
  EXPECT_EQ(count(99'950), "100k");
  EXPECT_EQ(count(999'499), "999k");
  EXPECT_EQ(count(999'500), "1.0M");
  EXPECT_EQ(count(1'234'567), "1.2M");
  EXPECT_EQ(count(3.4e9), "3.4G");
  EXPECT_EQ(count(5.6e12), "5.6T");
  EXPECT_EQ(count(1.8e19), "18000000T");
}

TEST(Quantity, BytesArePowersOfAThousand) {
  EXPECT_EQ(bytes(0), "0 B");
  EXPECT_EQ(bytes(999), "999 B");
  EXPECT_EQ(bytes(1'000), "1.0 kB");
  EXPECT_EQ(bytes(104'857'600), "105 MB");
  EXPECT_EQ(bytes(2.5e9), "2.5 GB");
}

TEST(Quantity, RatesAreReadableWhenSlow) {
  EXPECT_EQ(count_rate(0), "0/s");
  EXPECT_EQ(count_rate(0.25), "0.2/s");
  EXPECT_EQ(count_rate(9.9), "9.9/s");
  EXPECT_EQ(count_rate(12.4), "12/s");
  EXPECT_EQ(count_rate(54'321), "54.3k/s");
  EXPECT_EQ(byte_rate(12'300'000), "12.3 MB/s");
}

TEST(Quantity, DurationsHaveTwoParts) {
  EXPECT_EQ(duration(0), "0.0s");
  EXPECT_EQ(duration(-3), "0.0s");
  EXPECT_EQ(duration(0.34), "0.3s");
  EXPECT_EQ(duration(45), "45s");
  EXPECT_EQ(duration(59.6), "1m 0s");
  EXPECT_EQ(duration(725), "12m 5s");
  EXPECT_EQ(duration(11'520), "3h 12m");
  EXPECT_EQ(duration(183'600), "2d 3h");
}

TEST(Quantity, TimesAreReadInAnyUnit) {
  EXPECT_EQ(whole_seconds("90"), 90u);
  EXPECT_EQ(whole_seconds("90s"), 90u);
  EXPECT_EQ(whole_seconds("30m"), 1'800u);
  EXPECT_EQ(whole_seconds("2h"), 7'200u);
  EXPECT_EQ(whole_seconds("1h30m"), 5'400u);
  EXPECT_EQ(whole_seconds("3d"), 259'200u);
  for (const char* wrong :
       {"", "h", "-1h", "1.5h", "2w", "2 h", "1hh", "99999999999999999999s", "99999999999999d"}) {
    EXPECT_FALSE(whole_seconds(wrong)) << wrong;
  }
}

TEST(Quantity, IsoTimesAreReadBack) {
  EXPECT_EQ(unix_milliseconds("1970-01-01T00:00:00.000Z"), 0u);
  EXPECT_EQ(unix_milliseconds("2026-01-02T03:04:05.678Z"), 1'767'323'045'678u);
  EXPECT_EQ(unix_milliseconds("2024-02-29T23:59:59.999Z"), 1'709'251'199'999u);
  for (const char* wrong :
       {"", "2026-01-02", "2026-01-02T03:04:05Z", "2026-13-02T03:04:05.678Z",
        "2026-02-30T03:04:05.678Z", "2026-01-02T03:04:05.678+", "x026-01-02T03:04:05.678Z"}) {
    EXPECT_FALSE(unix_milliseconds(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace tools
