// The parts of compile(), one file a subject, in the order in which compile() calls them. Nobody
// else calls them.
//
// Each fills its part of the snapshot from the parts before it, the checked configuration and the
// facts; CHECKs what check() and control promise.
#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "config/facts.h"
#include "dataplane/packet/contract.h"
#include "dataplane/table/snapshot.h"

namespace config {

/// Facts by the name of what they are about.
template <class Fact>
using ByName = std::unordered_map<std::string_view, const Fact*>;

template <class Fact>
[[nodiscard]] ByName<Fact> by_name(const std::vector<Fact>& facts) {
  ByName<Fact> result;
  for (const Fact& fact : facts) CHECK(result.emplace(fact.name, &fact).second);
  return result;
}

/// The fact of something that is in the file: there must be one.
template <class Fact>
[[nodiscard]] const Fact& fact_of(const ByName<Fact>& facts, std::string_view name) {
  const auto found = facts.find(name);
  CHECK(found != facts.end());
  return *found->second;
}

using GroupFacts = ByName<TargetGroupFact>;

/// The group whose targets get the new flows for the group of that name: itself, or its standby
/// while control has failed it over.
[[nodiscard]] inline dataplane::TargetGroupId serving_group(const GroupFacts& groups,
                                                            std::string_view name) {
  const TargetGroupFact& own = fact_of(groups, name);
  return own.standby.empty() ? own.id : fact_of(groups, own.standby).id;
}

[[nodiscard]] inline dataplane::PortId port_id(std::size_t index) {
  return dataplane::PortId{static_cast<std::uint8_t>(index)};
}

/// The entry of a slot, which is made if there is none yet.
template <class Entry>
[[nodiscard]] Entry& slot_of(std::vector<Entry>& entries, std::size_t slot) {
  if (slot >= entries.size()) entries.resize(slot + 1);
  return entries[slot];
}

// --- the parts ---

void compile_ports(const Config& config, const Facts& facts, dataplane::Snapshot& snapshot);

/// A host whose MAC is known, and by which port it is reached.
struct KnownNeighbour {
  dataplane::PortId port;
  dataplane::IpAddress address;
  dataplane::MacAddress mac;
};
/// The file's, then the kernel's: of an address that the kernel knows on two ports, the one whose
/// network it belongs to comes first.
[[nodiscard]] std::vector<KnownNeighbour> all_neighbours(const Config& config, const Facts& facts);
void compile_neighbours(const std::vector<KnownNeighbour>& neighbours,
                        dataplane::Snapshot& snapshot);
void compile_routes(const Config& config, const std::vector<KnownNeighbour>& neighbours,
                    dataplane::Snapshot& snapshot);

void compile_listeners(const Config& config, const Facts& facts, const GroupFacts& groups,
                       dataplane::Snapshot& snapshot);
void compile_owners(const Config& config, const Facts& facts, dataplane::Snapshot& snapshot);

/// Who may reach each listener and whom its flows may reach. `previous` (may be null) lends its
/// lists where the rules are the same, and tells whether flows are to be judged again.
void compile_security_groups(const Config& config, const Facts& facts,
                             const dataplane::Snapshot* previous, dataplane::Snapshot& snapshot);

void compile_groups(const Config& config, const GroupFacts& groups, dataplane::Snapshot& snapshot);
void compile_targets(const Config& config, const Facts& facts, const GroupFacts& groups,
                     dataplane::Snapshot& snapshot);
void compile_nat_targets(dataplane::Snapshot& snapshot);

/// Who has a limit, who a queue, and among whom a place is looked for; after compile_targets().
void compile_limits(const Config& config, const Facts& facts, const GroupFacts& groups,
                    dataplane::Snapshot& snapshot);

/// Schedules and Maglev tables, for which all targets must be there; `previous` (may be null) lends
/// its own where nothing that they are made of differs.
void compile_tables(const Config& config, const GroupFacts& groups,
                    const dataplane::Snapshot* previous, dataplane::Snapshot& snapshot);

}  // namespace config
