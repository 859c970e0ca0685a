#include "tests/unit/config/check_case.h"

namespace config {
namespace {

INSTANTIATE_TEST_SUITE_P(
    Addresses, Check,
    testing::Values(
        Case{"multicast target",
             {.groups = targets("{ address = \"224.0.0.9\"; }")},
             "target_groups[0].targets[0].address",
             "is a multicast address"},
        Case{"loopback target",
             {.ports = port("gateways = [\"10.0.1.1\"];"),
              .groups = targets("{ address = \"127.0.0.1\"; }")},
             "target_groups[0].targets[0].address",
             "is a loopback address"},
        Case{"listener 0.0.0.0",
             {.listeners = "{ name = \"a\"; address = \"0.0.0.0\"; port = 80; "
                           "target_group = \"web\"; }"},
             "listeners[0].address",
             "is no host's address"},
        Case{"broadcast of everything",
             {.listeners = "{ name = \"a\"; address = \"255.255.255.255\"; port = 80; "
                           "target_group = \"web\"; }"},
             "listeners[0].address",
             "is no host's address"},
        Case{"network's address",
             {.groups = targets("{ address = \"10.0.1.0\"; }")},
             "target_groups[0].targets[0].address",
             "is the network's address"},
        Case{"network's broadcast",
             {.groups = targets("{ address = \"10.0.1.255\"; }")},
             "target_groups[0].targets[0].address",
             "is the broadcast address of 10.0.1.0/24"},
        Case{"IPv6 multicast",
             {.groups = targets(""),
              .listeners = "{ name = \"a\"; address = \"ff02::1\"; port = 80; "
                           "target_group = \"web\"; }"},
             "listeners[0].address",
             "is a multicast address"},
        Case{"IPv6 loopback",
             {.groups = targets(""),
              .listeners = "{ name = \"a\"; address = \"::1\"; port = 80; "
                           "target_group = \"web\"; }"},
             "listeners[0].address",
             "is a loopback address"},
        Case{"IPv6 link-local",
             {.groups = targets(""),
              .listeners = "{ name = \"a\"; address = \"fe80::1\"; port = 80; "
                           "target_group = \"web\"; }"},
             "listeners[0].address",
             "link-local"},
        Case{"IPv6 network's address",
             {.ports = two_ports(
                  "name = \"b\"; device = \"net_null1\"; addresses = [\"fd00:2::/64\"];")},
             "ports[1].addresses[0]",
             "is the network's address"},
        Case{"the port's own is the network's",
             {.ports = two_ports(
                  "name = \"b\"; device = \"net_null1\"; addresses = [\"10.0.2.0/24\"];")},
             "ports[1].addresses[0]",
             "is the network's address"},
        Case{"same address on two ports",
             {.ports = two_ports(
                  "name = \"b\"; device = \"net_null1\"; addresses = [\"10.0.1.2/32\"];")},
             "ports[1].addresses[0]",
             "a port's own address already"},
        Case{"target is the balancer",
             {.groups = targets("{ address = \"10.0.1.2\"; }")},
             "target_groups[0].targets[0].address",
             "a port's own address already"},
        Case{"target is a listener",
             {.groups = targets("{ address = \"198.51.100.10\"; }")},
             "target_groups[0].targets[0].address",
             "a listener's address already"},
        Case{"target is a local address",
             {.ports = port("local_addresses = [\"10.0.1.11\"];")},
             "target_groups[0].targets[0].address",
             "a local address of full_nat already"},
        Case{"local address is the port's",
             {.ports = port("local_addresses = [\"10.0.1.2\"];")},
             "ports[0].local_addresses[0]",
             "a port's own address already"},
        Case{"local address is a listener's",
             {.ports = port("local_addresses = [\"198.51.100.10\"];")},
             "listeners[0].address",
             "a local address of full_nat already"},
        Case{"local address twice",
             {.ports = port("local_addresses = [\"10.0.1.50\", \"10.0.1.50\"];")},
             "ports[0].local_addresses[1]",
             "a local address of full_nat already"},
        Case{"gateway is the port's",
             {.ports = port("gateways = [\"10.0.1.2\"];")},
             "ports[0].gateways[0]",
             "a port's own address already"},
        Case{"listener is the gateway",
             {.ports = port("gateways = [\"10.0.1.1\"];"),
              .listeners = "{ name = \"a\"; address = \"10.0.1.1\"; port = 80; "
                           "target_group = \"web\"; }"},
             "listeners[0].address",
             "a gateway already"}));

TEST(CheckAddresses, LetAListenerUseThePortsOwn) {
  const Sample sample{.listeners =
                          "{ name = \"a\"; address = \"198.51.100.2\"; port = 80; "
                          "target_group = \"web\"; }"};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

}  // namespace
}  // namespace config
