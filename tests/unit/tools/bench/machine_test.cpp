#include "tools/bench/machine.h"

#include <gtest/gtest.h>

namespace tools::bench {
namespace {

TEST(Machine, SaysWhatItIs) {
  const Machine machine = this_machine(2.5);
  EXPECT_GE(machine.cpus, 1u);
  EXPECT_TRUE(machine.kernel.starts_with("Linux ")) << machine.kernel;
  EXPECT_NE(machine.cpu.find("family"), std::string::npos) << machine.cpu;
  EXPECT_EQ(machine.page_policy.find('['), std::string::npos) << machine.page_policy;
  EXPECT_EQ(machine.tsc_gigahertz, 2.5);
}

TEST(Build, SaysHowItWasMade) {
  const Build build = this_build();
  EXPECT_FALSE(build.version.empty());
  EXPECT_FALSE(build.type.empty());
  EXPECT_FALSE(build.march.empty());
  EXPECT_TRUE(build.compiler.starts_with("GCC ") || build.compiler.starts_with("Clang "));
}

TEST(Objections, NameEachThingThatMakesTimesUntrue) {
  Build build{.optimized = true};
  EXPECT_TRUE(objections(build).empty());
  build.dchecks = true;
  EXPECT_EQ(objections(build).size(), 1u);
  build.sanitized = true;
  build.optimized = false;
  EXPECT_EQ(objections(build).size(), 3u);
}

}  // namespace
}  // namespace tools::bench
