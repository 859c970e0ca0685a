#include "config/errors.h"

#include "tests/unit/config/sample.h"

namespace config {
namespace {

TEST(ErrorText, NamesPlaceSettingValueAllowedAndRemedy) {
  const Errors errors = read_wrong("ports = ();\npunt_rate = -5;");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(to_string(errors),
            "test.cfg:2: punt_rate = -5: is out of range; allowed: 0 to 10000000. Change it, or "
            "leave it out for the default, 20000.\n");
}

TEST(ErrorText, ShortensLongValues) {
  const std::string shown = in_quotes(std::string(100, 'a'));
  EXPECT_EQ(shown, "\"" + std::string(80, 'a') + "…\"");
  EXPECT_EQ(in_quotes(std::string(79, 'a') + "ö"), "\"" + std::string(79, 'a') + "…\"")
      << "not within a character";
}

TEST(ErrorText, GuessesOnlyWhatIsNear) {
  const std::vector<std::string> known = {"addresses", "mac", "mtu"};
  EXPECT_EQ(did_you_mean("adresess", known), " Did you mean \"addresses\"?");
  EXPECT_EQ(did_you_mean("mca", known), " Did you mean \"mac\"?");
  EXPECT_EQ(did_you_mean("vlan", known), "");
  EXPECT_EQ(did_you_mean(std::string(10'000, 'a'), known), "");
}

}  // namespace
}  // namespace config
