// Counter: a number in shared memory that one thread writes and any may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace dataplane {

/// A number with one writer and many readers.
class Counter {
 public:
  void add(std::uint64_t amount) { set(read() + amount); }
  void subtract(std::uint64_t amount) { set(read() - amount); }
  // relaxed: each counter stands for itself, no reader infers anything about other memory from it.
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};
static_assert(sizeof(Counter) == 8 && std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace dataplane
