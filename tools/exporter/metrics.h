// Metrics: what the segment says, as Prometheus's metric families. Pure: a reading in, values out.
//
// Of a daemon that is not running there are no figures but that it is not: the last ones would look
// like those of now. ELB's names of the metrics are in the HELP texts.
#pragma once

#include <prometheus/metric_family.h>
#include <vector>

#include "tools/exporter/families.h"
#include "tools/exporter/source.h"

namespace tools::exporter {

/// Which histograms there are, and how fine.
struct HistogramChoice {
  bool listeners = true;
  bool targets = true;
  unsigned buckets_per_power = 2;  // 1, 2, 4, 8, 16 or 32
};

[[nodiscard]] std::vector<prometheus::MetricFamily> metrics(const Reading& reading,
                                                            const HistogramChoice& choice);

// Its parts, each for a view that is there.
void add_instance(Families& families, const report::SegmentView& view);
void add_workers(Families& families, const report::SegmentView& view);
void add_verdicts(Families& families, const report::SegmentView& view);
void add_ports(Families& families, const report::SegmentView& view);
void add_flow_log(Families& families, const report::SegmentView& view);
void add_security_groups(Families& families, const report::SegmentView& view);
void add_listeners(Families& families, const report::SegmentView& view);
void add_targets(Families& families, const report::SegmentView& view);
void add_udp_flows_of_targets(Families& families, const report::SegmentView& view);
void add_target_groups(Families& families, const report::SegmentView& view);
void add_surge(Families& families, const report::SegmentView& view);
void add_zones(Families& families, const report::SegmentView& view);
void add_histograms(Families& families, const report::SegmentView& view,
                    const HistogramChoice& choice);

/// What several parts call the same things by.
[[nodiscard]] Labels labels_of(const dataplane::ListenerRecord& record);
[[nodiscard]] Labels labels_of(const dataplane::TargetRecord& record);
[[nodiscard]] Labels labels_of(const dataplane::TargetGroupRecord& record);
[[nodiscard]] std::string endpoint_of(std::string_view address, std::uint16_t port);

/// Calls visit(slot, record) for each record in use that could be read.
template <class Records, class Visit>
void each_used(const Records& records, Visit visit) {
  for (std::size_t slot = 0; slot < records.size(); ++slot) {
    const auto record = records[slot].read();
    if (record && record->used) visit(static_cast<std::uint16_t>(slot), *record);
  }
}

}  // namespace tools::exporter
