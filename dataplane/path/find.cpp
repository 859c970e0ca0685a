#include "dataplane/path/verbs.h"

namespace dataplane {

void find(Burst& burst, const FlowTable& flows) {
  const Mask wanted = burst.pending & burst.keyed;
  for (std::size_t i : bits(wanted)) {
    burst.tokens[i] = flows.prehash(burst.keys[i]);
    flows.prefetch(burst.tokens[i]);
  }
  for (std::size_t i : bits(wanted)) burst.flows[i] = flows.candidate(burst.tokens[i]);
  for (std::size_t i : bits(wanted)) {
    if (burst.flows[i] != no_flow) burst.flows[i] = flows.find(burst.tokens[i], burst.keys[i]);
  }
}

}  // namespace dataplane
