// TargetGroup: targets that share a mode, an algorithm and the tables built from both.
//
// The tables are shared between snapshots: a generation in which a group's eligible targets and
// weights stay the same reuses them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/maglev.h"
#include "dataplane/table/weighted_schedule.h"

namespace dataplane {

/// How packets reach the target (design: modes).
enum class Mode : std::uint8_t {
  Nat,      // destination translated, client address kept; replies come back through us
  FullNat,  // source translated too, to a local address and port
};

enum class Algorithm : std::uint8_t {
  RoundRobin,
  WeightedRoundRobin,
  Maglev,            // by the whole flow
  SourceIp,          // by the client's address: all its flows go to one target
  LeastConnections,  // the one of two random targets that has fewer flows for its weight
};

/// The target follows from the packet alone, by Maglev's table.
[[nodiscard]] constexpr bool is_consistent(Algorithm algorithm) {
  return algorithm == Algorithm::Maglev || algorithm == Algorithm::SourceIp;
}

/// What becomes of a TCP packet without SYN that belongs to no known flow.
enum class UnknownFlow : std::uint8_t {
  PickUp,  // Maglev says which target had it: go on (nat only)
  Reset,   // answer with RST
};

/// What becomes of a new flow that cannot be entered: the worker's table is full, or its rate of
/// new flows is used up.
enum class Overload : std::uint8_t {
  Refuse,   // dropped and counted; the client tries again
  Forward,  // sent on without an entry, packet by packet, to the target that Maglev says
};

/// What a client's flows have in common that go to one target (a client that is known: see
/// sticky_table.h).
enum class Stickiness : std::uint8_t {
  None,                 // each flow by itself
  SourceIp,             // the client's address
  SourceIpDestIp,       // and the listener's
  SourceIpDestIpProto,  // and the protocol
};

/// What a new flow is told that finds no place, neither at a target nor in the queue.
enum class Spillover : std::uint8_t {
  Reset,   // TCP: RST; UDP: ICMP, administratively prohibited
  Silent,  // nothing: nobody who forges addresses can have us answer others
};

/// How clients wait for a place (surge_queue.h).
struct SurgeRules {
  std::uint32_t length = 0;  // SYNs; 0: nobody waits
  std::uint32_t timeout_milliseconds = 10'000;
  Spillover spillover = Spillover::Reset;
};

struct TargetGroup {
  TargetGroupId id;
  std::uint16_t incarnation = 0;  // of the slot, as in TargetId
  Protocols protocol;
  Mode mode = Mode::Nat;
  Algorithm algorithm = Algorithm::RoundRobin;
  UnknownFlow unknown_flow = UnknownFlow::Reset;
  Overload overload = Overload::Refuse;
  Stickiness stickiness = Stickiness::None;
  std::uint32_t sticky_seconds = 0;   // how long a client is remembered after its last new flow
  bool failing_open = false;          // too few targets are healthy, so all are eligible
  bool gated = false;                 // new flows need a place (path/surge): a limit, or a queue
  std::uint32_t max_connections = 0;  // of all its targets together; 0: no limit
  SurgeRules surge;
  /// The eligible targets in turn; LeastConnections draws from it. Never null, empty if the
  /// algorithm is consistent.
  std::shared_ptr<const WeightedSchedule> schedule;
  /// The eligible targets by hash. Never null, empty unless the algorithm is consistent.
  std::shared_ptr<const MaglevTable> maglev;
  std::vector<TargetId> eligible;     // each once, in the order of their addresses; if gated
  std::vector<ListenerId> listeners;  // that send flows here, or did before their weight was 0
};

}  // namespace dataplane
