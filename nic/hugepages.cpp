#include "nic/hugepages.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <fstream>
#include <optional>

namespace nic {
namespace {

std::optional<std::uint64_t> read_number(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::uint64_t number = 0;
  if (!(stream >> number)) return std::nullopt;
  return number;
}

/// "hugepages-2048kB"
std::optional<std::uint64_t> page_bytes_of(const std::string& folder) {
  static constexpr std::string_view prefix = "hugepages-";
  if (!folder.starts_with(prefix) || !folder.ends_with("kB")) return std::nullopt;
  std::uint64_t kilobytes = 0;
  const char* begin = folder.data() + prefix.size();
  if (std::from_chars(begin, folder.data() + folder.size(), kilobytes).ec != std::errc{}) {
    return std::nullopt;
  }
  return kilobytes * 1024;
}

/// Maps one page and gives it back: the kernel may refuse where free pages are shown (cgroup,
/// user).
bool can_map(std::uint64_t page_bytes) {
  const int size_flag = std::countr_zero(page_bytes) << MAP_HUGE_SHIFT;
  void* page = mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | size_flag, -1, 0);
  if (page == MAP_FAILED) return false;
  munmap(page, page_bytes);
  return true;
}

}  // namespace

std::uint64_t HugepageSupply::free_bytes() const {
  std::uint64_t bytes = 0;
  for (const HugepageSize& size : sizes) bytes += size.free * size.page_bytes;
  return bytes;
}

HugepageSupply hugepage_supply(const std::filesystem::path& sizes_folder) {
  HugepageSupply supply;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(sizes_folder, error)) {
    const auto page_bytes = page_bytes_of(entry.path().filename().string());
    if (!page_bytes) continue;
    supply.sizes.push_back({.page_bytes = *page_bytes,
                            .total = read_number(entry.path() / "nr_hugepages").value_or(0),
                            .free = read_number(entry.path() / "free_hugepages").value_or(0)});
  }
  std::sort(supply.sizes.begin(), supply.sizes.end(),
            [](const auto& a, const auto& b) { return a.page_bytes > b.page_bytes; });
  for (const HugepageSize& size : supply.sizes) {
    if (size.free != 0 && !can_map(size.page_bytes)) supply.permitted = false;
  }
  return supply;
}

std::uint64_t to_megabytes(std::uint64_t bytes) { return (bytes + (1u << 20) - 1) >> 20; }

std::string megabytes(std::uint64_t bytes) { return fmt::format("{} MB", to_megabytes(bytes)); }

std::string page_size(std::uint64_t bytes) {
  if (bytes >> 30 != 0) return fmt::format("{} GB", bytes >> 30);
  if (bytes >> 20 != 0) return fmt::format("{} MB", bytes >> 20);
  return fmt::format("{} kB", bytes >> 10);
}

}  // namespace nic
