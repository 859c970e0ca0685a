#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

template <class Address>
void find_family(Burst& burst, const FlowTable<Address>& flows) {
  const Mask wanted = burst.of<Address>(burst.pending & burst.keyed);
  for (std::size_t i : bits(wanted)) {
    burst.tokens[i] = flows.prehash(burst.key<Address>(i));
    flows.prefetch(burst.tokens[i]);
  }
  for (std::size_t i : bits(wanted)) burst.flows[i] = flows.candidate(burst.tokens[i]);
  for (std::size_t i : bits(wanted)) {
    if (burst.flows[i] == no_flow) continue;
    if (!(flows[burst.flows[i]].key == burst.key<Address>(i))) [[unlikely]] {
      burst.flows[i] = flows.find(burst.tokens[i], burst.key<Address>(i));  // another of that tag
    }
    burst.known |= Mask{burst.flows[i] != no_flow} << i;
  }
}

}  // namespace

void find(Burst& burst, FlowLedgers& flows) {
  find_family(burst, flows.v4.table());
  find_family(burst, flows.v6.table());
}

}  // namespace dataplane
