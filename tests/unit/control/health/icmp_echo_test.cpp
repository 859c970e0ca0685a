#include "control/health/icmp_echo.h"

#include <gtest/gtest.h>

#include <string>

namespace control {
namespace {

TEST(IcmpEcho, IsWrittenAsTheRfcHasIt) {
  const IcmpEcho echo{.ipv6 = false, .identifier = 0x1234, .sequence = 7, .token = 0};
  // 0x0800 + 0x1234 + 0x0007 = 0x1a3b, whose complement is the checksum.
  EXPECT_EQ(echo.request(), std::string("\x08\0\xe5\xc4\x12\x34\0\x07", 8) + std::string(8, '\0'));
  const IcmpEcho echo_6{.ipv6 = true, .identifier = 0x1234, .sequence = 7, .token = 0};
  EXPECT_EQ(echo_6.request(), std::string("\x80\0\0\0\x12\x34\0\x07", 8) + std::string(8, '\0'));
}

TEST(IcmpEcho, KnowsItsReply) {
  for (const bool ipv6 : {false, true}) {
    const IcmpEcho echo{.ipv6 = ipv6, .identifier = 1, .sequence = 2, .token = 0x0102030405060708};
    std::string reply = echo.request();
    EXPECT_FALSE(echo.is_reply(reply)) << "the request itself";
    reply[0] = ipv6 ? '\x81' : '\0';
    EXPECT_TRUE(echo.is_reply(reply));
    EXPECT_TRUE(echo.is_reply(reply + "and more"));
    reply[5] = '\x7f';
    EXPECT_TRUE(echo.is_reply(reply)) << "a ping socket's kernel chooses the identifier";
    for (const std::size_t other :
         {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{15}}) {
      std::string wrong = reply;
      wrong[other] = '\x55';
      EXPECT_FALSE(echo.is_reply(wrong)) << other;
    }
    for (std::size_t size = 0; size < reply.size(); ++size) {
      EXPECT_FALSE(echo.is_reply(reply.substr(0, size))) << size;
    }
  }
}

TEST(IcmpEcho, FindsWhatIsBehindTheIpv4Header) {
  EXPECT_EQ(behind_ipv4_header("\x45" + std::string(19, 'h') + "icmp"), "icmp");
  EXPECT_EQ(behind_ipv4_header("\x46" + std::string(23, 'h') + "icmp"), "icmp");
  EXPECT_EQ(behind_ipv4_header("\x45" + std::string(19, 'h')), "");
  EXPECT_EQ(behind_ipv4_header("\x4f"), "");
  EXPECT_EQ(behind_ipv4_header(""), "");
}

}  // namespace
}  // namespace control
