#include <fmt/format.h>

#include "tests/unit/config/check_case.h"

namespace config {
namespace {

/// A listener on 198.51.100.10, or on what `keys` say.
std::string at(const std::string& name, const std::string& keys,
               const std::string& address = "198.51.100.10") {
  return "{ name = \"" + name + "\"; address = \"" + address + "\"; " + keys + " }";
}
std::string web(const std::string& name, const std::string& ports) {
  return at(name, ports + " target_group = \"web\";");
}
std::string weighted(const std::string& groups, const std::string& keys = "") {
  return at("a", "port = 80; target_groups = ( " + groups + " ); " + keys);
}
const std::string two_groups =
    group("") + ",\n{ name = \"green\"; port = 8080; targets = ( { address = \"10.0.1.12\"; } ); }";
const std::string both = group("protocol = \"tcp_udp\";");
std::string keeping(const std::string& keys) {
  return "{ name = \"web\"; port = \"same\"; targets = ( { address = \"10.0.1.11\"; } ); " + keys +
         " }";
}

INSTANTIATE_TEST_SUITE_P(
    Ranges, Check,
    testing::Values(
        Case{"overlapping",
             {.listeners = web("a", "ports = \"5000-5999\";") + ",\n" +
                           web("b", "ports = \"5999-6999\";")},
             "listeners[1]",
             "198.51.100.10 ports 5999-6999 tcp: overlaps the ports 5000-5999 of listener \"a\" "
             "(line"},
        Case{"one in the other",
             {.listeners = web("a", "ports = \"5000-5999\";") + ",\n" +
                           web("b", "ports = \"5100-5200\";")},
             "listeners[1]",
             "ranges without a common port; an exact port may lie in a range"},
        Case{"one around the other",
             {.listeners = web("a", "ports = \"5100-5200\";") + ",\n" +
                           web("b", "ports = \"5000-5999\";")},
             "listeners[1]",
             "overlaps the ports 5100-5200"},
        Case{"all twice",
             {.listeners = web("a", "ports = \"all\";") + ",\n" + web("b", "ports = \"1-65535\";")},
             "listeners[1]",
             "the same address, port and protocol as listener \"a\""},
        Case{"one of both protocols",
             {.groups = both,
              .listeners = web("a", "port = 53;") + ",\n" +
                           web("b", "port = 53; protocol = \"tcp_udp\";")},
             "listeners[1]",
             "198.51.100.10:53 tcp_udp: is the same address, port and protocol as listener \"a\""},
        Case{"what the host begins itself",
             {.listeners = at("a", "ports = \"all\"; target_group = \"web\";", "198.51.100.2")},
             "listeners[0].ports",
             "would take the answers to health checks and to whatever else the host begins: "
             "198.51.100.2 is port \"front\"'s own address (line"}));

INSTANTIATE_TEST_SUITE_P(
    WeightedGroups, Check,
    testing::Values(
        Case{"unknown",
             {.listeners = weighted("{ name = \"web\"; weight = 1; },\n"
                                    "{ name = \"grean\"; weight = 1; }")},
             "listeners[0].target_groups[1].name",
             "\"grean\": is no target group of this configuration"},
        Case{"twice",
             {.listeners = weighted("{ name = \"web\"; weight = 1; },\n"
                                    "{ name = \"web\"; weight = 2; }")},
             "listeners[0].target_groups[1].name",
             "is in this list twice: listeners[0].target_groups[0]"},
        Case{"no weight",
             {.groups = two_groups,
              .listeners = weighted("{ name = \"web\"; weight = 0; },\n"
                                    "{ name = \"green\"; weight = 0; }")},
             "listeners[0].target_groups",
             "at least one weight above 0"},
        Case{"other protocol, of the second one",
             {.groups = group("") + ", { name = \"dns\"; protocol = \"udp\"; port = 53; }",
              .listeners = weighted("{ name = \"web\"; weight = 1; },\n"
                                    "{ name = \"dns\"; weight = 1; }")},
             "listeners[0].target_groups[1].name",
             "is a target group for udp (line"},
        Case{"other family, of the second one",
             {.ports = two_ports("name = \"b\"; device = \"net_null1\"; "
                                 "addresses = [\"fd00:1::2/64\"];"),
              .groups = group("") +
                        ", { name = \"six\"; port = 80; targets = ( { address = \"fd00:1::b\"; } "
                        "); }",
              .listeners = weighted("{ name = \"web\"; weight = 1; },\n"
                                    "{ name = \"six\"; weight = 1; }")},
             "listeners[0].target_groups[1].name",
             "has an IPv6 target, fd00:1::b"},
        Case{"forward for two listeners, one of them by weight",
             {.groups = group("algorithm = \"maglev\"; overload = \"forward\";") +
                        ", { name = \"green\"; port = 8080; }",
              .listeners = weighted("{ name = \"web\"; weight = 1; },\n"
                                    "{ name = \"green\"; weight = 1; }") +
                           ",\n" + web("b", "port = 81;")},
             "target_groups[0].overload",
             "needs a target group with one listener"}));

INSTANTIATE_TEST_SUITE_P(
    Protocols, Check,
    testing::Values(Case{"a group for one of two",
                         {.listeners = web("a", "port = 53; protocol = \"tcp_udp\";")},
                         "listeners[0].target_group",
                         "\"web\": is a target group for tcp (line 7), but the listener's protocol "
                         "is tcp_udp; allowed: a target group of protocol tcp_udp"},
                    Case{"an idle time of UDP without UDP",
                         {.listeners = web("a", "port = 53; udp_idle_timeout = 30;")},
                         "listeners[0].udp_idle_timeout",
                         "has no meaning for a listener of protocol tcp"}));

INSTANTIATE_TEST_SUITE_P(
    KeptPorts, Check,
    testing::Values(
        Case{"a target's own",
             {.groups = "{ name = \"web\"; port = \"same\"; health_check = { port = 80; }; "
                        "targets = ( { address = \"10.0.1.11\"; port = 80; } ); }"},
             "target_groups[0].targets[0].port",
             "has no meaning in a target group with port = \"same\""},
        Case{"no port to check",
             {.groups = keeping("")},
             "target_groups[0].port",
             "tells no port for health checks"},
        Case{"no port to check, with a health check",
             {.groups = keeping("health_check = { protocol = \"http\"; };")},
             "target_groups[0].health_check.port",
             "1 to 65535 as health_check.port, or protocol = \"icmp\", or enabled = false"},
        Case{"forward from a range to one port",
             {.groups = group("algorithm = \"maglev\"; overload = \"forward\";"),
              .listeners = web("a", "ports = \"80-90\";")},
             "target_groups[0].overload",
             "needs targets that keep the client's port, as listener \"a\" (line"},
        Case{"forward to a target that another group has on all ports",
             {.groups = group("algorithm = \"maglev\"; overload = \"forward\";") +
                        ", { name = \"b\"; port = \"same\"; health_check = { enabled = false; }; "
                        "targets = ( { address = \"10.0.1.11\"; } ); }"},
             "target_groups[0].overload",
             "10.0.1.11:8080 is also in target group \"b\""}));

INSTANTIATE_TEST_SUITE_P(
    SlowStart, Check,
    testing::Values(Case{"least_connections",
                         {.groups = group("slow_start = 60; algorithm = \"least_connections\";")},
                         "target_groups[0].slow_start",
                         "60: has no meaning with algorithm least_connections"},
                    Case{"a weight from a TCP check",
                         {.groups = group("health_check = { weight_header = \"X-Weight\"; };")},
                         "target_groups[0].health_check.weight_header",
                         "only with protocol = \"http\" or \"https\" in health_check"}));

TEST(CheckListeners, LetRangesExactPortsAndTheRestShareAnAddress) {
  const Sample sample{.groups = both,
                      .listeners = web("a", "ports = \"5000-5999\";") + ",\n" +
                                   web("b", "ports = \"6000-6999\";") + ",\n" +
                                   web("c", "port = 5500;") + ",\n" + web("d", "ports = \"all\";") +
                                   ",\n" + web("e", "ports = \"5500-6500\"; protocol = \"udp\";") +
                                   ",\n" + web("f", "ports = \"4000-4000\";")};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

TEST(CheckListeners, LetARangeOnThePortsOwnAddressBeWhereTheHostBeginsNothing) {
  const Sample sample{
      .listeners = at("a", "ports = \"5000-5999\"; target_group = \"web\";", "198.51.100.2")};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

TEST(CheckListeners, LetAGroupForBothProtocolsServeEither) {
  for (const char* protocol : {"tcp", "udp", "tcp_udp"}) {
    const Sample sample{
        .groups = both,
        .listeners = web("a", fmt::format("port = 53; protocol = \"{}\";", protocol))};
    EXPECT_EQ(to_string(errors_in(sample)), "") << protocol;
  }
}

TEST(CheckListeners, LetKeptPortsBeCheckedOnAPortOrByPing) {
  for (const char* check : {"port = 80;", "protocol = \"icmp\";", "enabled = false;"}) {
    const Sample sample{.groups = keeping(fmt::format("health_check = {{ {} }};", check)),
                        .listeners = web("a", "ports = \"all\";")};
    EXPECT_EQ(to_string(errors_in(sample)), "") << check;
  }
}

// Each mistake here would bring others with it, if its stand-in were taken for a value.
TEST(CheckListeners, DoNotJudgeWhatCouldNotBeRead) {
  EXPECT_EQ(errors_in(Sample{.listeners =
                                 web("a", "ports = \"x\";") + ",\n" + web("b", "ports = \"y\";")})
                .size(),
            2u);
  EXPECT_EQ(errors_in(Sample{.groups = two_groups,
                             .listeners = weighted("{ name = \"web\"; weight = \"1\"; },\n"
                                                   "{ name = \"green\"; weight = 0; }")})
                .size(),
            1u);
  EXPECT_EQ(errors_in(Sample{.groups = "{ name = \"web\"; prot = 80; targets = ( { address = "
                                       "\"10.0.1.11\"; port = 80; } ); }"})
                .size(),
            2u)
      << "port is missing and prot unknown; the target's is not one too many";
}

TEST(CheckListeners, FindTheOneClashOf1000) {
  std::string listeners;
  for (int i = 0; i < 1000; ++i) {
    listeners += (i == 0 ? "" : ",\n") +
                 web(fmt::format("l{}", i), fmt::format("ports = \"{}-{}\";", 1 + i * 60,
                                                        i == 500 ? 61 + i * 60 : 59 + i * 60));
  }
  const Errors errors = errors_in(Sample{.listeners = listeners});
  expect_only(errors, "listeners[501]", "overlaps the ports 30001-30061 of listener \"l500\"");
}

}  // namespace
}  // namespace config
