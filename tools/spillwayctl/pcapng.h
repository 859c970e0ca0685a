// Pcapng: capture files as draft-ietf-opsawg-pcapng has them: Ethernet, times in nanoseconds, a
// comment at each frame. Pure: blocks come out as bytes, in this machine's order.
//
// A file is a section header, a block for each interface, then blocks of frames, which name an
// interface by its number.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tools::pcapng {

struct Section {
  std::string_view application;  // that writes it
  std::string_view comment{};
};
/// The first block.
[[nodiscard]] std::string section_header(const Section& section);

struct Interface {
  std::string_view name;
  std::string_view description{};
  std::uint32_t snap_length = 0;  // 0: no limit
};
/// Interfaces have numbers in the order of their blocks, from 0.
[[nodiscard]] std::string interface(const Interface& description);

enum class Direction : std::uint8_t { Inbound = 1, Outbound = 2 };

struct Frame {
  std::uint32_t interface = 0;
  std::uint64_t unix_nanoseconds = 0;
  std::span<const std::uint8_t> bytes{};  // that were captured
  std::uint32_t length = 0;               // of the frame
  Direction direction = Direction::Inbound;
  std::uint64_t packet_id = 0;  // the same packet's frames have the same
  std::string_view comment{};
  std::uint64_t lost_before = 0;  // packets, since the one before
};
[[nodiscard]] std::string frame(const Frame& frame);

}  // namespace tools::pcapng
