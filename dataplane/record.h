// Record: a value of several words that one thread writes and others read, in memory that they
// share.
//
// A seqlock: the writer makes `sequence` odd, writes, makes it even; a reader retries until it sees
// the same even number twice.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

namespace dataplane {

/// A value of several words with one writer, read without locks and never torn.
template <class Value>
class Record {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  void write(const Value& value) {
    std::array<std::uint64_t, words> buffer{};
    std::memcpy(buffer.data(), &value, sizeof value);
    // Already odd if a writer died in the middle: then it stays so until we are done.
    const std::uint64_t odd = sequence_.load(std::memory_order_relaxed) | 1;
    sequence_.store(odd, std::memory_order_relaxed);
    // release: who reads one of these words sees the odd number too (acquire in read). Not a fence:
    // ThreadSanitizer does not know fences.
    for (std::size_t i = 0; i < words; ++i) {
      words_[i].store(buffer[i], std::memory_order_release);
    }
    sequence_.store(odd + 1, std::memory_order_release);  // pairs with the first load in read
  }

  /// nullopt if the writer kept writing for `attempts` tries (or died while writing).
  [[nodiscard]] std::optional<Value> read(int attempts = 1000) const {
    for (int attempt = 0; attempt < attempts; ++attempt) {
      const std::uint64_t before = sequence_.load(std::memory_order_acquire);
      if (before % 2 != 0) continue;
      std::array<std::uint64_t, words> buffer;
      for (std::size_t i = 0; i < words; ++i) {
        buffer[i] = words_[i].load(std::memory_order_acquire);  // pairs with the words in write
      }
      if (sequence_.load(std::memory_order_relaxed) != before) continue;
      Value value;
      std::memcpy(static_cast<void*>(&value), buffer.data(), sizeof value);
      return value;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t words = (sizeof(Value) + 7) / 8;
  std::atomic<std::uint64_t> sequence_{0};
  std::array<std::atomic<std::uint64_t>, words> words_{};
};

}  // namespace dataplane
