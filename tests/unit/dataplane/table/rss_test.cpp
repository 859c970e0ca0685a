#include "dataplane/table/rss.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "dataplane/packet/flow_key.h"

namespace dataplane {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes random_key(std::uint32_t seed) {
  std::mt19937 random{seed};
  Bytes key(40);
  for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random());
  return key;
}

Bytes repeating_key(std::size_t size = 40) {
  Bytes key;
  while (key.size() < size) key.insert(key.end(), {0x6d, 0x5a});
  return key;
}

std::vector<WorkerId> round_robin(std::size_t entries, std::size_t workers) {
  std::vector<WorkerId> table;
  for (std::size_t i = 0; i < entries; ++i) {
    table.push_back(WorkerId{static_cast<std::uint8_t>(i % workers)});
  }
  return table;
}

FlowKey4 random_tuple(std::mt19937& random) {
  const auto word = [&] { return static_cast<std::uint32_t>(random()); };
  const auto half = [&] { return Be16{static_cast<std::uint16_t>(random())}; };
  return {{Be32{word()}}, {Be32{word()}}, half(), half(), Protocol::Tcp, {0, 0, 0}};
}

TEST(Rss, HashesWhatItsFieldsSay) {
  std::mt19937 random{1};
  const Bytes key = repeating_key();
  const Rss tuple(key, round_robin(128, 4), RssFields::Tuple);
  const Rss source(key, round_robin(128, 4), RssFields::Source);
  const Rss destination(key, round_robin(128, 4), RssFields::Destination);
  const Toeplitz toeplitz(key);
  for (int i = 0; i < 1000; ++i) {
    const FlowKey4 one = random_tuple(random);
    FlowKey4 other = random_tuple(random);
    EXPECT_EQ(tuple.hash(one), toeplitz.part(&one, 12, 0));
    other.source = one.source;
    other.source_port = one.source_port;
    EXPECT_EQ(source.hash(one), source.hash(other));
    // What one end sends arrives where what is sent to it does.
    EXPECT_EQ(source.worker(one), destination.worker(one.reversed()));
    EXPECT_EQ(source.worker(one), source.worker_of_endpoint(one.source, one.source_port));
    EXPECT_EQ(destination.worker(one),
              destination.worker_of_endpoint(one.destination, one.destination_port));
  }
}

TEST(Rss, PartsAddUpToATuplesHash) {
  std::mt19937 random{2};
  const Rss rss(random_key(7), round_robin(512, 3), RssFields::Tuple);
  for (int i = 0; i < 1000; ++i) {
    const FlowKey4 key = random_tuple(random);
    EXPECT_EQ(rss.source_part(key.source, key.source_port) ^
                  rss.destination_part(key.destination, key.destination_port),
              rss.hash(key));
  }
}

TEST(Rss, EveryWorkerCanBeReachedByThePort) {
  std::mt19937 random{3};
  for (const std::size_t entries : {64u, 128u, 256u, 512u}) {
    for (std::size_t workers = 1; workers <= 16; ++workers) {
      const Rss rss(random_key(static_cast<std::uint32_t>(workers)), round_robin(entries, workers),
                    RssFields::Tuple);
      ASSERT_TRUE(rss.spreads_ports());
      FlowKey4 key = random_tuple(random);
      std::map<WorkerId, std::size_t> ports;
      for (std::uint32_t port = 0; port < 65'536; ++port) {
        key.destination_port = Be16{static_cast<std::uint16_t>(port)};
        ++ports[rss.worker(key)];
      }
      ASSERT_EQ(ports.size(), workers);
      // As many entries as a worker has, so many ports, exactly.
      for (const auto& [worker, count] : ports) {
        const std::size_t mine = (entries - worker.number + workers - 1) / workers;
        EXPECT_EQ(count, mine * (65'536 / entries))
            << entries << " entries, worker " << int{worker.number} << " of " << workers;
      }
    }
  }
}

TEST(Rss, SaysWhereThePortCannotSteer) {
  const Bytes zero(40, 0);
  EXPECT_FALSE(Rss(zero, round_robin(128, 2), RssFields::Tuple).spreads_ports());
  EXPECT_TRUE(Rss(zero, round_robin(1, 1), RssFields::Tuple).spreads_ports());
  const Bytes ones(40, 0xff);  // only the parity of the port counts
  EXPECT_FALSE(Rss(ones, round_robin(128, 2), RssFields::Tuple).spreads_ports());
  EXPECT_TRUE(Rss(repeating_key(), round_robin(512, 5), RssFields::Tuple).spreads_ports());
  EXPECT_TRUE(Rss(repeating_key(), round_robin(512, 5), RssFields::Destination).spreads_ports());
  EXPECT_FALSE(Rss(repeating_key(), round_robin(512, 5), RssFields::Source).spreads_ports());
}

TEST(Rss, AgreesWithAnotherOfTheSameKeyAndTable) {
  const Rss rss(random_key(1), round_robin(128, 4), RssFields::Tuple);
  EXPECT_TRUE(rss.agrees_with(rss));
  EXPECT_TRUE(rss.agrees_with(Rss(random_key(1), round_robin(512, 4), RssFields::Tuple)));
  EXPECT_FALSE(rss.agrees_with(Rss(random_key(2), round_robin(128, 4), RssFields::Tuple)));
  EXPECT_FALSE(rss.agrees_with(Rss(random_key(1), round_robin(128, 3), RssFields::Tuple)));
  // 128 and 512 are not multiples of 3: their entries part after the 128th.
  const Rss three(random_key(1), round_robin(128, 3), RssFields::Tuple);
  EXPECT_FALSE(three.agrees_with(Rss(random_key(1), round_robin(512, 3), RssFields::Tuple)));
  // Some NICs have longer keys; what is behind the 40th byte is never used.
  const Rss longer(repeating_key(52), round_robin(128, 4), RssFields::Tuple);
  EXPECT_TRUE(longer.agrees_with(Rss(repeating_key(40), round_robin(128, 4), RssFields::Source)));
}

TEST(Rss, KnowsKeysAndTables) {
  EXPECT_TRUE(Rss::repeats(repeating_key(52)));
  EXPECT_FALSE(Rss::repeats(random_key(1)));
  Bytes late = repeating_key();
  late.back() ^= 1;
  EXPECT_FALSE(Rss::repeats(late));
  EXPECT_TRUE(Rss::is_table_size(1));
  EXPECT_TRUE(Rss::is_table_size(512));
  EXPECT_FALSE(Rss::is_table_size(0));
  EXPECT_FALSE(Rss::is_table_size(96));
  EXPECT_FALSE(Rss::is_table_size(131'072));
}

}  // namespace
}  // namespace dataplane
