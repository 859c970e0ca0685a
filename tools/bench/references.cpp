#include "tools/bench/references.h"

#include <array>
#include <cstring>

#include "tools/bench/buffers.h"
#include "tools/bench/memory_io.h"

namespace tools::bench {
namespace {

constexpr std::size_t line_bytes = 64;

/// A step of a generator that is no dearer than one multiplication (Lehmer's, 64 bits).
std::uint64_t stepped(std::uint64_t state) { return state * 0xda94'2042'e4dd'58b5u + 1; }

std::size_t line_of(std::uint64_t state, std::size_t lines) {
  return static_cast<std::size_t>((state >> 32) * lines >> 32);
}

std::uint64_t word_at(std::span<const std::byte> memory, std::size_t line) {
  std::uint64_t word;
  std::memcpy(&word, memory.data() + line * line_bytes, sizeof word);
  return word;
}

}  // namespace

template <class Work>
Slices References::measure(std::size_t slices, Work work) {
  Slices result;
  work();  // once to warm up
  for (std::size_t slice = 0; slice < slices; ++slice) {
    const std::uint64_t start = ticks_fenced();
    work();
    result.add(clock_.nanoseconds(ticks_fenced() - start) / per_slice);
  }
  return result;
}

Slices References::independent_lines(std::span<const std::byte> memory, std::size_t slices) {
  const std::size_t lines = memory.size() / line_bytes;
  std::uint64_t random = stepped(state_ | 1);
  return measure(slices, [&] {
    std::uint64_t sum = 0;
    for (std::size_t batch = 0; batch < per_slice / lines_in_flight; ++batch) {
      std::array<std::size_t, lines_in_flight> wanted;
      for (std::size_t& line : wanted) {
        random = stepped(random);
        line = line_of(random, lines);
        __builtin_prefetch(memory.data() + line * line_bytes);
      }
      for (const std::size_t line : wanted) sum += word_at(memory, line);
    }
    state_ += sum;
  });
}

Slices References::dependent_lines(std::span<const std::byte> memory, std::size_t slices) {
  const std::size_t lines = memory.size() / line_bytes;
  std::uint64_t random = stepped(state_ | 1);
  // Nothing of what is read counts, but the compiler and the CPU have to wait for it.
  const std::uint64_t nothing = state_ == 0 ? 1 : 0;
  return measure(slices, [&] {
    for (std::size_t i = 0; i < per_slice; ++i) {
      random = stepped(random + (word_at(memory, line_of(random, lines)) & nothing));
    }
    state_ += random | 1;
  });
}

Slices References::empty_path(std::size_t slices) {
  dataplane::Burst burst;
  dataplane::Totals totals;
  MemoryIo io(Ipv4::frame_bytes);
  Buffers buffers(Headers::Hot, per_slice / 4);
  Slices result;
  for (std::size_t slice = 0; slice < slices; ++slice) {
    io.clear();
    for (std::size_t i = 0; i < per_slice; ++i) {
      const auto blank = [](std::uint8_t* frame) { std::memset(frame, 0, line_bytes); };
      io.offer(i % 2 == 0 ? front : back, buffers.put<line_bytes>(blank));
    }
    const std::uint64_t start = ticks_fenced();
    while (!io.empty()) {
      while (io.receive(burst, {})) {
        for (const std::size_t i : dataplane::bits(burst.pending)) {
          burst.packets[i].egress = back;
          burst.decide(i, dataplane::Verdict::ForwardToTarget);
        }
        io.transmit(burst, totals);
      }
    }
    result.add(clock_.nanoseconds(ticks_fenced() - start) / per_slice);
  }
  state_ += totals.sent.read();
  return result;
}

Slices References::clock_readings(std::size_t slices) {
  return measure(slices, [&] {
    for (std::size_t i = 0; i < per_slice; ++i) state_ += ticks_passing();
  });
}

Slices References::multiplications(std::size_t slices) {
  return measure(slices, [&] {
    std::uint64_t product = state_ | 1;
    for (std::size_t i = 0; i < per_slice; ++i) product *= product;
    state_ += product;
  });
}

}  // namespace tools::bench
