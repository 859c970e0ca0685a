// FlowLog: what one worker tells of the flows that end, for control to write down.
//
//   FlowLedger::end ─▶ FlowLog: drawn? ─▶ SpscRing<EndedFlow> ─▶ control/flow_log ─▶ file or socket
//
// A part of the worker's Core. A full ring loses the newest record and counts it: the worker never
// waits. The ring is there whether or not there is a flow log, so that a reload can begin one; its
// memory is not touched before. Off costs a comparison where a flow ends, and nothing per packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/packet/clock.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/spsc_ring.h"
#include "dataplane/table/flow.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// Who ends a flow.
enum class FlowEnd : std::uint8_t {
  Expired,
  Removed,     // it was over, and a new one on the same addresses and ports takes its place
  Moved,       // removed, since its target takes no flows any more: the client goes to another one
  Terminated,  // removed by force: its target's flows are to end
  Cut,         // removed, since no rule lets it in or out any more
};

/// Why a flow ended, as the flow log says it: docs/flow-log.md.
enum class EndReason : std::uint8_t {
  Closed,             // FIN from both sides
  ClientReset,        // RST from the client
  TargetReset,        // … from the target
  IdleTimeout,        // no packet for the listener's idle timeout
  HalfClosedTimeout,  // FIN from one side, then nothing
  ConnectTimeout,     // no SYN-ACK from the target
  HandshakeTimeout,   // SYN-ACK from the target, then nothing from the client
  TargetTerminated,   // its target's flows were ended by force: draining is over, or unhealthy
  Moved,
  SecurityGroup,
};
inline constexpr std::array<std::string_view, 10> end_reason_words{"closed",
                                                                   "client_reset",
                                                                   "target_reset",
                                                                   "idle_timeout",
                                                                   "half_closed_timeout",
                                                                   "connect_timeout",
                                                                   "handshake_timeout",
                                                                   "target_terminated",
                                                                   "moved",
                                                                   "security_group"};
static_assert(end_reason_words.size() == static_cast<std::size_t>(EndReason::SecurityGroup) + 1);
[[nodiscard]] constexpr std::string_view to_string(EndReason reason) {
  return end_reason_words[static_cast<std::size_t>(reason)];
}

/// By who ends it and how far it was. `terminated`: its target's flows are ended by force at this
/// moment, so that a RST that looks like the target's was ours.
[[nodiscard]] constexpr EndReason reason_of(FlowEnd why, Phase phase, bool terminated) {
  switch (why) {
    case FlowEnd::Moved: return EndReason::Moved;
    case FlowEnd::Terminated: return EndReason::TargetTerminated;
    case FlowEnd::Cut: return EndReason::SecurityGroup;
    case FlowEnd::Expired:
    case FlowEnd::Removed: break;
  }
  switch (phase) {
    case Phase::SynSent: return EndReason::ConnectTimeout;
    case Phase::SynReceived: return EndReason::HandshakeTimeout;
    case Phase::Established: return EndReason::IdleTimeout;
    case Phase::ClientFin:
    case Phase::TargetFin: return EndReason::HalfClosedTimeout;
    case Phase::Closing: return EndReason::Closed;
    case Phase::ClientReset: return EndReason::ClientReset;
    case Phase::TargetReset:
      return terminated ? EndReason::TargetTerminated : EndReason::TargetReset;
    case Phase::Terminated: return EndReason::TargetTerminated;
  }
  return EndReason::Closed;
}

/// A flow that has ended.
struct EndedFlow {
  FlowKey<IpAddress> to_target;  // as the client sent
  FlowKey<IpAddress> to_client;  // as the target sent
  Instant began;
  std::uint64_t duration_microseconds;  // to its last packet
  std::uint64_t bytes_to_target, bytes_to_client;
  std::uint32_t packets_to_target, packets_to_client;
  std::optional<std::uint32_t> connect_microseconds;  // SYN to SYN-ACK; nullopt: there was none
  std::uint32_t sample_millionths;                    // of the flows that are logged, it is one
  TargetId target;
  ListenerId listener;
  std::uint16_t listener_incarnation;
  Phase phase;  // of its ToTarget entry
  EndReason reason;
};
static_assert(sizeof(EndedFlow) <= 152);

class FlowLog {
 public:
  /// `capacity`: flows that may wait for control.
  explicit FlowLog(std::size_t capacity) : ring_(capacity) {}

  // --- the worker ---
  /// At the top of each step: what holds until the next.
  void enter(const Snapshot& snapshot) {
    snapshot_ = &snapshot;
    sample_ = snapshot.flow_log_sample;
  }
  [[nodiscard]] bool on() const { return sample_ != 0; }
  [[nodiscard]] std::uint32_t sample_millionths() const { return sample_; }
  [[nodiscard]] bool takes_all() const { return sample_ >= whole; }
  /// Is a flow with this hash, of which all bits count, one of those that are logged?
  [[nodiscard]] bool takes(std::uint64_t hash) const {
    return (hash >> 32) * whole >> 32 < sample_;
  }
  [[nodiscard]] bool is_terminated(TargetId id, Protocol protocol) const {
    const Target* target = snapshot_->target(id);
    return target == nullptr || target->terminates(protocol);
  }

  [[nodiscard]] SpscRing<EndedFlow>& ring() { return ring_; }

 private:
  static constexpr std::uint32_t whole = 1'000'000;

  SpscRing<EndedFlow> ring_;
  const Snapshot* snapshot_ = nullptr;
  std::uint32_t sample_ = 0;
};

}  // namespace dataplane
