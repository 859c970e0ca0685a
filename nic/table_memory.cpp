#include "nic/table_memory.h"

#include <fmt/format.h>
#include <rte_memzone.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <string_view>

#include "nic/hugepages.h"

namespace nic {
namespace {

constexpr std::size_t huge = std::size_t{2} << 20;

/// How much of the mapping around an address is in memory, and of that in transparent huge pages.
struct Resident {
  std::uint64_t kilobytes = 0;
  std::uint64_t huge_kilobytes = 0;
};

/// The number behind `name`, in a line of /proc/self/smaps such as "Rss:      2048 kB".
void read_field(std::string_view line, std::string_view name, std::uint64_t& value) {
  if (!line.starts_with(name)) return;
  line.remove_prefix(line.find_first_not_of(' ', name.size()));
  std::from_chars(line.data(), line.data() + line.size(), value);
}

Resident resident_around(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream file("/proc/self/smaps");
  Resident found;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    std::uintptr_t first = 0, end = 0;
    const char* const last = line.data() + line.size();
    const auto [dash, error] = std::from_chars(line.data(), last, first, 16);
    if (error == std::errc{} && dash != last && *dash == '-') {  // "7f…-7f… rw-p …": another one
      if (inside) break;
      std::from_chars(dash + 1, last, end, 16);
      inside = first <= wanted && wanted < end;
    }
    if (!inside) continue;
    read_field(line, "Rss:", found.kilobytes);
    read_field(line, "AnonHugePages:", found.huge_kilobytes);
  }
  return found;
}

}  // namespace

Result<TableMemory> TableMemory::allocate(const std::string& name, std::size_t bytes, int numa_node,
                                          bool hugepages, const TableKind& kind) {
  if (hugepages) {
    const rte_memzone* zone = rte_memzone_reserve_aligned(
        name.c_str(), bytes, numa_node, RTE_MEMZONE_1GB | RTE_MEMZONE_SIZE_HINT_ONLY, huge);
    if (zone != nullptr) return TableMemory({static_cast<std::byte*>(zone->addr), bytes}, 0, zone);
    return Failure{
        fmt::format("{} of {} cannot be had from the huge pages of NUMA node "
                    "{}; reserve more there (/sys/devices/system/node/node{}/hugepages), "
                    "lower {}, or set eal.hugepages = \"off\"",
                    kind.what, megabytes(bytes), numa_node, numa_node, kind.setting)};
  }
  // One huge page more than needed, so that an aligned start can be found in it.
  const std::size_t mapped = (bytes + huge - 1) / huge * huge + huge;
  void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return Failure{fmt::format("{} of {} cannot be had: {}; lower {} or free memory", kind.what,
                               megabytes(bytes), std::strerror(errno), kind.setting)};
  }
  const auto start = reinterpret_cast<std::uintptr_t>(memory);
  const std::size_t lead = (huge - start % huge) % huge;
  auto* aligned = static_cast<std::byte*>(memory) + lead;
  // Give back what the alignment left over, so that unmapping needs only the aligned part.
  if (lead != 0) munmap(memory, lead);
  munmap(aligned + (mapped - huge), huge - lead);
  madvise(aligned, mapped - huge, MADV_HUGEPAGE);  // advice: works without
  return TableMemory({aligned, bytes}, mapped - huge, nullptr);
}

TableMemory::~TableMemory() {
  if (bytes_.empty()) return;
  if (zone_ != nullptr) {
    rte_memzone_free(zone_);
  } else {
    munmap(bytes_.data(), mapped_);
  }
}

std::size_t TableMemory::page_bytes() const {
  if (zone_ != nullptr) return zone_->hugepage_sz;
  const Resident resident = resident_around(bytes_.data());
  const bool nearly_all =
      resident.huge_kilobytes != 0 && resident.huge_kilobytes * 10 >= resident.kilobytes * 9;
  return nearly_all ? huge : static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace nic
