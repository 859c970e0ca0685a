#include "tests/unit/config/sample.h"

namespace config {
namespace {

class Example : public testing::TestWithParam<const char*> {};

TEST_P(Example, CanBeLoaded) {
  auto result = load(std::string{SPILLWAY_SOURCE_ROOT "/config/examples/"} + GetParam());
  if (const auto* errors = std::get_if<Errors>(&result)) FAIL() << to_string(*errors);
  const Config& config = std::get<Config>(result);
  EXPECT_FALSE(config.listeners.empty());
  EXPECT_EQ(to_string(check(config)), "");
}

INSTANTIATE_TEST_SUITE_P(All, Example,
                         testing::Values("bare-metal.cfg", "full-nat.cfg", "ipv6.cfg", "null.cfg",
                                         "veth.cfg"));

TEST(Example, AreAllTested) {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(SPILLWAY_SOURCE_ROOT "/config/examples")) {
    files += entry.path().extension() == ".cfg" ? 1 : 0;
  }
  EXPECT_EQ(files, 5u);
}

}  // namespace
}  // namespace config
