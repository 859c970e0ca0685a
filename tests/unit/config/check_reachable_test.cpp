#include "tests/unit/config/check_case.h"

namespace config {
namespace {

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

}  // namespace
}  // namespace config
