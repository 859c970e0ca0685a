// What the file says about security groups: reading, checking, and what compile() makes of it.
// (Kept together: each case is one line of the same few settings.)
#include <fmt/format.h>

#include "tests/unit/config/check_case.h"

namespace config {
namespace {

Sample with(const std::string& groups, const std::string& top = "") {
  return {.top = "security_groups = ( " + groups + " );\n" + top};
}
Sample with_group_rule(const std::string& rule) {
  return with("{ name = \"web\"; inbound = ( { " + rule + " } ); }");
}

TEST(ReadSecurityGroups, TakesEveryKey) {
  Sample sample = with(
      "{ name = \"web\"; addresses = [\"198.51.100.7\", \"2001:db8::/32\"];\n"
      "  inbound = ( { protocol = \"tcp\"; ports = \"80-443\"; source = \"198.51.100.0/24\"; },\n"
      "              { protocol = \"udp\"; ports = 53; source = \"office\"; },\n"
      "              { protocol = \"icmp\"; }, { protocol = \"all\"; source = \"::/0\"; } );\n"
      "  outbound = ( { protocol = \"tcp\"; ports = \"0-65535\"; destination = \"10.0.0.1\"; } ); "
      "},\n"
      "{ name = \"office\"; addresses = [\"0.0.0.0/0\"]; }",
      "balancer_security_groups = [\"office\"];\nrevalidate_flows = true;\n");
  sample.listeners =
      "{ name = \"web\"; address = \"198.51.100.10\"; port = 80; target_group = \"web\"; "
      "security_groups = [\"web\", \"office\"]; }";
  const Config config = config_of(sample);
  ASSERT_EQ(config.security_groups.size(), 2u);
  const SecurityGroup& web = config.security_groups[0];
  EXPECT_EQ(web.name, "web");
  ASSERT_EQ(web.addresses.size(), 2u);
  EXPECT_EQ(to_string(web.addresses[0]), "198.51.100.7/32");
  EXPECT_EQ(to_string(web.addresses[1]), "2001:db8::/32");
  std::vector<std::string> rules;
  for (const RulePlace& place : all_rules(config.security_groups)) {
    rules.push_back(fmt::format("{} {} {} {} {}", place.group->name, place.inbound ? "in" : "out",
                                to_string(place.rule->protocol), ports_text(*place.rule),
                                peer_text(*place.rule)));
  }
  EXPECT_EQ(rules, (std::vector<std::string>{"web in tcp 80-443 198.51.100.0/24",
                                             "web in udp 53 office", "web in icmp  anywhere",
                                             "web in all all ::/0", "web out tcp all 10.0.0.1/32",
                                             "office out all all anywhere"}));
  EXPECT_EQ(config.balancer_security_groups, std::vector<std::string>{"office"});
  EXPECT_EQ(config.listeners[0].security_groups, (std::vector<std::string>{"web", "office"}));
  EXPECT_TRUE(config.revalidate_flows);
}

TEST(ReadSecurityGroups, OutboundIsOpenOnlyIfLeftOut) {
  const Config config = config_of(with("{ name = \"a\"; }, { name = \"b\"; outbound = ( ); }"));
  EXPECT_EQ(config.security_groups.at(0).outbound, std::vector{SecurityRule{}});
  EXPECT_TRUE(config.security_groups.at(1).outbound.empty());
  EXPECT_TRUE(config.security_groups.at(0).inbound.empty());
  EXPECT_FALSE(config.revalidate_flows);
}

struct RefusedRule {
  const char* rule;
  const char* setting;
  const char* words;
};
void PrintTo(const RefusedRule& wrong, std::ostream* out) { *out << wrong.rule; }

class WrongRule : public testing::TestWithParam<RefusedRule> {};

TEST_P(WrongRule, IsOneComplaint) {
  expect_only(errors_in(with_group_rule(GetParam().rule)),
              std::string{"security_groups[0].inbound[0]"} + GetParam().setting, GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongRule,
    testing::Values(
        RefusedRule{"ports = 80;", ".protocol", "is missing"},
        RefusedRule{"protocol = \"TCP\";", ".protocol", "\"tcp\", \"udp\", \"icmp\", \"all\""},
        RefusedRule{"protocol = \"tcp\"; ports = \"443-80\";", ".ports",
                    "Write the smaller port first"},
        RefusedRule{"protocol = \"tcp\"; ports = \"80-\";", ".ports", "is no range of ports"},
        RefusedRule{"protocol = \"tcp\"; ports = \"80-65536\";", ".ports", "is no range of ports"},
        RefusedRule{"protocol = \"tcp\"; ports = \"http\";", ".ports", "like \"80-443\""},
        RefusedRule{"protocol = \"tcp\"; ports = \"-1\";", ".ports", "is no range of ports"},
        RefusedRule{"protocol = \"tcp\"; ports = 70000;", ".ports", "0 to 65535"},
        RefusedRule{"protocol = \"tcp\"; ports = true;", ".ports", "80-443"},
        RefusedRule{"protocol = \"icmp\"; ports = 8;", ".ports",
                    "has no meaning with protocol \"icmp\""},
        RefusedRule{"protocol = \"all\"; ports = 8;", ".ports", "a rule for tcp and one for udp"},
        RefusedRule{"protocol = \"tcp\"; source = \"10.0.0.0/33\";", ".source", "\"0.0.0.0/0\""},
        RefusedRule{"protocol = \"tcp\"; source = \"10.0.0\";", ".source", "nor a name"},
        RefusedRule{"protocol = \"tcp\"; source = \"\";", ".source", "nor a name"},
        RefusedRule{"protocol = \"tcp\"; source = 10;", ".source", "not a string"},
        RefusedRule{"protocol = \"tcp\"; source = \"wep\";", ".source", "Did you mean \"web\"?"},
        RefusedRule{"protocol = \"tcp\"; source = \"web\";", ".source", "has no addresses"},
        RefusedRule{"protocol = \"tcp\"; destination = \"10.0.0.1\";", ".destination", "unknown"}));

TEST(CheckSecurityGroups, SaysWhatIsNamedTwiceOrNotThere) {
  expect_only(errors_in(with("{ name = \"web\"; }, { name = \"web\"; }")),
              "security_groups[1].name", "is used twice");
  expect_only(errors_in(with("{ name = \"w b\"; }")), "security_groups[0].name", "is not a name");
  expect_only(errors_in(with("{ name = \"web\"; }", "balancer_security_groups = [\"office\"];\n")),
              "balancer_security_groups[0]", "is no security group");
  expect_only(
      errors_in(with("{ name = \"web\"; }", "balancer_security_groups = [\"web\", \"web\"];\n")),
      "balancer_security_groups[1]", "is named twice");
  Sample sample;
  sample.listeners =
      "{ name = \"web\"; address = \"198.51.100.10\"; port = 80; target_group = \"web\"; "
      "security_groups = [\"web\"]; }";
  expect_only(errors_in(sample), "listeners[0].security_groups[0]", "there are no security groups");
  expect_only(errors_in(with("{ name = \"web\"; inbound = ( { protocol = \"tcp\"; },\n"
                             "{ protocol = \"tcp\"; ports = \"0-65535\"; } ); }")),
              "security_groups[0].inbound[1]", "is the same as security_groups[0].inbound[0]");
}

TEST(CheckSecurityGroups, CountsRulesAndTheirPrefixes) {
  const auto rules = [](std::size_t count, const std::string& source) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
      list += fmt::format("{}{{ protocol = \"tcp\"; ports = {}; source = \"{}\"; }}",
                          i == 0 ? "" : ",\n", i, source);
    }
    return "{ name = \"web\"; outbound = (); inbound = (\n" + list + " ); }";
  };
  EXPECT_EQ(to_string(errors_in(with(rules(4096, "10.0.0.0/8")))), "");
  expect_only(errors_in(with(rules(4097, "10.0.0.0/8"))), "security_groups", "at most 4096");
  const auto groups = [](int count) {
    std::string list;
    for (int i = 0; i < count; ++i)
      list += fmt::format("{}{{ name = \"g{}\"; outbound = (); }}", i == 0 ? "" : ", ", i);
    return list;
  };
  EXPECT_EQ(to_string(errors_in(with(groups(1024)))), "");
  expect_only(errors_in(with(groups(1025))), "security_groups", "at most 1024");
  std::string addresses;
  for (int i = 0; i < 80; ++i) addresses += fmt::format("{}\"10.0.0.{}\"", i == 0 ? "" : ", ", i);
  expect_only(errors_in(with(rules(1000, "office") + ", { name = \"office\"; addresses = [" +
                             addresses + "]; }")),
              "security_groups", "at most 65536");
}

}  // namespace
}  // namespace config
