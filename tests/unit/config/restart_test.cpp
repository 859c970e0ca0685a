#include "config/restart.h"

#include "tests/unit/config/sample.h"

namespace config {
namespace {

constexpr const char* ports =
    "{ name = \"front\"; device = \"net_null0\"; addresses = [\"198.51.100.2/24\"]; },\n"
    "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; %s }";

Sample sample_with(const std::string& top, const std::string& keys_of_back) {
  Sample sample;
  sample.top = top + "\n";
  sample.ports = ports;
  sample.ports.replace(sample.ports.find("%s"), 2, keys_of_back);
  return sample;
}

Errors change(const Sample& running, const Sample& wanted) {
  return restart_needed(config_of(running), config_of(wanted));
}

struct RestartCase {
  const char* top;
  const char* back;
  const char* setting;
  const char* allowed;  // what it runs with
};

void PrintTo(const RestartCase& one, std::ostream* out) { *out << one.setting; }

class RestartNeeded : public testing::TestWithParam<RestartCase> {};

TEST_P(RestartNeeded, NamesTheSettingItsLineAndWhatRuns) {
  const RestartCase& one = GetParam();
  const Errors errors = change(sample_with("", ""), sample_with(one.top, one.back));
  expect_only(errors, one.setting, std::string{"what it runs with, "} + one.allowed);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].line, *one.top != '\0' ? 1 : 4);
}

INSTANTIATE_TEST_SUITE_P(
    All, RestartNeeded,
    testing::Values(
        RestartCase{"instance = \"other\";", "", "instance", "\"spillway\""},
        RestartCase{"workers = 2;", "", "workers", "1"},
        RestartCase{"workers = [3];", "", "workers", "1"},
        RestartCase{"idle = \"sleep\";", "", "idle", "\"spin\""},
        RestartCase{"eal = { hugepages = \"off\"; };", "", "eal.hugepages", "\"auto\""},
        RestartCase{"eal = { memory_megabytes = 99; };", "", "eal.memory_megabytes", "0"},
        RestartCase{"eal = { pci = false; };", "", "eal.pci", "true"},
        RestartCase{"flows = { capacity = 2048; };", "", "flows.capacity", "1048576"},
        RestartCase{"surge_queues = { capacity = 99; };", "", "surge_queues.capacity", "1024"},
        RestartCase{"flow_log = { path = \"/f\"; ring = 1024; };", "", "flow_log.ring", "32768"},
        RestartCase{"sticky = { capacity = 2048; };", "", "sticky.capacity", "1048576"},
        RestartCase{"", "vlan = 7;", "ports[1].vlan", "0"},
        RestartCase{"", "mtu = 9000;", "ports[1].mtu", "1500"},
        RestartCase{"", "queue_descriptors = 64;", "ports[1].queue_descriptors", "1024"},
        RestartCase{"", "mac = \"02:00:00:00:00:01\";", "ports[1].mac", "not set"},
        RestartCase{"", "steering = \"rss\";", "ports[1].steering", "\"auto\""},
        RestartCase{"", "promiscuous = true;", "ports[1].promiscuous", "false"}));

TEST(RestartNeeded, ForPortsThatAreOthers) {
  Sample wanted = sample_with("", "");
  wanted.ports =
      "{ name = \"outside\"; device = \"net_null7\"; addresses = [\"198.51.100.3/24\"]; },\n"
      "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; }";
  const Errors errors = change(sample_with("", ""), wanted);
  ASSERT_EQ(errors.size(), 3u) << to_string(errors);
  EXPECT_EQ(errors[0].setting, "ports[0].name");
  EXPECT_EQ(errors[1].setting, "ports[0].device");
  EXPECT_EQ(errors[2].setting, "ports[0].addresses");
  EXPECT_EQ(errors[2].allowed, "what it runs with, [\"198.51.100.2/24\"]");

  wanted.ports = "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; }";
  expect_only(change(sample_with("", ""), wanted), "ports", "2 ports");
}

TEST(RestartNeeded, ForTheKernelPath) {
  Sample wanted = sample_with("", "kernel_path = false;");
  wanted.neighbours = "{ port = \"back\"; address = \"10.0.1.11\"; mac = \"02:00:00:00:00:01\"; }";
  expect_only(change(sample_with("", ""), wanted), "ports[1].kernel_path", "true");
}

// Next hops are asked for from start on, and live flows are told by their local address.
TEST(RestartNeeded, ForGatewaysAndLocalAddresses) {
  expect_only(change(sample_with("", ""), sample_with("", "gateways = [\"10.0.1.1\"];")),
              "ports[1].gateways", "[]");
  expect_only(change(sample_with("", ""), sample_with("", "local_addresses = [\"10.0.1.77\"];")),
              "ports[1].local_addresses", "[]");
}

TEST(RestartNeeded, ForTheFirstIpv6ListenerOnly) {
  Config running = config_of(Sample{});
  Config wanted = running;
  wanted.listeners[0].address = *dataplane::parse_address("2001:db8::10");
  const Errors errors = restart_needed(running, wanted);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].setting, "flows.capacity_ipv6");
  running.flows.capacity_ipv6 = running.flows.capacity;
  EXPECT_TRUE(restart_needed(running, wanted).empty());
  std::swap(running.listeners, wanted.listeners);
  EXPECT_TRUE(restart_needed(running, wanted).empty()) << "what is not used may stay";
}

TEST(RestartNeeded, NotForWhatAReloadCanDo) {
  Sample wanted =
      sample_with("punt_rate = 1; flows = { reset_timeout = 1; new_per_second = 9; };", "");
  wanted.neighbours = "{ port = \"back\"; address = \"10.0.1.11\"; mac = \"02:00:00:00:00:01\"; }";
  wanted.groups =
      "{ name = \"other\"; port = 80; algorithm = \"maglev\"; overload = \"forward\"; "
      "stickiness = { type = \"source_ip\"; }; "
      "targets = ( { address = \"10.0.1.12\"; } ); }";
  wanted.listeners =
      "{ name = \"other\"; address = \"198.51.100.11\"; port = 81; target_group = \"other\"; }";
  EXPECT_EQ(to_string(change(sample_with("", ""), wanted)), "");
}

}  // namespace
}  // namespace config
