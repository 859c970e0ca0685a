#include "nic/rss.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_thash.h>

#include <cstring>
#include <random>
#include <vector>

#include "dataplane/packet/flow_key.h"

namespace nic {
namespace {

using dataplane::Be16;
using dataplane::Be32;
using dataplane::FlowKey4;
using dataplane::Rss;
using dataplane::RssFields;
using dataplane::WorkerId;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t tcp_and_udp = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
                                      RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
constexpr std::uint64_t source_only = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY;

TEST(RssTypes, AreThoseThatThePathKnowsAndTheDeviceHas) {
  EXPECT_EQ(rss_types(~std::uint64_t{0}, RssFields::Tuple),
            tcp_and_udp | RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6);
  EXPECT_EQ(rss_types(tcp_and_udp | RTE_ETH_RSS_NONFRAG_IPV4_SCTP, RssFields::Tuple), tcp_and_udp);
  EXPECT_EQ(rss_types(tcp_and_udp | source_only, RssFields::Source), tcp_and_udp | source_only);
  EXPECT_EQ(rss_types(tcp_and_udp | source_only, RssFields::Destination), tcp_and_udp);
  EXPECT_EQ(rss_types(tcp_and_udp | RTE_ETH_RSS_L3_SRC_ONLY, RssFields::Source), tcp_and_udp)
      << "the address alone would not be enough";
  EXPECT_EQ(rss_types(0, RssFields::Source), 0u);
}

TEST(RssTypes, TellTheFields) {
  EXPECT_EQ(rss_fields(tcp_and_udp), RssFields::Tuple);
  EXPECT_EQ(rss_fields(tcp_and_udp | RTE_ETH_RSS_IPV4), RssFields::Tuple);
  EXPECT_EQ(rss_fields(tcp_and_udp | source_only), RssFields::Source);
  EXPECT_EQ(rss_fields(tcp_and_udp | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY),
            RssFields::Destination);
  EXPECT_FALSE(rss_fields(tcp_and_udp | RTE_ETH_RSS_L3_SRC_ONLY));
  EXPECT_FALSE(rss_fields(RTE_ETH_RSS_IPV4));
  EXPECT_FALSE(rss_fields(RTE_ETH_RSS_NONFRAG_IPV4_TCP)) << "UDP by address alone";
  EXPECT_FALSE(rss_fields(RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP))
      << "IPv6 by address alone";
  EXPECT_FALSE(rss_fields(0));
}

// --- the path's reckoning against DPDK's ---

struct Key6 {  // the layout that Rss asks of any key
  std::array<std::uint8_t, 16> source, destination;
  Be16 source_port, destination_port;
};

/// DPDK's: words in host order.
std::uint32_t softrss(const void* input, std::size_t size, const Bytes& key) {
  std::array<std::uint32_t, 9> words{};
  std::memcpy(words.data(), input, size);
  for (std::uint32_t& word : words) word = __builtin_bswap32(word);
  return rte_softrss(words.data(), static_cast<std::uint32_t>(size / 4), key.data());
}

std::vector<Bytes> keys() {
  std::vector<Bytes> keys;
  keys.push_back({0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                  0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                  0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                  0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa});
  Bytes symmetric;
  for (int i = 0; i < 20; ++i) symmetric.insert(symmetric.end(), {0x6d, 0x5a});
  keys.push_back(symmetric);
  std::mt19937 random{1};
  for (const std::size_t size : {40u, 52u, 52u}) {
    Bytes key(size);
    for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random());
    keys.push_back(key);
  }
  return keys;
}

class AgainstDpdk : public testing::Test {
 protected:
  template <class Key>
  Key random_key() {
    Key key{};
    auto* bytes = reinterpret_cast<std::uint8_t*>(&key);
    for (std::size_t i = 0; i < 2 * sizeof key.source + 4; ++i) {
      bytes[i] = static_cast<std::uint8_t>(random_());
    }
    return key;
  }

  /// For every key, table size and number of queues: the same queue, and a local port found by
  /// parts of the hash leads where it should.
  template <class Key>
  void compare() {
    constexpr std::size_t size = 2 * sizeof(Key::source) + 4;
    for (const Bytes& hash_key : keys()) {
      for (const std::size_t entries : {64u, 128u, 256u, 512u}) {
        for (std::size_t queues = 1; queues <= 16; ++queues) {
          const Rss rss(hash_key, dealt_out(entries, queues), RssFields::Tuple);
          ASSERT_TRUE(rss.spreads_ports());
          for (int i = 0; i < 20; ++i) {
            Key key = random_key<Key>();
            const std::uint32_t dpdk = softrss(&key, size, hash_key);
            ASSERT_EQ(rss.hash(key), dpdk);
            ASSERT_EQ(rss.worker(key).number, dpdk % entries % queues);
            aim(rss, key, WorkerId{static_cast<std::uint8_t>(random_() % queues)});
            ASSERT_EQ(softrss(&key, size, hash_key) % entries % queues, aimed_at_.number);
          }
        }
      }
    }
  }

 private:
  static std::vector<WorkerId> dealt_out(std::size_t entries, std::size_t queues) {
    std::vector<WorkerId> table;
    for (std::size_t i = 0; i < entries; ++i) {
      table.push_back(WorkerId{static_cast<std::uint8_t>(i % queues)});
    }
    return table;
  }
  /// Another destination port, the first from there on that RSS brings to that worker.
  template <class Key>
  void aim(const Rss& rss, Key& key, WorkerId wanted) {
    aimed_at_ = wanted;
    const std::uint32_t base = rss.source_part(key.source, key.source_port);
    std::uint16_t port = key.destination_port.value();
    for (int tries = 0; tries < 65'536; ++tries, ++port) {
      const Be16 candidate{port};
      if (rss.worker_of_hash(base ^ rss.destination_part(key.destination, candidate)) == wanted) {
        key.destination_port = candidate;
        return;
      }
    }
    ADD_FAILURE() << "no port leads to worker " << int{wanted.number};
  }

  std::mt19937 random_{2};
  WorkerId aimed_at_;
};

TEST_F(AgainstDpdk, Ipv4TuplesGoToTheSameQueue) { compare<FlowKey4>(); }

TEST_F(AgainstDpdk, Ipv6TuplesGoToTheSameQueue) { compare<Key6>(); }

TEST_F(AgainstDpdk, OneEndHashesAlikeWhereverADevicePutsIt) {
  const Bytes key = keys()[1];
  const Rss source(key, std::vector<WorkerId>(128), RssFields::Source);
  for (int i = 0; i < 1000; ++i) {
    const auto tuple = random_key<FlowKey4>();
    const std::uint32_t hash = source.hash(tuple);
    // Behind each other, or in their places with nothing in between.
    struct {
      dataplane::Ipv4Address address;
      Be16 port;
      Be16 nothing;
    } const dense{tuple.source, tuple.source_port, {}};
    EXPECT_EQ(softrss(&dense, 8, key), hash);
    FlowKey4 sparse = tuple;
    sparse.destination = {};
    sparse.destination_port = {};
    EXPECT_EQ(softrss(&sparse, 12, key), hash);
    FlowKey4 turned = sparse.reversed();
    EXPECT_EQ(softrss(&turned, 12, key), hash);
  }
}

}  // namespace
}  // namespace nic
