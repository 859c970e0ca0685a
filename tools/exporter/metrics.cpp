#include "tools/exporter/metrics.h"

namespace tools::exporter {
namespace {

/// What is true also without a daemon.
void add_liveness(Families& families, const Reading& reading) {
  families
      .gauge("spillway_up",
             "1 while the daemon of this instance runs. 0: it does not, or no segment of this "
             "layout is there; then all other metrics but these are absent.")
      .add({}, reading.view && reading.liveness.running);
  families
      .gauge("spillway_stale",
             "1 if the figures are not those of now: the daemon does not run, or its control "
             "thread has not written its heartbeat for 5 s.")
      .add({}, !reading.view || reading.liveness.stale);
  if (!reading.view) return;
  families
      .gauge("spillway_heartbeat_age_seconds",
             "Time since the daemon last wrote its heartbeat, which it does every second.")
      .add({}, static_cast<double>(reading.liveness.silent_milliseconds) / 1000);
}

}  // namespace

std::vector<prometheus::MetricFamily> metrics(const Reading& reading,
                                              const HistogramChoice& choice) {
  Families families;
  add_liveness(families, reading);
  if (reading.view && reading.liveness.running) {
    const report::SegmentView& view = *reading.view;
    add_instance(families, view);
    add_workers(families, view);
    add_verdicts(families, view);
    add_ports(families, view);
    add_flow_log(families, view);
    add_security_groups(families, view);
    add_listeners(families, view);
    add_targets(families, view);
    add_udp_flows_of_targets(families, view);
    add_target_groups(families, view);
    add_surge(families, view);
    add_zones(families, view);
    add_histograms(families, view, choice);
  }
  return families.take();
}

}  // namespace tools::exporter
