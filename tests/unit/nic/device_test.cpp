#include "nic/device.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace nic {
namespace {

Device parsed(std::string_view text) {
  auto result = parse_device(text);
  if (auto* failure = std::get_if<Failure>(&result)) ADD_FAILURE() << failure->message;
  return std::get<Device>(result);
}

TEST(ParseDevice, PciAddresses) {
  EXPECT_TRUE(parsed("0000:3b:00.0").pci);
  EXPECT_EQ(parsed("3B:00.1").name, "0000:3b:00.1");
  EXPECT_EQ(parsed("10000:e1:00.0").name, "10000:e1:00.0");  // behind Intel's VMD
  const Device device = parsed("0000:3b:00.0,mprq_en=1");
  EXPECT_EQ(device.name, "0000:3b:00.0");
  EXPECT_EQ(device.devargs(), "pci:0000:3b:00.0,mprq_en=1");
}

TEST(ParseDevice, VirtualDevices) {
  const Device device = parsed("net_af_packet12,iface=veth0,framecnt=1024");
  EXPECT_FALSE(device.pci);
  EXPECT_EQ(device.name, "net_af_packet12");
  EXPECT_EQ(device.driver, "net_af_packet");
  EXPECT_EQ(device.interface(), "veth0");
  EXPECT_EQ(device.argument("framecnt"), "1024");
  EXPECT_EQ(device.argument("frame"), std::nullopt);
  EXPECT_EQ(device.devargs(), "vdev:net_af_packet12,iface=veth0,framecnt=1024");
  EXPECT_EQ(parsed("net_null0").devargs(), "vdev:net_null0");
  EXPECT_EQ(parsed("net_null0").interface(), "");
}

TEST(ParseDevice, RefusesWhatIsNeither) {
  for (const char* text : {"", "eth 0", "0000:3b:00", "3b:00.9", "/dev/net", "123"}) {
    EXPECT_TRUE(std::holds_alternative<Failure>(parse_device(text))) << text;
  }
}

/// A /sys and a /dev of our own.
class DeviceProblem : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("spillway-pci-" + std::to_string(getpid()));
    roots_ = {.pci = root_ / "pci", .dev = root_ / "dev"};
    std::filesystem::create_directories(roots_.pci);
    std::filesystem::create_directories(roots_.dev / "vfio");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void add(const std::string& address, const std::string& device_class, const std::string& driver) {
    const auto folder = roots_.pci / address;
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "class") << device_class << '\n';
    if (!driver.empty()) {
      std::filesystem::create_directory_symlink("../../drivers/" + driver, folder / "driver");
    }
  }
  void link_group(const std::string& address, const std::string& group) {
    std::filesystem::create_directory_symlink("../../iommu_groups/" + group,
                                              roots_.pci / address / "iommu_group");
  }
  std::string problem(std::string_view device) {
    return device_problem(parsed(device), roots_).value_or("");
  }

  std::filesystem::path root_;
  DeviceRoots roots_;
};

TEST_F(DeviceProblem, NoSuchPciDevice) {
  EXPECT_NE(problem("0000:3b:00.0").find("no PCI device 0000:3b:00.0"), std::string::npos);
}

TEST_F(DeviceProblem, NotANetworkDevice) {
  add("0000:00:1f.2", "0x010601", "ahci");
  EXPECT_NE(problem("0000:00:1f.2").find("not a network device"), std::string::npos);
}

TEST_F(DeviceProblem, BoundToTheKernelsDriver) {
  add("0000:3b:00.0", "0x020000", "ixgbe");
  const std::string text = problem("0000:3b:00.0");
  EXPECT_NE(text.find("kernel's driver ixgbe"), std::string::npos) << text;
  EXPECT_NE(text.find("dpdk-devbind.py --bind=vfio-pci 0000:3b:00.0"), std::string::npos) << text;
}

TEST_F(DeviceProblem, BoundToNothing) {
  add("0000:3b:00.0", "0x020000", "");
  EXPECT_NE(problem("0000:3b:00.0").find("bound to no driver"), std::string::npos);
}

TEST_F(DeviceProblem, Mellanox) {
  add("0000:3b:00.0", "0x020000", "mlx5_core");
  EXPECT_EQ(problem("0000:3b:00.0"), "");
}

TEST_F(DeviceProblem, VfioStepByStep) {
  add("0000:3b:00.0", "0x020000", "vfio-pci");
  EXPECT_NE(problem("0000:3b:00.0").find("modprobe vfio-pci"), std::string::npos);
  std::ofstream(roots_.dev / "vfio" / "vfio") << "";
  EXPECT_NE(problem("0000:3b:00.0").find("intel_iommu=on"), std::string::npos);
  link_group("0000:3b:00.0", "17");
  const std::string text = problem("0000:3b:00.0");  // its /dev/vfio/17 is not there
  EXPECT_NE(text.find("no permission"), std::string::npos) << text;
  EXPECT_NE(text.find("vfio/17"), std::string::npos) << text;
  std::ofstream(roots_.dev / "vfio" / "17") << "";
  EXPECT_EQ(problem("0000:3b:00.0"), "");
}

TEST_F(DeviceProblem, Interfaces) {
  EXPECT_NE(problem("net_af_packet0").find("iface=NAME"), std::string::npos);
  EXPECT_NE(problem("net_af_xdp0,iface=no-such-if0").find("no network interface 'no-such-if0'"),
            std::string::npos);
  EXPECT_NE(problem("net_af_xdp0,iface=a-very-long-interface-name").find("too long"),
            std::string::npos);
  EXPECT_EQ(problem("net_af_packet0,iface=lo"), "");
  EXPECT_EQ(problem("net_null0"), "");
}

TEST(AttachRemedy, KnowsTheDriversWords) {
  EXPECT_NE(attach_remedy(parsed("net_af_packet0,iface=x"), "f(): Could not open AF_PACKET socket")
                .find("run as root"),
            std::string::npos);
  EXPECT_NE(attach_remedy(parsed("net_af_xdp0,iface=x"), "Failed to create umem")
                .find("ulimit -l unlimited"),
            std::string::npos);
  EXPECT_EQ(attach_remedy(parsed("net_null0"), "something new"), "");
}

}  // namespace
}  // namespace nic
