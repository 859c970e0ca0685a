#include "control/health/channel.h"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

namespace control {
namespace {

TEST(Channel, AsksForTheNameThatIsConfiguredOrTheHosts) {
  struct Case {
    const char* server_name;
    const char* host;
    const char* asked;
  };
  for (const Case& one : {Case{"", "", ""},
                          {"", "a.example", "a.example"},
                          {"", "a.example:8443", "a.example"},
                          {"b.example", "a.example", "b.example"},
                          {"", "10.0.0.1:443", "10.0.0.1"},
                          {"", "fd00::1", "fd00::1"},
                          {"", "[fd00::1]:443", "fd00::1"},
                          {"", "[fd00::1]", "fd00::1"}}) {
    config::HealthCheck settings;
    settings.host = one.host;
    settings.tls.emplace().server_name = one.server_name;
    EXPECT_EQ(server_name(settings), one.asked) << one.host;
  }
}

TEST(Channel, KnowsTheEnd) {
  EXPECT_TRUE(is_end(boost::asio::error::eof));
  EXPECT_TRUE(is_end(boost::asio::ssl::error::stream_truncated));
  EXPECT_FALSE(is_end(boost::asio::error::connection_reset));
  EXPECT_FALSE(is_end({}));
}

}  // namespace
}  // namespace control
