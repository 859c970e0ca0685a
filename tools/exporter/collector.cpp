#include "tools/exporter/collector.h"

#include <chrono>
#include <iterator>
#include <utility>

namespace exporter {

std::vector<prometheus::MetricFamily> Collector::Collect() const {
  const auto begin = std::chrono::steady_clock::now();
  auto families = metrics(source_->read(), choice_);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  Families own;
  own.gauge("spillway_exporter_info", "Always 1; its label is the exporter's own version.")
      .add({{"version", SPILLWAY_VERSION}}, true);
  own.gauge("spillway_exporter_collect_seconds",
            "How long this exporter took to read shared memory for this scrape.")
      .add({}, took.count());
  auto about_us = own.take();
  std::move(about_us.begin(), about_us.end(), std::back_inserter(families));
  return families;
}

}  // namespace exporter
