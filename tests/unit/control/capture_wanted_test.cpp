#include "control/capture_wanted.h"

#include <gtest/gtest.h>

#include <variant>

#include "control/wanted.h"

namespace control {
namespace {

using dataplane::Protocol;
using dataplane::Verdict;
using dataplane::verdicts::mask;

CaptureWanted wanted(std::string_view query) {
  const auto read = wanted_of<CaptureWanted>(query);
  const auto* error = std::get_if<std::string>(&read);
  EXPECT_EQ(error, nullptr) << *error;
  return error == nullptr ? std::get<CaptureWanted>(read) : CaptureWanted{};
}
std::string complaint(std::string_view query) {
  const auto read = wanted_of<CaptureWanted>(query);
  const auto* error = std::get_if<std::string>(&read);
  return error == nullptr ? "" : *error;
}
bool mentions(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}
dataplane::IpAddress address(const char* text) { return *dataplane::parse_address(text); }

TEST(CaptureWanted, NothingIsAnything) {
  const CaptureWanted all = wanted("");
  EXPECT_EQ(all.filter.verdicts, 0u);
  EXPECT_FALSE(all.filter.asks_for_ends());
  EXPECT_FALSE(all.filter.asks_for_owner());
  EXPECT_EQ(all.snap_length, 2048u);
  EXPECT_FALSE(all.count || all.time);
}

TEST(CaptureWanted, EachPacketOnceByDefault) {
  for (std::size_t i = 0; i < dataplane::verdict_count; ++i) {
    const auto verdict = static_cast<Verdict>(i);
    const bool later =
        verdict == Verdict::Pending || verdict == Verdict::HandOff || verdict == Verdict::Wait;
    EXPECT_EQ((CaptureWanted::verdicts_default & mask(verdict)) == 0, later) << to_string(verdict);
  }
}

TEST(CaptureWanted, Verdicts) {
  EXPECT_EQ(wanted("verdict=DropNoTarget").filter.verdicts, mask(Verdict::DropNoTarget));
  EXPECT_EQ(wanted("verdict=DropNoTarget&verdict=HandOff").filter.verdicts,
            mask(Verdict::DropNoTarget, Verdict::HandOff));
  EXPECT_EQ(wanted("verdict=DropWaiting").filter.verdicts, mask(Verdict::DropWaiting));
  EXPECT_EQ(wanted("verdict=drops").filter.verdicts, dataplane::verdicts::drops);
  EXPECT_EQ(wanted("verdict=replies").filter.verdicts, dataplane::verdicts::replies);
  EXPECT_EQ(wanted("verdict=forwards").filter.verdicts,
            mask(Verdict::ForwardToTarget, Verdict::ForwardToClient));
}

TEST(CaptureWanted, AWrongVerdictIsToldTheNearOnes) {
  EXPECT_TRUE(mentions(complaint("verdict=DropNoTarge"),
                       "there is no such verdict. Did you mean DropNoTarget?"))
      << complaint("verdict=DropNoTarge");
  EXPECT_TRUE(mentions(complaint("verdict=DropNotTarget"), "Did you mean \"DropNoTarget\"?"))
      << complaint("verdict=DropNotTarget");
  EXPECT_TRUE(mentions(complaint("verdict=dropttl"), "Did you mean DropTtl?"));
  const std::string security = complaint("verdict=securitygroup");
  EXPECT_TRUE(mentions(security, "DropSecurityGroupInbound or DropSecurityGroupOutbound?"))
      << security;
  EXPECT_TRUE(mentions(complaint("verdict=Dorp"), "there is no such verdict"))
      << complaint("verdict=Dorp");
  EXPECT_TRUE(mentions(complaint("verdict=Pending"), "there is no such verdict"));
  EXPECT_TRUE(mentions(complaint("verdict="), "there is no such verdict"));
}

TEST(CaptureWanted, Ends) {
  const auto end = parse_capture_end;
  EXPECT_TRUE(end("198.51.100.7")->fits(address("198.51.100.7"), 9));
  EXPECT_FALSE(end("198.51.100.7")->fits(address("198.51.100.8"), 9));
  EXPECT_TRUE(end("198.51.100.0/24:53")->fits(address("198.51.100.8"), 53));
  EXPECT_FALSE(end("198.51.100.0/24:53")->fits(address("198.51.100.8"), 54));
  EXPECT_TRUE(end(":443")->fits(address("2001:db8::1"), 443));
  EXPECT_FALSE(end(":443")->fits(address("2001:db8::1"), 80));
  EXPECT_TRUE(end("2001:db8::7")->fits(address("2001:db8::7"), 1));
  EXPECT_TRUE(end("2001:db8::/32")->fits(address("2001:db8:1::7"), 1));
  EXPECT_TRUE(end("[2001:db8::7]")->fits(address("2001:db8::7"), 1));
  EXPECT_TRUE(end("[2001:db8::7]:80")->fits(address("2001:db8::7"), 80));
  EXPECT_FALSE(end("[2001:db8::7]:80")->fits(address("2001:db8::7"), 81));
  EXPECT_TRUE(end("[2001:db8::/32]:80")->fits(address("2001:db8:1::7"), 80));
  EXPECT_TRUE(end("[2001:db8::]/32:80")->fits(address("2001:db8:1::7"), 80));
  for (const char* wrong :
       {"", ":", ":0", ":65536", ":x", "198.51.100", "198.51.100.7:", "198.51.100.7:0",
        "198.51.100.7/33", "198.51.100.7/24:", "[198.51.100.7]:80", "[2001:db8::7", "[]:80",
        "[2001:db8::7]80", "[2001:db8::7]:", "2001:db8::/129", "host", "198.51.100.7:80:80"}) {
    EXPECT_FALSE(end(wrong)) << wrong;
  }
  EXPECT_TRUE(wanted("from=198.51.100.7").filter.asks_for_ends());
  EXPECT_TRUE(mentions(complaint("to=198.51.100.7%3Ax"), "to = \"198.51.100.7:x\": an address"));
}

TEST(CaptureWanted, TheRest) {
  const CaptureWanted asked = wanted(
      "protocol=icmp&listener=web&target_group=blue&target=[2001:db8::11]:8080&count=100&seconds=9&"
      "snaplen=96");
  EXPECT_EQ(asked.filter.protocol, Protocol::Icmp);
  EXPECT_EQ(asked.listener, "web");
  EXPECT_EQ(asked.target_group, "blue");
  EXPECT_EQ(asked.filter.target, address("2001:db8::11"));
  EXPECT_EQ(asked.filter.target_port, 8080u);
  EXPECT_EQ(asked.count, 100u);
  EXPECT_EQ(asked.time, std::chrono::seconds(9));
  EXPECT_EQ(asked.snap_length, 96u);
  EXPECT_EQ(wanted("target=10.0.1.11").filter.target_port, 0u);
  EXPECT_EQ(wanted("protocol=tcp").filter.protocol, Protocol::Tcp);
  EXPECT_EQ(wanted("protocol=udp").filter.protocol, Protocol::Udp);
}

TEST(CaptureWanted, BoundsAreTold) {
  EXPECT_TRUE(
      mentions(complaint("count=0"), "count = \"0\": a number from 1 to 1000000000 is allowed"));
  EXPECT_TRUE(mentions(complaint("seconds=86401"), "from 1 to 86400"));
  EXPECT_TRUE(mentions(complaint("snaplen=13"), "from 14 to 2048"));
  EXPECT_TRUE(mentions(complaint("snaplen=2049"), "from 14 to 2048"));
  EXPECT_TRUE(mentions(complaint("protocol=gre"), "tcp, udp and icmp"));
  EXPECT_TRUE(mentions(complaint("target=web"), "an address, with or without a port"));
  EXPECT_TRUE(
      mentions(complaint("verdicts=x"), "unknown parameter \"verdicts\": verdict, protocol"));
}

}  // namespace
}  // namespace control
