#include "nic/hugepages.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace nic {
namespace {

class HugepagesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("spillway-hugepages-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void add(const std::string& size, int total, int free) const {
    std::filesystem::create_directories(folder_ / size);
    std::ofstream(folder_ / size / "nr_hugepages") << total << '\n';
    std::ofstream(folder_ / size / "free_hugepages") << free << '\n';
  }

  std::filesystem::path folder_;
};

TEST_F(HugepagesTest, ReadsEverySizeLargestFirst) {
  add("hugepages-2048kB", 10, 0);
  add("hugepages-1048576kB", 3, 0);
  add("something-else", 1, 1);
  const HugepageSupply supply = hugepage_supply(folder_);
  ASSERT_EQ(supply.sizes.size(), 2u);
  EXPECT_EQ(supply.sizes[0].page_bytes, 1u << 30);
  EXPECT_EQ(supply.sizes[0].total, 3u);
  EXPECT_EQ(supply.sizes[1].page_bytes, 2u << 20);
  EXPECT_EQ(supply.free_bytes(), 0u);
  EXPECT_TRUE(supply.permitted);
}

TEST_F(HugepagesTest, PagesThatAreShownButCannotBeMappedAreNotPermitted) {
  add("hugepages-8388608kB", 1, 1);  // a size that this machine does not have
  const HugepageSupply supply = hugepage_supply(folder_);
  EXPECT_EQ(supply.free_bytes(), std::uint64_t{8} << 30);
  EXPECT_FALSE(supply.permitted);
}

TEST_F(HugepagesTest, AMachineWithoutThemHasNone) {
  const HugepageSupply supply = hugepage_supply(folder_ / "missing");
  EXPECT_TRUE(supply.sizes.empty());
  EXPECT_EQ(supply.free_bytes(), 0u);
}

TEST(Megabytes, AreRoundedUp) {
  EXPECT_EQ(megabytes(0), "0 MB");
  EXPECT_EQ(megabytes(1), "1 MB");
  EXPECT_EQ(megabytes(3u << 20), "3 MB");
}

TEST(Megabytes, PagesAreToldInTheirOwnUnit) {
  EXPECT_EQ(page_size(4096), "4 kB");
  EXPECT_EQ(page_size(2u << 20), "2 MB");
  EXPECT_EQ(page_size(1u << 30), "1 GB");
}

}  // namespace
}  // namespace nic
