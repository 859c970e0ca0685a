#include "tools/report/flow_log.h"

namespace report {

using dataplane::Totals;

Json flow_log_document(const SegmentView& view) {
  const auto record = view.control->flow_log.read();
  if (!record) return {};
  const std::uint64_t ring = total(view, &Totals::flow_log_dropped);
  const std::uint64_t logged = total(view, &Totals::flows_logged);
  if (!record->used && logged + ring == 0) return {};
  const std::uint64_t since = record->problem_since_unix_milliseconds;
  return {
      {"enabled", record->used},
      {"kind", record->socket ? "socket" : "file"},
      {"destination", text(record->destination)},
      {"sample", record->sample_millionths / 1e6},
      {"open", record->open},
      {"problem", text(record->problem)},
      {"problem_since", since == 0 ? Json() : Json(iso_time(since))},
      {"written", record->written},
      {"written_bytes", record->written_bytes},
      {"dropped",
       {{"ring", ring},
        {"slow", record->dropped_slow},
        {"unavailable", record->dropped_unavailable}}},
      {"waiting", record->waiting},
      {"opened", record->opened},
  };
}

}  // namespace report
