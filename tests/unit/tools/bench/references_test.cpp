#include "tools/bench/references.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "tools/bench/memory.h"

namespace tools::bench {
namespace {

TEST(References, EachGivesAPositiveTimeForEverySlice) {
  const Clock clock;
  References references(clock);
  Memory memory(std::size_t{1} << 20);
  std::memset(memory.bytes().data(), 1, memory.bytes().size());
  const std::vector<std::byte> before(memory.bytes().begin(), memory.bytes().end());
  constexpr std::size_t slices = 20;
  const std::vector<std::function<Slices()>> all{
      [&] { return references.independent_lines(memory.bytes(), slices); },
      [&] { return references.dependent_lines(memory.bytes(), slices); },
      [&] { return references.empty_path(slices); },
      [&] { return references.clock_readings(slices); },
      [&] { return references.multiplications(slices); }};
  for (const auto& measure : all) {
    const Slices found = measure();
    EXPECT_EQ(found.size(), slices);
    EXPECT_GT(found.quantile(0), 0);
  }
  EXPECT_TRUE(std::equal(before.begin(), before.end(), memory.bytes().begin())) << "only read";
}

}  // namespace
}  // namespace tools::bench
