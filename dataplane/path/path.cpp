#include "dataplane/path/path.h"

#include "dataplane/path/verbs.h"

namespace dataplane {

void run(Burst& burst, const Snapshot& snapshot, Core& core) {
  FlowLedgers flows(core.flows4, core.flows6, core.counters);
  parse(burst, snapshot);                            // bytes → kind, key, offsets
  steer(burst, snapshot, core.id, core.owner_seed);  // another worker's? hand it off
  find(burst, flows);                                // prefetch all, probe all
  core.counters.totals.wrong_core.add(               // unknown: did the NIC mistake?
      redirect(burst, snapshot, core.id, core.owner_seed));
  track(burst, snapshot, flows);               // known: how far is the connection?
  match(burst, snapshot);                      // new: which listener? ARP, kernel?
  admit(burst, snapshot, core.punts);          // new: may it start? punts: too many?
  choose(burst, snapshot, flows, core.turns);  // new: which target?
  translate(burst, snapshot, flows, core.missing_hops, core.errors);  // rewrite; all is decided
  account(burst, snapshot, core.counters);  // by verdict, target and listener
}

}  // namespace dataplane
