// EAL on huge pages: pools and flow tables come from them, and nothing is left behind. Reserves a
// few for the time of the test where none are free; skipped where that is not allowed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "nic/hugepages.h"
#include "tests/system/nic/rig.h"

namespace nic::test {
namespace {

using dataplane::Totals;

constexpr std::uint64_t bytes_wanted = std::uint64_t{256} << 20;
constexpr const char* pages_file = "/proc/sys/vm/nr_hugepages";

/// Raises the number of reserved pages, and sets it back at the end.
class Reservation {
 public:
  Reservation() {
    if (hugepage_supply().free_bytes() >= bytes_wanted) return;
    std::ifstream(pages_file) >> before_;
    raised_ = true;
    std::ofstream(pages_file) << before_ + (bytes_wanted >> 21) << std::endl;
  }
  ~Reservation() {
    if (raised_) std::ofstream(pages_file) << before_ << std::endl;
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  [[nodiscard]] static bool enough() { return hugepage_supply().free_bytes() >= bytes_wanted; }

 private:
  std::uint64_t before_ = 0;
  bool raised_ = false;
};

TEST(HugePages, HoldPoolsAndTables) {
  ASSERT_TRUE(runtime().hugepages());
  const std::uint64_t free_before = hugepage_supply().free_bytes();
  Rig rig({{.name = "front", .device = "net_null0", .kernel_path = false}});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  EXPECT_LT(hugepage_supply().free_bytes(), free_before);
  rig.start_obeying();
  EXPECT_TRUE(eventually([&] { return rig.totals(0).received.read() > 1'000; }));
  rig.stop_and_check();
  EXPECT_GT(rig.sum(&Totals::received), 0u);
}

TEST(HugePages, ATableThatIsTooLargeIsRefused) {
  const auto memory = TableMemory::allocate(std::size_t{1} << 40, 0, true);
  ASSERT_TRUE(std::holds_alternative<Failure>(memory));
  EXPECT_NE(std::get<Failure>(memory).message.find("flows.capacity"), std::string::npos);
}

TEST(HugePages, LeaveNoFiles) {
  // A file would hold the pages after a crash.
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/hugepages", error)) {
    EXPECT_EQ(entry.path().filename().string().find("nic-test"), std::string::npos) << entry.path();
  }
}

}  // namespace
}  // namespace nic::test

int main(int argc, char** argv) {
  const nic::test::Reservation reservation;
  if (!nic::test::Reservation::enough()) {
    std::printf("skipped: no huge pages are free, and none can be reserved here\n");
    return 77;
  }
  setenv("SPILLWAY_TEST_HUGEPAGES", "on", 1);
  return nic::test::run_tests(argc, argv, false);
}
