// af_packet and af_xdp on a veth, in a network namespace of its own: frames go out of the other
// end, through a worker and back, whole and once, and the driver's buffers are accounted for.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "tests/system/nic/rig.h"

namespace nic::test {
namespace {

using dataplane::Totals;

/// The other end of the wire: sends and receives raw frames.
class Peer {
 public:
  Peer() : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex("peer0"));
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const int bytes = 16 << 20;  // no frame may be lost on this side
    EXPECT_EQ(setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes), 0);
    const int on = 1;
    setsockopt(fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
  }
  ~Peer() { close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(const std::string& frame) const {
    EXPECT_TRUE(eventually([&] {
      return ::send(fd_, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
    }));
  }
  [[nodiscard]] std::string receive() const {
    std::array<char, 8192> buffer;
    const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
  }

 private:
  static std::uint16_t htons(int value) {
    return __builtin_bswap16(static_cast<std::uint16_t>(value));
  }
  int fd_;
};

std::string frame_of(std::size_t size, const Order& order) {
  std::string frame(size, static_cast<char>(order.number));
  frame.replace(0, 14, std::string("\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x88\xb5", 14));
  std::memcpy(frame.data() + order_offset, &order, sizeof order);
  return frame;
}

std::uint32_t number_in(const std::string& frame) {
  Order order;
  std::memcpy(&order, frame.data() + order_offset, sizeof order);
  return order.number;
}

class InterfaceTest : public testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() { shell("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6"); }
  // Each test has its own wire: net_af_xdp lets go of an interface only when the process ends.
  void SetUp() override {
    shell("ip link add wire0 type veth peer name peer0");
    shell("ip link set peer0 up && ip link set wire0 up");
  }
  void TearDown() override { shell("ip link del wire0"); }

  static PortOptions port(std::uint16_t mtu = 1500) {
    return {.name = "front",
            .device = std::string(GetParam()) + "0,iface=wire0",
            .mtu = mtu,
            .queue_descriptors = 512,
            .kernel_path = false};
  }
  static bool is_af_xdp() { return std::string_view(GetParam()) == "net_af_xdp"; }

  /// Sends `count` frames to the port and expects each back once, unchanged.
  static void exchange(std::uint32_t count, std::size_t size) {
    const Peer peer;
    std::set<std::uint32_t> arrived;
    const auto collect = [&] {
      for (std::string frame = peer.receive(); !frame.empty(); frame = peer.receive()) {
        EXPECT_EQ(frame.size(), size);
        EXPECT_TRUE(arrived.insert(number_in(frame)).second) << "came twice";
      }
    };
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto owner = static_cast<std::uint8_t>(i % runtime().workers());
      peer.send(frame_of(size, {.egress = 0, .owner = owner, .number = i}));
      ASSERT_TRUE(eventually([&] {
        collect();
        return i + 1 - arrived.size() < 64;
      })) << arrived.size()
          << " of " << i;
    }
    EXPECT_TRUE(eventually([&] {
      collect();
      return arrived.size() == count;
    })) << arrived.size();
  }
};

