#include "dataplane/segment.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>

namespace dataplane {
namespace {

using namespace std::string_view_literals;

// Readers of other versions map these very bytes: a change here raises layout_version.
TEST(Segment, LayoutBelongsToItsVersion) {
  ASSERT_EQ(layout_version, 5u);
  EXPECT_EQ(sizeof(InstanceRecord), 648u);
  EXPECT_EQ(sizeof(PortRecord), 816u);
  EXPECT_EQ(sizeof(ListenerRecord), 388u);
  EXPECT_EQ(sizeof(TargetRecord), 360u);
  EXPECT_EQ(sizeof(TargetGroupRecord), 888u);
  EXPECT_EQ(sizeof(ZoneRecord), 192u);
  EXPECT_EQ(sizeof(RuleRecord), 240u);
  EXPECT_EQ(sizeof(TrafficRecord), 184u);
  EXPECT_EQ(sizeof(FlowLogRecord), 448u);
  EXPECT_EQ(sizeof(SecurityGroupRecord), 168u);
  EXPECT_EQ(sizeof(Histogram), 7'232u);
  EXPECT_EQ(sizeof(FlowHistograms), 36'864u);
  EXPECT_EQ(offsetof(SegmentHeader, magic), 0u);
  EXPECT_EQ(offsetof(SegmentHeader, version), 8u);
  EXPECT_EQ(offsetof(SegmentHeader, workers), 12u);
  EXPECT_EQ(offsetof(SegmentHeader, size), 16u);
  EXPECT_EQ(offsetof(SegmentHeader, pid), 24u);
  EXPECT_EQ(offsetof(SegmentHeader, heartbeat_unix_milliseconds), 32u);
  EXPECT_EQ(offsetof(SegmentHeader, stopped), 40u);
  EXPECT_EQ(sizeof(Record<TargetRecord>), 8u + 360u);
  EXPECT_EQ(worker_blocks_offset % alignof(WorkerBlock), 0u);
  EXPECT_EQ(worker_blocks_offset, 5'796'160u);
  EXPECT_EQ(histogram_blocks_offset(2) % page_bytes, 0u);
  EXPECT_GE(histogram_blocks_offset(2), worker_blocks_offset + 2 * sizeof(WorkerBlock));
  EXPECT_EQ(segment_size(2), histogram_blocks_offset(2) + 2 * sizeof(HistogramBlock));
}

TEST(Segment, MagicReadsAsText) { EXPECT_EQ(std::memcmp(&segment_magic, "SPILLWAY", 8), 0); }

TEST(Text, KeepsWhatFits) {
  Text<8> text;
  EXPECT_EQ(text.view(), "");
  text.assign("web");
  EXPECT_EQ(text.view(), "web");
  text.assign("seven77");
  EXPECT_EQ(text.view(), "seven77");
  text.assign("b");
  EXPECT_EQ(text.view(), "b");
  EXPECT_EQ(text.bytes[2], '\0');  // nothing left of the longer one
  text.assign("");
  EXPECT_EQ(text.view(), "");
  text.assign(std::string_view{});  // no bytes behind it at all
  EXPECT_EQ(text.view(), "");
}

TEST(Text, CutsWhatDoesNot) {
  Text<8> text;
  text.assign("eight888");
  EXPECT_EQ(text.view(), "eight88");
  text.assign("much longer than that");
  EXPECT_EQ(text.view(), "much lo");
  EXPECT_EQ(text.bytes[7], '\0');
}

// The JSON of the control socket must be UTF-8: half a character would make it invalid.
TEST(Text, CutsBetweenCharacters) {
  Text<8> text;
  text.assign("ä234567ö");
  EXPECT_EQ(text.view(), "ä23456");
  text.assign("12345ö7");
  EXPECT_EQ(text.view(), "12345ö");
  text.assign("123456ö");
  EXPECT_EQ(text.view(), "123456");
  text.assign("12345€8");
  EXPECT_EQ(text.view(), "12345");
  text.assign("1234🌊8");
  EXPECT_EQ(text.view(), "1234");
  text.assign("\x80\x80\x80\x80\x80\x80\x80\x80\x80"sv);  // not UTF-8 in the first place
  EXPECT_LE(text.view().size(), 7u);
}

struct Wide {
  std::uint64_t words[40];
};

TEST(Record, IsZeroUntilWritten) {
  const Record<Wide> record;
  const auto value = record.read();
  ASSERT_TRUE(value.has_value());
  for (const std::uint64_t word : value->words) EXPECT_EQ(word, 0u);
}

TEST(Record, GivesBackWhatWasWritten) {
  Record<TargetRecord> record;
  TargetRecord target{};
  target.used = true;
  target.id = TargetId{7, 3};
  target.detail.assign("connection refused");
  record.write(target);
  const auto read = record.read();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->id, (TargetId{7, 3}));
  EXPECT_EQ(read->detail.view(), "connection refused");
}

TEST(Record, SizesThatAreNoMultipleOfAWord) {
  struct Odd {
    char bytes[13];
  };
  Record<Odd> record;
  Odd odd{};
  std::memcpy(odd.bytes, "hello, world", 13);
  record.write(odd);
  EXPECT_STREQ(record.read()->bytes, "hello, world");
}

// `Record` in another process's memory, as a writer that died in the middle left it.
template <class Value>
void die_while_writing(Record<Value>& record) {
  std::uint64_t sequence;
  std::memcpy(&sequence, static_cast<void*>(&record), sizeof sequence);
  ++sequence;
  std::memcpy(static_cast<void*>(&record), &sequence, sizeof sequence);
}

TEST(Record, HalfWrittenIsNotReadable) {
  Record<Wide> record;
  record.write(Wide{});
  die_while_writing(record);
  EXPECT_FALSE(record.read(100).has_value());
}

// The next daemon may find the segment of one that was killed.
TEST(Record, IsReadableAgainAfterTheNextWrite) {
  Record<Wide> record;
  die_while_writing(record);
  Wide value{};
  value.words[39] = 5;
  record.write(value);
  const auto read = record.read();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->words[39], 5u);
}

TEST(Record, IsNeverTorn) {
  const auto record = std::make_unique<Record<Wide>>();
  constexpr std::uint64_t rounds = 50'000;
  const std::jthread writer([&record] {
    for (std::uint64_t i = 1; i <= rounds; ++i) {
      Wide value;
      for (std::uint64_t& word : value.words) word = i;
      record->write(value);
    }
  });
  for (std::uint64_t last = 0; last != rounds;) {
    const auto value = record->read();
    if (!value) continue;  // the writer was in the middle all the time
    for (const std::uint64_t word : value->words) ASSERT_EQ(word, value->words[0]);
    ASSERT_GE(value->words[0], last);
    last = value->words[0];
  }
}

}  // namespace
}  // namespace dataplane
