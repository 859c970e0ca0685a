// Metrics of the flow log.
#include "tools/exporter/metrics.h"

namespace tools::exporter {

using dataplane::Totals;

void add_flow_log(Families& families, const report::SegmentView& view) {
  const auto record = view.control->flow_log.read();
  if (!record) return;
  families
      .gauge("spillway_flow_log_enabled", "1 if a line is written for flows that end: flow_log.")
      .add({}, record->used);
  families
      .gauge("spillway_flow_log_open",
             "1 while the flow log's file or socket takes lines; why not: spillwayctl status.")
      .add({}, record->open);
  families
      .counter("spillway_flow_log_written_lines_total",
               "Lines of the flow log that its file or socket took.")
      .add({}, record->written);
  families
      .counter("spillway_flow_log_written_bytes_total",
               "Bytes of the flow log that its file or socket took.")
      .add({}, record->written_bytes);
  Family dropped = families.counter(
      "spillway_flow_log_dropped_lines_total",
      "Flows that ended and are not in the flow log, though they were drawn for it. reason=ring: "
      "flows end faster than lines can be made; slow: the file or socket does not keep up; "
      "unavailable: it takes nothing.");
  dropped.add({{"reason", "ring"}}, total(view, &Totals::flow_log_dropped));
  dropped.add({{"reason", "slow"}}, record->dropped_slow);
  dropped.add({{"reason", "unavailable"}}, record->dropped_unavailable);
  families
      .gauge("spillway_flow_log_waiting_lines",
             "Lines in the flow log's buffer that its file or socket has not taken yet.")
      .add({}, record->waiting);
}

}  // namespace tools::exporter
