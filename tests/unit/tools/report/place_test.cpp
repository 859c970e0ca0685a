#include "tools/report/place.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/cpp/scratch_segment.h"

namespace report {
namespace {

TEST(Place, NamesThatAreRefusedCannotLeaveTheirDirectory) {
  EXPECT_TRUE(is_instance_name("edge-1"));
  EXPECT_TRUE(is_instance_name("A.b_c-9"));
  EXPECT_TRUE(is_instance_name(std::string(63, 'x')));
  for (const char* name : {"", ".", "..", ".hidden", "a/b", "a b", "a\n", "ä"}) {
    EXPECT_FALSE(is_instance_name(name)) << name;
  }
  EXPECT_FALSE(is_instance_name(std::string(64, 'x')));
}

TEST(Place, SegmentAndSocketAreNamedAfterTheInstance) {
  EXPECT_EQ(segment_name("edge-1"), "/spillway-edge-1");
  EXPECT_EQ(segment_file("edge-1"), "/dev/shm/spillway-edge-1");
  EXPECT_EQ(socket_path("/run/spillway", "edge-1"), "/run/spillway/edge-1.sock");
}

TEST(Place, RunDirectoryDependsOnWhoRuns) {
  if (geteuid() == 0) {
    EXPECT_EQ(default_run_directory(), "/run/spillway");
    return;
  }
  const char* before = std::getenv("XDG_RUNTIME_DIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  EXPECT_EQ(default_run_directory(), "/run/user/7/spillway");
  unsetenv("XDG_RUNTIME_DIR");
  EXPECT_EQ(default_run_directory(), "/tmp/spillway-" + std::to_string(geteuid()));
  if (before != nullptr) setenv("XDG_RUNTIME_DIR", kept.c_str(), 1);
}

TEST(Place, InstancesAreThoseThatHaveASegment) {
  const std::string name = test_support::fresh_instance_name();
  const auto listed = [&] {
    const auto names = instances();
    return std::count(names.begin(), names.end(), name);
  };
  EXPECT_EQ(listed(), 0);
  {
    test_support::ScratchSegment segment;
    segment.publish(name);
    EXPECT_EQ(listed(), 1);
  }
  EXPECT_EQ(listed(), 0);
}

}  // namespace
}  // namespace report
