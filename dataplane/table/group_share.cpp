#include "dataplane/table/group_share.h"

namespace dataplane {

TargetGroupId pick_share(std::span<const GroupShare> shares, std::uint64_t flow_hash) {
  TargetGroupId best{};
  std::uint64_t best_time = 0, best_weight = 0;  // none yet
  for (const GroupShare& one : shares) {
    if (one.weight == 0) continue;
    const std::uint64_t time = share::waiting_time(share::draw(flow_hash, one));
    // time / weight < best_time / best_weight; both products are below 2^48.
    if (best_weight != 0 && time * best_weight >= best_time * one.weight) continue;
    best = one.id;
    best_time = time;
    best_weight = one.weight;
  }
  return best;
}

}  // namespace dataplane
