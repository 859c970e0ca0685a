#include "tools/exporter/status.h"

#include <utility>

#include "tools/exporter/families.h"
#include "tools/exporter/metrics.h"
#include "tools/report/flow_figures.h"
#include "tools/report/group_documents.h"

namespace exporter {
namespace {

using report::Json;

/// From 16 µs to 69 s, one bound to each power of two: as many rows as a heat map can have.
const Buckets& heat_buckets() {
  static const Buckets buckets(std::uint64_t{1} << 14, std::uint64_t{1} << 36, 1);
  return buckets;
}

/// How many values there were between two bounds, since the start; the last: above all bounds.
Json counts_between(const dataplane::HistogramSum& sum) {
  Json between = Json::array();
  std::uint64_t below = 0;
  for (const std::uint64_t count : heat_buckets().counts(sum)) {
    between.push_back(count - std::exchange(below, count));
  }
  between.push_back(sum.count() - below);
  return between;
}

Json latency(const report::SegmentView& view) {
  Json bounds = Json::array();
  for (const std::uint64_t bound : heat_buckets().bounds()) {
    bounds.push_back(static_cast<double>(bound + 1) * 1e-9);
  }
  Json listeners = Json::array();
  each_used(view.control->listeners, [&](std::uint16_t slot, const auto& record) {
    Json listener{{"name", report::text(record.name)}};
    const auto add = [&](const char* name, report::Measure measure) {
      const auto sum =
          report::histogram(view, dataplane::ListenerId{slot}, record.incarnation, measure);
      listener[name] = sum ? counts_between(*sum) : Json();
    };
    add("connect", &dataplane::FlowHistograms::connect);
    add("response", &dataplane::FlowHistograms::response);
    add("queue", &dataplane::FlowHistograms::queue);
    listeners.push_back(std::move(listener));
  });
  return {{"bounds_seconds", std::move(bounds)}, {"listeners", std::move(listeners)}};
}

}  // namespace

Json status(const Reading& reading) {
  Json document{{"instance", reading.instance},
                {"time", report::iso_time(reading.now_unix_milliseconds)},
                {"up", reading.view && reading.liveness.running},
                {"stale", !reading.view || reading.liveness.stale},
                {"why", reading.why}};
  if (!reading.view) return document;
  const report::SegmentView& view = *reading.view;
  const report::Liveness& liveness = reading.liveness;
  document["status"] = report::status_document(view, liveness, reading.now_unix_milliseconds);
  document["listeners"] = report::listeners_document(view, liveness)["listeners"];
  document["targets"] = report::targets_document(view, liveness)["targets"];
  document["target_groups"] = report::target_groups_document(view, liveness)["target_groups"];
  document["latency"] = latency(view);
  return document;
}

}  // namespace exporter
