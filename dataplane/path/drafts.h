// Drafts: the flows that may begin with the packets of a burst, drawn before the first is entered.
// Part of choose; nobody else calls it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "dataplane/path/local_ports.h"
#include "dataplane/path/pick.h"

namespace dataplane {

/// What a flow that may begin with a packet would look like: the reply's key, worked out for all
/// packets of a burst before the first is entered, so that their cache misses overlap. Good while
/// nothing that it was drawn from has changed; one that is no longer good is not used.
template <class Address>
struct Draft {
  const Target* target;  // nullptr: there would be none
  TargetGroupId group;
  std::uint64_t cursor;           // turns.cursors of the group before it
  std::uint64_t local_port;       // turns.local_port before it,
  std::uint64_t next_local_port;  // and after it
  FlowToken token;                // of to_client
  FlowKey<Address> to_client;
};

template <class Address>
class Drafts {
 public:
  /// Draws what clients may begin with the packets of `fresh`, each as if those before it had been
  /// entered; `turns` are afterwards as before, but for the random numbers, which are used up.
  void draw(const Burst& burst, Mask fresh, const Snapshot& snapshot,
            const FlowLedger<Address>& flows, Turns& turns) {
    if (flows.full() || turns.new_flows.empty()) return;
    prefetch_clients<Address>(burst, fresh, snapshot, turns);
    const std::uint64_t local_port = turns.local_port;
    for (std::size_t i : bits(fresh)) {
      if (burst.listeners[i] == no_listener || never_enters(burst, i)) continue;
      flows.table().prefetch_place(burst.tokens[i]);
      if (!has_targets(burst, i, snapshot)) continue;
      new (&rooms_[i].draft) Draft<Address>(draft(burst, i, snapshot, flows, turns));
      drawn_ |= Mask{1} << i;
    }
    turns.local_port = local_port;
    for (Mask left = drawn_; left != 0;) {  // the last first: the first one's cursor counts
      const auto i = static_cast<std::size_t>(std::bit_width(left) - 1);
      left ^= Mask{1} << i;
      const Draft<Address>& draft = rooms_[i].draft;
      turns.cursors[draft.group.slot] = draft.cursor;
      if (draft.target == nullptr) continue;
      flows.table().prefetch_place(draft.token);
      if (counts_load(snapshot, draft)) turns.loads[draft.target->id.slot].drafted = 0;
    }
    unused_ = drawn_;
  }

  /// The target that packet i's flow was drawn to; nullptr: none.
  [[nodiscard]] const Target* target(std::size_t i) const {
    return (drawn_ >> i & 1) != 0 ? rooms_[i].draft.target : nullptr;
  }

  /// The token of packet i's reply from a nat target.
  [[nodiscard]] FlowToken token(std::size_t i, const Target& target,
                                const FlowTable<Address>& table,
                                const FlowKey<Address>& to_client) const {
    const bool fits = (drawn_ >> i & 1) != 0 && rooms_[i].draft.target == &target;
    return fits ? rooms_[i].draft.token : table.prehash(to_client);
  }

  /// The draft with the local port that is next, if it is towards `target`, as `to_client` is; else
  /// nullptr. It need not be that packet's: a reply to a local port does not tell the client.
  [[nodiscard]] const Draft<Address>* next(const Target& target, const FlowKey<Address>& to_client,
                                           const Turns& turns) {
    for (; unused_ != 0; unused_ &= unused_ - 1) {
      const Draft<Address>& draft =
          rooms_[static_cast<std::size_t>(std::countr_zero(unused_))].draft;
      if (draft.next_local_port == draft.local_port) continue;  // has none
      if (draft.local_port < turns.local_port) continue;
      const bool fits = draft.target == &target && draft.local_port == turns.local_port &&
                        draft.to_client.protocol == to_client.protocol &&
                        draft.to_client.source_port == to_client.source_port;
      return fits ? &draft : nullptr;
    }
    return nullptr;
  }

 private:
  [[nodiscard]] static bool counts_load(const Snapshot& snapshot, const Draft<Address>& draft) {
    return snapshot.target_groups[draft.group.slot].algorithm == Algorithm::LeastConnections;
  }

  [[nodiscard]] static Draft<Address> draft(const Burst& burst, std::size_t i,
                                            const Snapshot& snapshot,
                                            const FlowLedger<Address>& flows, Turns& turns) {
    const TargetGroup& group = snapshot.target_groups[burst.groups[i].slot];
    Draft<Address> draft{};
    draft.group = group.id;
    draft.cursor = turns.cursors[group.id.slot];
    draft.local_port = turns.local_port;
    const FlowKey<Address>& key = burst.key<Address>(i);
    const Target* target = recall(group, key, snapshot, turns, burst.now).target;
    if (target == nullptr) {
      const bool mid_stream = is_mid_stream(burst, i);
      target = snapshot.target(pick(group, key, snapshot, flows, turns, mid_stream, 0));
    }
    if (target == nullptr || !target->address.is_a<Address>()) return draft;
    if (!target->next_hop.resolved()) return draft;
    draft.to_client = reply_of(key, *target);
    if (group.mode == Mode::FullNat &&
        !draft_local_port(draft.to_client, snapshot.locals[target->next_hop.port.number], turns)) {
      return draft;
    }
    draft.target = target;
    draft.next_local_port = turns.local_port;
    draft.token = flows.table().prehash(draft.to_client);
    flows.table().prefetch(draft.token);
    if (counts_load(snapshot, draft)) ++turns.loads[target->id.slot].drafted;
    return draft;
  }

  // Without a Draft in it until one is made.
  union Room {
    Room() {}
    Draft<Address> draft;
  };
  std::array<Room, Burst::capacity> rooms_;  // by packet
  Mask drawn_ = 0;
  Mask unused_ = 0;  // of drawn_: their local port's turn has not passed
};

}  // namespace dataplane
