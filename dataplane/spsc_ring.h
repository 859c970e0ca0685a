// SpscRing: what one worker tells the control thread, value by value, without ever waiting for it.
//
// One writer, one reader, a power of two of places in memory that is taken once. A full ring
// loses the newest value and tells the writer, who counts it: it has packets to forward, and the
// reader a disk or a socket that may be slow. Each side keeps a copy of the other's position beside
// its own, so that a line goes from core to core once for many values and not once for each (P. Lee
// et al., "A lock-free, cache-efficient multi-core synchronization mechanism", IPDPS 2010).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "dataplane/packet/contract.h"

namespace dataplane {

template <class Value>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<Value> && std::is_trivially_destructible_v<Value>);

 public:
  /// Rounded up to a power of two; 0: a ring that takes nothing and has no memory.
  explicit SpscRing(std::size_t capacity = 0)
      : capacity_(capacity == 0 ? 0 : std::bit_ceil(capacity)), values_(take(capacity_)) {}

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  /// Memory that a ring of `capacity` values takes.
  [[nodiscard]] static constexpr std::size_t bytes_needed(std::size_t capacity) {
    return capacity == 0 ? 0 : std::bit_ceil(capacity) * sizeof(Value);
  }

  // --- the writer ---
  /// The place of the next value, to be filled and handed over by push(); null if there is none.
  [[nodiscard]] Value* place() {
    const std::uint64_t written = written_.load(std::memory_order_relaxed);
    if (written - taken_seen_ == capacity_) {
      taken_seen_ = taken_.load(std::memory_order_acquire);  // pairs with take_each
      if (written - taken_seen_ == capacity_) return nullptr;
    }
    return at(written);
  }
  /// Hands over what place() returned.
  void push() {
    const std::uint64_t written = written_.load(std::memory_order_relaxed);
    DCHECK(written - taken_seen_ < capacity_);
    written_.store(written + 1, std::memory_order_release);  // pairs with take_each
  }
  /// False, and the value is lost, if the ring is full.
  bool push(const Value& value) {
    Value* const free = place();
    if (free == nullptr) return false;
    std::construct_at(free, value);
    push();
    return true;
  }

  // --- the reader ---
  /// Calls take(const Value&) for up to `most` values, oldest first, and returns for how many. A
  /// value's place is the writer's again when all of them are done.
  template <class Take>
  std::size_t take_each(std::size_t most, Take&& take) {
    const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    if (written_seen_ - taken < most) {
      written_seen_ = written_.load(std::memory_order_acquire);  // pairs with push
    }
    const std::uint64_t waiting = written_seen_ - taken;
    const std::size_t count = waiting < most ? static_cast<std::size_t>(waiting) : most;
    for (std::uint64_t i = 0; i < count; ++i) take(std::as_const(*at(taken + i)));
    if (count != 0) taken_.store(taken + count, std::memory_order_release);  // pairs with place
    return count;
  }

 private:
  struct Free {
    std::size_t capacity = 0;
    void operator()(Value* values) const { std::allocator<Value>().deallocate(values, capacity); }
  };
  // Not a vector: the code to grow one would stand in the path.
  [[nodiscard]] static std::unique_ptr<Value, Free> take(std::size_t capacity) {
    if (capacity == 0) return {nullptr, Free{}};
    return {std::allocator<Value>().allocate(capacity), Free{capacity}};
  }
  [[nodiscard]] Value* at(std::uint64_t position) {
    return values_.get() + (position & (capacity_ - 1));
  }

  const std::size_t capacity_;
  const std::unique_ptr<Value, Free> values_;
  // The writer's line, then the reader's.
  alignas(64) std::atomic<std::uint64_t> written_{0};  // since start
  std::uint64_t taken_seen_ = 0;
  alignas(64) std::atomic<std::uint64_t> taken_{0};  // since start
  std::uint64_t written_seen_ = 0;
};

}  // namespace dataplane
