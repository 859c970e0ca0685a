#include "tools/bench/memory.h"

#include <sys/mman.h>

#include <fstream>
#include <new>
#include <string>

namespace tools::bench {
namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20;
constexpr std::size_t gigabyte = std::size_t{1} << 30;

std::size_t rounded_up(std::size_t bytes, std::size_t page) {
  return (bytes + page - 1) / page * page;
}

/// Reserved huge pages of one size, or nullptr where there are too few.
void* map_reserved(std::size_t bytes, int page_bits) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (page_bits << MAP_HUGE_SHIFT);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

/// An aligned area for which the kernel is asked to use transparent huge pages.
void* map_transparent(std::size_t bytes, std::size_t alignment) {
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* memory = mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // Give back what the alignment leaves over, so that unmapping needs only the aligned part.
  const auto start = reinterpret_cast<std::uintptr_t>(memory);
  const std::size_t lead = (alignment - start % alignment) % alignment;
  auto* aligned = static_cast<std::byte*>(memory) + lead;
  if (lead != 0) munmap(memory, lead);
  munmap(aligned + bytes, alignment - lead);
  madvise(aligned, bytes, MADV_HUGEPAGE);  // advice: works without
  return aligned;
}

}  // namespace

std::string_view to_string(Pages pages) {
  switch (pages) {
    case Pages::Gigabyte: return "1 GB";
    case Pages::Megabytes: return "2 MB";
    case Pages::Transparent: break;
  }
  return "transparent";
}

Memory::Memory(std::size_t bytes) {
  void* memory = nullptr;
  if (bytes >= gigabyte / 2) {
    mapped_ = rounded_up(bytes, gigabyte);
    memory = map_reserved(mapped_, 30);
    pages_ = Pages::Gigabyte;
  }
  if (memory == nullptr) {
    mapped_ = rounded_up(bytes, 2 * megabyte);
    memory = map_reserved(mapped_, 21);
    pages_ = Pages::Megabytes;
  }
  if (memory == nullptr) {
    memory = map_transparent(mapped_, 2 * megabyte);
    pages_ = Pages::Transparent;
  }
  bytes_ = {static_cast<std::byte*>(memory), bytes};
}

Memory::~Memory() {
  if (!bytes_.empty()) munmap(bytes_.data(), mapped_);
}

std::size_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::size_t available = 0, free_pages = 0, page_kilobytes = 0;
  for (std::string name; file >> name;) {
    std::size_t value = 0;
    file >> value;
    if (name == "MemAvailable:") available = value;
    if (name == "HugePages_Free:") free_pages = value;
    if (name == "Hugepagesize:") page_kilobytes = value;
    file.ignore(256, '\n');
  }
  return (available + free_pages * page_kilobytes) * 1024;
}

}  // namespace tools::bench
