#include "dataplane/path/path.h"

#include <utility>

#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

/// Groups of packets, one behind another: while one is parsed, the tags of the one before it and
/// the entries of the one before that are on their way from memory. With a million flows 48 ns a
/// packet instead of 57 for one verb after another over the whole burst; with a thousand it costs
/// 1 ns (spillway-bench, docs/decisions.md).
void look_up(Burst& burst, const Snapshot& snapshot, const Core& core, FlowLedgers& flows) {
  constexpr std::size_t group_size = 8;
  Mask fetching = 0, fetched = 0;
  for (std::size_t first = 0; first < burst.size; first += group_size) {
    const Mask group = burst.pending & (Mask{0xff} << first);
    parse(burst, group, snapshot);                            // bytes → kind, key, offsets
    steer(burst, group, snapshot, core.id, core.owner_seed);  // another worker's? hand it off
    prefetch(burst, group, flows);                            // hash → tags
    find(burst, fetched, flows);                              // tags → entries
    fetched = std::exchange(fetching, group);
  }
  find(burst, fetched, flows);
  find(burst, fetching, flows);
  find(burst, 0, flows);
}

}  // namespace

void run(Burst& burst, const Snapshot& snapshot, Core& core) {
  FlowLedgers flows(core.flows4, core.flows6, core.counters, core.places, core.measures, burst.now,
                    &core.flow_log);
  RuleHits& hits = core.counters.rule_hits;
  look_up(burst, snapshot, core, flows);
  track(burst, snapshot, flows, core.counters);  // known: how far is the connection?
  core.counters.totals.wrong_core.add(           // unknown: did the NIC mistake?
      redirect(burst, snapshot, core.id, core.owner_seed));
  match(burst, snapshot, hits);                           // new: which listener? ARP, kernel?
  admit(burst, snapshot, core.punts, hits);               // new: may it start? punts: too many?
  choose(burst, snapshot, flows, core.turns, core.room);  // new: which target? Or wait?
  translate(burst, snapshot, flows, core.missing_hops, core.errors);  // rewrite; all is decided
  account(burst, snapshot, core.counters);  // by verdict, target and listener
}

}  // namespace dataplane
