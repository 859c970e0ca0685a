#include "tools/exporter/families.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace tools::exporter {
namespace {

TEST(Families, Utf8StaysAndEverythingElseIsReplaced) {
  EXPECT_EQ(valid_utf8("web"), "web");
  EXPECT_EQ(valid_utf8("z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80"),
            "z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80");
  const std::string replaced = "\xef\xbf\xbd";
  EXPECT_EQ(valid_utf8("\xff"), replaced);
  EXPECT_EQ(valid_utf8("a\xc3"), "a" + replaced) << "cut in the middle";
  EXPECT_EQ(valid_utf8("\xc0\xaf"), replaced + replaced) << "overlong";
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), replaced + replaced + replaced) << "a surrogate";
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80").substr(0, 3), replaced) << "above U+10FFFF";
}

TEST(Families, LabelsAreEscaped) {
  Families families;
  families.gauge("spillway_up", "Is it?").add(with({}, "name", "a\"b\\c\nd\xff"), true);
  const std::string text = prometheus::TextSerializer().Serialize(families.take());
  EXPECT_NE(text.find("spillway_up{name=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"} 1"), std::string::npos)
      << text;
  EXPECT_NE(text.find("# HELP spillway_up Is it?\n# TYPE spillway_up gauge\n"), std::string::npos);
}

TEST(Families, WithoutSamplesThereIsNoFamily) {
  Families families;
  families.counter("spillway_x_total", "None.");
  families.gauge("spillway_y", "One.").add({}, std::uint64_t{7});
  const auto taken = families.take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].name, "spillway_y");
}

TEST(FamiliesDeathTest, NamesThatPrometheusWouldRefuse) {
  Families families;
  EXPECT_DEATH(families.gauge("spillway_a-b", ""), "CHECK");
  EXPECT_DEATH(families.gauge("up", ""), "CHECK");
  EXPECT_DEATH(families.counter("spillway_flows", ""), "CHECK");
  EXPECT_DEATH(families.gauge("spillway_flows_total", ""), "CHECK");
  families.gauge("spillway_twice", "");
  EXPECT_DEATH(families.gauge("spillway_twice", ""), "CHECK");
}

TEST(Buckets, BoundsAreLastValuesOfTheHistogramsOwnBuckets) {
  for (const unsigned per_power : {1U, 2U, 4U, 32U}) {
    const Buckets buckets(1024, std::uint64_t{1} << 36, per_power);
    EXPECT_EQ(buckets.bounds().size(), 26U * per_power + 1);
    EXPECT_EQ(buckets.bounds().front(), 1023U);
    EXPECT_EQ(buckets.bounds().back(), (std::uint64_t{1} << 36) - 1);
    for (const std::uint64_t bound : buckets.bounds()) {
      EXPECT_EQ(dataplane::range_of(dataplane::bucket_of(bound)).last, bound);
    }
  }
}

TEST(Buckets, CountsAreThoseOfTheValues) {
  dataplane::Histogram histogram;
  for (const std::uint64_t value : {1U, 1023U, 1024U, 1535U, 1536U, 2047U, 2048U, 1'000'000U}) {
    histogram.add(value);
  }
  dataplane::HistogramSum sum;
  sum.add(histogram);
  const Buckets buckets(1024, 4096, 2);
  EXPECT_EQ(buckets.bounds(), (std::vector<std::uint64_t>{1023, 1535, 2047, 3071, 4095}));
  EXPECT_EQ(buckets.counts(sum), (std::vector<std::uint64_t>{2, 4, 6, 7, 7}));

  Families families;
  families.histogram("spillway_x_seconds", "X.").add({}, sum, buckets, 0.5);
  const std::string text = prometheus::TextSerializer().Serialize(families.take());
  EXPECT_NE(text.find("spillway_x_seconds_bucket{le=\"511.5\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("spillway_x_seconds_bucket{le=\"+Inf\"} 8\n"), std::string::npos) << text;
  EXPECT_NE(text.find("spillway_x_seconds_count 8\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace tools::exporter