TEST_P(InterfaceTest, ThereAndBack) {
  for (int round = 0; round < (is_af_xdp() ? 1 : 2); ++round) {
    Rig rig({port()});
    ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
    EXPECT_EQ(rig.forwarder->ports()[0]->driver(), GetParam());
    EXPECT_TRUE(rig.forwarder->ports()[0]->link().up);
    rig.start_obeying();
    exchange(3'000, 200);
    exchange(100, 1514);
    EXPECT_EQ(rig.forwarder->ports()[0]->statistics().received, 3'100u);
    EXPECT_EQ(rig.forwarder->ports()[0]->statistics().sent, 3'100u);
    const StopReport report = rig.stop_and_check();
    EXPECT_EQ(rig.sum(&Totals::sent), 3'100u);
    ASSERT_EQ(report.pools.size(), 1u);
    EXPECT_EQ(report.pools[0].kept_by_drivers, is_af_xdp() ? 2048u : 0u);
  }
}

TEST_P(InterfaceTest, StopsUnderLoad) {
  Rig rig({port()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  rig.start_obeying();
  const Peer peer;
  for (std::uint32_t i = 0; i < 2'000; ++i) {
    peer.send(frame_of(100, {.egress = 0, .number = i}));
  }
  ASSERT_TRUE(eventually([&] { return rig.totals(0).received.read() > 0; }));
  rig.stop_and_check();
}

TEST_P(InterfaceTest, EveryBufferOfThePoolWillDo) {
  Rig rig({port()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  // The pool gives out buffers in order of their addresses: these are the lower ones. af_xdp's UMEM
  // must reach to the last. Buffers that another worker frees do not come back at once, so that the
  // receiving one goes through all that are left.
  const MbufPool& pool = rig.forwarder->ports()[0]->pool();
  std::vector<rte_mbuf*> lower(pool.size() - pool.in_use() - 2'500);
  const auto count = static_cast<unsigned>(lower.size());
  ASSERT_EQ(rte_pktmbuf_alloc_bulk(pool.get(), lower.data(), count), 0);
  rig.start_obeying();
  const auto last = static_cast<std::uint8_t>(runtime().workers() - 1);
  const Peer peer;
  for (std::uint32_t i = 0; i < 8'000; ++i) {
    peer.send(frame_of(200, {.verdict = dataplane::Verdict::DropTtl, .owner = last, .number = i}));
    ASSERT_TRUE(eventually([&] {
      return i + 1 - rig.verdicts(last, dataplane::Verdict::DropTtl) < 64;
    })) << i;
  }
  rte_pktmbuf_free_bulk(lower.data(), count);
  rig.stop_and_check();
}

TEST_P(InterfaceTest, TheLinkIsTheInterfaces) {
  Rig rig({port()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  EXPECT_TRUE(rig.forwarder->ports()[0]->link().up);
  shell("ip link set peer0 down");
  EXPECT_TRUE(eventually([&] { return !rig.forwarder->ports()[0]->link().up; }));
  shell("ip link set peer0 up");
  EXPECT_TRUE(eventually([&] { return rig.forwarder->ports()[0]->link().up; }));
}

TEST_P(InterfaceTest, TheMtuIsSetOnTheInterface) {
  const std::uint16_t mtu = is_af_xdp() ? af_xdp_mtu_max : 1'400;
  shell("ip link set peer0 mtu 3438");
  {
    Rig rig({port(mtu)});
    ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
    shell("ip link show wire0 | grep -q 'mtu " + std::to_string(mtu) + "'");
    rig.start_obeying();
    exchange(100, mtu + 14u);
    rig.stop_and_check();
  }
}

TEST_P(InterfaceTest, AnMtuThatIsTooLargeIsRefusedWithTheLimit) {
  const Rig rig({port(is_af_xdp() ? 3'439 : 1'600)});
  ASSERT_EQ(rig.forwarder, nullptr);
  EXPECT_NE(rig.failure.find("mtu = "), std::string::npos) << rig.failure;
  EXPECT_NE(rig.failure.find(is_af_xdp() ? "to 3438" : "to 1500"), std::string::npos)
      << rig.failure;
}

TEST_P(InterfaceTest, ALargeMtuOfAnotherPortIsAfXdpsTrouble) {
  PortOptions other{.name = "back", .device = "net_null0", .mtu = 9000, .kernel_path = false};
  const Rig rig({port(), other});
  EXPECT_EQ(rig.forwarder == nullptr, is_af_xdp());
  if (is_af_xdp()) {
    EXPECT_NE(rig.failure.find("another port's mtu"), std::string::npos) << rig.failure;
  }
}

INSTANTIATE_TEST_SUITE_P(Drivers, InterfaceTest, testing::Values("net_af_packet", "net_af_xdp"));

}  // namespace
}  // namespace nic::test

int main(int argc, char** argv) { return nic::test::run_tests(argc, argv, true); }
