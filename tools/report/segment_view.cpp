#include "tools/report/segment_view.h"

#include <algorithm>
#include <limits>

#include "dataplane/packet/address.h"

namespace report {

using dataplane::Counter;

SegmentView view_of(const std::byte* base, std::size_t workers) {
  return SegmentView{
      .header = reinterpret_cast<const dataplane::SegmentHeader*>(base),
      .control =
          reinterpret_cast<const dataplane::ControlBlock*>(base + dataplane::control_block_offset),
      .workers = {reinterpret_cast<const dataplane::WorkerBlock*>(base +
                                                                  dataplane::worker_blocks_offset),
                  workers},
      .histograms = {reinterpret_cast<const dataplane::HistogramBlock*>(
                         base + dataplane::histogram_blocks_offset(workers)),
                     workers},
  };
}

std::uint64_t total(const SegmentView& view, Counter dataplane::Totals::*figure) {
  std::uint64_t sum = 0;
  for (const auto& worker : view.workers) sum += (worker.totals.*figure).read();
  return sum;
}

std::uint64_t total(const SegmentView& view, dataplane::Verdict verdict) {
  std::uint64_t sum = 0;
  for (const auto& worker : view.workers) {
    sum += worker.verdicts[static_cast<std::size_t>(verdict)].read();
  }
  return sum;
}

std::uint64_t hits(const SegmentView& view, dataplane::RuleId rule) {
  std::uint64_t sum = 0;
  for (const auto& worker : view.workers) sum += worker.rule_hits[rule.slot].read();
  return sum;
}

std::uint64_t least(const SegmentView& view, Counter dataplane::Totals::*figure) {
  if (view.workers.empty()) return 0;
  std::uint64_t smallest = std::numeric_limits<std::uint64_t>::max();
  for (const auto& worker : view.workers) {
    smallest = std::min(smallest, (worker.totals.*figure).read());
  }
  return smallest;
}

std::uint64_t oldest_generation(const SegmentView& view) {
  return least(view, &dataplane::Totals::generation);
}

std::uint64_t total(const SegmentView& view, dataplane::TargetId target,
                    Counter dataplane::TargetCounters::*figure) {
  if (target.slot >= dataplane::targets_max) return 0;
  std::uint64_t sum = 0;
  for (const auto& worker : view.workers) {
    const auto& counters = worker.targets[target.slot];
    if (counters.incarnation.read() == target.incarnation) sum += (counters.*figure).read();
  }
  return sum;
}

namespace {

std::uint64_t udp_total(const SegmentView& view, dataplane::TargetId target,
                        Counter dataplane::UdpCounters::*figure) {
  if (target.slot >= dataplane::targets_max) return 0;
  std::uint64_t sum = 0;
  for (const auto& worker : view.workers) {
    if (worker.targets[target.slot].incarnation.read() != target.incarnation) continue;
    sum += (worker.target_udp[target.slot].*figure).read();
  }
  return sum;
}

}  // namespace

std::uint64_t new_flows_udp(const SegmentView& view, dataplane::TargetId target) {
  return udp_total(view, target, &dataplane::UdpCounters::new_flows);
}

std::uint64_t active_flows_udp(const SegmentView& view, dataplane::TargetId target) {
  return udp_total(view, target, &dataplane::UdpCounters::active_flows);
}

UdpTraffic udp_traffic(const SegmentView& view, const dataplane::TargetRecord& target) {
  using dataplane::TargetCounters;
  using dataplane::UdpCounters;
  const auto protocols = dataplane::Protocols::from_number(target.protocol);
  if (!protocols.has(dataplane::Protocol::Udp)) return {};
  if (!protocols.has(dataplane::Protocol::Tcp)) {
    return {.packets_to_target = total(view, target.id, &TargetCounters::packets_to_target),
            .bytes_to_target = total(view, target.id, &TargetCounters::bytes_to_target),
            .packets_to_client = total(view, target.id, &TargetCounters::packets_to_client),
            .bytes_to_client = total(view, target.id, &TargetCounters::bytes_to_client)};
  }
  return {.packets_to_target = udp_total(view, target.id, &UdpCounters::packets_to_target),
          .bytes_to_target = udp_total(view, target.id, &UdpCounters::bytes_to_target),
          .packets_to_client = udp_total(view, target.id, &UdpCounters::packets_to_client),
          .bytes_to_client = udp_total(view, target.id, &UdpCounters::bytes_to_client)};
}

std::uint64_t total(const SegmentView& view, dataplane::ListenerId listener,
                    std::uint16_t incarnation, Counter dataplane::ListenerCounters::*figure) {
  if (listener.slot >= dataplane::listeners_max) return 0;
  std::uint64_t sum = 0;
  for (const auto& worker : view.workers) {
    const auto& counters = worker.listeners[listener.slot];
    if (counters.incarnation.read() == incarnation) sum += (counters.*figure).read();
  }
  return sum;
}

std::uint64_t total(const SegmentView& view, dataplane::TargetGroupId group,
                    std::uint16_t incarnation, Counter dataplane::TargetGroupCounters::*figure) {
  if (group.slot >= dataplane::target_groups_max) return 0;
  std::uint64_t sum = 0;
  for (const auto& worker : view.workers) {
    const auto& counters = worker.groups[group.slot];
    if (counters.incarnation.read() == incarnation) sum += (counters.*figure).read();
  }
  return sum;
}

std::uint64_t greatest(const SegmentView& view, dataplane::TargetGroupId group,
                       std::uint16_t incarnation, Counter dataplane::TargetGroupCounters::*figure) {
  if (group.slot >= dataplane::target_groups_max) return 0;
  std::uint64_t most = 0;
  for (const auto& worker : view.workers) {
    const auto& counters = worker.groups[group.slot];
    if (counters.incarnation.read() != incarnation) continue;
    most = std::max(most, (counters.*figure).read());
  }
  return most;
}

std::optional<dataplane::TargetRecord> target(const SegmentView& view, dataplane::TargetId id) {
  if (id.slot >= dataplane::targets_max) return std::nullopt;
  auto record = view.control->targets[id.slot].read();
  if (!record || !record->used || record->id != id) return std::nullopt;
  return record;
}

Liveness liveness(const SegmentView& view, bool held, std::uint64_t now_unix_milliseconds) {
  const std::uint64_t beat = view.header->heartbeat_unix_milliseconds.read();
  // A heartbeat "from the future" (the wall clock was set back) counts as fresh.
  const std::uint64_t silent = now_unix_milliseconds > beat ? now_unix_milliseconds - beat : 0;
  const bool running = held && view.header->stopped.read() == 0;
  return {.running = running,
          .stale = !running || silent > dataplane::heartbeat_stale_milliseconds,
          .silent_milliseconds = silent};
}

}  // namespace report
