// EAL on huge pages: pools and flow tables come from them, from the largest first, and nothing is
// left behind. Reserves a few for the time of the test where none are free, one of 1 GB too where
// memory is whole enough for that; skipped where that is not allowed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "nic/hugepages.h"
#include "tests/system/nic/rig.h"

namespace nic::test {
namespace {

using dataplane::Totals;

constexpr std::uint64_t bytes_wanted = std::uint64_t{256} << 20;
constexpr std::uint64_t gigabyte = std::uint64_t{1} << 30;

/// Raises the number of reserved pages of one size so that `bytes` are free, and sets it back at
/// the end.
class Reservation {
 public:
  Reservation(std::uint64_t page_bytes, std::uint64_t bytes)
      : file_("/sys/kernel/mm/hugepages/hugepages-" + std::to_string(page_bytes >> 10) +
              "kB/nr_hugepages") {
    for (const HugepageSize& size : hugepage_supply().sizes) {
      if (size.page_bytes != page_bytes || size.free * page_bytes >= bytes) continue;
      before_ = size.total;
      std::ofstream(file_) << *before_ + bytes / page_bytes - size.free << std::endl;
    }
  }
  ~Reservation() {
    if (before_) std::ofstream(file_) << *before_ << std::endl;
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  [[nodiscard]] static bool enough() { return hugepage_supply().free_bytes() >= bytes_wanted; }

 private:
  std::string file_;
  std::optional<std::uint64_t> before_;
};

std::uint64_t largest_page = 0;  // of those that were free before EAL began

std::uint64_t largest_free_page() {
  for (const HugepageSize& size : hugepage_supply().sizes) {
    if (size.free != 0) return size.page_bytes;
  }
  return 0;
}

TEST(HugePages, HoldPoolsAndTables) {
  ASSERT_TRUE(runtime().hugepages());
  const std::uint64_t free_before = hugepage_supply().free_bytes();
  Rig rig({{.name = "front", .device = "net_null0", .kernel_path = false}});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  EXPECT_LT(hugepage_supply().free_bytes(), free_before);
  EXPECT_EQ(rig.totals(0).table_page_bytes.read(), largest_page);
  EXPECT_EQ(rig.totals(0).table_bytes.read(), rig.forwarder->table_bytes() / runtime().workers());
  EXPECT_TRUE(rig.forwarder->table_sentence().ends_with("in pages of " + page_size(largest_page)))
      << rig.forwarder->table_sentence();
  rig.start_obeying();
  EXPECT_TRUE(eventually([&] { return rig.totals(0).received.read() > 1'000; }));
  rig.stop_and_check();
  EXPECT_GT(rig.sum(&Totals::received), 0u);
}

// One page of 1 GB at most is free here: what does not fit into it lies in smaller ones.
TEST(HugePages, ATableTakesSmallerPagesWhereTheLargestDoNotSuffice) {
  constexpr std::size_t bytes = std::size_t{64} << 20;
  const auto first = TableMemory::allocate("first", bytes, 0, true);
  ASSERT_TRUE(std::holds_alternative<TableMemory>(first));
  EXPECT_EQ(std::get<TableMemory>(first).page_bytes(), largest_page);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(std::get<TableMemory>(first).bytes().data()) %
                (std::size_t{2} << 20),
            0u);
  if (largest_page != gigabyte) return;
  const auto rest = TableMemory::allocate("rest", gigabyte - 4 * bytes, 0, true);
  ASSERT_TRUE(std::holds_alternative<TableMemory>(rest));
  EXPECT_EQ(std::get<TableMemory>(rest).page_bytes(), gigabyte);
  const auto more = TableMemory::allocate("more", bytes * 13 / 4, 0, true);
  ASSERT_TRUE(std::holds_alternative<TableMemory>(more));
  EXPECT_EQ(std::get<TableMemory>(more).page_bytes(), std::size_t{2} << 20);
}

TEST(HugePages, ATableThatIsTooLargeIsRefused) {
  const auto memory = TableMemory::allocate("too-large", std::size_t{1} << 40, 0, true);
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
  const nic::test::Reservation reservation(2 << 20, nic::test::bytes_wanted);
  const nic::test::Reservation large(nic::test::gigabyte, nic::test::gigabyte);
  if (!nic::test::Reservation::enough()) {
    std::printf("skipped: no huge pages are free, and none can be reserved here\n");
    return 77;
  }
  nic::test::largest_page = nic::test::largest_free_page();
  setenv("SPILLWAY_TEST_HUGEPAGES", "on", 1);
  return nic::test::run_tests(argc, argv, false);
}
