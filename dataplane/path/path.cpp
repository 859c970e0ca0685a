#include "dataplane/path/path.h"

#include "dataplane/path/verbs.h"

namespace dataplane {

void run(Burst& burst, const Snapshot& snapshot, Core& core) {
  FlowLedger flows(core.flows, core.flow_entries_max, core.counters);
  parse(burst, snapshot);                        // bytes → kind, key, offsets
  steer(burst, snapshot, core.id, core.owner_seed);  // another worker's? hand it off
  find(burst, core.flows);                       // prefetch all, probe all
  track(burst, snapshot, flows);                 // known flows: how far is the connection?
  match(burst, snapshot);                        // new ones: which listener? or ARP, echo, kernel
  admit(burst, snapshot, core.punts);            // new ones: may it start? kernel's: not too many
  choose(burst, snapshot, flows, core.turns);    // new ones: which target?
  translate(burst, snapshot, core.flows, core.missing_hops);  // rewrite; nothing stays undecided
  account(burst, snapshot, core.counters);       // count by verdict, target and listener
}

}  // namespace dataplane
