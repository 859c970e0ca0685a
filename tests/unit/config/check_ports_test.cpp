#include <fmt/format.h>

#include "tests/unit/config/check_case.h"

namespace config {
namespace {

INSTANTIATE_TEST_SUITE_P(
    Ports, Check,
    testing::Values(
        Case{"none", {.ports = "", .groups = "", .listeners = ""}, "ports", "1 to 16"},
        Case{"Linux's name for a device",
             {.ports = two_ports("name = \"b\"; device = \"eth0\";")},
             "ports[1].device",
             "net_af_xdp0,iface=NAME"},
        Case{"PCI function 8",
             {.ports = two_ports("name = \"b\"; device = \"0000:3b:00.8\";")},
             "ports[1].device",
             "names no device"},
        Case{"empty device",
             {.ports = two_ports("name = \"b\"; device = \"\";")},
             "ports[1].device",
             "names no device"},
        Case{"same vdev",
             {.ports = two_ports("name = \"b\"; device = \"net_null0,copy=1\";")},
             "ports[1].device",
             "used by another port already: ports[0].device"},
        Case{"same PCI device",
             {.ports = port("") +
                       ", { name = \"b\"; device = \"3B:00.0\"; }, { name = \"c\"; device "
                       "= \"0000:3b:00.0\"; }"},
             "ports[2].device",
             "ports[1].device"},
        Case{"same interface",
             {.ports = port("") +
                       ", { name = \"b\"; device = \"net_af_xdp0,iface=veth0\"; },\n"
                       "{ name = \"c\"; device = \"net_af_packet0,qpairs=1,iface=veth0\"; }"},
             "ports[2].device",
             "ports[1].device"},
        Case{"the port's own name",
             {.ports = two_ports("name = \"veth0\"; device = \"net_af_xdp0,iface=veth0\";")},
             "ports[1].name",
             "is also the interface that ports[1].device uses"},
        Case{"PCI without PCI",
             {.top = "eal = { pci = false; };\n",
              .ports = two_ports("name = \"b\"; device = \"0000:3b:00.0\";")},
             "ports[1].device",
             "eal.pci is false"},
        Case{"same network",
             {.ports = two_ports(
                  "name = \"b\"; device = \"net_null1\"; addresses = [\"10.0.1.77/24\"];")},
             "ports[1].addresses[0]",
             "same network, 10.0.1.0/24, as ports[0].addresses[0]"},
        Case{"gateway elsewhere",
             {.ports = port("gateways = [\"10.0.2.1\"];")},
             "ports[0].gateways[0]",
             "an address in 10.0.1.0/24"},
        Case{"gateway without addresses",
             {.ports =
                  two_ports("name = \"b\"; device = \"net_null1\"; gateways = [\"10.0.2.1\"];")},
             "ports[1].gateways[0]",
             "the port has no addresses"},
        Case{"same gateway",
             {.ports = port("gateways = [\"10.0.1.1\", \"10.0.1.1\"];")},
             "ports[0].gateways[1]",
             "is a gateway already"}));

TEST(CheckPorts, MayHaveInterfaceOfTheirNameWithoutKernelPath) {
  const Sample sample{.ports = two_ports("name = \"veth0\"; device = \"net_af_xdp0,iface=veth0\"; "
                                         "kernel_path = false;")};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

TEST(CheckPorts, AreSixteenAtMost) {
  std::string ports = port("");
  for (int i = 1; i < 17; ++i) {
    ports += fmt::format(", {{ name = \"p{}\"; device = \"net_null{}\"; }}", i, i);
  }
  expect_only(errors_in(Sample{.ports = ports}), "ports", "1 to 16");
}

INSTANTIATE_TEST_SUITE_P(
    Neighbours, Check,
    testing::Values(
        Case{"unknown port",
             {.neighbours =
                  "{ port = \"bakc\"; address = \"10.0.1.9\"; mac = \"02:00:00:00:00:01\"; }"},
             "neighbours[0].port",
             "Did you mean \"back\"?"},
        Case{"twice",
             {.neighbours =
                  "{ port = \"back\"; address = \"10.0.1.9\"; mac = \"02:00:00:00:00:01\"; },"
                  "{ port = \"back\"; address = \"10.0.1.9\"; mac = \"02:00:00:00:00:02\"; }"},
             "neighbours[1].address",
             "is named twice: neighbours[0]"},
        Case{"ours",
             {.neighbours =
                  "{ port = \"back\"; address = \"10.0.1.2\"; mac = \"02:00:00:00:00:01\"; }"},
             "neighbours[0].address",
             "a port's own address already"}));

}  // namespace
}  // namespace config
