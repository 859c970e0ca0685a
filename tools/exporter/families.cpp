#include "tools/exporter/families.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "dataplane/packet/contract.h"

namespace exporter {
namespace {

using prometheus::MetricType;

constexpr std::string_view replacement = "\xef\xbf\xbd";

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

/// How many bytes the character at the start of `text` has; 0: that is none (RFC 3629: no overlong
/// forms, no surrogates, nothing above U+10FFFF).
std::size_t character_size(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = at(0);
  const unsigned second = at(1);
  std::size_t size = 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) size = 2;
  if (first >= 0xe0 && first <= 0xef) {
    const bool odd = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f);
    size = odd ? 0 : 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool odd = (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
    size = odd ? 0 : 4;
  }
  if (size == 0 || size > text.size()) return 0;
  const auto rest = text.substr(1, size - 1);
  return std::all_of(rest.begin(), rest.end(), continues) ? size : 0;
}

bool is_metric_name(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.starts_with("spillway_") &&
         std::all_of(name.begin(), name.end(), [&](char c) { return c == '_' || allowed(c); });
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    valid += size == 0 ? replacement : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return valid;
}

Labels with(Labels labels, std::string name, std::string_view value) {
  labels.push_back({std::move(name), valid_utf8(value)});
  return labels;
}

Buckets::Buckets(std::uint64_t first, std::uint64_t last, unsigned per_power) {
  CHECK(std::has_single_bit(first) && std::has_single_bit(last) && first >= 1024 && last >= first);
  CHECK(std::has_single_bit(per_power) && per_power <= 32);
  for (std::uint64_t power = first; power < last; power *= 2) {
    for (unsigned part = 0; part < per_power; ++part) {
      bounds_.push_back(power + power / per_power * part - 1);
    }
  }
  bounds_.push_back(last - 1);
}

std::vector<std::uint64_t> Buckets::counts(const dataplane::HistogramSum& sum) const {
  std::vector<std::uint64_t> counts;
  counts.reserve(bounds_.size());
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  for (const std::uint64_t bound : bounds_) {
    while (bucket < dataplane::histogram_buckets && dataplane::range_of(bucket).last <= bound) {
      below += sum.buckets()[bucket++];
    }
    counts.push_back(below);
  }
  return counts;
}

void Family::add(Labels labels, double value) {
  prometheus::ClientMetric sample;
  sample.label = std::move(labels);
  // Each type has a place of its own; the serializer reads that of the family's type.
  sample.counter.value = value;
  sample.gauge.value = value;
  family_->metric.push_back(std::move(sample));
}

void Family::add(Labels labels, const dataplane::HistogramSum& sum, const Buckets& buckets,
                 double scale) {
  prometheus::ClientMetric sample;
  sample.label = std::move(labels);
  const auto counts = buckets.counts(sum);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sample.histogram.bucket.push_back(
        {.cumulative_count = counts[i],
         .upper_bound = static_cast<double>(buckets.bounds()[i]) * scale});
  }
  sample.histogram.sample_count = sum.count();
  sample.histogram.sample_sum = static_cast<double>(sum.sum()) * scale;
  family_->metric.push_back(std::move(sample));
}

Family Families::counter(const std::string& name, const char* help) {
  CHECK(name.ends_with("_total"));
  return family(name, help, MetricType::Counter);
}

Family Families::gauge(const std::string& name, const char* help) {
  CHECK(!name.ends_with("_total"));
  return family(name, help, MetricType::Gauge);
}

Family Families::histogram(const std::string& name, const char* help) {
  return family(name, help, MetricType::Histogram);
}

Family Families::family(const std::string& name, const char* help, MetricType type) {
  CHECK(is_metric_name(name));
  const bool again = std::any_of(families_.begin(), families_.end(),
                                 [&](const auto& other) { return other.name == name; });
  CHECK(!again);
  families_.push_back({.name = name, .help = help, .type = type, .metric = {}});
  return Family(families_.back());
}

std::vector<prometheus::MetricFamily> Families::take() {
  std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
  std::vector<prometheus::MetricFamily> all(std::make_move_iterator(families_.begin()),
                                            std::make_move_iterator(families_.end()));
  families_.clear();
  return all;
}

}  // namespace exporter
