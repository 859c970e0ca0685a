#include "control/flow_log/names.h"

#include <algorithm>

namespace control {
namespace {

// Of rounds: one may be under way when a record goes.
constexpr std::uint64_t rounds_kept = 2;

template <class Named>
Named& place_of(std::vector<Named>& all, std::size_t slot) {
  if (slot >= all.size()) all.resize(slot + 1);
  return all[slot];
}

bool is_same(const FlowNames::Target& a, const FlowNames::Target& b) { return a.id == b.id; }
bool is_same(const FlowNames::Listener& a, const FlowNames::Listener& b) {
  return a.id == b.id && a.incarnation == b.incarnation;
}
bool is_used(const FlowNames::Target& target) { return target.id != dataplane::no_target; }
bool is_used(const FlowNames::Listener& one) { return one.id != dataplane::no_listener; }

/// What was there and is not any more joins those that are gone.
template <class Named, class Gone>
void keep_gone(const std::vector<Named>& now, const std::vector<Named>& before,
               const std::vector<Gone>& gone_before, std::vector<Gone>& gone, std::uint64_t round) {
  const auto late = [&](const Gone& one) { return one.round + rounds_kept > round; };
  std::copy_if(gone_before.begin(), gone_before.end(), std::back_inserter(gone), late);
  for (std::size_t slot = 0; slot < before.size(); ++slot) {
    if (!is_used(before[slot])) continue;
    if (slot < now.size() && is_same(now[slot], before[slot])) continue;
    gone.push_back({before[slot], round});
  }
}

}  // namespace

FlowNames::FlowNames(const Records& records, const FlowNames& before, std::uint64_t round) {
  for (const dataplane::TargetRecord& record : records.targets) {
    place_of(targets_, record.id.slot) = {.id = record.id,
                                          .state = record.state,
                                          .target_group = record.target_group,
                                          .zone = record.zone};
  }
  for (const ListenerEntry& entry : records.listeners) {
    place_of(listeners_, entry.id.slot) = {
        .id = entry.id, .incarnation = entry.record.incarnation, .name = entry.record.name};
  }
  keep_gone(targets_, before.targets_, before.gone_targets_, gone_targets_, round);
  keep_gone(listeners_, before.listeners_, before.gone_listeners_, gone_listeners_, round);
}

const FlowNames::Target* FlowNames::find(dataplane::TargetId id) const {
  if (id.slot < targets_.size() && targets_[id.slot].id == id) return &targets_[id.slot];
  const auto found = std::find_if(gone_targets_.begin(), gone_targets_.end(),
                                  [&](const auto& gone) { return gone.named.id == id; });
  return found == gone_targets_.end() ? nullptr : &found->named;
}

const FlowNames::Listener* FlowNames::find(dataplane::ListenerId id,
                                           std::uint16_t incarnation) const {
  const auto is_it = [&](const Listener& one) {
    return one.id == id && one.incarnation == incarnation;
  };
  if (id.slot < listeners_.size() && is_it(listeners_[id.slot])) return &listeners_[id.slot];
  const auto found = std::find_if(gone_listeners_.begin(), gone_listeners_.end(),
                                  [&](const auto& gone) { return is_it(gone.named); });
  return found == gone_listeners_.end() ? nullptr : &found->named;
}

}  // namespace control
