#include "dataplane/packet/address.h"

#include <gtest/gtest.h>

namespace dataplane {
namespace {

using namespace std::string_view_literals;

TEST(Ipv4, ReadsTheCanonicalNotation) {
  EXPECT_EQ(parse_address("198.51.100.7"), Ipv4Address{Be32{0xc633'6407}});
  EXPECT_EQ(parse_address("0.0.0.0"), Ipv4Address{});
  EXPECT_EQ(parse_address("255.255.255.255"), Ipv4Address{Be32{0xffff'ffff}});
}

TEST(Ipv4, RefusesEverythingElse) {
  for (const std::string_view text :
       {""sv,           "1"sv,         "1.2.3"sv,
        "1.2.3.4.5"sv,  "1.2.3.4."sv,  ".1.2.3.4"sv,
        "1..2.3"sv,     "1.2.3.256"sv, "1.2.3.1234"sv,
        "01.2.3.4"sv,   "1.2.3.00"sv,  " 1.2.3.4"sv,
        "1.2.3.4 "sv,   "+1.2.3.4"sv,  "-1.2.3.4"sv,
        "1.2.3.4/32"sv, "0x1.2.3.4"sv, "1.2.3.a"sv,
        "1,2,3,4"sv,    "localhost"sv, "::ffff:1.2.3.4"sv,
        "1.2.3.4\0"sv,  "1.2.3.4\n"sv, "1.2.3.99999999999999999999"sv}) {
    EXPECT_EQ(parse_address(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(Ipv4, TextRoundTrip) {
  for (const std::string_view text : {"0.0.0.0"sv, "10.0.1.11"sv, "255.255.255.255"sv}) {
    EXPECT_EQ(to_string(*parse_address(text)), text);
  }
}

TEST(Ipv4, OrdersByNumberNotByBytesInMemory) {
  EXPECT_LT(*parse_address("9.255.255.255"), *parse_address("10.0.0.0"));
  EXPECT_LT(*parse_address("10.0.0.2"), *parse_address("10.0.1.1"));
}

TEST(Ipv4, KnowsWhoMaySend) {
  for (const std::string_view text : {"1.0.0.0"sv, "126.1.1.1"sv, "128.0.0.1"sv, "10.0.0.1"sv,
                                      "169.254.1.1"sv, "223.255.255.255"sv}) {
    EXPECT_TRUE(parse_address(text)->may_be_source()) << text;
  }
  for (const std::string_view text : {"0.0.0.0"sv, "0.1.2.3"sv, "127.0.0.1"sv, "224.0.0.1"sv,
                                      "239.255.255.255"sv, "240.0.0.1"sv, "255.255.255.255"sv}) {
    EXPECT_FALSE(parse_address(text)->may_be_source()) << text;
  }
  EXPECT_TRUE(parse_address("224.0.0.0")->is_multicast());
  EXPECT_TRUE(parse_address("239.255.255.255")->is_multicast());
  EXPECT_FALSE(parse_address("223.255.255.255")->is_multicast());
  EXPECT_FALSE(parse_address("240.0.0.0")->is_multicast());
  EXPECT_TRUE(parse_address("255.255.255.255")->v4().is_broadcast());
  EXPECT_FALSE(parse_address("255.255.255.254")->v4().is_broadcast());
}

TEST(Ipv6, ReadsAndWritesAsRfc5952Says) {
  for (const auto& [text, canonical] :
       {std::pair{"2001:DB8:0:0:0:0:0:7", "2001:db8::7"}, std::pair{"::1", "::1"},
        std::pair{"::", "::"}, std::pair{"fe80::1:0:0:1", "fe80::1:0:0:1"},
        std::pair{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"}}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), canonical);
    EXPECT_EQ(address->family(), Family::V6);
  }
}

TEST(Ipv6, RefusesEverythingElse) {
  for (const std::string_view text :
       {":"sv, ":::"sv, "1::2::3"sv, "12345::"sv, "1:2:3:4:5:6:7"sv, "1:2:3:4:5:6:7:8:9"sv,
        "::ffff:1.2.3.4"sv, "::1.2.3.4"sv, "::ffff:102:304"sv, "fe80::1%eth1"sv, "[::1]"sv,
        "::1 "sv, "::g"sv, "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"sv}) {
    EXPECT_EQ(parse_address(text), std::nullopt) << text;
  }
}

TEST(Ipv6, KnowsWhoMaySend) {
  for (const std::string_view text : {"2001:db8::1"sv, "fe80::1"sv, "fd00::1"sv, "::2"sv}) {
    EXPECT_TRUE(parse_address(text)->may_be_source()) << text;
  }
  for (const std::string_view text : {"::"sv, "::1"sv, "ff02::1"sv}) {
    EXPECT_FALSE(parse_address(text)->may_be_source()) << text;
  }
  EXPECT_FALSE(IpAddress(Ipv4Address{Be32{0x0102'0304}}).v6().may_be_source()) << "mapped";
  EXPECT_TRUE(parse_address("febf::1")->v6().is_link_local());
  EXPECT_FALSE(parse_address("fec0::1")->v6().is_link_local());
}

TEST(IpAddress, IsOfOneFamilyAndOrdered) {
  const IpAddress v4 = *parse_address("255.1.2.3");
  EXPECT_TRUE(v4.is_v4());
  EXPECT_EQ(v4.v4(), Ipv4Address{Be32{0xff01'0203}});
  EXPECT_EQ(v4.width(), 32);
  EXPECT_EQ(IpAddress(), *parse_address("0.0.0.0"));
  EXPECT_LT(v4, *parse_address("::")) << "all of IPv4 first";
  EXPECT_LT(*parse_address("2001::1"), *parse_address("2001::1:0"));
}

TEST(WithPort, RoundTrip) {
  for (const std::string_view text : {"10.0.1.11:8080"sv, "[2001:db8::7]:1"sv, "[::1]:65535"sv}) {
    const auto found = parse_with_port(text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(with_port(found->address, found->port), text);
  }
  for (const std::string_view text :
       {""sv, ":"sv, "10.0.1.11"sv, "10.0.1.11:"sv, "10.0.1.11:0"sv, "10.0.1.11:65536"sv,
        "[10.0.1.11]:80"sv, "::1:80"sv, "[::1]"sv, "[::1]80"sv, "[::1:80"sv, "1.2.3.4:08"sv,
        "1.2.3.4:80 "sv}) {
    EXPECT_FALSE(parse_with_port(text)) << text;
  }
}

TEST(Prefix, OfIpv6) {
  const IpPrefix prefix = *parse_prefix("2001:db8:1:2::7/63");
  EXPECT_TRUE(prefix.contains(*parse_address("2001:db8:1:3::")));
  EXPECT_FALSE(prefix.contains(*parse_address("2001:db8:1:4::")));
  EXPECT_FALSE(prefix.contains(*parse_address("10.0.0.1")));
  EXPECT_EQ(to_string(prefix.network()), "2001:db8:1:2::/63");
  EXPECT_EQ(to_string(prefix.last()), "2001:db8:1:3:ffff:ffff:ffff:ffff");
  EXPECT_EQ(to_string(parse_prefix("10.1.2.3/15")->network()), "10.0.0.0/15");
  EXPECT_EQ(to_string(parse_prefix("10.1.2.3/15")->last()), "10.1.255.255");
  EXPECT_TRUE(parse_prefix("2001:db8::1/128")->is_host());
  EXPECT_FALSE(parse_prefix("2001:db8::1/32")->is_host());
  EXPECT_TRUE(parse_prefix("::/0")->contains(*parse_address("2001:db8::1")));
  EXPECT_FALSE(parse_prefix("::/0")->contains(*parse_address("1.2.3.4")));
  EXPECT_FALSE(parse_prefix("2001:db8::1/129"));
}

TEST(Ipv4Prefix, ReadsAddressAndLength) {
  const auto prefix = parse_prefix("198.51.100.2/24");
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
    EXPECT_EQ(parse_prefix(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(Ipv4Prefix, ContainsByLength) {
  const IpPrefix network = *parse_prefix("10.0.1.2/24");
  EXPECT_TRUE(network.contains(*parse_address("10.0.1.0")));
  EXPECT_TRUE(network.contains(*parse_address("10.0.1.255")));
  EXPECT_FALSE(network.contains(*parse_address("10.0.2.0")));
  EXPECT_FALSE(network.contains(*parse_address("10.0.0.255")));
  const IpPrefix host = *parse_prefix("10.0.1.2/32");
  EXPECT_TRUE(host.contains(*parse_address("10.0.1.2")));
  EXPECT_FALSE(host.contains(*parse_address("10.0.1.3")));
  const IpPrefix all = *parse_prefix("10.0.1.2/0");  // a shift by 32 would be undefined
  EXPECT_TRUE(all.contains(*parse_address("255.0.0.1")));
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

TEST(Protocols, AreOneOrTcpAndUdp) {
  const Protocols tcp = Protocol::Tcp, udp = Protocol::Udp, both = Protocols::tcp_udp();
  EXPECT_EQ(Protocols(), tcp);
  EXPECT_TRUE(tcp.has(Protocol::Tcp));
  EXPECT_FALSE(tcp.has(Protocol::Udp));
  EXPECT_TRUE(both.has(Protocol::Tcp) && both.has(Protocol::Udp));
  EXPECT_FALSE(both.has(Protocol::Icmp));
  EXPECT_TRUE(both.has_all_of(tcp) && both.has_all_of(udp) && both.has_all_of(both));
  EXPECT_FALSE(tcp.has_all_of(both));
  EXPECT_TRUE(tcp.has_any_of(both) && both.has_any_of(udp));
  EXPECT_FALSE(tcp.has_any_of(udp));
  EXPECT_EQ(to_string(both), "tcp_udp");
  EXPECT_EQ(to_string(udp), "udp");
  for (const Protocols one : {tcp, udp, both}) {
    EXPECT_EQ(Protocols::from_number(one.number()), one);
  }
}

TEST(PortRange, HasPortsAndAName) {
  const PortRange range{5000, 5999};
  EXPECT_TRUE(range.has(5000) && range.has(5999));
  EXPECT_FALSE(range.has(4999) || range.has(6000));
  EXPECT_TRUE(range.overlaps({5999, 6000}) && range.overlaps({1, 65'535}));
  EXPECT_FALSE(range.overlaps({6000, 6000}));
  EXPECT_EQ(to_string(range), "5000-5999");
  EXPECT_EQ(to_string(PortRange{80, 80}), "80");
  EXPECT_EQ(to_string(all_ports), "all");
}

TEST(TargetText, HasAPortOrSame) {
  const IpAddress v4 = *parse_address("10.0.1.11"), v6 = *parse_address("2001:db8::b");
  EXPECT_EQ(target_text(v4, 8080), "10.0.1.11:8080");
  EXPECT_EQ(target_text(v4, 0), "10.0.1.11:same");
  EXPECT_EQ(target_text(v6, 0), "[2001:db8::b]:same");
  for (const IpAddress& address : {v4, v6}) {
    for (const std::uint16_t port : {std::uint16_t{0}, std::uint16_t{8080}}) {
      const auto read = parse_target(target_text(address, port));
      ASSERT_TRUE(read);
      EXPECT_EQ(read->address, address);
      EXPECT_EQ(read->port, port);
    }
  }
  for (const char* text : {"10.0.1.11", "10.0.1.11:0", ":same", "10.0.1.11:Same", "same",
                           "2001:db8::b:same", "10.0.1.11:80:same", "10.0.1:same"}) {
    EXPECT_FALSE(parse_target(text)) << text;
  }
}

}  // namespace
}  // namespace dataplane
