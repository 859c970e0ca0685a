// MaglevTable: consistent hashing over weighted targets (Eisenbud et al., NSDI 2016, section 3.4).
//
// Immutable once built. The same targets and weights give the same table on every machine, in every
// order of the input: targets are sorted by (address, port) first and the permutation hash has a
// fixed seed. Bounds: size is a prime, at least the number of targets, at most 5,000,011.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/table/ids.h"

namespace dataplane {

struct MaglevEntry {
  TargetId id;
  IpAddress address;
  Be16 port;
  std::uint32_t weight = 1;  // 0: gets nothing; only its ratio to the others' counts
};

[[nodiscard]] bool is_prime(std::uint32_t number);
/// The smallest prime >= number.
[[nodiscard]] std::uint32_t next_prime(std::uint32_t number);

class MaglevTable {
 public:
  static constexpr std::uint32_t size_default = 65'537;
  static constexpr std::uint32_t size_max = 5'000'011;

  /// O(size log size) expected. `size` must be prime (CHECK). Entries with weight 0 get no slot.
  MaglevTable(std::span<const MaglevEntry> targets, std::uint32_t size);

  /// The target for a flow hash; no_target if no entry had weight.
  [[nodiscard]] TargetId pick(std::uint64_t flow_hash) const {
    if (slots_.empty()) return no_target;
    return slots_[static_cast<std::size_t>(flow_hash % slots_.size())];
  }
  [[nodiscard]] std::span<const TargetId> slots() const { return slots_; }

 private:
  std::vector<TargetId> slots_;
};

}  // namespace dataplane
