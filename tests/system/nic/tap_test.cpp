// The kernel path, in a network namespace of its own: what Linux sends through a port's TAP twin
// leaves on the wire, what a worker punts arrives in Linux, with and without a VLAN.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "tests/system/nic/rig.h"

namespace nic::test {
namespace {

using dataplane::Totals;
using dataplane::Verdict;

constexpr const char* our_mac = "02:00:5e:10:00:01";
constexpr std::array<std::uint8_t, 6> peer_mac{0x02, 0, 0x5e, 0x10, 0, 0x02};

/// Punts whatever a worker receives.
void start_punting(Rig& rig) {
  std::vector<Forwarder::Turn> turns;
  for (std::size_t i = 0; i < rig.forwarder->workers(); ++i) {
    auto burst = std::make_shared<dataplane::Burst>();
    turns.emplace_back([&rig, i, burst](dataplane::Instant now) {
      QueuePair& io = rig.forwarder->queue_pair(WorkerId{static_cast<std::uint8_t>(i)});
      Totals& totals = rig.totals(i);
      std::size_t packets = 0;
      while (io.receive(*burst, now)) {
        packets += burst->size;
        totals.received.add(burst->size);
        auto& punts = rig.blocks[i]->verdicts[static_cast<std::size_t>(Verdict::PuntKernel)];
        punts.add(burst->size);
        for (std::size_t k = 0; k < burst->size; ++k) burst->decide(k, Verdict::PuntKernel);
        io.transmit(*burst, totals);
      }
      return packets + io.idle(totals);
    });
  }
  rig.forwarder->start(std::move(turns));
}

/// Control's part: serves whichever descriptor is readable, once.
void serve(KernelPort& kernel, int timeout_ms) {
  std::array<pollfd, 2> waits{pollfd{kernel.tap_descriptor(), POLLIN, 0},
                              pollfd{kernel.wake_descriptor(), POLLIN, 0}};
  poll(waits.data(), waits.size(), timeout_ms);
  if ((waits[0].revents & POLLIN) != 0) kernel.from_kernel();
  if ((waits[1].revents & POLLIN) != 0) kernel.to_kernel();
}

bool serve_until(KernelPort& kernel, const std::function<bool()>& done) {
  return eventually([&] {
    if (done()) return true;
    serve(kernel, 1);
    return done();
  });
}

std::string bytes_of(const rte_mbuf* packet) {
  return {rte_pktmbuf_mtod(packet, const char*), packet->data_len};
}

/// The same UDP packet back: both pairs of addresses and the ports swapped, so no checksum changes.
rte_mbuf* returned(const MbufPool& pool, std::string frame, std::size_t network) {
  const auto swap = [&](std::size_t a, std::size_t b, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) std::swap(frame[a + i], frame[b + i]);
  };
  swap(0, 6, 6);
  swap(network + 12, network + 16, 4);
  swap(network + 20, network + 22, 2);
  rte_mbuf* packet = rte_pktmbuf_alloc(pool.get());
  CHECK(packet != nullptr);
  char* data = rte_pktmbuf_append(packet, static_cast<std::uint16_t>(frame.size()));
  CHECK(data != nullptr);
  std::memcpy(data, frame.data(), frame.size());
  return packet;
}

class UdpSocket {
 public:
  UdpSocket() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const sockaddr_in own = address("10.99.0.1", 4000);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
  }
  ~UdpSocket() { close(fd_); }
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  void send(const std::string& text) const {
    const sockaddr_in peer = address("10.99.0.2", 5000);
    EXPECT_EQ(sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&peer),
                     sizeof peer),
              static_cast<ssize_t>(text.size()));
  }
  /// Empty: nothing there.
  [[nodiscard]] std::string receive() const {
    std::array<char, 2048> buffer;
    const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
  }

 private:
  static sockaddr_in address(const char* ip, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, ip, &address.sin_addr);
    return address;
  }
  int fd_;
};

