// Slices: what many short stretches of the same work have cost each. On a machine with neighbours
// the mean says most about the neighbours: the 10th percentile says what the work costs, the median
// what it costs here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "dataplane/packet/contract.h"

namespace tools::bench {

class Slices {
 public:
  void add(double cost) { costs_.push_back(cost); }
  void append(const Slices& others) {
    costs_.insert(costs_.end(), others.costs_.begin(), others.costs_.end());
  }
  [[nodiscard]] std::size_t size() const { return costs_.size(); }

  /// The smallest cost that at least `share` (0 to 1) of the slices do not exceed; CHECKs that
  /// there are slices.
  [[nodiscard]] double quantile(double share) const {
    CHECK(!costs_.empty());
    std::vector<double> costs = costs_;
    const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(costs.size() - 1));
    std::nth_element(costs.begin(), costs.begin() + place, costs.end());
    return costs[static_cast<std::size_t>(place)];
  }
  [[nodiscard]] double p10() const { return quantile(0.10); }
  [[nodiscard]] double p50() const { return quantile(0.50); }
  [[nodiscard]] double p99() const { return quantile(0.99); }

 private:
  std::vector<double> costs_;
};

}  // namespace tools::bench
