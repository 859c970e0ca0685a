// MissingHops: on which addresses the path lately had no next hop. The worker notes, control reads
// and asks the kernel to resolve them; so a client that we know only from its target's packets
// (after a restart) is found within a moment. A note may be overwritten before it is read: the
// packet that comes again notes it again.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/packet/address.h"

namespace dataplane {

class MissingHops {
 public:
  static constexpr std::size_t notes_max = 64;

  // --- worker ---
  void note(Ipv4Address address) {
    notes_[next_].set(std::uint64_t{address.bits.value()} | marked);
    next_ = (next_ + 1) % notes_max;
  }

  // --- control ---
  /// What is noted, over and over until something else takes its place.
  [[nodiscard]] std::vector<Ipv4Address> addresses() const {
    std::vector<Ipv4Address> found;
    for (const Counter& note : notes_) {
      const std::uint64_t value = note.read();
      if (value != 0) found.push_back({Be32{static_cast<std::uint32_t>(value)}});
    }
    return found;
  }

 private:
  static constexpr std::uint64_t marked = std::uint64_t{1} << 32;  // so that 0 means: none
  std::array<Counter, notes_max> notes_;
  std::size_t next_ = 0;
};

}  // namespace dataplane
