// Segment: the instance's shared memory segment, as its only owner.
//
// Made by main at start, filled by the control thread (records, heartbeat) and by the workers (one
// WorkerBlock and HistogramBlock each), read by anyone with permission
// (tools/report/segment_reader.h). An exclusive lock on the file says that this process is alive;
// it goes with the process, however that ends. So a leftover of a dead daemon is told from a live
// one without trusting pids, and is replaced by a new file: readers of the old one keep their
// mapping. All memory is allocated and touched here: no worker faults later. That of histograms is
// when there is a target or listener to have them.
//
// The file stays after a clean stop: the last figures can still be read (the tools say "stopped"),
// and the next start replaces it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "control/rule_book.h"
#include "control/traffic_meter.h"
#include "dataplane/segment.h"
#include "dataplane/table/snapshot.h"
#include "tools/report/segment_view.h"

namespace control {

/// A listener's record and the slot it belongs in.
struct ListenerEntry {
  dataplane::ListenerId id;
  dataplane::ListenerRecord record;
};

/// The same of a target group.
struct TargetGroupEntry {
  dataplane::TargetGroupId id;
  dataplane::TargetGroupRecord record;
};

class Segment {
 public:
  /// Throws std::runtime_error with a sentence for the operator: "instance NAME is already running
  /// as pid N", no permission, no room. All counters start at 0, all records unused but `instance`;
  /// only local_port_turn goes on where the daemon before this one, of the same user, left it.
  Segment(const dataplane::InstanceRecord& instance, std::size_t workers,
          std::uint64_t now_unix_milliseconds);
  /// Without stop() first, the tools say that the instance died.
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  [[nodiscard]] dataplane::WorkerBlock& worker(dataplane::WorkerId id);
  /// The worker's histograms: of those that place_histograms() has given a place.
  [[nodiscard]] dataplane::FlowMeasures measures(dataplane::WorkerId id);
  [[nodiscard]] report::SegmentView view() const;
  /// For the documents of the control socket: running and not stale, since we are here.
  [[nodiscard]] static constexpr report::Liveness alive() { return {true, false, 0}; }

  void write(const dataplane::InstanceRecord& instance);
  /// These write all of a table: what is not in the list becomes unused.
  void write_ports(std::span<const dataplane::PortRecord> ports);  // by PortId
  void write_listeners(std::span<const ListenerEntry> listeners);
  void write_targets(std::span<const dataplane::TargetRecord> targets);
  void write_target_groups(std::span<const TargetGroupEntry> groups);
  void write_zones(std::span<const dataplane::ZoneRecord> zones);  // at most zones_max
  void write_rules(std::span<const RuleEntry> rules);
  /// In their order; at most security_groups_max.
  void write_security_groups(std::span<const dataplane::SecurityGroupRecord> groups);
  /// Of the balancer, and of those groups and zones that have a record.
  void write_traffic(const TrafficMeter& meter);
  void write(const dataplane::FlowLogRecord& flow_log);
  /// This writes one: for a change of state between reloads.
  void write_target(const dataplane::TargetRecord& target);

  /// Before `snapshot` is published: its targets and listeners get a cleared place for their
  /// histograms, of others' the memory is given back. Returns how many got none, and so are not
  /// measured: a quarter of /dev/shm is left to others.
  [[nodiscard]] std::size_t place_histograms(const dataplane::Snapshot& snapshot);

  /// At least once a second.
  void beat(std::uint64_t now_unix_milliseconds);
  /// The last act of a clean stop, when no worker counts any more.
  void stop();

 private:
  [[nodiscard]] dataplane::SegmentHeader& header() const;
  [[nodiscard]] dataplane::ControlBlock& control() const;
  [[nodiscard]] dataplane::HistogramBlock& histograms(std::size_t worker) const;
  [[nodiscard]] dataplane::FlowHistograms& target_histograms(std::size_t worker,
                                                             std::size_t slot) const;
  [[nodiscard]] dataplane::FlowHistograms& listener_histograms(std::size_t worker,
                                                               std::size_t slot) const;
  [[nodiscard]] bool allocate_place(dataplane::FlowHistograms& place);
  /// `place(worker)`: where; false: there is no room.
  template <class Place>
  [[nodiscard]] bool give_place(dataplane::HistogramMark& mark, std::uint16_t incarnation,
                                Place place);
  template <class Place>
  void take_place(dataplane::HistogramMark& mark, Place place);

  std::string name_;  // of the file
  int file_ = -1;     // kept open: it holds the lock
  std::byte* base_ = nullptr;
  std::size_t size_ = 0;
  std::size_t workers_ = 0;
};

}  // namespace control
