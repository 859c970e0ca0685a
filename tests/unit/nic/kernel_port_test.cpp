#include "nic/kernel_port.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

namespace nic {
namespace {

/// An mbuf without a pool: a header, and room of which the last part holds the frame.
class Frame {
 public:
  explicit Frame(const std::string& bytes) {
    get()->buf_addr = room_.data();
    get()->buf_len = static_cast<std::uint16_t>(room_.size());
    get()->data_off = 16;
    get()->nb_segs = 1;
    get()->data_len = static_cast<std::uint16_t>(bytes.size());
    get()->pkt_len = get()->data_len;
    std::memcpy(rte_pktmbuf_mtod(get(), char*), bytes.data(), bytes.size());
  }
  rte_mbuf* get() { return reinterpret_cast<rte_mbuf*>(header_.data()); }
  std::string bytes() { return {rte_pktmbuf_mtod(get(), const char*), get()->data_len}; }

 private:
  std::array<char, 128> room_{};
  alignas(64) std::array<std::byte, sizeof(rte_mbuf)> header_{};
};

const std::string macs = "DDDDDDSSSSSS";
const std::string rest("\x08\x00payload", 9);
const std::string tag_42("\x81\x00\x00\x2a", 4);
const std::string tag_42_urgent("\x81\x00\xe0\x2a", 4);

TEST(VlanTag, GoesBehindTheAddresses) {
  Frame frame(macs + rest);
  ASSERT_TRUE(add_tag(frame.get(), 42));
  EXPECT_EQ(frame.bytes(), macs + tag_42 + rest);
  EXPECT_EQ(frame.get()->pkt_len, frame.bytes().size());
}

TEST(VlanTag, IsTakenAwayAgain) {
  Frame frame(macs + tag_42 + rest);
  remove_tag(frame.get(), 42);
  EXPECT_EQ(frame.bytes(), macs + rest);
}

TEST(VlanTag, IsTakenAwayWithItsPriority) {
  Frame frame(macs + tag_42_urgent + rest);
  remove_tag(frame.get(), 42);
  EXPECT_EQ(frame.bytes(), macs + rest);
}

TEST(VlanTag, OfAnotherVlanStays) {
  Frame frame(macs + tag_42 + rest);
  remove_tag(frame.get(), 43);
  EXPECT_EQ(frame.bytes(), macs + tag_42 + rest);
}

TEST(VlanTag, NeedsAWholeFrame) {
  Frame cut(macs + tag_42.substr(0, 3));
  remove_tag(cut.get(), 42);
  EXPECT_EQ(cut.bytes(), macs + tag_42.substr(0, 3));
  Frame stub("DDDDDDSSSSS");
  EXPECT_FALSE(add_tag(stub.get(), 42));
}

}  // namespace
}  // namespace nic
