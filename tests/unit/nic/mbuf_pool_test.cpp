#include "nic/mbuf_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

namespace nic {
namespace {

Device device(std::string_view text) { return std::get<Device>(parse_device(text)); }

BufferPlan plan_of(std::string_view text, PortBuffers port) {
  BufferPlan plan;
  plan.add_port(device(text), port);
  return plan;
}

TEST(BufferPlan, CountsDescriptorsOfBothDirections) {
  EXPECT_EQ(plan_of("0000:3b:00.0", {.queues = 4, .descriptors = 1024}).buffers, 8192u);
}

TEST(BufferPlan, CountsWhatDriversHoldBesides) {
  // fill ring 4,096 and completion ring 2,048
  EXPECT_EQ(plan_of("net_af_xdp0,iface=x", {.queues = 1, .descriptors = 512}).buffers,
            1024u + 6144);
  EXPECT_EQ(plan_of("net_memif0,zero-copy=yes,rsize=12", {.queues = 1, .descriptors = 512}).buffers,
            1024u + 8192);
  EXPECT_EQ(plan_of("net_memif0,rsize=12", {.queues = 1, .descriptors = 512}).buffers, 1024u);
}

TEST(BufferPlan, RoomFitsTheFrame) {
  EXPECT_EQ(plan_of("net_null0", {.mtu = 1500}).data_room, 128 + 2048);
  EXPECT_EQ(plan_of("net_null0", {.mtu = 9000}).data_room, 128 + 9216);
  EXPECT_EQ(plan_of("net_af_packet0,iface=x,framesz=4096", {.mtu = 1500}).data_room, 128 + 4096);
}

TEST(BufferPlan, TheLargestPortDecidesTheRoom) {
  BufferPlan plan;
  plan.add_port(device("net_null0"), {.mtu = 9000});
  plan.add_port(device("net_null1"), {.mtu = 1500});
  EXPECT_EQ(plan.data_room, 128 + 9216);
}

TEST(BufferPlan, RingsAndThreadsCount) {
  BufferPlan plan;
  plan.add_rings(3, 1024);
  EXPECT_EQ(plan.buffers, 3072u);
  plan.add_threads(2);
  EXPECT_EQ(plan.buffers, 3072u + 2 * (384 + 256));
  EXPECT_GT(plan.pool_size(), plan.buffers + 1024);
}

TEST(BufferPlan, BytesAreAnUpperBound) {
  const BufferPlan plan = plan_of("net_null0", {.mtu = 1500});
  EXPECT_GT(plan.pool_bytes(), std::uint64_t{plan.pool_size()} * (128 + 2176));
}

class PcapRecords : public testing::Test {
 protected:
  void SetUp() override {
    file_ = std::filesystem::temp_directory_path() / ("spillway-" + std::to_string(getpid()));
  }
  void TearDown() override { std::filesystem::remove(file_); }
  void write(std::uint32_t magic, const std::vector<std::uint32_t>& sizes) {
    std::ofstream stream(file_, std::ios::binary);
    const std::array<std::uint32_t, 6> header{magic, 0x00040002, 0, 0, 65535, 1};
    stream.write(reinterpret_cast<const char*>(header.data()), sizeof header);
    for (const std::uint32_t size : sizes) {
      const std::array<std::uint32_t, 4> record{0, 0, size, size};
      stream.write(reinterpret_cast<const char*>(record.data()), sizeof record);
      stream << std::string(size, 'x');
    }
  }
  std::filesystem::path file_;
};

TEST_F(PcapRecords, AreCounted) {
  write(0xa1b2c3d4, {60, 1514, 64});
  EXPECT_EQ(pcap_records(file_), 3u);
  write(0xa1b23c4d, {60});
  EXPECT_EQ(pcap_records(file_), 1u);
}

TEST_F(PcapRecords, OfOtherFilesAreNone) {
  write(0x12345678, {60});
  EXPECT_EQ(pcap_records(file_), 0u);
  EXPECT_EQ(pcap_records("/no/such/file"), 0u);
}

TEST_F(PcapRecords, ThatRepeatForEverStayInBuffers) {
  write(0xa1b2c3d4, std::vector<std::uint32_t>(500, 60));
  const std::string text = "net_pcap0,rx_pcap=" + file_.string() + ",infinite_rx=1";
  EXPECT_EQ(plan_of(text, {.queues = 1, .descriptors = 64}).buffers, 128u + 500);
}

}  // namespace
}  // namespace nic
