// Families: metrics in the making: for each name its HELP, its type and its samples.
//
// Names, types and texts are checked here once for all metrics: a name that Prometheus would refuse
// (or that breaks its naming rules: base units, _total for what only grows) is a defect of this
// program and ends it; a label's value may be anything, and arrives at Prometheus as valid UTF-8.
#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/histogram.h"

namespace exporter {

using Label = prometheus::ClientMetric::Label;
using Labels = std::vector<Label>;

/// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD. One label that is not
/// UTF-8 would cost Prometheus the whole scrape.
[[nodiscard]] std::string valid_utf8(std::string_view text);
/// `labels` and one more.
[[nodiscard]] Labels with(Labels labels, std::string name, std::string_view value);

/// A sample's buckets: which of a Histogram's 896 buckets end a bucket of Prometheus.
class Buckets {
 public:
  /// `per_power` (1, 2, 4, 8, 16 or 32) bounds to each power of two, for values from `first` to
  /// `last`, both powers of two from 1024 to 2^37. Each bound is the last value of one of ours, so
  /// that no count is an estimate.
  Buckets(std::uint64_t first, std::uint64_t last, unsigned per_power);

  /// Largest values, in ascending order.
  [[nodiscard]] const std::vector<std::uint64_t>& bounds() const { return bounds_; }
  /// How many values are at or below each bound.
  [[nodiscard]] std::vector<std::uint64_t> counts(const dataplane::HistogramSum& sum) const;

 private:
  std::vector<std::uint64_t> bounds_;
};

/// The samples of one name.
class Family {
 public:
  explicit Family(prometheus::MetricFamily& family) : family_(&family) {}
  void add(Labels labels, double value);
  void add(Labels labels, std::uint64_t value) {
    add(std::move(labels), static_cast<double>(value));
  }
  void add(Labels labels, bool value) { add(std::move(labels), value ? 1.0 : 0.0); }
  /// `scale`: what makes the histogram's values the unit of the name.
  void add(Labels labels, const dataplane::HistogramSum& sum, const Buckets& buckets, double scale);

 private:
  prometheus::MetricFamily* family_;
};

class Families {
 public:
  /// What only grows: NAME_total.
  Family counter(const std::string& name, const char* help);
  Family gauge(const std::string& name, const char* help);
  Family histogram(const std::string& name, const char* help);

  /// All that have samples.
  [[nodiscard]] std::vector<prometheus::MetricFamily> take();

 private:
  Family family(const std::string& name, const char* help, prometheus::MetricType type);

  std::deque<prometheus::MetricFamily> families_;  // a Family points to one
};

}  // namespace exporter
