#include <fmt/format.h>

#include "tests/unit/config/sample.h"

namespace config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string group_with(const std::string& keys) {
  return "ports = (); target_groups = ( { name = \"g\"; port = 53; health_check = {\n" + keys +
         "}; } );";
}
HealthCheck read(const std::string& keys) {
  return read_right(group_with(keys)).target_groups.at(0).health_check;
}

TEST(ReadHealthCheck, DefaultsFollowTheProtocol) {
  EXPECT_EQ(read("protocol = \"http\";").timeout, seconds(6));
  EXPECT_EQ(read("protocol = \"https\";").timeout, seconds(10));
  EXPECT_EQ(read("protocol = \"https\"; interval = 2;").timeout, seconds(2));
  EXPECT_FALSE(read("protocol = \"http\";").tls.has_value());
  EXPECT_EQ(read("protocol = \"https\";").tls, TlsCheck{}) << "nothing is verified";
}

TEST(ReadHealthCheck, GrpcAsksAsElasticLoadBalancingDoesOrAsTheStandardSays) {
  using Codes = std::vector<StatusRange>;
  const HealthCheck check = read("protocol = \"grpc\";");
  EXPECT_EQ(check.path, "/AWS.ALB/healthcheck");
  EXPECT_EQ(check.matcher, (Codes{{12, 12}}));
  EXPECT_EQ(check.timeout, seconds(10));
  EXPECT_FALSE(check.tls.has_value()) << "in clear text";
  EXPECT_TRUE(read("protocol = \"grpc\"; tls = { };").tls.has_value());
  const HealthCheck standard =
      read("protocol = \"grpc\"; path = \"/grpc.health.v1.Health/Check\"; service = \"a.B\";");
  EXPECT_EQ(standard.matcher, (Codes{{0, 0}}));
  EXPECT_EQ(standard.service, "a.B");
  EXPECT_EQ(read("protocol = \"grpc\"; matcher = \"0-99\";").matcher, (Codes{{0, 99}}));
}

TEST(ReadHealthCheck, DatagramsAreTextOrHexadecimal) {
  const HealthCheck check =
      read("protocol = \"udp\"; send = \"hex:00ff0A\"; expect = \"pong\\r\\n\";");
  EXPECT_EQ(check.send, std::string("\0\xff\n", 3));
  EXPECT_EQ(check.expect, "pong\r\n");
  EXPECT_EQ(read("protocol = \"udp\";").send, "");
  EXPECT_EQ(read("protocol = \"udp\";").timeout, seconds(10));
}

TEST(ReadHealthCheck, TakesEveryKeyOfTls) {
  const HealthCheck check = read(
      "protocol = \"https\"; tls = { server_name = \"a.example\"; verify = true; "
      "ca_file = \"/etc/ca one.pem\"; minimum_version = \"1.3\"; };");
  EXPECT_EQ(check.tls, (TlsCheck{.server_name = "a.example",
                                 .verify = true,
                                 .ca_file = "/etc/ca one.pem",
                                 .minimum_version = TlsVersion::Tls13}));
}

struct WrongCheck {
  const char* keys;
  const char* setting;  // in health_check
  const char* value;
  const char* words;
};
void PrintTo(const WrongCheck& wrong, std::ostream* out) { *out << wrong.keys; }

class ReadWrongHealthCheck : public testing::TestWithParam<WrongCheck> {};

TEST_P(ReadWrongHealthCheck, IsOneErrorThatSaysWhere) {
  const Errors errors = read_wrong(group_with(GetParam().keys));
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 1u) << to_string(errors);
  EXPECT_EQ(errors[0].setting, fmt::format("target_groups[0].health_check.{}", GetParam().setting));
  EXPECT_EQ(errors[0].value, GetParam().value);
  EXPECT_EQ(errors[0].line, 2);
  EXPECT_NE(to_string(errors).find(GetParam().words), std::string::npos) << to_string(errors);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReadWrongHealthCheck,
    testing::Values(
        WrongCheck{"protocol = \"ssl\";", "protocol", "\"ssl\"",
                   "\"tcp\", \"http\", \"https\", \"grpc\", \"udp\", \"icmp\""},
        WrongCheck{"protocol = \"grpc\"; matcher = \"100\";", "matcher", "\"100\"",
                   "between 0 and 99"},
        WrongCheck{"protocol = \"grpc\"; service = \"a b\";", "service", "\"a b\"",
                   "visible ASCII"},
        WrongCheck{"send = \"\";", "send", "\"\"", "1 to 512 bytes"},
        WrongCheck{"send = \"hex:\";", "send", "\"hex:\"", "is empty or too long"},
        WrongCheck{"expect = \"hex:0\";", "expect", "\"hex:0\"", "two a byte"},
        WrongCheck{"expect = \"hex:0g\";", "expect", "\"hex:0g\"", "two a byte"},
        WrongCheck{"tls = true;", "tls", "true", "not a group"},
        WrongCheck{"tls = { server_name = \"\"; };", "tls.server_name", "\"\"", "visible ASCII"},
        WrongCheck{"tls = { verify = 1; };", "tls.verify", "1", "true or false"},
        WrongCheck{"tls = { ca_file = \"ca.pem\"; };", "tls.ca_file", "\"ca.pem\"",
                   "absolute path"},
        WrongCheck{"tls = { minimum_version = \"1.1\"; };", "tls.minimum_version", "\"1.1\"",
                   "\"1.2\", \"1.3\""},
        WrongCheck{"matcher = \"20\";", "matcher", "\"20\"", "between 200 and 599"},
        WrongCheck{"matcher = \"0200\";", "matcher", "\"0200\"", "between 200 and 599"}));

}  // namespace
}  // namespace config
