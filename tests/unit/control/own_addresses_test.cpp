#include "control/own_addresses.h"

#include <gtest/gtest.h>

namespace control {
namespace {

TEST(OwnAddresses, AreThoseOfTheInterfacesThatAreAskedFor) {
  const auto loopback = addresses_on({"lo"});
  EXPECT_TRUE(loopback.contains(*dataplane::parse_address("127.0.0.1")));
  EXPECT_TRUE(addresses_on({}).empty());
  EXPECT_TRUE(addresses_on({"no-such-one"}).empty());
}

}  // namespace
}  // namespace control
