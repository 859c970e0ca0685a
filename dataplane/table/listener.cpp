#include "dataplane/table/listener.h"

namespace dataplane {

template <class Address>
TargetGroupId Listener::group_by_share(const FlowKey<Address>& to_target) const {
  const std::uint64_t flow_hash =
      shares_by_source ? hash(to_target.source, Be16{0}, share_seed) : hash(to_target, share_seed);
  return pick_share(shares, flow_hash);
}

template TargetGroupId Listener::group_by_share(const FlowKey4&) const;
template TargetGroupId Listener::group_by_share(const FlowKey6&) const;

}  // namespace dataplane
