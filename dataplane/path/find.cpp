#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

template <class Address>
void prefetch_family(Burst& burst, Mask group, const FlowTable<Address>& flows) {
  for (std::size_t i : bits(burst.of<Address>(group))) {
    burst.tokens[i] = flows.prehash(burst.key<Address>(i));
    flows.prefetch(burst.tokens[i]);
  }
}

void found(Burst& burst, std::size_t i, FlowIndex flow) {
  burst.flows[i] = flow;
  burst.known |= Mask{flow != no_flow} << i;
}

template <class Address>
void find_family(Burst& burst, Mask group, const FlowTable<Address>& flows) {
  for (std::size_t i : bits(burst.of<Address>(burst.elsewhere))) {
    found(burst, i, flows.candidate_elsewhere(burst.tokens[i]));
  }
  burst.elsewhere &= ~burst.of<Address>(burst.elsewhere);
  for (std::size_t i : bits(burst.of<Address>(group))) {
    bool elsewhere = false;
    found(burst, i, flows.candidate(burst.tokens[i], elsewhere));
    burst.elsewhere |= Mask{elsewhere} << i;
  }
}

}  // namespace

void prefetch(Burst& burst, Mask group, FlowLedgers& flows) {
  group &= burst.pending & burst.keyed;
  prefetch_family(burst, group, flows.v4.table());
  prefetch_family(burst, group, flows.v6.table());
}

void find(Burst& burst, Mask group, FlowLedgers& flows) {
  group &= burst.pending & burst.keyed;
  find_family(burst, group, flows.v4.table());
  find_family(burst, group, flows.v6.table());
}

}  // namespace dataplane
