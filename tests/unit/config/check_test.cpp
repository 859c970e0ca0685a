#include "config/check.h"

#include <fmt/format.h>

#include "tests/unit/config/check_case.h"

namespace config {
namespace {

TEST_P(Check, MakesOneComplaint) {
  expect_only(errors_in(GetParam().sample), GetParam().setting, GetParam().words);
}

TEST(CheckSample, TwoLinksMayEachHaveARouterOfTheSameLinkLocalAddress) {
  Sample sample;
  sample.ports =
      "{ name = \"a\"; device = \"net_null0\"; addresses = [\"198.51.100.2/24\", "
      "\"10.0.1.2/24\"]; gateways = [\"fe80::1\"]; kernel_path = false; },\n"
      "{ name = \"b\"; device = \"net_null1\"; gateways = [\"fe80::1\"]; kernel_path = false; }";
  sample.neighbours =
      "{ port = \"a\"; address = \"fe80::1\"; mac = \"02:00:00:00:00:01\"; },\n"
      "{ port = \"b\"; address = \"fe80::1\"; mac = \"02:00:00:00:00:02\"; },\n"
      "{ port = \"a\"; address = \"10.0.1.11\"; mac = \"02:00:00:00:00:0b\"; }";
  EXPECT_EQ(to_string(errors_in(sample)), "");
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
    Families, Check,
    testing::Values(
        Case{"IPv6 listener, IPv4 targets",
             {.listeners = "{ name = \"a\"; address = \"2001:db8::10\"; port = 80; "
                           "target_group = \"web\"; }"},
             "listeners[0].target_group",
             "has an IPv4 target, 10.0.1.11"},
        Case{"IPv6 target behind no port",
             {.groups = targets("{ address = \"fd00:1::b\"; }"),
              .listeners = "{ name = \"a\"; address = \"2001:db8::10\"; port = 80; "
                           "target_group = \"web\"; }"},
             "target_groups[0].targets[0].address",
             "no port has an IPv6 gateway"},
        Case{"no room for IPv6 flows",
             {.top = "flows = { capacity_ipv6 = 0; };",
              .ports =
                  port("") +
                  ",\n{ name = \"b\"; device = \"net_null1\"; addresses = [\"fd00:1::2/64\"]; }",
              .groups = targets("{ address = \"fd00:1::b\"; }"),
              .listeners = "{ name = \"a\"; address = \"2001:db8::10\"; port = 80; "
                           "target_group = \"web\"; }"},
             "flows.capacity_ipv6",
             "leaves no room for flows of listener \"a\""},
        Case{"full_nat without an IPv6 local address",
             {.ports = "{ name = \"b\"; device = \"net_null1\"; addresses = [\"fd00:1::2/64\"]; "
                       "local_addresses = [\"10.9.9.9\"]; }",
              .groups = targets("{ address = \"fd00:1::b\"; }", "mode = \"full_nat\";"),
              .listeners = "{ name = \"a\"; address = \"2001:db8::10\"; port = 80; "
                           "target_group = \"web\"; }"},
             "target_groups[0].targets[0].address",
             "has no IPv6 local_addresses"},
        Case{"MTU below IPv6's least",
             {.ports = two_ports("name = \"b\"; device = \"net_null1\"; "
                                 "addresses = [\"fd00:1::2/64\"]; mtu = 1279;")},
             "ports[1].mtu",
             "too small for IPv6"},
        Case{"MTU below IPv6's least, for a gateway",
             {.ports = two_ports("name = \"b\"; device = \"net_null1\"; "
                                 "gateways = [\"fe80::1\"]; mtu = 1279;")},
             "ports[1].mtu",
             "too small for IPv6"}));

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

TEST(CheckListeners, ShowNamesOfTheFileWithoutControlBytes) {
  const Errors errors = errors_in(Sample{.groups = "{ name = \"we\\x1b[2J\"; port = 1; }"});
  ASSERT_EQ(errors.size(), 2u) << to_string(errors);
  EXPECT_EQ(errors[1].setting, "listeners[0].target_group");
  EXPECT_EQ(errors[1].allowed, "\"we\\x1b[2J\"");
}

TEST(CheckListeners, MayDifferByProtocolAlone) {
  const Sample sample{
      .groups = group("") + ", { name = \"dns\"; protocol = \"udp\"; port = 53; }",
      .listeners = listener("a") +
                   ", { name = \"b\"; address = \"198.51.100.10\"; port = 80; protocol = \"udp\"; "
                   "target_group = \"dns\"; }"};
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

}  // namespace
}  // namespace config
