#include "config/check.h"

#include <fmt/format.h>

#include "tests/unit/config/sample.h"

namespace config {
namespace {

/// A sample with one thing wrong, and the one complaint about it.
struct Case {
  const char* why;
  Sample sample;
  const char* setting;
  const char* words;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.why; }

class Check : public testing::TestWithParam<Case> {};

TEST_P(Check, MakesOneComplaint) {
  expect_only(errors_in(GetParam().sample), GetParam().setting, GetParam().words);
}

std::string port(const std::string& keys) {
  return "{ name = \"a\"; device = \"net_null0\"; addresses = [\"10.0.1.2/24\"]; " + keys + " }";
}
std::string two_ports(const std::string& second) { return port("") + ",\n{ " + second + " }"; }
std::string group(const std::string& keys) {
  return "{ name = \"web\"; port = 8080; targets = ( { address = \"10.0.1.11\"; } ); " + keys +
         " }";
}
std::string targets(const std::string& list, const std::string& keys = "") {
  return "{ name = \"web\"; port = 8080; targets = ( " + list + " ); " + keys + " }";
}
std::string listener(const std::string& name, const std::string& keys = "") {
  return "{ name = \"" + name +
         "\"; address = \"198.51.100.10\"; port = 80; target_group = \"web\"; " + keys + " }";
}

TEST(CheckSample, IsRight) { EXPECT_EQ(to_string(errors_in(Sample{})), ""); }

INSTANTIATE_TEST_SUITE_P(
    Names, Check,
    testing::Values(
        Case{"empty", {.top = "instance = \"\";"}, "instance", "is empty"},
        Case{"33 bytes",
             {.top = "instance = \"" + std::string(33, 'a') + "\";"},
             "instance",
             "1 to 32 letters"},
        Case{"hyphen first", {.top = "instance = \"-a\";"}, "instance", "no hyphen first or last"},
        Case{"path", {.top = "instance = \"../a\";"}, "instance", "letters, digits and hyphens"},
        Case{"group",
             {.groups = group("") + ", { name = \"a_b\"; port = 1; }"},
             "target_groups[1].name",
             "is not a name"},
        Case{"listener", {.listeners = listener("a-")}, "listeners[0].name", "is not a name"},
        Case{"zone",
             {.groups = targets("{ address = \"10.0.1.11\"; zone = \"a b\"; }")},
             "target_groups[0].targets[0].zone",
             "is not a name"},
        Case{"port of 16 bytes",
             {.ports = "{ name = \"abcdefghijklmnop\"; device = \"net_null0\"; "
                       "addresses = [\"10.0.1.2/24\"]; }"},
             "ports[0].name",
             "1 to 15 letters"},
        Case{
            "port with slash",
            {.ports = "{ name = \"a/b\"; device = \"net_null0\"; addresses = [\"10.0.1.2/24\"]; }"},
            "ports[0].name",
            "is not a name for a network interface"},
        Case{"loopback",
             {.ports = "{ name = \"lo\"; device = \"net_null0\"; addresses = [\"10.0.1.2/24\"]; }"},
             "ports[0].name",
             "loopback interface"},
        Case{"same group",
             {.groups = group("") + ", { name = \"web\"; port = 1; }"},
             "target_groups[1].name",
             "target_groups[0].name (line"},
        Case{"same listener",
             {.listeners = listener("a") + ", " +
                           "{ name = \"a\"; address = \"198.51.100.11\"; port = 1; "
                           "target_group = \"web\"; }"},
             "listeners[1].name",
             "used twice"},
        Case{"same port",
             {.ports = two_ports("name = \"a\"; device = \"net_null1\";")},
             "ports[1].name",
             "used twice"}));

INSTANTIATE_TEST_SUITE_P(
    Listeners, Check,
    testing::Values(Case{"same endpoint",
                         {.listeners = listener("a") + ",\n" + listener("b")},
                         "listeners[1]",
                         "the same address, port and protocol as listener \"a\" (line"},
                    Case{"unknown group",
                         {.listeners = "{ name = \"a\"; address = \"198.51.100.10\"; port = 80; "
                                       "target_group = \"wbe\"; }"},
                         "listeners[0].target_group",
                         "Did you mean \"web\"?"},
                    Case{"no groups",
                         {.groups = ""},
                         "listeners[0].target_group",
                         "there are no target groups"},
                    Case{"other protocol",
                         {.listeners = listener("a", "protocol = \"udp\";")},
                         "listeners[0].target_group",
                         "is a target group for tcp"}));

TEST(CheckListeners, MayDifferByProtocolAlone) {
  const Sample sample{
      .groups = group("") + ", { name = \"dns\"; protocol = \"udp\"; port = 53; }",
      .listeners = listener("a") +
                   ", { name = \"b\"; address = \"198.51.100.10\"; port = 80; protocol = \"udp\"; "
                   "target_group = \"dns\"; }"};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

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

INSTANTIATE_TEST_SUITE_P(
    TargetGroups, Check,
    testing::Values(
        Case{"same target twice",
             {.groups = targets("{ address = \"10.0.1.11\"; }, { address = \"10.0.1.11\"; port = "
                                "8080; }")},
             "target_groups[0].targets[1]",
             "10.0.1.11:8080: is in this target group twice"},
        Case{"pick_up without maglev",
             {.groups = group("unknown_flow = \"pick_up\";")},
             "target_groups[0].unknown_flow",
             "needs mode nat and algorithm maglev"},
        Case{"pick_up with full_nat",
             {.ports = port("local_addresses = [\"10.0.1.50\"];"),
              .groups = group("unknown_flow = \"pick_up\"; algorithm = \"maglev\"; mode = "
                              "\"full_nat\";")},
             "target_groups[0].unknown_flow",
             "needs mode nat and algorithm maglev"},
        Case{"full_nat without local addresses",
             {.groups = group("mode = \"full_nat\";")},
             "target_groups[0].targets[0].address",
             "port \"back\" (line"},
        Case{"full_nat without any, without targets",
             {.groups = "{ name = \"web\"; port = 8080; mode = \"full_nat\"; }"},
             "target_groups[0].mode",
             "needs local_addresses"},
        Case{"not a prime",
             {.groups = group("algorithm = \"maglev\"; maglev_table_size = 65536;")},
             "target_groups[0].maglev_table_size",
             "The next one is 65537"},
        Case{"table smaller than targets",
             {.groups = targets("{ address = \"10.0.1.11\"; }, { address = \"10.0.1.12\"; },"
                                "{ address = \"10.0.1.13\"; }, { address = \"10.0.1.14\"; },"
                                "{ address = \"10.0.1.15\"; }, { address = \"10.0.1.16\"; },"
                                "{ address = \"10.0.1.17\"; }, { address = \"10.0.1.18\"; }",
                                "algorithm = \"maglev\"; maglev_table_size = 7;")},
             "target_groups[0].maglev_table_size",
             "Take 809"},
        Case{"table without maglev",
             {.groups = group("maglev_table_size = 65537;")},
             "target_groups[0].maglev_table_size",
             "only with algorithm"},
        Case{"weight without weights",
             {.groups = targets("{ address = \"10.0.1.11\"; weight = 2; }")},
             "target_groups[0].targets[0].weight",
             "no meaning for algorithm round_robin"},
        Case{"timeout above interval",
             {.groups = group("health_check = { interval = 5; timeout = 6; };")},
             "target_groups[0].health_check.timeout",
             "up to the interval, 5 seconds"},
        Case{"path over tcp",
             {.groups = group("health_check = { path = \"/\"; };")},
             "target_groups[0].health_check.path",
             "Add protocol = \"http\""},
        Case{"matcher over tcp",
             {.groups = group("health_check = { matcher = \"200\"; };")},
             "target_groups[0].health_check.matcher",
             "no meaning"},
        Case{"unreachable",
             {.groups = targets("{ address = \"10.9.9.9\"; }")},
             "target_groups[0].targets[0].address",
             "no port has a gateway"}));

TEST(CheckTargetGroups, MayShareTargets) {
  const Sample sample{.groups = group("") +
                                ", { name = \"b\"; port = 8080; targets = ( { address = "
                                "\"10.0.1.11\"; } ); }"};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

TEST(CheckTargetGroups, MayHaveOneTargetOnTwoPorts) {
  const Sample sample{
      .groups = targets("{ address = \"10.0.1.11\"; }, { address = \"10.0.1.11\"; port = 81; }")};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

TEST(CheckTargetGroups, MayCheckUdpTargetsOnTheTrafficPort) {
  const Sample sample{.groups = group("protocol = \"udp\"; health_check = { interval = 5; };"),
                      .listeners = listener("a", "protocol = \"udp\";")};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

TEST(CheckTargetGroups, HoldAtMost8192TargetsAndThereAre1024) {
  std::string groups;
  for (int i = 0; i < 1025; ++i) {
    groups += fmt::format("{}{{ name = \"g{}\"; port = 1; targets = (", i == 0 ? "" : ",\n", i);
    for (int k = 0; k < 8; ++k) {
      groups += fmt::format("{}{{ address = \"10.0.1.{}\"; }}", k == 0 ? "" : ",", 11 + k);
    }
    groups += "); }";
  }
  const Errors errors = errors_in(Sample{.groups = groups, .listeners = ""});
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 2u) << to_string(errors);
  EXPECT_EQ(errors[0].value, "1025 target groups");
  EXPECT_EQ(errors[1].value, "8200 targets in all");
}

// --- who can be reached ---

constexpr const char* quiet_ports =
    "{ name = \"front\"; device = \"net_null0\"; addresses = [\"198.51.100.2/24\"]; "
    "gateways = [\"198.51.100.1\"]; kernel_path = false; },"
    "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; "
    "kernel_path = false; }";

TEST(CheckReachable, WantsNeighboursWhereThereIsNoKernelPath) {
  const Errors errors = errors_in(Sample{.ports = quiet_ports});
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 2u) << to_string(errors);
  EXPECT_EQ(errors[0].setting, "ports[0].gateways[0]");
  EXPECT_EQ(errors[1].setting, "target_groups[0].targets[0].address");
  EXPECT_NE(errors[1].remedy.find("{ port = \"back\"; address = \"10.0.1.11\"; mac = \"…\"; }"),
            std::string::npos);
}

TEST(CheckReachable, IsContentWithNeighbours) {
  const Sample sample{
      .ports = quiet_ports,
      .neighbours =
          "{ port = \"back\"; address = \"10.0.1.11\"; mac = \"02:00:00:00:00:01\"; },"
          "{ port = \"front\"; address = \"198.51.100.1\"; mac = \"02:00:00:00:00:02\"; }"};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

TEST(CheckReachable, FollowsTheLongestNetworkThenTheGateway) {
  const std::string ports =
      "{ name = \"front\"; device = \"net_null0\"; addresses = [\"10.0.0.2/8\"]; gateways = "
      "[\"10.0.0.1\"]; local_addresses = [\"10.0.0.9\"]; },"
      "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; }";
  const Sample near{.ports = ports, .groups = group("mode = \"full_nat\";")};
  expect_only(errors_in(near), "target_groups[0].targets[0].address", "behind port \"back\"");
  const Sample far{.ports = ports,
                   .groups = targets("{ address = \"192.0.2.7\"; }", "mode = \"full_nat\";")};
  EXPECT_EQ(to_string(errors_in(far)), "");
}

TEST(CheckReachable, FollowsANeighbourThatIsInNoNetwork) {
  const Sample sample{
      .neighbours = "{ port = \"back\"; address = \"192.0.2.7\"; mac = \"02:00:00:00:00:01\"; }",
      .groups = targets("{ address = \"192.0.2.7\"; }")};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

// --- together with read ---

TEST(Load, SaysWhatReadAndCheckFindSortedByLine) {
  Sample sample;
  sample.top = "workers = 0;\n";
  sample.listeners =
      "{ name = \"a b\"; address = \"198.51.100.10\"; port = 80; target_group = \"web\"; },\n"
      "{ name = \"b\"; address = \"198.51.100.10\"; port = 0; target_group = \"nobody\"; }";
  const Errors errors = errors_in(sample);
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 4u) << to_string(errors);
  EXPECT_EQ(errors[0].setting, "workers");
  EXPECT_EQ(errors[1].setting, "listeners[0].name");
  EXPECT_EQ(errors[2].setting, "listeners[1].port");
  EXPECT_EQ(errors[3].setting, "listeners[1].target_group");
}

TEST(Load, DoesNotJudgeWhatCouldNotBeRead) {
  // Each mistake here would bring others with it, if its stand-in were taken for a value.
  EXPECT_EQ(errors_in(Sample{.groups = "{ name = 5; port = 8080; }"}).size(), 1u)
      << "the listener's target group may be this one";
  EXPECT_EQ(errors_in(Sample{.groups = targets("{ address = 1; }, { address = 2; }")}).size(), 2u)
      << "these are not the same target twice";
  EXPECT_EQ(errors_in(Sample{.ports = "{ name = \"a\"; device = \"net_null0\"; adresses = "
                                      "[\"10.0.1.2/24\"]; }"})
                .size(),
            1u)
      << "the target is not unreachable for a typing error";
  EXPECT_EQ(errors_in(Sample{.ports = "7"}).size(), 1u);
  EXPECT_EQ(
      errors_in(Sample{.groups = group("algorithm = \"magleb\"; maglev_table_size = 7;")}).size(),
      1u);
}

TEST(Load, NamesTheFileOfACheckInAnIncludedFile) {
  const Files files;
  files.write("web.cfg", "\n{ name = \"-\"; port = 8080; }");
  const std::string path =
      files.write("main.cfg",
                  "ports = ( { name = \"a\"; device = \"net_null0\"; } );\n"
                  "target_groups = (\n@include \"web.cfg\"\n);\n"
                  "listeners = ( { name = \"a\"; address = \"192.0.2.1\"; port = 1; "
                  "target_group = \"x\"; } );\n");
  auto result = load(path);
  ASSERT_TRUE(std::holds_alternative<Errors>(result));
  const Errors& errors = std::get<Errors>(result);
  ASSERT_EQ(errors.size(), 2u) << to_string(errors);
  EXPECT_EQ(errors[0].file, path);
  EXPECT_EQ(errors[0].line, 5);
  EXPECT_EQ(errors[1].file, files.path("web.cfg"));
  EXPECT_EQ(errors[1].line, 2);
}

class Example : public testing::TestWithParam<const char*> {};

TEST_P(Example, CanBeLoaded) {
  auto result = load(std::string{SPILLWAY_SOURCE_ROOT "/config/examples/"} + GetParam());
  if (const auto* errors = std::get_if<Errors>(&result)) FAIL() << to_string(*errors);
  const Config& config = std::get<Config>(result);
  EXPECT_FALSE(config.listeners.empty());
  EXPECT_EQ(to_string(check(config)), "");
}

INSTANTIATE_TEST_SUITE_P(All, Example,
                         testing::Values("bare-metal.cfg", "full-nat.cfg", "null.cfg", "veth.cfg"));

TEST(Example, AreAllTested) {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(SPILLWAY_SOURCE_ROOT "/config/examples")) {
    files += entry.path().extension() == ".cfg" ? 1 : 0;
  }
  EXPECT_EQ(files, 4u);
}

}  // namespace
}  // namespace config
