// Ports that cannot be: each gives one sentence that names the port, the need and the remedy, and
// leaves EAL able to serve the next.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/system/nic/rig.h"

namespace nic::test {
namespace {

std::string refusal(const PortOptions& port) {
  Rig rig({port});
  EXPECT_EQ(rig.forwarder, nullptr) << port.device;
  return rig.failure;
}

/// All of `parts` are in the sentence, and it is one line.
void expect_sentence(const std::string& sentence, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    EXPECT_NE(sentence.find(part), std::string::npos) << "'" << part << "' in: " << sentence;
  }
  EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
}

PortOptions port_on(const std::string& device) {
  return {.name = "front", .device = device, .kernel_path = false};
}

TEST(Failures, NoSuchPciDevice) {
  expect_sentence(refusal(port_on("0000:fe:1f.7")),
                  {"port 'front'", "no PCI device 0000:fe:1f.7", "lspci -D"});
}

TEST(Failures, NoSuchInterface) {
  expect_sentence(refusal(port_on("net_af_packet0,iface=no-such-if")),
                  {"port 'front'", "no network interface 'no-such-if'", "ip link"});
  expect_sentence(refusal(port_on("net_af_xdp0,iface=no-such-if")),
                  {"port 'front'", "no network interface 'no-such-if'"});
}

TEST(Failures, NoInterfaceGiven) {
  expect_sentence(refusal(port_on("net_af_packet0")), {"port 'front'", "iface=NAME"});
}

TEST(Failures, UnknownDriver) {
  expect_sentence(refusal(port_on("net_nothing0")),
                  {"port 'front'", "net_nothing0", "driver's name right", "net_af_xdp"});
}

TEST(Failures, NotADeviceAtAll) {
  expect_sentence(refusal(port_on("eth0:1")), {"port 'front'", "\"eth0:1\"", "PCI address"});
}

TEST(Failures, ArgumentsThatTheDriverDoesNotKnow) {
  expect_sentence(refusal(port_on("net_null0,colour=blue")), {"port 'front'", "net_null0"});
}

TEST(Failures, RssThatTheDeviceDoesNotHave) {
  PortOptions port = port_on("net_ring0");
  port.rss.use = UseRss::Always;
  expect_sentence(refusal(port), {"port 'front'", "steering = \"rss\"", "leave 'steering' out"});
  port = port_on("net_null0");
  port.rss = {.use = UseRss::Always, .fields = dataplane::RssFields::Source};
  expect_sentence(refusal(port), {"port 'front'", "net_null", "L3_SRC_ONLY", "mode nat"});
}

TEST(Failures, WithoutTheRightToOpenTheInterface) {
  if (geteuid() == 0) GTEST_SKIP() << "root may open it";
  expect_sentence(refusal(port_on("net_af_packet0,iface=lo")), {"port 'front'", "run as root"});
}

TEST(Failures, WithoutTheRightToMakeATap) {
  if (geteuid() == 0) GTEST_SKIP() << "root may make it";
  PortOptions port = port_on("net_null0");
  port.kernel_path = true;
  expect_sentence(refusal(port), {"port 'front'", "run as root", "kernel_path = false"});
}

TEST(Failures, ForRootAnMtuThatTheDeviceCannot) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to open the interface";
  PortOptions port = port_on("net_af_packet0,iface=lo");
  port.mtu = 9000;
  expect_sentence(refusal(port), {"port 'front'", "mtu = 9000", "to 1500"});
}

TEST(Failures, TheNextPortWorksAllTheSame) {
  Rig broken({port_on("net_null0"), port_on("net_nothing0")});
  EXPECT_EQ(broken.forwarder, nullptr);
  Rig rig({port_on("net_null0")});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  rig.start_obeying();
  EXPECT_TRUE(rig.forwarder->stop().all_back());
}

TEST(Failures, HugePagesThatAreNotThere) {
  RuntimeOptions options;
  options.eal.hugepages = Hugepages::On;
  options.eal.need.buffer_bytes = std::uint64_t{1} << 50;
  auto result = Runtime::start(std::move(options));
  ASSERT_TRUE(std::holds_alternative<Failure>(result));
  expect_sentence(std::get<Failure>(result).message, {"eal.hugepages", "vm.nr_hugepages="});
}

TEST(Failures, ACpuThatIsNotThere) {
  RuntimeOptions options;
  options.worker_cpus = {127};
  auto result = Runtime::start(std::move(options));
  ASSERT_TRUE(std::holds_alternative<Failure>(result));
  expect_sentence(std::get<Failure>(result).message, {"CPU 127", "'workers'"});
}

}  // namespace
}  // namespace nic::test

int main(int argc, char** argv) { return nic::test::run_tests(argc, argv, false); }
