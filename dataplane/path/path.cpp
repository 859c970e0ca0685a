#include "dataplane/path/path.h"

#include "dataplane/path/verbs.h"

namespace dataplane {

void run(Burst& burst, const Snapshot& snapshot, Core& core) {
  FlowLedger flows(core.flows, core.flow_entries_max, core.counters);
  parse(burst, snapshot);                            // bytes → kind, key, offsets
  steer(burst, snapshot, core.id, core.owner_seed);  // another worker's? hand it off
  find(burst, core.flows);                           // prefetch all, probe all
  core.counters.totals.wrong_core.add(               // unknown: did the NIC mistake?
      redirect(burst, snapshot, core.id, core.owner_seed));
  track(burst, snapshot, flows);                              // known: how far is the connection?
  match(burst, snapshot);                                     // new: which listener? ARP, kernel?
  admit(burst, snapshot, core.punts);                         // new: may it start? punts: too many?
  choose(burst, snapshot, flows, core.turns);                 // new: which target?
  translate(burst, snapshot, core.flows, core.missing_hops);  // rewrite; nothing stays undecided
  account(burst, snapshot, core.counters);                    // by verdict, target and listener
}

}  // namespace dataplane
