// FlowLedger: the life of connections. Enters and removes both directions together and keeps the
// counters of that life (inserted, expired, removed, alive, active per target and listener) true.
//
// A view on one worker's table and counters, made anew for every burst; the only writer of both
// pairs.
#pragma once

#include <optional>

#include "dataplane/counters.h"
#include "dataplane/flow_histograms.h"
#include "dataplane/flow_log.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/path/places.h"
#include "dataplane/table/flow_table.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// What a new connection consists of.
template <class Address>
struct FlowStart {
  const FlowKey<Address>& to_target;  // as the client sends
  const FlowKey<Address>& to_client;  // as the target sends
  FlowToken to_target_token;
  FlowToken to_client_token;
  TargetId target;
  const Listener* listener;
  Phase phase = Phase::Established;
  Tick now;
  MacAddress client_mac;  // zero: not known yet
  PortId client_port;
  bool failing_open = false;  // the target's group
  TargetGroupId group{};      // whose place was taken, if one was
  Reservation places{};       // that were taken for it
};

/// What packets of `flow.key` become: the key that they leave with, and the checksums' differences.
template <class Address>
void set_rewrite(Flow<Address>& flow, const FlowKey<Address>& leaves) {
  flow.new_source = leaves.source;
  flow.new_destination = leaves.destination;
  flow.new_source_port = leaves.source_port;
  flow.new_destination_port = leaves.destination_port;
  const std::uint64_t old_addresses = sum_words(flow.key.source) + sum_words(flow.key.destination);
  const std::uint64_t new_addresses = sum_words(leaves.source) + sum_words(leaves.destination);
  const std::uint64_t old_ports =
      std::uint64_t{flow.key.source_port.wire()} + flow.key.destination_port.wire();
  const std::uint64_t new_ports =
      std::uint64_t{leaves.source_port.wire()} + leaves.destination_port.wire();
  flow.network_delta = difference(new_addresses + ttl_decrement_delta, old_addresses);
  flow.transport_delta = difference(new_addresses + new_ports, old_addresses + old_ports);
}

/// Sets the counters of a target's slot to zero: they belonged to an earlier incarnation.
void begin(WorkerBlock& counters, TargetId target);

/// The counters of a target or listener slot, begun anew if they belong to an earlier incarnation
/// of the slot.
[[nodiscard]] inline TargetCounters& counters_of(WorkerBlock& counters, TargetId target) {
  TargetCounters& slot = counters.targets[target.slot];
  if (slot.incarnation.read() != target.incarnation) [[unlikely]]
    begin(counters, target);
  return slot;
}
/// Counts a packet of UDP, that its TargetCounters have already, apart: of a target of both
/// protocols (Target::tcp_udp).
inline void count_udp(WorkerBlock& counters, TargetId target, Direction direction,
                      std::uint64_t bytes) {
  UdpCounters& udp = counters.target_udp[target.slot];
  const bool to_target = direction == Direction::ToTarget;
  (to_target ? udp.packets_to_target : udp.packets_to_client).add(1);
  (to_target ? udp.bytes_to_target : udp.bytes_to_client).add(bytes);
}
[[nodiscard]] ListenerCounters& counters_of(WorkerBlock& counters, const Listener& listener);
[[nodiscard]] TargetGroupCounters& counters_of(WorkerBlock& counters, const TargetGroup& group);

template <class Address>
class FlowLedger {
 public:
  /// `now`: as of the burst or step. `log`: null, or where flows that end are told.
  FlowLedger(FlowTable<Address>& table, WorkerBlock& counters, Places& places,
             const FlowMeasures& measures = {}, Instant now = {}, FlowLog* log = nullptr)
      : table_(table),
        counters_(counters),
        places_(places),
        measures_(measures),
        now_(now),
        log_(log != nullptr && log->on() ? log : nullptr) {}

  [[nodiscard]] FlowTable<Address>& table() { return table_; }
  [[nodiscard]] const FlowTable<Address>& table() const { return table_; }

  /// No room for one more.
  [[nodiscard]] bool full() const { return table_.size() + 2 > table_.capacity(); }
  /// Enters both directions and returns that to the target; no_flow if the table is full. Neither
  /// key may be there yet. Uses up the places that were taken for it, unless the table is full.
  [[nodiscard]] FlowIndex start(const FlowStart<Address>& flow);

  /// How many connections a target has on this worker.
  [[nodiscard]] std::uint64_t active(TargetId target) const {
    return counters_of(counters_, target).active_flows.read();
  }

  [[nodiscard]] RuleHits& rule_hits() { return counters_.rule_hits; }
  [[nodiscard]] WorkerBlock& counters() { return counters_; }
  [[nodiscard]] Places& places() const { return places_; }

  /// To be told when the phase of `flow`, and of its other direction, has changed: a connection
  /// that is over gives its place back at once, and not only when it is forgotten. A client's RST
  /// is not believed so soon: if the target does not take it for one, the connection lives on
  /// there.
  void follow(const Flow<Address>& flow, Phase before) {
    const bool ends = flow.phase == Phase::Closing || flow.phase == Phase::TargetReset;
    const bool was_reset =
        before == Phase::ClientReset || before == Phase::TargetReset || before == Phase::Terminated;
    // Whoever sent the RST goes on talking, be it to say FIN; another end's RST changes nothing.
    const bool lives = was_reset && flow.phase != Phase::ClientReset;
    if (ends || lives) [[unlikely]]
      set_over(flow, ends);
  }
  [[nodiscard]] const FlowMeasures& measures() const { return measures_; }

  /// To be told when the target has accepted the flow of its entry `flow`, and how many nanoseconds
  /// after the client's SYN, if that is known.
  void accepted(Flow<Address>& flow, std::optional<std::uint64_t> connect) {
    if (log_ != nullptr) [[unlikely]]
      note(flow, connect);
  }

  /// Removes the connection that `either` is one direction of.
  void end(FlowIndex either, FlowEnd why);

 private:
  void set_over(const Flow<Address>& either, bool over);
  void note(Flow<Address>& flow, std::optional<std::uint64_t> connect);
  [[nodiscard]] std::uint64_t measure(FlowIndex either, FlowEnd why);
  void tell(FlowIndex either, FlowEnd why, std::uint64_t silent);

  FlowTable<Address>& table_;
  WorkerBlock& counters_;
  Places& places_;
  FlowMeasures measures_;
  Instant now_;
  FlowLog* log_;  // null: there is none
};

/// Both families' ledgers: what a verb gets.
struct FlowLedgers {
  FlowLedgers(FlowTable4& table4, FlowTable6& table6, WorkerBlock& counters, Places& places,
              const FlowMeasures& measures = {}, Instant now = {}, FlowLog* log = nullptr)
      : v4(table4, counters, places, measures, now, log),
        v6(table6, counters, places, measures, now, log) {}

  FlowLedger<Ipv4Address> v4;
  FlowLedger<Ipv6Address> v6;
};

}  // namespace dataplane
