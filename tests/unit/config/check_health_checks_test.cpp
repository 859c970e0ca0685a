#include "tests/unit/config/check_case.h"

namespace config {
namespace {

std::string check_group(const std::string& keys) {
  return group("health_check = { " + keys + " };");
}

INSTANTIATE_TEST_SUITE_P(
    HealthChecks, Check,
    testing::Values(
        Case{"timeout above interval",
             {.groups = check_group("interval = 5; timeout = 6;")},
             "target_groups[0].health_check.timeout",
             "up to the interval, 5 seconds"},
        Case{"path over tcp",
             {.groups = check_group("path = \"/\";")},
             "target_groups[0].health_check.path",
             "Add protocol = \"http\""},
        Case{"matcher over tcp",
             {.groups = check_group("matcher = \"200\";")},
             "target_groups[0].health_check.matcher",
             "no meaning"},
        Case{"tls over http",
             {.groups = check_group("protocol = \"http\"; tls = { };")},
             "target_groups[0].health_check.tls",
             "Add protocol = \"https\""},
        Case{"a service of another method",
             {.groups = check_group("protocol = \"grpc\"; service = \"a.B\";")},
             "target_groups[0].health_check.service",
             "only with path = \"/grpc.health.v1.Health/Check\""},
        Case{"a service over https",
             {.groups = check_group("protocol = \"https\"; service = \"a.B\";")},
             "target_groups[0].health_check.service",
             "Add protocol = \"grpc\""},
        Case{"a port over icmp",
             {.groups = check_group("protocol = \"icmp\"; port = 80;")},
             "target_groups[0].health_check.port",
             "no meaning for a health check over icmp"},
        Case{"expect over tcp",
             {.groups = check_group("expect = \"pong\";")},
             "target_groups[0].health_check.expect",
             "Add protocol = \"udp\""},
        Case{"a ca_file that would not be read",
             {.groups = check_group("protocol = \"https\"; tls = { ca_file = \"/ca.pem\"; };")},
             "target_groups[0].health_check.tls.ca_file",
             "Add verify = true"}));

TEST(CheckHealthChecks, TakeWhatBelongsToTheProtocol) {
  for (const char* keys :
       {"protocol = \"http\"; path = \"/a\"; host = \"b\"; matcher = \"200\";",
        "protocol = \"https\"; path = \"/a\"; host = \"b\"; matcher = \"200\";",
        "protocol = \"https\"; tls = { };", "protocol = \"icmp\"; interval = 0.1;",
        "protocol = \"udp\"; port = 53; send = \"ping\"; expect = \"pong\";",
        "protocol = \"grpc\"; host = \"b\"; matcher = \"0\"; tls = { };",
        "protocol = \"grpc\"; path = \"/grpc.health.v1.Health/Check\"; service = \"a.B\";",
        "protocol = \"https\"; tls = { verify = true; ca_file = \"/ca.pem\"; server_name = \"x\"; "
        "minimum_version = \"1.3\"; };"}) {
    EXPECT_EQ(to_string(errors_in(Sample{.groups = check_group(keys)})), "") << keys;
  }
}

}  // namespace
}  // namespace config
