// Memory: large areas for flow tables and packet buffers, in huge pages where there are some, as
// the daemon has them; and how much of it the machine can spare.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace tools::bench {

/// What an area's pages are.
enum class Pages : std::uint8_t {
  Gigabyte,     // reserved 1 GB pages
  Megabytes,    // reserved 2 MB pages
  Transparent,  // asked for by madvise: 2 MB where the kernel could, 4 kB elsewhere
};
[[nodiscard]] std::string_view to_string(Pages pages);

class Memory {
 public:
  /// `bytes` bytes, zero, aligned to 2 MB. Throws std::bad_alloc.
  explicit Memory(std::size_t bytes);
  Memory(Memory&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), mapped_(other.mapped_), pages_(other.pages_) {}
  Memory& operator=(Memory&&) = delete;
  ~Memory();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  [[nodiscard]] Pages pages() const { return pages_; }

 private:
  std::span<std::byte> bytes_;
  std::size_t mapped_ = 0;
  Pages pages_ = Pages::Transparent;
};

/// Bytes that can be taken without the machine having to swap (MemAvailable and free huge pages);
/// 0 if the system does not say.
[[nodiscard]] std::size_t available_memory();

}  // namespace tools::bench
