#include "tools/report/flow_figures.h"

#include <utility>

namespace report {
namespace {

using dataplane::FlowHistograms;
using dataplane::HistogramSum;

constexpr std::array<std::pair<const char*, unsigned>, 6> percentiles{
    {{"p50", 500}, {"p75", 750}, {"p90", 900}, {"p95", 950}, {"p99", 990}, {"p99_9", 999}}};

/// `place(block)`: the histograms of one thing on one worker.
template <class Place>
HistogramSum sum_of(const SegmentView& view, Measure measure, Place place) {
  HistogramSum sum;
  for (const auto& block : view.histograms) sum.add(place(block).*measure);
  return sum;
}

template <class Histograms>
Json all_figures(Histograms histogram_of) {
  Json document;
  for (const NamedMeasure& one : flow_measures) {
    const auto sum = histogram_of(one.measure);
    if (!sum) return {};
    document[one.name] = figures_document(*sum, one.scale);
  }
  return document;
}

}  // namespace

std::optional<HistogramSum> histogram(const SegmentView& view, dataplane::TargetId target,
                                      Measure measure) {
  if (target.slot >= dataplane::targets_max ||
      !view.control->histogram_marks.targets[target.slot].is(target.incarnation)) {
    return std::nullopt;
  }
  return sum_of(
      view, measure, [&](const dataplane::HistogramBlock& block) -> const auto& {
        return block.targets[target.slot];
      });
}

std::optional<HistogramSum> histogram(const SegmentView& view, dataplane::ListenerId listener,
                                      std::uint16_t incarnation, Measure measure) {
  if (listener.slot >= dataplane::listeners_max ||
      !view.control->histogram_marks.listeners[listener.slot].is(incarnation)) {
    return std::nullopt;
  }
  return sum_of(
      view, measure, [&](const dataplane::HistogramBlock& block) -> const auto& {
        return block.listeners[listener.slot];
      });
}

Json figures_document(const HistogramSum& sum, double scale) {
  const bool any = sum.count() != 0;
  const auto scaled = [&](double value) { return any ? Json(value * scale) : Json(); };
  Json document{{"count", sum.count()}, {"mean", scaled(sum.mean())}};
  for (const auto& [name, per_mille] : percentiles) {
    document[name] = scaled(static_cast<double>(sum.percentile(per_mille)));
  }
  document["max"] = scaled(static_cast<double>(sum.largest()));
  return document;
}

Json flow_figures_document(const SegmentView& view, dataplane::TargetId target) {
  return all_figures([&](Measure measure) { return histogram(view, target, measure); });
}

Json flow_figures_document(const SegmentView& view, dataplane::ListenerId listener,
                           std::uint16_t incarnation) {
  return all_figures(
      [&](Measure measure) { return histogram(view, listener, incarnation, measure); });
}

}  // namespace report
