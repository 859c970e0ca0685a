#include "nic/table_memory.h"

#include <fmt/format.h>
#include <rte_malloc.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "nic/hugepages.h"

namespace nic {

Result<TableMemory> TableMemory::allocate(std::size_t bytes, int numa_node, bool hugepages) {
  static constexpr std::size_t huge = std::size_t{2} << 20;
  if (hugepages) {
    void* memory = rte_malloc_socket("flows", bytes, huge, numa_node);
    if (memory != nullptr) {
      return TableMemory({static_cast<std::byte*>(memory), bytes}, 0);
    }
    return Failure{
        fmt::format("a flow table of {} cannot be had from the huge pages of NUMA node "
                    "{}; reserve more there (/sys/devices/system/node/node{}/hugepages), "
                    "lower flows.capacity, or set eal.hugepages = \"off\"",
                    megabytes(bytes), numa_node, numa_node)};
  }
  // One huge page more than needed, so that an aligned start can be found in it.
  const std::size_t mapped = (bytes + huge - 1) / huge * huge + huge;
  void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return Failure{
        fmt::format("a flow table of {} cannot be had: {}; lower flows.capacity or free "
                    "memory",
                    megabytes(bytes), std::strerror(errno))};
  }
  const auto start = reinterpret_cast<std::uintptr_t>(memory);
  const std::size_t lead = (huge - start % huge) % huge;
  auto* aligned = static_cast<std::byte*>(memory) + lead;
  // Give back what the alignment left over, so that unmapping needs only the aligned part.
  if (lead != 0) munmap(memory, lead);
  munmap(aligned + (mapped - huge), huge - lead);
  madvise(aligned, mapped - huge, MADV_HUGEPAGE);  // advice: works without
  return TableMemory({aligned, bytes}, mapped - huge);
}

TableMemory::~TableMemory() {
  if (bytes_.empty()) return;
  if (mapped_ == 0) {
    rte_free(bytes_.data());
  } else {
    munmap(bytes_.data(), mapped_);
  }
}

}  // namespace nic
