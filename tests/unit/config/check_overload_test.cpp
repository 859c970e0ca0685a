#include "tests/unit/config/check_case.h"

namespace config {
namespace {

std::string forwarding(const std::string& keys) {
  return group("algorithm = \"maglev\"; overload = \"forward\"; " + keys);
}

INSTANTIATE_TEST_SUITE_P(
    Overload, Check,
    testing::Values(Case{"forward with round robin",
                         {.groups = group("overload = \"forward\";")},
                         "target_groups[0].overload",
                         "\"forward\": needs mode nat and algorithm maglev or source_ip"},
                    Case{"forward with full_nat",
                         {.ports = port("local_addresses = [\"10.0.1.50\"];"),
                          .groups = forwarding("mode = \"full_nat\";")},
                         "target_groups[0].overload",
                         "Set mode = \"nat\" and algorithm = \"maglev\", or remove it."},
                    Case{"forward that resets later",
                         {.groups = forwarding("unknown_flow = \"reset\";")},
                         "target_groups[0].overload",
                         "needs unknown_flow = \"pick_up\""},
                    Case{"forward for two listeners",
                         {.groups = forwarding(""),
                          .listeners = listener("a") + ",\n" +
                                       "{ name = \"b\"; address = \"198.51.100.10\"; port = 81; "
                                       "target_group = \"web\"; }"},
                         "target_groups[0].overload",
                         "needs a target group with one listener, and has \"a\" (line"},
                    Case{"forward to a target of two groups",
                         {.groups = forwarding("") +
                                    ", { name = \"b\"; port = 8080; targets = ( { address = "
                                    "\"10.0.1.11\"; } ); }"},
                         "target_groups[0].overload",
                         "10.0.1.11:8080 is also in target group \"b\" (line"}));

TEST(CheckOverload, LetsAGroupForwardThatHasOneListenerAndItsOwnTargets) {
  for (const char* algorithm : {"maglev", "source_ip"}) {
    const Sample sample{
        .groups = group("overload = \"forward\"; algorithm = \"" + std::string(algorithm) + "\";") +
                  // The same host on another port; the same port over UDP.
                  ", { name = \"b\"; port = 8081; targets = ( { address = \"10.0.1.11\"; } ); }" +
                  ", { name = \"c\"; port = 8080; protocol = \"udp\"; targets = ( { address = "
                  "\"10.0.1.11\"; } ); }"};
    EXPECT_EQ(to_string(errors_in(sample)), "");
  }
}

std::string of_both(const std::string& keys) {
  return "{ name = \"web\"; port = 8080; protocol = \"tcp_udp\"; " + keys +
         " targets = ( { address = \"10.0.1.11\"; } ); }";
}

const std::string forwarding_both = of_both("algorithm = \"maglev\"; overload = \"forward\"; ");

TEST(CheckOverload, LetsAGroupOfBothProtocolsForwardThatHasOneListener) {
  const Sample sample{.groups = forwarding_both,
                      .listeners =
                          "{ name = \"a\"; address = \"198.51.100.10\"; port = 80; "
                          "protocol = \"tcp_udp\"; target_group = \"web\"; }"};
  EXPECT_EQ(to_string(errors_in(sample)), "");
}

INSTANTIATE_TEST_SUITE_P(
    OverloadOfBothProtocols, Check,
    testing::Values(
        Case{"a listener for each protocol",
             {.groups = forwarding_both,
              .listeners = listener("a") +
                           ",\n{ name = \"b\"; address = \"198.51.100.10\"; port = 80; "
                           "protocol = \"udp\"; target_group = \"web\"; }"},
             "target_groups[0].overload",
             "Make one listener of protocol tcp_udp of the two, or remove it."},
        Case{"a listener for each protocol, on another port",
             {.groups = forwarding_both,
              .listeners = listener("a") +
                           ",\n{ name = \"b\"; address = \"198.51.100.10\"; port = 81; "
                           "protocol = \"udp\"; target_group = \"web\"; }"},
             "target_groups[0].overload",
             "Give each listener a target group of its protocol alone, or remove it."},
        Case{"two listeners of which one is for both",
             {.groups = forwarding_both,
              .listeners = listener("a") +
                           ",\n{ name = \"b\"; address = \"198.51.100.10\"; port = 81; "
                           "protocol = \"tcp_udp\"; target_group = \"web\"; }"},
             "target_groups[0].overload",
             "does not say which one it is of"},
        Case{"another group has its target for one of them",
             {.groups = forwarding_both +
                        ", { name = \"b\"; port = 8080; protocol = \"udp\"; targets = ( { "
                        "address = \"10.0.1.11\"; } ); }",
              .listeners = "{ name = \"a\"; address = \"198.51.100.10\"; port = 80; "
                           "protocol = \"tcp_udp\"; target_group = \"web\"; }"},
             "target_groups[0].overload",
             "10.0.1.11:8080 is also in target group \"b\" (line"},
        Case{"a range of both",
             {.groups = forwarding_both,
              .listeners = "{ name = \"a\"; address = \"198.51.100.10\"; ports = \"80-90\"; "
                           "protocol = \"tcp_udp\"; target_group = \"web\"; }"},
             "target_groups[0].overload",
             "needs targets that keep the client's port, as listener \"a\" (line"},
        Case{"round robin for both",
             {.groups = of_both("overload = \"forward\"; "),
              .listeners = "{ name = \"a\"; address = \"198.51.100.10\"; port = 80; "
                           "protocol = \"tcp_udp\"; target_group = \"web\"; }"},
             "target_groups[0].overload",
             "needs mode nat and algorithm maglev or source_ip"}));

TEST(CheckOverload, SaysEverythingThatIsInTheWay) {
  const Sample sample{.groups = group("overload = \"forward\";"),
                      .listeners = listener("a") +
                                   ", { name = \"b\"; address = \"198.51.100.10\"; port = 81; "
                                   "target_group = \"web\"; }"};
  const Errors errors = errors_in(sample);
  expect_complete(errors);
  EXPECT_EQ(errors.size(), 2u) << to_string(errors);
}

TEST(CheckOverload, DoesNotJudgeWhatCouldNotBeRead) {
  const Sample sample{.groups = group("overload = \"forward\"; algorithm = \"magelv\";")};
  expect_only(errors_in(sample), "target_groups[0].algorithm", "magelv");
}

}  // namespace
}  // namespace config