PortOptions twin_port(const RingPort& ring, std::uint16_t vlan) {
  PortOptions options = ring.options();
  options.kernel_path = true;
  options.vlan = vlan;
  options.mtu = 1400;
  options.mac = dataplane::parse_mac(our_mac);
  return options;
}

class TapTest : public testing::TestWithParam<std::uint16_t> {
 protected:
  static void SetUpTestSuite() {
    // New interfaces would send IPv6 packets of their own.
    shell("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    shell("ip link set lo up");
  }
  static void give_address() {
    shell("ip address add 10.99.0.1/24 dev front");
    shell("ip neighbour replace 10.99.0.2 lladdr 02:00:5e:10:00:02 dev front nud permanent");
  }
};

TEST_P(TapTest, BothWays) {
  const std::uint16_t vlan = GetParam();
  RingPort front("front", 1);
  Rig rig({twin_port(front, vlan)});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  KernelPort& kernel = *rig.forwarder->kernel_port(PortId{0});
  EXPECT_EQ(kernel.tap().name(), "front");
  EXPECT_EQ(kernel.tap().index(), static_cast<int>(if_nametoindex("front")));
  shell(std::string("ip link show front | grep -q 'link/ether ") + our_mac + "'");
  shell("ip link show front | grep -q 'mtu 1400'");
  shell("ip link show front | grep -q ',UP'");
  give_address();
  start_punting(rig);

  UdpSocket socket;
  socket.send("hello, wire");
  std::vector<rte_mbuf*> out;
  ASSERT_TRUE(serve_until(kernel, [&] { return !(out = front.sent()).empty(); }));
  const std::string frame = bytes_of(out[0]);
  rte_pktmbuf_free(out[0]);
  const std::size_t network = vlan == 0 ? 14 : 18;
  EXPECT_EQ(std::memcmp(frame.data(), peer_mac.data(), peer_mac.size()), 0);
  EXPECT_EQ(frame.substr(network + 28), "hello, wire");
  const std::string type =
      vlan == 0 ? std::string("\x08\x00", 2) : std::string("\x81\x00\x00\x2a\x08\x00", 6);
  EXPECT_EQ(frame.substr(12, type.size()), type);
  EXPECT_TRUE(eventually([&] { return rig.sum(&Totals::from_kernel) == 1; }));

  front.give(0, returned(rig.forwarder->ports()[0]->pool(), frame, network));
  std::string text;
  EXPECT_TRUE(serve_until(kernel, [&] { return !(text = socket.receive()).empty(); }));
  EXPECT_EQ(text, "hello, wire");
  rig.stop_and_check();
  EXPECT_EQ(rig.sum(&Totals::punted), 1u);
}

TEST_P(TapTest, AFloodOfPuntsIsBoundedAndEveryOneCounted) {
  RingPort front("front", 1);
  Rig rig({twin_port(front, GetParam())});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  KernelPort& kernel = *rig.forwarder->kernel_port(PortId{0});
  start_punting(rig);
  constexpr std::uint32_t count = 5'000;
  for (std::uint32_t i = 0; i < count; ++i) {
    front.give(0, make_frame(rig.forwarder->ports()[0]->pool(), {}));
  }
  ASSERT_TRUE(eventually(
      [&] { return rig.sum(&Totals::punted) + rig.sum(&Totals::punt_unsent) == count; }));
  // Nobody served the ring: it took what it holds, and the rest was freed.
  EXPECT_EQ(rig.sum(&Totals::punted), KernelPort::ring_capacity);
  EXPECT_EQ(rig.sum(&Totals::punt_unsent), count - KernelPort::ring_capacity);
  // One wake-up is enough to get all of them, however many calls that takes.
  unsigned moved = 0;
  while (true) {
    pollfd wait{kernel.wake_descriptor(), POLLIN, 0};
    if (poll(&wait, 1, 0) != 1) break;
    moved += kernel.to_kernel();
  }
  EXPECT_EQ(moved, KernelPort::ring_capacity);
  EXPECT_EQ(kernel.lost_to_kernel(), 0u);
  rig.stop_and_check();
}

TEST_P(TapTest, NoWakeUpIsLost) {
  RingPort front("front", 1);
  Rig rig({twin_port(front, GetParam())});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  KernelPort& kernel = *rig.forwarder->kernel_port(PortId{0});
  start_punting(rig);
  // One frame at a time, each served by the wake-up it caused: a lost one would end this in poll().
  for (std::uint32_t i = 0; i < 2'000; ++i) {
    front.give(0, make_frame(rig.forwarder->ports()[0]->pool(), {}));
    for (unsigned moved = 0; moved == 0;) {
      pollfd wait{kernel.wake_descriptor(), POLLIN, 0};
      ASSERT_EQ(poll(&wait, 1, 10'000), 1) << i;
      moved = kernel.to_kernel();
    }
  }
  rig.stop_and_check();
}

TEST_P(TapTest, StopsWithFramesUnderWay) {
  RingPort front("front", 1);
  Rig rig({twin_port(front, GetParam())});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  give_address();
  KernelPort& kernel = *rig.forwarder->kernel_port(PortId{0});
  UdpSocket socket;
  for (int i = 0; i < 100; ++i) socket.send("never sent");
  EXPECT_EQ(kernel.from_kernel(), KernelPort::frames_per_call);  // no worker runs
  EXPECT_TRUE(rig.forwarder->stop().all_back());
  EXPECT_NE(if_nametoindex("front"), 0u);  // control may still hold it
  rig.forwarder.reset();
  EXPECT_EQ(if_nametoindex("front"), 0u);
}

INSTANTIATE_TEST_SUITE_P(Vlans, TapTest, testing::Values(0, 42));

TEST(Tap, IsGoneAfterKill) {
  const pid_t child = fork();
  if (child == 0) {
    const auto tap = Tap::create({.name = "doomed", .mac = *dataplane::parse_mac(our_mac)});
    if (std::holds_alternative<Failure>(tap)) _exit(1);
    pause();
  }
  ASSERT_TRUE(eventually([] { return if_nametoindex("doomed") != 0; }));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(if_nametoindex("doomed"), 0u);
}

std::string refusal(const TapOptions& options) {
  const auto tap = Tap::create(options);
  EXPECT_TRUE(std::holds_alternative<Failure>(tap));
  return std::holds_alternative<Failure>(tap) ? std::get<Failure>(tap).message : "";
}

TEST(Tap, NamesThatCannotBe) {
  const auto mac = *dataplane::parse_mac(our_mac);
  EXPECT_NE(refusal({.name = "sixteen-bytes-xx", .mac = mac}).find("1 to 15 bytes"),
            std::string::npos);
  EXPECT_NE(refusal({.name = "", .mac = mac}).find("1 to 15 bytes"), std::string::npos);
  EXPECT_NE(refusal({.name = "a/b", .mac = mac}).find("letters"), std::string::npos);
}

TEST(Tap, ANameThatIsTaken) {
  const auto mac = *dataplane::parse_mac(our_mac);
  const auto first = Tap::create({.name = "taken", .mac = mac});
  ASSERT_TRUE(std::holds_alternative<Tap>(first));
  const std::string message = refusal({.name = "taken", .mac = mac});
  EXPECT_NE(message.find("port 'taken'"), std::string::npos) << message;
  EXPECT_NE(message.find("give the port another name"), std::string::npos) << message;
  EXPECT_NE(refusal({.name = "lo", .mac = mac}).find("another name"), std::string::npos);
}

TEST(Tap, AMacThatIsNone) {
  EXPECT_NE(refusal({.name = "front", .mac = *dataplane::parse_mac("01:00:5e:00:00:01")})
                .find("MAC address"),
            std::string::npos);
}

}  // namespace
}  // namespace nic::test

int main(int argc, char** argv) { return nic::test::run_tests(argc, argv, true); }
