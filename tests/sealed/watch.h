// What one thread does that a worker may not: allocate, free, lock, call the system.
//
// The allocator's and the lock functions of the C library are replaced by ones that count, for
// threads that are watched, and then do what they are for (watch_symbols.cpp). A sanitizer has
// replaced the same functions already: under one its own hooks count allocations, locks are not
// counted, and system calls, which it needs, are not stopped (watch_hooks.cpp).
#pragma once

#include <cstdint>

namespace tests {

struct Offences {
  std::uint64_t allocations = 0;  // calls of malloc, free and their kin; new and delete end there
  std::uint64_t locks = 0;        // calls of pthread_mutex_…, rwlock, cond, spin and sem_…
  long system_call = -1;          // the number of the one that ended the thread

  friend bool operator==(const Offences&, const Offences&) = default;
};

/// Whether this build counts locks and stops at system calls; allocations it always counts.
extern const bool watches_everything;

/// From here to unwatch() the calls of this thread count.
void watch();
void unwatch();
/// What this thread did between the two.
[[nodiscard]] Offences seen();

}  // namespace tests
