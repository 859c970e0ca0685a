// TableMemory: the bytes of one worker's flow table, on that worker's NUMA node.
//
// From DPDK's huge pages where EAL has them, else mapped with the advice to use transparent ones: a
// table of a million flows touches a random page per packet, and 4 kB pages would double its cost
// (performance.md). Call it on the worker's own thread: plain mappings go to the node that touches
// them first. Freed by its destructor, before EAL ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "nic/failure.h"

namespace nic {

class TableMemory {
 public:
  /// `bytes` bytes, not cleared, aligned to a huge page. `hugepages`: EAL has them.
  [[nodiscard]] static Result<TableMemory> allocate(std::size_t bytes, int numa_node,
                                                    bool hugepages);
  TableMemory(TableMemory&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), mapped_(std::exchange(other.mapped_, 0)) {}
  TableMemory& operator=(TableMemory&&) = delete;
  ~TableMemory();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  TableMemory(std::span<std::byte> bytes, std::size_t mapped) : bytes_(bytes), mapped_(mapped) {}
  std::span<std::byte> bytes_;
  std::size_t mapped_;  // 0: EAL's
};

}  // namespace nic
