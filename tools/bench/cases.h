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
/// Requests and their answers, of which each is a turn that is measured: with the measuring and
/// without.
template <class Family>
void add_turns(std::vector<Group>& groups, bool quick);
/// Flows that begin, and such that come and go.
template <class Family>
void add_connections(std::vector<Group>& groups, bool quick);
/// The path's look-up alone: of flows that are there, and of strangers.
template <class Family>
void add_lookups(std::vector<Group>& groups, bool quick);
/// Packets of strangers at a full table, and above the rate of new flows.
template <class Family>
void add_floods(std::vector<Group>& groups, bool quick);
/// The sweep: when no flow is idle, and when all are.
template <class Family>
void add_expiry(std::vector<Group>& groups, bool quick);
/// Building Maglev's table, and what moves when targets leave.
template <class Family>
void add_maglev(std::vector<Group>& groups, bool quick);
/// A new snapshot while packets flow.
template <class Family>
void add_publication(std::vector<Group>& groups, bool quick);
/// Two workers at once, against one.
template <class Family>
void add_scale(std::vector<Group>& groups, bool quick);
/// The machine itself.
void add_references(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
