// TableMemory: the bytes of a table: of one worker's flows, on that worker's NUMA node, or of the
// clients that all workers know.
//
// From DPDK's huge pages where EAL has them, of 1 GB where there are such, else mapped with the
// advice to use transparent ones: a table of a million flows touches a random page per packet, and
// 4 kB pages would double its cost (performance.md). Call it on the worker's own thread: plain
// mappings go to the node that touches them first. Freed by its destructor, before EAL ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "nic/failure.h"

struct rte_memzone;

namespace nic {

/// For messages: what the memory is for, and the setting that it is sized by.
struct TableKind {
  std::string_view what = "a flow table";
  std::string_view setting = "flows.capacity";
};

class TableMemory {
 public:
  /// `bytes` bytes, not cleared, aligned to a huge page of 2 MB. `name`: no other one's at the same
  /// time. `hugepages`: EAL has them.
  [[nodiscard]] static Result<TableMemory> allocate(const std::string& name, std::size_t bytes,
                                                    int numa_node, bool hugepages,
                                                    const TableKind& kind = {});
  TableMemory(TableMemory&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})),
        mapped_(std::exchange(other.mapped_, 0)),
        zone_(std::exchange(other.zone_, nullptr)) {}
  TableMemory& operator=(TableMemory&&) = delete;
  ~TableMemory();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  /// The size of the pages that it lies in. Of transparent ones this is known only when the memory
  /// has been written, and told if nearly all is in such.
  [[nodiscard]] std::size_t page_bytes() const;

 private:
  TableMemory(std::span<std::byte> bytes, std::size_t mapped, const rte_memzone* zone)
      : bytes_(bytes), mapped_(mapped), zone_(zone) {}
  std::span<std::byte> bytes_;
  std::size_t mapped_;       // 0: EAL's
  const rte_memzone* zone_;  // null: mapped
};

}  // namespace nic
