// Hugepages: how many are free, and how much memory a start-up will ask for.
//
// Read before EAL starts, because EAL starts once per process: whether huge pages are used has to
// be right the first time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace nic {

/// Bytes that a start-up takes, before anything is allocated. Upper bounds.
struct MemoryNeed {
  std::uint64_t buffer_bytes = 0;  // mbuf pools, rings, what drivers allocate
  std::uint64_t table_bytes = 0;   // flow tables of all workers

  [[nodiscard]] std::uint64_t total() const { return buffer_bytes + table_bytes; }
};

struct HugepageSize {
  std::uint64_t page_bytes = 0;
  std::uint64_t total = 0;  // pages
  std::uint64_t free = 0;
};

struct HugepageSupply {
  std::vector<HugepageSize> sizes;  // largest page first
  bool permitted = true;            // this process may map them

  [[nodiscard]] std::uint64_t free_bytes() const;
};

/// `sizes_folder`: another one in tests.
[[nodiscard]] HugepageSupply hugepage_supply(
    const std::filesystem::path& sizes_folder = "/sys/kernel/mm/hugepages");

/// "312 MB", rounded up.
[[nodiscard]] std::string megabytes(std::uint64_t bytes);
[[nodiscard]] std::uint64_t to_megabytes(std::uint64_t bytes);
/// "1 GB", "2 MB", "4 kB".
[[nodiscard]] std::string page_size(std::uint64_t bytes);

}  // namespace nic
