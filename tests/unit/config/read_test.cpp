#include "config/read.h"

#include <fmt/format.h>

#include "tests/unit/config/sample.h"

namespace config {
namespace {

using dataplane::Algorithm;
using dataplane::Mode;
using dataplane::Protocol;
using dataplane::UnknownFlow;
using std::chrono::milliseconds;
using std::chrono::seconds;

// --- what is right ---

constexpr const char* everything = R"(
instance = "edge-1";
workers = [2, 3];
idle = "yield";
punt_rate = 500; icmp_error_rate = 50;
eal = { hugepages = "off"; memory_megabytes = 512; pci = false; };
flows = { capacity = 0x10000; half_open_timeout = 5; half_closed_timeout = 60;
          closing_timeout = 2.5; reset_timeout = 0.5; new_per_second = 7000; };
sticky = { capacity = 2048; };
ports = (
  { name = "front"; device = "net_null0"; addresses = ["198.51.100.2/24", "192.0.2.1/25"];
    gateways = ["198.51.100.1"]; local_addresses = ["198.51.100.77"]; vlan = 12; mtu = 9000;
    queue_descriptors = 512; mac = "02:00:00:00:00:0a"; kernel_path = false;
    promiscuous = true; steering = "hand_off"; } );
neighbours = ( { port = "front"; address = "198.51.100.1"; mac = "02:00:00:00:00:01"; } );
target_groups = (
  { name = "web"; protocol = "udp"; port = 8080; mode = "full_nat"; algorithm = "maglev";
    maglev_table_size = 1009; unknown_flow = "reset"; overload = "forward";
    stickiness = { type = "source_ip_dest_ip"; timeout = 90; };
    deregistration_delay = { timeout = 20; connection_termination = false; };
    health_check = { enabled = false; protocol = "http"; port = 81; path = "/x"; host = "a.example";
                     interval = 0.5; timeout = 0.25; healthy_threshold = 1;
                     unhealthy_threshold = 10; matcher = "200, 301-302"; };
    targets = ( { address = "198.51.100.11"; port = 90; weight = 7; zone = "a"; },
                { address = "198.51.100.12"; } ); } );
listeners = ( { name = "web"; address = "203.0.113.10"; port = 80; protocol = "udp";
                target_group = "web"; idle_timeout = 9; } );
)";

TEST(Read, TakesEveryKeyOfTheInstance) {
  const Config config = read_right(everything);
  EXPECT_EQ(config.file, "test.cfg");
  EXPECT_EQ(config.instance, "edge-1");
  EXPECT_EQ(config.worker_cpus, (std::vector<int>{2, 3}));
  EXPECT_EQ(config.workers, 2u);
  EXPECT_EQ(config.idle, Idle::Yield);
  EXPECT_EQ(config.punt_rate, 500u);
  EXPECT_EQ(config.icmp_error_rate, 50u);
  EXPECT_EQ(config.eal.hugepages, Hugepages::Off);
  EXPECT_EQ(config.eal.memory_megabytes, 512u);
  EXPECT_FALSE(config.eal.pci);
  EXPECT_EQ(config.flows.capacity, 65'536u);
  EXPECT_EQ(config.flows.new_per_second, 7000u);
  EXPECT_EQ(config.sticky.capacity, 2048u);
  EXPECT_EQ(config.flows.half_open_timeout, seconds(5));
  EXPECT_EQ(config.flows.half_closed_timeout, seconds(60));
  EXPECT_EQ(config.flows.closing_timeout, milliseconds(2500));
  EXPECT_EQ(config.flows.reset_timeout, milliseconds(500));
}

TEST(Read, TakesEveryKeyOfAPortAndANeighbour) {
  const Config config = read_right(everything);
  ASSERT_EQ(config.ports.size(), 1u);
  const Port& port = config.ports[0];
  EXPECT_EQ(port.name, "front");
  EXPECT_EQ(port.device, "net_null0");
  ASSERT_EQ(port.addresses.size(), 2u);
  EXPECT_EQ(to_string(port.addresses[1]), "192.0.2.1/25");
  ASSERT_EQ(port.gateways.size(), 1u);
  EXPECT_EQ(to_string(port.gateways[0]), "198.51.100.1");
  ASSERT_EQ(port.local_addresses.size(), 1u);
  EXPECT_EQ(to_string(port.local_addresses[0]), "198.51.100.77");
  EXPECT_EQ(port.vlan, 12);
  EXPECT_EQ(port.mtu, 9000);
  EXPECT_EQ(port.queue_descriptors, 512);
  ASSERT_TRUE(port.mac);
  EXPECT_EQ(to_string(*port.mac), "02:00:00:00:00:0a");
  EXPECT_FALSE(port.kernel_path);
  EXPECT_TRUE(port.promiscuous);
  EXPECT_EQ(port.steering, WantedSteering::HandOff);
  EXPECT_EQ(port.line, 11);
  ASSERT_EQ(config.neighbours.size(), 1u);
  EXPECT_EQ(config.neighbours[0].port, "front");
  EXPECT_EQ(to_string(config.neighbours[0].address), "198.51.100.1");
  EXPECT_EQ(to_string(config.neighbours[0].mac), "02:00:00:00:00:01");
}

TEST(Read, TakesEveryKeyOfATargetGroup) {
  const Config config = read_right(everything);
  ASSERT_EQ(config.target_groups.size(), 1u);
  const TargetGroup& group = config.target_groups[0];
  EXPECT_EQ(group.name, "web");
  EXPECT_EQ(group.protocol, Protocol::Udp);
  EXPECT_EQ(group.port, 8080);
  EXPECT_EQ(group.mode, Mode::FullNat);
  EXPECT_EQ(group.algorithm, Algorithm::Maglev);
  EXPECT_EQ(group.maglev_table_size, 1009u);
  EXPECT_EQ(group.unknown_flow, UnknownFlow::Reset);
  EXPECT_EQ(group.overload, dataplane::Overload::Forward);
  EXPECT_EQ(group.stickiness.type, dataplane::Stickiness::SourceIpDestIp);
  EXPECT_EQ(group.stickiness.timeout, seconds(90));
  EXPECT_EQ(group.deregistration_delay.timeout, seconds(20));
  EXPECT_FALSE(group.deregistration_delay.connection_termination);
  ASSERT_EQ(group.targets.size(), 2u);
  EXPECT_EQ(to_string(group.targets[0].address), "198.51.100.11");
  EXPECT_EQ(group.targets[0].port, 90);
  EXPECT_EQ(group.targets[0].weight, 7);
  EXPECT_EQ(group.targets[0].zone, "a");
  EXPECT_EQ(group.targets[1].port, 8080) << "the group's";
}

TEST(Read, TakesEveryKeyOfAHealthCheckAndAListener) {
  const Config config = read_right(everything);
  const HealthCheck& check = config.target_groups.at(0).health_check;
  EXPECT_FALSE(check.enabled);
  EXPECT_EQ(check.protocol, CheckProtocol::Http);
  EXPECT_EQ(check.port, 81);
  EXPECT_EQ(check.path, "/x");
  EXPECT_EQ(check.host, "a.example");
  EXPECT_EQ(check.interval, milliseconds(500));
  EXPECT_EQ(check.timeout, milliseconds(250));
  EXPECT_EQ(check.healthy_threshold, 1u);
  EXPECT_EQ(check.unhealthy_threshold, 10u);
  EXPECT_EQ(check.matcher, (std::vector<StatusRange>{{200, 200}, {301, 302}}));
  const Listener& listener = config.listeners.at(0);
  EXPECT_EQ(listener.name, "web");
  EXPECT_EQ(to_string(listener.address), "203.0.113.10");
  EXPECT_EQ(listener.port, 80);
  EXPECT_EQ(listener.protocol, Protocol::Udp);
  EXPECT_EQ(listener.target_group, "web");
  EXPECT_EQ(listener.idle_timeout, seconds(9));
}

TEST(Read, HasTheDefaultsOfElasticLoadBalancing) {
  const Config config = config_of(Sample{});
  const TargetGroup& group = config.target_groups.at(0);
  EXPECT_EQ(group.deregistration_delay.timeout, seconds(300));
  EXPECT_FALSE(group.deregistration_delay.connection_termination);
  EXPECT_EQ(group.overload, dataplane::Overload::Refuse);
  EXPECT_EQ(group.stickiness.type, dataplane::Stickiness::None);
  EXPECT_EQ(group.stickiness.timeout, seconds(86'400));
  EXPECT_EQ(config.sticky.capacity, 1'048'576u);
  EXPECT_EQ(config.flows.new_per_second, 500'000u);
  EXPECT_EQ(group.unknown_flow, UnknownFlow::Reset);
  EXPECT_EQ(group.health_check.interval, seconds(30));
  EXPECT_EQ(group.health_check.timeout, seconds(10));
  EXPECT_EQ(group.health_check.healthy_threshold, 5u);
  EXPECT_EQ(group.health_check.unhealthy_threshold, 2u);
  EXPECT_EQ(group.health_check.port, 0) << "traffic-port";
  EXPECT_EQ(config.listeners.at(0).idle_timeout, seconds(350));
}

TEST(Read, HasDefaultsThatFollowOtherSettings) {
  const std::string start = "ports = (); target_groups = ( { name = \"g\"; port = 53; ";
  const auto group = [&](const std::string& keys) {
    return read_right(start + keys + "} );").target_groups.at(0);
  };
  EXPECT_TRUE(group("protocol = \"udp\";").deregistration_delay.connection_termination);
  EXPECT_EQ(group("algorithm = \"maglev\";").unknown_flow, UnknownFlow::PickUp);
  EXPECT_EQ(group("algorithm = \"maglev\"; mode = \"full_nat\";").unknown_flow, UnknownFlow::Reset);
  EXPECT_EQ(group("health_check = { protocol = \"http\"; };").health_check.timeout, seconds(6));
  EXPECT_EQ(group("health_check = { interval = 2; };").health_check.timeout, seconds(2))
      << "never longer than the interval";
  EXPECT_EQ(group("health_check = { port = \"traffic-port\"; };").health_check.port, 0);
  EXPECT_EQ(read_right("ports = (); listeners = ( { name = \"d\"; address = \"203.0.113.1\"; "
                       "port = 53; protocol = \"udp\"; target_group = \"g\"; } );")
                .listeners.at(0)
                .idle_timeout,
            seconds(120));
}

TEST(Read, TakesWorkersAsNumberOrCpus) {
  EXPECT_EQ(read_right("ports = (); workers = 4;").workers, 4u);
  EXPECT_TRUE(read_right("ports = (); workers = 4;").worker_cpus.empty());
  EXPECT_EQ(read_right("ports = (); workers = (5);").worker_cpus, std::vector<int>{5});
}

TEST(Read, TakesACommaAtTheEndOfAList) {
  EXPECT_EQ(read_right("ports = (); workers = [1, 2, /* last */ ];").worker_cpus,
            (std::vector<int>{1, 2}));
  EXPECT_EQ(read_wrong("ports = (); workers = [,];").size(), 1u);
}

TEST(Read, TakesWindowsLinesAndAByteOrderMark) {
  EXPECT_EQ(read_right("\xef\xbb\xbfports = ();\r\nworkers = 3;\r\n").workers, 3u);
}

TEST(Read, KnowsWhereEachSettingWasWritten) {
  const Config config = read_right(everything);
  EXPECT_EQ(config.places.find("idle").line, 4);
  EXPECT_EQ(config.places.find("ports[0].mtu").line, 12);
  EXPECT_EQ(config.places.find("target_groups[0].targets[1]").line, 25);
  EXPECT_TRUE(config.places.written("target_groups[0].targets[1].address"));
  EXPECT_FALSE(config.places.written("target_groups[0].targets[1].zone"));
  EXPECT_EQ(config.places.find("target_groups[0].targets[1].zone").line, 25) << "what holds it";
}

// --- what is wrong ---

struct WrongText {
  const char* text;
  const char* setting;
  const char* value;
  const char* words;  // in the message
};

void PrintTo(const WrongText& wrong, std::ostream* out) { *out << wrong.text; }

class ReadWrong : public testing::TestWithParam<WrongText> {};

TEST_P(ReadWrong, IsOneErrorWithLineValueAllowedAndRemedy) {
  const Errors errors = read_wrong(std::string{"ports = ();\n"} + GetParam().text);
  expect_only(errors, GetParam().setting, GetParam().words);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].file, "test.cfg");
  EXPECT_EQ(errors[0].line, 2);
  EXPECT_EQ(errors[0].value, GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    Types, ReadWrong,
    testing::Values(
        WrongText{"instance = 5;", "instance", "5", "is an integer, not a string"},
        WrongText{"instance = 5;", "instance", "5", "write it in double quotes: \"5\""},
        WrongText{"instance = true;", "instance", "true", "is a boolean, not a string"},
        WrongText{"instance = [\"a\"];", "instance", "[ … ]", "is an array [ ], not a string"},
        WrongText{"idle = 1.5;", "idle", "1.5", "\"spin\", \"yield\", \"sleep\""},
        WrongText{"workers = \"2\";", "workers", "\"2\"", "Write 2 without quotes"},
        WrongText{"workers = 2.0;", "workers", "2", "is a number with a fraction, not an integer"},
        WrongText{"workers = [1, 2000];", "workers[1]", "2000", "0 to 1023"},
        WrongText{"workers = (1, \"2\");", "workers[1]", "\"2\"", "is a string, not an integer"},
        WrongText{"eal = 1;", "eal", "1", "not a group"},
        WrongText{"eal = { pci = 0; };", "eal.pci", "0", "true or false"},
        WrongText{"eal = { pci = \"no\"; };", "eal.pci", "\"no\"", "is a string, not a boolean"},
        WrongText{"flows = { reset_timeout = \"2\"; };", "flows.reset_timeout", "\"2\"",
                  "is a string, not a number of seconds"},
        WrongText{"listeners = { name = \"a\"; };", "listeners", "{ … }", "( { … }, { … } )"},
        WrongText{"listeners = ( 7 );", "listeners[0]", "7", "is an integer, not a group"},
        WrongText{"neighbours = \"x\";", "neighbours", "\"x\"", "is a string, not a list"}));

INSTANTIATE_TEST_SUITE_P(
    Ranges, ReadWrong,
    testing::Values(
        WrongText{"workers = 0;", "workers", "0", "1 to 64"},
        WrongText{"workers = 65;", "workers", "65", "1 to 64"},
        WrongText{"workers = [];", "workers", "[ … ]", "is empty"},
        WrongText{"punt_rate = -1;", "punt_rate", "-1", "0 to 10000000"},
        WrongText{"icmp_error_rate = 10000001;", "icmp_error_rate", "10000001", "0 to 10000000"},
        WrongText{"punt_rate = 4294967376;", "punt_rate", "4294967376", "is out of range"},
        WrongText{"punt_rate = 0x1FFFFFFFF;", "punt_rate", "8589934591", "the default, 20000"},
        WrongText{"punt_rate = 99999999999999999999999;", "punt_rate", "9223372036854775807",
                  "is out of range"},
        WrongText{"punt_rate = 4294967376L;", "punt_rate", "4294967376", "is out of range"},
        WrongText{"flows = { capacity = 1023; };", "flows.capacity", "1023", "1024 to 67108864"},
        WrongText{"flows = { new_per_second = -1; };", "flows.new_per_second", "-1",
                  "0 to 100000000"},
        WrongText{"flows = { reset_timeout = 0; };", "flows.reset_timeout", "0",
                  "0.1 to 3600 seconds"},
        WrongText{"flows = { reset_timeout = 1e999; };", "flows.reset_timeout", "inf",
                  "0.1 to 3600 seconds"},
        WrongText{"idle = \"sleepy\";", "idle", "\"sleepy\"", "Did you mean \"sleep\"?"},
        WrongText{"idle = \"\";", "idle", "\"\"", "is not one of the choices"},
        WrongText{"idle = \"a\\x1b[31m\";", "idle", "\"a\\x1b[31m\"",
                  "is not one of the choices"}));

INSTANTIATE_TEST_SUITE_P(
    Keys, ReadWrong,
    testing::Values(
        WrongText{"instanec = \"a\";", "instanec", "\"a\"", "Did you mean \"instance\"?"},
        WrongText{"Workers = 2;", "Workers", "2", "Did you mean \"workers\"?"},
        WrongText{
            "colour = \"a\";", "colour", "\"a\"",
            "allowed: instance, workers, idle, punt_rate, icmp_error_rate, zone, cross_zone, "
            "eal, flows, sticky, surge_queues, flow_log, ports, "
            "neighbours, target_groups, listeners, security_groups, balancer_security_groups, "
            "revalidate_flows"},
        WrongText{"eal = { huge_pages = \"on\"; };", "eal.huge_pages", "\"on\"",
                  "Did you mean \"hugepages\"?"}));

class ReadWrongPort : public testing::TestWithParam<WrongText> {};

TEST_P(ReadWrongPort, IsOneError) {
  const Errors errors = read_wrong(fmt::format(
      "ports = (\n {{ name = \"a\"; device = \"net_null0\";\n {} }} );", GetParam().text));
  expect_only(errors, std::string{"ports[0]."} + GetParam().setting, GetParam().words);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].line, 3);
  EXPECT_EQ(errors[0].value, GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReadWrongPort,
    testing::Values(
        WrongText{"vlan = 4095;", "vlan", "4095", "0 to 4094"},
        WrongText{"mtu = 575;", "mtu", "575", "576 to 9000"},
        WrongText{"mtu = 9001;", "mtu", "9001", "576 to 9000"},
        WrongText{"steering = \"RSS\";", "steering", "\"RSS\"", "\"auto\", \"hand_off\", \"rss\""},
        WrongText{"queue_descriptors = 63;", "queue_descriptors", "63", "64 to 16384"},
        WrongText{"mac = \"02:00\";", "mac", "\"02:00\"", "six pairs of hex digits"},
        WrongText{"mac = \"ff:ff:ff:ff:ff:ff\";", "mac", "\"ff:ff:ff:ff:ff:ff\"", "group address"},
        WrongText{"mac = \"00:00:00:00:00:00\";", "mac", "\"00:00:00:00:00:00\"", "no interface's"},
        WrongText{"kernel_path = \"yes\";", "kernel_path", "\"yes\"", "true or false"},
        WrongText{"addresses = \"10.0.0.1/24\";", "addresses", "\"10.0.0.1/24\"", "not a list"},
        WrongText{"addresses = [\"10.0.0.1\"];", "addresses[0]", "\"10.0.0.1\"",
                  "Add it, for example \"10.0.0.1/24\""},
        WrongText{"addresses = [\"10.0.0.1/0\"];", "addresses[0]", "\"10.0.0.1/0\"",
                  "from 1 to 32"},
        WrongText{"addresses = [\"10.0.0.1/33\"];", "addresses[0]", "\"10.0.0.1/33\"",
                  "an IP address with a length"},
        WrongText{"addresses = [\"10.0.0.1/8\", \"10.0.0.256/8\"];", "addresses[1]",
                  "\"10.0.0.256/8\"", "0 to 255"},
        WrongText{"addresses = [5];", "addresses[0]", "5", "is an integer, not a string"},
        WrongText{"gateways = [\"10.0.0.1/24\"];", "gateways[0]", "\"10.0.0.1/24\"",
                  "Write it without the length: \"10.0.0.1\""},
        WrongText{"gateways = [\"fe80:::1\"];", "gateways[0]", "\"fe80:::1\"", "as in 2001:db8::7"},
        WrongText{"gateways = [\"010.0.0.1\"];", "gateways[0]", "\"010.0.0.1\"", "leading zeros"},
        WrongText{"local_addresses = [\"\"];", "local_addresses[0]", "\"\"", "not an IP address"},
        WrongText{"addresses = [\"fd00::1/0\"];", "addresses[0]", "\"fd00::1/0\"", "from 1 to 128"},
        WrongText{"addresses = [\"fd00::1\"];", "addresses[0]", "\"fd00::1\"",
                  "Add it, for example \"fd00::1/64\""},
        WrongText{"addresses = [\"::ffff:10.0.0.1/96\"];", "addresses[0]", "\"::ffff:10.0.0.1/96\"",
                  "as in 2001:db8::7"},
        WrongText{"adresses = [];", "adresses", "[ … ]", "Did you mean \"addresses\"?"}));

class ReadWrongGroup : public testing::TestWithParam<WrongText> {};

TEST_P(ReadWrongGroup, IsOneError) {
  const Errors errors = read_wrong(fmt::format(
      "ports = (); target_groups = (\n {{ name = \"a\"; port = 1;\n {} }} );", GetParam().text));
  expect_only(errors, std::string{"target_groups[0]."} + GetParam().setting, GetParam().words);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].line, 3);
  EXPECT_EQ(errors[0].value, GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReadWrongGroup,
    testing::Values(
        WrongText{"protocol = \"TCP\";", "protocol", "\"TCP\"", "\"tcp\", \"udp\""},
        WrongText{"mode = \"fullnat\";", "mode", "\"fullnat\"", "Did you mean \"full_nat\"?"},
        WrongText{"algorithm = \"least\";", "algorithm", "\"least\"", "\"weighted_round_robin\""},
        WrongText{"overload = \"drop\";", "overload", "\"drop\"", "\"refuse\", \"forward\""},
        WrongText{"unknown_flow = true;", "unknown_flow", "true", "\"pick_up\", \"reset\""},
        WrongText{"maglev_table_size = 6000000;", "maglev_table_size", "6000000", "7 to 5000011"},
        WrongText{"stickiness = { type = \"lb_cookie\"; };", "stickiness.type", "\"lb_cookie\"",
                  "\"source_ip\", \"source_ip_dest_ip\""},
        WrongText{"stickiness = { type = \"source_ip\"; timeout = 604801; };", "stickiness.timeout",
                  "604801", "1 to 604800"},
        WrongText{"deregistration_delay = { timeout = 3601; };", "deregistration_delay.timeout",
                  "3601", "0 to 3600"},
        WrongText{"deregistration_delay = 30;", "deregistration_delay", "30", "not a group"},
        WrongText{"health_check = { interval = 0.05; };", "health_check.interval", "0.05",
                  "0.1 to 300 seconds"},
        WrongText{"health_check = { timeout = 121; interval = 200; };", "health_check.timeout",
                  "121", "0.1 to 120 seconds"},
        WrongText{"health_check = { healthy_threshold = 0; };", "health_check.healthy_threshold",
                  "0", "1 to 10"},
        WrongText{"health_check = { unhealthy_threshold = 11; };",
                  "health_check.unhealthy_threshold", "11", "1 to 10"},
        WrongText{"health_check = { port = 65536; };", "health_check.port", "65536",
                  "traffic-port"},
        WrongText{"health_check = { port = \"80\"; };", "health_check.port", "\"80\"",
                  "Write a number without quotes"},
        WrongText{"health_check = { path = \"healthz\"; };", "health_check.path", "\"healthz\"",
                  "begins with '/'"},
        WrongText{"health_check = { path = \"/a b\"; };", "health_check.path", "\"/a b\"",
                  "visible"},
        WrongText{"health_check = { path = \"/\\r\\nX: y\"; };", "health_check.path",
                  "\"/\\x0d\\x0aX: y\"", "visible"},
        WrongText{"health_check = { host = \"\"; };", "health_check.host", "\"\"", "host name"},
        WrongText{"health_check = { matcher = \"600\"; };", "health_check.matcher", "\"600\"",
                  "200-399,404"},
        WrongText{"health_check = { matcher = \"300-200\"; };", "health_check.matcher",
                  "\"300-200\"", "200-399,404"},
        WrongText{"health_check = { matcher = \"200,\"; };", "health_check.matcher", "\"200,\"",
                  "200-399,404"},
        WrongText{"health_check = { matcher = 200; };", "health_check.matcher", "200",
                  "not a string"},
        WrongText{"targets = \"10.0.0.1\";", "targets", "\"10.0.0.1\"", "not a list"},
        WrongText{"targets = [\"10.0.0.1\"];", "targets[0]", "\"10.0.0.1\"", "not a group"},
        WrongText{"targets = ( { } );", "targets[0].address", "", "is missing"},
        WrongText{"targets = ( { address = \"x\"; } );", "targets[0].address", "\"x\"",
                  "not an IP address"},
        WrongText{"targets = ( { address = \"10.0.0.1\"; port = 0; } );", "targets[0].port", "0",
                  "1 to 65535"},
        WrongText{"targets = ( { address = \"10.0.0.1\"; weight = 1000; } );", "targets[0].weight",
                  "1000", "0 to 999"}));

TEST(Read, SaysWhichKeysAreMissing) {
  const Errors errors = read_wrong("listeners = (\n{ } );");
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 5u) << to_string(errors);
  EXPECT_EQ(errors[0].setting, "ports");
  EXPECT_EQ(errors[1].setting, "listeners[0].name");
  EXPECT_EQ(errors[1].line, 2);
  EXPECT_EQ(errors[2].setting, "listeners[0].address");
  EXPECT_EQ(errors[3].setting, "listeners[0].port");
  EXPECT_EQ(errors[4].setting, "listeners[0].target_group");
}

TEST(Read, RefusesShortIdleTimeoutsOfTcpOnly) {
  const auto listener = [](const char* protocol) {
    return fmt::format(
        "ports = (); listeners = ( {{ name = \"a\"; address = \"192.0.2.1\"; port = 1; "
        "target_group = \"g\"; protocol = \"{}\"; idle_timeout = 59; }} );",
        protocol);
  };
  expect_only(read_wrong(listener("tcp")), "listeners[0].idle_timeout", "60 to 6000");
  EXPECT_EQ(read_right(listener("udp")).listeners.at(0).idle_timeout, seconds(59));
}

TEST(Read, FindsTheOneWrongTargetOf300) {
  std::string text = "ports = ();\ntarget_groups = ( { name = \"g\"; port = 1; targets = (\n";
  for (int i = 0; i < 300; ++i) {
    text += fmt::format("  {{ address = \"10.0.{}.{}\"; }}{}\n", i / 200,
                        i % 200 + (i == 217 ? 300 : 1), i == 299 ? "" : ",");
  }
  const Errors errors = read_wrong(text + "); } );\n");
  expect_only(errors, "target_groups[0].targets[217].address", "is not an IP address");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].line, 220);
  EXPECT_EQ(errors[0].value, "\"10.0.1.317\"");
}

TEST(Read, SaysEverythingInOneRunSortedByLine) {
  const Errors errors = read_wrong(
      "listeners = ( { name = 1; address = \"a\"; port = 0; target_group = true; x = 1; } );\n"
      "idle = \"never\";\n"
      "ports = ( { name = \"p\"; device = 3;\n"
      "            mtu = 1; } );\n"
      "eal = { pci = 7; };\n");
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 9u) << to_string(errors);
  EXPECT_TRUE(std::is_sorted(errors.begin(), errors.end(), [](const Error& a, const Error& b) {
    return a.line < b.line;
  })) << to_string(errors);
}

TEST(Read, KeepsAtMostTenThousandErrorsAndSaysSo) {
  std::string text = "ports = ();\nlisteners = (\n";
  for (int i = 0; i < 12'000; ++i) text += "1,\n";
  const Errors errors = read_wrong(text + ");");
  ASSERT_EQ(errors.size(), 10'001u);
  EXPECT_EQ(errors.back().problem, "2000 more errors are not shown");
}

}  // namespace
}  // namespace config
