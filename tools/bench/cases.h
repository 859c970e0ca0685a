// Cases: all that the bench can measure, in the order in which it does.
#pragma once

#include <vector>

#include "tools/bench/bench.h"

namespace tools::bench {

/// Every group. `quick`: only the small ones of each kind.
[[nodiscard]] std::vector<Group> all_groups(bool quick);

/// Packets of flows that are there: nat and full_nat, by number of flows.
template <class Family>
void add_established(std::vector<Group>& groups, bool quick);
/// The machine itself.
void add_references(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
