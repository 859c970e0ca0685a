#include <fmt/format.h>

#include "tests/unit/config/sample.h"

namespace config {
namespace {

using dataplane::PortRange;
using dataplane::Protocols;

std::string text(const std::string& keys) {
  return "ports = (); listeners = ( { name = \"a\"; address = \"192.0.2.1\"; " + keys + " } );";
}
Listener listener(const std::string& keys) { return read_right(text(keys)).listeners.at(0); }

const std::string to_web = " target_group = \"web\";";

TEST(ReadListener, TakesOnePortARangeOrAll) {
  EXPECT_EQ(ports_of(listener("port = 80;" + to_web)), (PortRange{80, 80}));
  EXPECT_EQ(ports_of(listener("ports = \"5000-5999\";" + to_web)), (PortRange{5000, 5999}));
  EXPECT_EQ(ports_of(listener("ports = \"1-65535\";" + to_web)), dataplane::all_ports);
  EXPECT_EQ(ports_of(listener("ports = \"all\";" + to_web)), dataplane::all_ports);
  EXPECT_EQ(ports_of(listener("ports = \"7-7\";" + to_web)), (PortRange{7, 7}));
}

TEST(ReadListener, TakesWeightedGroups) {
  const Listener weighted = listener(
      "port = 80; target_groups = ( { name = \"blue\"; weight = 90; },\n"
      "{ name = \"green\"; weight = 0; } );");
  ASSERT_EQ(weighted.target_groups.size(), 2u);
  EXPECT_EQ(weighted.target_groups[0].name, "blue");
  EXPECT_EQ(weighted.target_groups[0].weight, 90);
  EXPECT_EQ(weighted.target_groups[1].weight, 0);
  EXPECT_EQ(weighted.target_groups[1].line, 2);
  EXPECT_EQ(weighted.target_group, "");
  EXPECT_TRUE(leads_to(weighted, "green"));
  EXPECT_FALSE(leads_to(weighted, ""));
  const Listener single = listener("port = 80;" + to_web);
  ASSERT_EQ(groups_of(single).size(), 1u);
  EXPECT_EQ(groups_of(single)[0].name, "web");
  EXPECT_TRUE(leads_to(single, "web"));
}

TEST(ReadListener, TakesBothProtocolsWithAnIdleTimeEach) {
  const Listener both = listener("port = 53; protocol = \"tcp_udp\";" + to_web);
  EXPECT_EQ(both.protocol, Protocols::tcp_udp());
  EXPECT_EQ(both.idle_timeout, seconds{350});
  EXPECT_EQ(both.udp_idle_timeout, seconds{120});
  const Listener other = listener(
      "port = 53; protocol = \"tcp_udp\"; idle_timeout = 77; udp_idle_timeout = 5;" + to_web);
  EXPECT_EQ(other.idle_timeout, seconds{77});
  EXPECT_EQ(other.udp_idle_timeout, seconds{5});
}

struct WrongListener {
  const char* keys;
  const char* setting;  // of the listener
  const char* words;
};
void PrintTo(const WrongListener& one, std::ostream* out) { *out << one.keys; }

class ReadWrongListener : public testing::TestWithParam<WrongListener> {};

TEST_P(ReadWrongListener, SaysWhatIsAllowed) {
  expect_only(read_wrong(text(GetParam().keys)), std::string("listeners[0].") + GetParam().setting,
              GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReadWrongListener,
    testing::Values(
        WrongListener{"target_group = \"web\";", "port", "is missing; allowed: 1 to 65535"},
        WrongListener{"port = \"5000-5999\"; target_group = \"web\";", "port",
                      "is a string, not an integer"},
        WrongListener{"port = 1; ports = \"2-3\"; target_group = \"web\";", "ports",
                      "is there beside port"},
        WrongListener{"ports = 80; target_group = \"web\";", "ports",
                      "Write port = 80; for one port."},
        WrongListener{"ports = \"80\"; target_group = \"web\";", "ports",
                      "is not a range of ports"},
        WrongListener{"ports = \"0-80\"; target_group = \"web\";", "ports", "between 1 and 65535"},
        WrongListener{"ports = \"80-65536\"; target_group = \"web\";", "ports",
                      "is not a range of ports"},
        WrongListener{"ports = \"90-80\"; target_group = \"web\";", "ports",
                      "Write it as \"80-90\"."},
        WrongListener{"ports = \"80 - 90\"; target_group = \"web\";", "ports",
                      "like \"5000-5999\""},
        WrongListener{"ports = \"80-90-99\"; target_group = \"web\";", "ports",
                      "is not a range of ports"},
        WrongListener{"port = 80;", "target_group", "is missing"},
        WrongListener{"port = 80; target_groups = ( );", "target_groups", "is empty"},
        WrongListener{"port = 80; target_groups = \"web\";", "target_groups", "not a list"},
        WrongListener{
            "port = 80; target_group = \"a\"; target_groups = ( { name = \"b\"; weight = 1; } );",
            "target_groups", "is there beside target_group"},
        WrongListener{"port = 80; target_groups = ( { name = \"b\"; weight = 1000; } );",
                      "target_groups[0].weight", "0 to 999"},
        WrongListener{"port = 80; target_groups = ( { name = \"b\"; } );",
                      "target_groups[0].weight", "is missing"},
        WrongListener{"port = 80; target_groups = ( { weight = 1; } );", "target_groups[0].name",
                      "is missing"},
        WrongListener{"port = 80; target_groups = ( { name = \"b\"; weight = 1; wieght = 2; } );",
                      "target_groups[0].wieght", "Did you mean \"weight\"?"},
        WrongListener{"port = 80; protocol = \"both\"; target_group = \"a\";", "protocol",
                      "\"tcp\", \"udp\", \"tcp_udp\""},
        WrongListener{
            "port = 53; protocol = \"tcp_udp\"; udp_idle_timeout = 0; target_group = \"a\";",
            "udp_idle_timeout", "1 to 6000"}));

TEST(ReadListener, TakesEightGroupsAtMost) {
  std::string groups;
  for (int i = 0; i < 9; ++i) {
    groups += fmt::format("{}{{ name = \"g{}\"; weight = 1; }}", i == 0 ? "" : ", ", i);
  }
  expect_only(read_wrong(text("port = 80; target_groups = ( " + groups + " );")),
              "listeners[0].target_groups", "has 9 elements; allowed: 1 to 8 target groups");
}

// --- what target groups have for it ---

TargetGroup group(const std::string& keys) {
  return read_right("ports = (); target_groups = ( { name = \"g\"; " + keys + " } );")
      .target_groups.at(0);
}

TEST(ReadTargetGroup, TakesTheClientsPortASlowStartAndAWeightHeader) {
  EXPECT_EQ(group("port = \"same\"; targets = ( { address = \"10.0.0.1\"; } );").port, 0);
  EXPECT_EQ(group("port = 80;").slow_start, seconds{0});
  EXPECT_EQ(group("port = 80; slow_start = 900;").slow_start, seconds{900});
  EXPECT_EQ(group("port = 80; slow_start = 0;").slow_start, seconds{0});
  EXPECT_EQ(group("port = 80; health_check = { protocol = \"http\"; weight_header = \"X-W\"; };")
                .health_check.weight_header,
            "X-W");
  EXPECT_TRUE(
      group("port = 80; protocol = \"tcp_udp\";").deregistration_delay.connection_termination)
      << "as ELB has it";
}

TEST(ReadTargetGroup, RefusesOtherPortsSlowStartsAndHeaders) {
  const auto wrong = [](const std::string& keys) {
    return read_wrong("ports = (); target_groups = ( { name = \"g\"; " + keys + " } );");
  };
  expect_only(wrong("port = \"8080\";"), "target_groups[0].port", "Write 8080 without quotes.");
  expect_only(wrong("port = \"as is\";"), "target_groups[0].port", "1 to 65535, or \"same\"");
  expect_only(wrong("port = 0;"), "target_groups[0].port", "1 to 65535, or \"same\"");
  for (const char* seconds : {"29", "901", "-1"}) {
    expect_only(wrong(fmt::format("port = 80; slow_start = {};", seconds)),
                "target_groups[0].slow_start", "0 (off), or 30 to 900 seconds");
  }
  for (const char* header : {"", "X Weight", "X-Weight:", "X-Weight\\r\\nHost"}) {
    expect_only(wrong(fmt::format("port = 80; health_check = {{ protocol = \"http\"; "
                                  "weight_header = \"{}\"; }};",
                                  header)),
                "target_groups[0].health_check.weight_header", "is not a header's name");
  }
}

}  // namespace
}  // namespace config
