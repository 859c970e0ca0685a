#include <fmt/format.h>

#include "tests/unit/config/check_case.h"

namespace config {
namespace {

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
        Case{"nobody is remembered for a time",
             {.groups = group("stickiness = { type = \"none\"; timeout = 60; };")},
             "target_groups[0].stickiness.timeout",
             "has no meaning with type \"none\""},
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
        Case{"unreachable",
             {.groups = targets("{ address = \"10.9.9.9\"; }")},
             "target_groups[0].targets[0].address",
             "no port has a gateway"}));

TEST(CheckTargetGroups, MayKeepWhatAnotherAlgorithmNeeds) {
  const Sample sample{.groups = targets("{ address = \"10.0.1.11\"; weight = 2; }",
                                        "algorithm = \"round_robin\"; maglev_table_size = 101;")};
  EXPECT_EQ(to_string(errors_in(sample)), "") << "who changes the algorithm may change it back";
}

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

}  // namespace
}  // namespace config
