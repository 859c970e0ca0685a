#include "tools/spillwayctl/target_list.h"

#include <gtest/gtest.h>

namespace tools {
namespace {

using report::Json;

Json list(const std::string& text, const Attributes& attributes = {}) {
  auto read = targets_in(text, "list.txt", attributes);
  if (const auto* error = std::get_if<std::string>(&read)) {
    ADD_FAILURE() << *error;
    return {};
  }
  return std::get<Json>(read);
}

std::string error_of(const std::string& text) {
  const auto read = targets_in(text, "list.txt", {});
  const auto* error = std::get_if<std::string>(&read);
  return error == nullptr ? "" : *error;
}

TEST(TargetList, OneALineWithItsOwnAttributes) {
  const Json targets = list(
      "# new ones\n10.0.1.20\n\n  10.0.1.21:8081 weight=5 zone=b # the large one\r\n"
      "[2001:db8::20]:80\n2001:db8::21 max=1.5",
      {{"weight", "7"}});
  EXPECT_EQ(targets.dump(), R"([{"address":"10.0.1.20","weight":7},)"
                            R"({"address":"10.0.1.21","port":8081,"weight":5,"zone":"b"},)"
                            R"({"address":"2001:db8::20","port":80,"weight":7},)"
                            R"({"address":"2001:db8::21","max":"1.5","weight":7}])");
}

TEST(TargetList, EveryMistakeIsNamedWithItsLine) {
  EXPECT_EQ(error_of("10.0.1.20\nweb1\n10.0.1.21 heavy\n"),
            "list.txt:2: \"web1\" is not a target: an address such as 10.0.1.11 or 2001:db8::11 is "
            "allowed, also with a port: 10.0.1.11:8080 or [2001:db8::11]:8080\n"
            "list.txt:3: \"heavy\" is not of the form KEY=VALUE, such as weight=5");
  EXPECT_NE(error_of("# nothing\n").find("names no target"), std::string::npos);
  EXPECT_NE(error_of("10.0.1.20:0").find("is not a target"), std::string::npos);
}

TEST(TargetList, AFileThatIsNotThereIsSaid) {
  const auto read = read_targets_file("/nowhere/list.txt", {});
  EXPECT_EQ(std::get<std::string>(read),
            "/nowhere/list.txt: cannot be read: No such file or directory");
}

}  // namespace
}  // namespace tools
