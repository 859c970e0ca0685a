// Ids are types: a listener's number cannot be passed for a target's. No arithmetic on them.
//
// ListenerId, TargetGroupId and TargetId stay the same for the life of what they name, across
// snapshots and reloads, so a flow can hold them.
#pragma once

#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace dataplane {

// What one instance can hold. They size the shared memory segment, so they are part of its layout.
inline constexpr std::size_t workers_max = 64;
inline constexpr std::size_t ports_max = 16;
inline constexpr std::size_t listeners_max = 1024;
inline constexpr std::size_t target_groups_max = 1024;
inline constexpr std::size_t targets_max = 8192;
inline constexpr std::size_t groups_of_listener_max = 8;
inline constexpr std::size_t zones_max = 16;    // different ones that targets may be in
inline constexpr std::size_t rules_max = 4096;  // of security groups
inline constexpr std::size_t security_groups_max = 1024;

struct ListenerId {
  std::uint16_t slot = 0xffff;
  friend constexpr auto operator<=>(ListenerId, ListenerId) = default;
};
inline constexpr ListenerId no_listener{};

struct TargetGroupId {
  std::uint16_t slot = 0xffff;
  friend constexpr auto operator<=>(TargetGroupId, TargetGroupId) = default;
};

/// A target registered with one target group. The slot is reused once no flow is left on it; the
/// incarnation then differs, so counters and flows of the one before cannot be taken for the new
/// one's.
struct TargetId {
  std::uint16_t slot = 0xffff;
  std::uint16_t incarnation = 0;
  friend constexpr auto operator<=>(TargetId, TargetId) = default;
  /// One comparison instead of two: asked for every packet.
  friend constexpr bool operator==(TargetId a, TargetId b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
  }
};
inline constexpr TargetId no_target{};

/// A rule of a security group: its place among the counters.
struct RuleId {
  std::uint16_t slot = 0xffff;
  friend constexpr auto operator<=>(RuleId, RuleId) = default;
};
inline constexpr RuleId no_rule{};

struct PortId {
  std::uint8_t number = 0xff;
  friend constexpr auto operator<=>(PortId, PortId) = default;
};
inline constexpr PortId no_port{};

struct WorkerId {
  std::uint8_t number = 0;
  friend constexpr auto operator<=>(WorkerId, WorkerId) = default;
};

/// Identity of a Snapshot, epoch of the publication, and what the tools show as applied per worker.
struct Generation {
  std::uint64_t number = 0;
  friend constexpr auto operator<=>(Generation, Generation) = default;
};

}  // namespace dataplane
