// MissingHops: on which addresses the path lately had no next hop. The worker notes, control reads
// and asks the kernel to resolve them; so a client that we know only from its target's packets
// (after a restart) is found within a moment. A note may be overwritten before it is read: the
// packet that comes again notes it again.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/record.h"

namespace dataplane {

class MissingHops {
 public:
  static constexpr std::size_t notes_max = 64;

  // --- worker ---
  void note(const IpAddress& address) {
    notes_[next_].write({address, true});
    next_ = (next_ + 1) % notes_max;
  }

  // --- control ---
  /// What is noted, over and over until something else takes its place.
  [[nodiscard]] std::vector<IpAddress> addresses() const {
    std::vector<IpAddress> found;
    for (const Record<Note>& one : notes_) {
      const auto note = one.read();
      if (note && note->used) found.push_back(note->address);
    }
    return found;
  }

 private:
  struct Note {
    IpAddress address;
    bool used = false;
  };
  std::array<Record<Note>, notes_max> notes_;
  std::size_t next_ = 0;
};

}  // namespace dataplane
