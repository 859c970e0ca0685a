#include "dataplane/packet/address.h"

#include <gtest/gtest.h>

namespace dataplane {
namespace {

using namespace std::string_view_literals;

TEST(Ipv4, ReadsTheCanonicalNotation) {
  EXPECT_EQ(parse_ipv4("198.51.100.7"), Ipv4Address{Be32{0xc633'6407}});
  EXPECT_EQ(parse_ipv4("0.0.0.0"), Ipv4Address{});
  EXPECT_EQ(parse_ipv4("255.255.255.255"), Ipv4Address{Be32{0xffff'ffff}});
}

TEST(Ipv4, RefusesEverythingElse) {
  for (const std::string_view text :
       {""sv,           "1"sv,         "1.2.3"sv,     "1.2.3.4.5"sv,
        "1.2.3.4."sv,   ".1.2.3.4"sv,  "1..2.3"sv,    "1.2.3.256"sv,
        "1.2.3.1234"sv, "01.2.3.4"sv,  "1.2.3.00"sv,  " 1.2.3.4"sv,
        "1.2.3.4 "sv,   "+1.2.3.4"sv,  "-1.2.3.4"sv,  "1.2.3.4/32"sv,
        "0x1.2.3.4"sv,  "1.2.3.a"sv,   "1,2,3,4"sv,   "localhost"sv,
        "::1"sv,        "1.2.3.4\0"sv, "1.2.3.4\n"sv, "1.2.3.99999999999999999999"sv}) {
    EXPECT_EQ(parse_ipv4(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(Ipv4, TextRoundTrip) {
  for (const std::string_view text : {"0.0.0.0"sv, "10.0.1.11"sv, "255.255.255.255"sv}) {
    EXPECT_EQ(to_string(*parse_ipv4(text)), text);
  }
}

TEST(Ipv4, OrdersByNumberNotByBytesInMemory) {
  EXPECT_LT(*parse_ipv4("9.255.255.255"), *parse_ipv4("10.0.0.0"));
  EXPECT_LT(*parse_ipv4("10.0.0.2"), *parse_ipv4("10.0.1.1"));
}

TEST(Ipv4, KnowsWhoMaySend) {
  for (const std::string_view text : {"1.0.0.0"sv, "126.1.1.1"sv, "128.0.0.1"sv, "10.0.0.1"sv,
                                      "169.254.1.1"sv, "223.255.255.255"sv}) {
    EXPECT_TRUE(parse_ipv4(text)->may_be_source()) << text;
  }
  for (const std::string_view text : {"0.0.0.0"sv, "0.1.2.3"sv, "127.0.0.1"sv, "224.0.0.1"sv,
                                      "239.255.255.255"sv, "240.0.0.1"sv, "255.255.255.255"sv}) {
    EXPECT_FALSE(parse_ipv4(text)->may_be_source()) << text;
  }
  EXPECT_TRUE(parse_ipv4("224.0.0.0")->is_multicast());
  EXPECT_TRUE(parse_ipv4("239.255.255.255")->is_multicast());
  EXPECT_FALSE(parse_ipv4("223.255.255.255")->is_multicast());
  EXPECT_FALSE(parse_ipv4("240.0.0.0")->is_multicast());
  EXPECT_TRUE(parse_ipv4("255.255.255.255")->is_broadcast());
  EXPECT_FALSE(parse_ipv4("255.255.255.254")->is_broadcast());
}

TEST(Ipv4Prefix, ReadsAddressAndLength) {
  const auto prefix = parse_ipv4_prefix("198.51.100.2/24");
  ASSERT_TRUE(prefix.has_value());
  EXPECT_EQ(to_string(prefix->address), "198.51.100.2");
  EXPECT_EQ(prefix->length, 24);
  EXPECT_EQ(to_string(*prefix), "198.51.100.2/24");
}

TEST(Ipv4Prefix, RefusesEverythingElse) {
  for (const std::string_view text :
       {""sv, "10.0.0.1"sv, "10.0.0.1/"sv, "10.0.0.1/33"sv, "10.0.0.1/024"sv, "10.0.0.1/08"sv,
        "10.0.0.1/-1"sv, "10.0.0.1/ 8"sv, "10.0.0.1/24 "sv, "10.0.0.1/24/24"sv, "10.0.0/24"sv,
        "/24"sv, "10.0.0.1/255.255.255.0"sv, "10.0.0.1/100"sv}) {
    EXPECT_EQ(parse_ipv4_prefix(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(Ipv4Prefix, ContainsByLength) {
  const Ipv4Prefix network = *parse_ipv4_prefix("10.0.1.2/24");
  EXPECT_TRUE(network.contains(*parse_ipv4("10.0.1.0")));
  EXPECT_TRUE(network.contains(*parse_ipv4("10.0.1.255")));
  EXPECT_FALSE(network.contains(*parse_ipv4("10.0.2.0")));
  EXPECT_FALSE(network.contains(*parse_ipv4("10.0.0.255")));
  const Ipv4Prefix host = *parse_ipv4_prefix("10.0.1.2/32");
  EXPECT_TRUE(host.contains(*parse_ipv4("10.0.1.2")));
  EXPECT_FALSE(host.contains(*parse_ipv4("10.0.1.3")));
  const Ipv4Prefix all = *parse_ipv4_prefix("10.0.1.2/0");  // a shift by 32 would be undefined
  EXPECT_EQ(all.mask(), 0u);
  EXPECT_TRUE(all.contains(*parse_ipv4("255.0.0.1")));
}

TEST(Mac, ReadsSixPairs) {
  const MacAddress expected{{0x02, 0x00, 0x5e, 0x10, 0xab, 0xff}};
  EXPECT_EQ(parse_mac("02:00:5e:10:ab:ff"), expected);
  EXPECT_EQ(parse_mac("02:00:5E:10:AB:FF"), expected);
  EXPECT_EQ(to_string(expected), "02:00:5e:10:ab:ff");
}

TEST(Mac, RefusesEverythingElse) {
  for (const std::string_view text :
       {""sv, "02:00:5e:10:00"sv, "02:00:5e:10:00:01:02"sv, "2:0:5e:10:0:1"sv,
        "02-00-5e-10-00-01"sv, "02005e100001"sv, "02:00:5e:10:00:0g"sv, "02:00:5e:10:00:1"sv,
        "02:00:5e:10:00:01:"sv, "+2:00:5e:10:00:01"sv, "-2:00:5e:10:00:01"sv, "0x:00:5e:10:00:01"sv,
        " 2:00:5e:10:00:01"sv, "02:00:5e:10:00: 1"sv}) {
    EXPECT_EQ(parse_mac(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(Mac, KnowsGroupsAndZero) {
  EXPECT_TRUE(broadcast_mac.is_group());
  EXPECT_TRUE(parse_mac("01:00:5e:00:00:01")->is_group());
  EXPECT_FALSE(parse_mac("02:00:5e:00:00:01")->is_group());
  EXPECT_TRUE(MacAddress{}.is_zero());
  EXPECT_FALSE(parse_mac("00:00:00:00:00:01")->is_zero());
}

TEST(Protocol, HasNames) {
  EXPECT_EQ(to_string(Protocol::Tcp), "tcp");
  EXPECT_EQ(to_string(Protocol::Udp), "udp");
  EXPECT_EQ(to_string(Protocol::Icmp), "icmp");
}

}  // namespace
}  // namespace dataplane
