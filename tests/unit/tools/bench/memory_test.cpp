#include "tools/bench/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace tools::bench {
namespace {

TEST(Memory, IsZeroAlignedAndWritable) {
  const std::size_t bytes = (std::size_t{3} << 20) + 5;
  Memory memory(bytes);
  ASSERT_EQ(memory.bytes().size(), bytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.bytes().data()) % (std::size_t{2} << 20), 0u);
  const auto zero = [](std::byte byte) { return byte == std::byte{0}; };
  EXPECT_TRUE(std::all_of(memory.bytes().begin(), memory.bytes().end(), zero));
  memory.bytes().back() = std::byte{1};
  EXPECT_FALSE(to_string(memory.pages()).empty());
}

TEST(Memory, MovesWithoutACopy) {
  Memory memory(4096);
  const std::byte* data = memory.bytes().data();
  const Memory other(std::move(memory));
  EXPECT_EQ(other.bytes().data(), data);
}

TEST(Memory, RefusesWhatThereCannotBe) {
  EXPECT_THROW(Memory(std::size_t{1} << 60), std::bad_alloc);
}

TEST(AvailableMemory, IsSomeAndNotMoreThanThereCouldBe) {
  EXPECT_GT(available_memory(), std::size_t{1} << 20);
  EXPECT_LT(available_memory(), std::size_t{1} << 50);
}

}  // namespace
}  // namespace tools::bench
