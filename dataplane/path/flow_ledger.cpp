#include "dataplane/path/flow_ledger.h"

#include <algorithm>
#include <memory>

namespace dataplane {

namespace {

// Everything of one direction but its key, in place: a Flow that is put together elsewhere and
// copied waits for its own stores.
template <class Address>
void fill(Flow<Address>& flow, const FlowStart<Address>& start, Direction direction,
          FlowIndex twin) {
  // What leaves is what the other end expects to see: the reverse of what it sends.
  const bool to_target = direction == Direction::ToTarget;
  set_rewrite(flow, (to_target ? start.to_client : start.to_target).reversed());
  flow.client_mac = start.client_mac;
  flow.client_port = start.client_port;
  flow.phase = start.phase;
  flow.direction = direction;
  flow.over = false;
  flow.waiting = false;
  flow.noted = false;
  flow.target = start.target;
  flow.twin = twin;
  flow.listener_and_bytes = start.listener->id.slot;
  flow.packets = 0;
  flow.last_seen = start.now;
}

}  // namespace

template <class Address>
FlowIndex FlowLedger<Address>::start(const FlowStart<Address>& flow) {
  if (full()) return no_flow;
  FlowIndex to_target = table_.insert(flow.to_target_token, flow.to_target);
  if (to_target == no_flow) return no_flow;
  const std::uint64_t moves = table_.moves();
  const FlowIndex to_client = table_.insert(flow.to_client_token, flow.to_client);
  if (table_.moves() != moves) to_target = table_.find(flow.to_target_token, flow.to_target);
  if (to_client == no_flow) {
    table_.erase(to_target);
    return no_flow;
  }
  fill(table_[to_target], flow, Direction::ToTarget, to_client);
  table_.mark(to_target);  // the sweep looks at a connection once
  table_.set_birth(to_target, Birth::of(now_));
  fill(table_[to_client], flow, Direction::ToClient, to_target);

  counters_.totals.flows_inserted.add(1);
  counters_.totals.flows_alive.add(1);
  TargetCounters& target = counters_of(counters_, flow.target);
  target.new_flows.add(1);
  target.active_flows.add(1);
  if (flow.failing_open) [[unlikely]]
    target.unhealthy_routing_flows.add(1);
  ListenerCounters& listener = counters_of(counters_, *flow.listener);
  listener.new_flows.add(1);
  listener.active_flows.add(1);
  if (places_.any() || flow.places.any()) [[unlikely]]
    places_.begin(flow.target, flow.group, flow.places);
  if (flow.to_target.protocol == Protocol::Udp) {
    UdpCounters& udp = counters_.target_udp[flow.target.slot];
    udp.new_flows.add(1);
    udp.active_flows.add(1);
    listener.new_flows_udp.add(1);
    listener.active_flows_udp.add(1);
  }
  return to_target;
}

/// Beside the table, where the connection's other entry has its birth: Flow is full.
template <class Address>
[[gnu::noinline]] void FlowLedger<Address>::note(Flow<Address>& flow,
                                                 std::optional<std::uint64_t> connect) {
  const FlowIndex to_client = table_[flow.twin].twin;
  table_.set_opening(to_client, Opening(table_.birth(flow.twin), now_, connect));
  flow.noted = true;
}

/// What is known of a connection only when it ends: how long it was, and how much. Returns for how
/// many microseconds it had been silent then, as far as that is not part of it.
template <class Address>
std::uint64_t FlowLedger<Address>::measure(FlowIndex either, FlowEnd why) {
  const Flow<Address>& flow = table_[either];
  const Flow<Address>& twin = table_[flow.twin];
  const FlowIndex to_target = flow.direction == Direction::ToTarget ? either : flow.twin;
  const std::uint64_t lived = table_.birth(to_target).microseconds_until(now_);
  // To its last packet: that it was then silent for long is not part of it. One that is ended by
  // force is so now.
  const Tick tick = Tick::of(now_);
  const std::uint64_t silent =
      why == FlowEnd::Expired || why == FlowEnd::Removed
          ? std::min(tick.nanoseconds_since(flow.last_seen), tick.nanoseconds_since(twin.last_seen))
          : 0;
  const std::uint64_t duration = lived - std::min(lived, silent / 1'000);
  measures_.add(flow.target, flow.listener(), &FlowHistograms::duration, duration);
  measures_.add(flow.target, flow.listener(), &FlowHistograms::bytes, flow.bytes() + twin.bytes());
  return silent / 1'000;
}

/// Tells control of a flow that ends, if it is drawn. Apart: most have no flow log.
template <class Address>
[[gnu::noinline]] void FlowLedger<Address>::tell(FlowIndex either, FlowEnd why,
                                                 std::uint64_t silent) {
  const bool this_one = table_[either].direction == Direction::ToTarget;
  const FlowIndex index = this_one ? either : table_[either].twin;
  const Flow<Address>& flow = table_[index];
  const Flow<Address>& twin = table_[flow.twin];
  const Birth birth = table_.birth(index);
  // The birth too, so that it is not always the same clients' ports.
  if (!log_->takes_all() &&
      !log_->takes(fold(table_.prehash(flow.key).hash ^ balanced, golden ^ birth.count))) {
    return;
  }
  EndedFlow* const place = log_->ring().place();
  if (place == nullptr) return counters_.totals.flow_log_dropped.add(1);
  const Opening opening = twin.noted ? table_.opening(flow.twin) : Opening();
  const std::uint64_t lived =
      twin.noted ? opening.microseconds_until(birth, now_) : birth.microseconds_until(now_);
  const auto connect = opening.connect();
  std::construct_at(
      place, EndedFlow{.to_target = of_any_family(flow.key),
                       .to_client = of_any_family(twin.key),
                       .began = {now_.nanoseconds - std::min(now_.nanoseconds, lived * 1'000)},
                       .duration_microseconds = lived - std::min(lived, silent),
                       .bytes_to_target = flow.bytes(),
                       .bytes_to_client = twin.bytes(),
                       .packets_to_target = flow.packets,
                       .packets_to_client = twin.packets,
                       .connect_microseconds =
                           connect ? std::optional(static_cast<std::uint32_t>(*connect / 1'000))
                                   : std::nullopt,
                       .sample_millionths = log_->sample_millionths(),
                       .target = flow.target,
                       .listener = flow.listener(),
                       .listener_incarnation = static_cast<std::uint16_t>(
                           counters_.listeners[flow.listener().slot].incarnation.read()),
                       .phase = flow.phase,
                       .reason = reason_of(why, flow.phase,
                                           log_->is_terminated(flow.target, flow.key.protocol))});
  log_->ring().push();
  counters_.totals.flows_logged.add(1);
}

template <class Address>
void FlowLedger<Address>::end(FlowIndex either, FlowEnd why) {
  const std::uint64_t silent = measure(either, why);
  if (log_ != nullptr) [[unlikely]]
    tell(either, why, silent);
  const Flow<Address>& flow = table_[either];
  const FlowIndex twin = flow.twin;
  const bool over = flow.direction == Direction::ToTarget ? flow.over : table_[twin].over;
  TargetCounters& target = counters_.targets[flow.target.slot];
  if (why == FlowEnd::Expired && flow.phase == Phase::SynSent &&
      flow.direction == Direction::ToTarget && flow.packets == 1) {
    // A SYN without any answer, nor a second one, which would have been counted when it came.
    target.handshakes_failed.add(1);
  }
  target.active_flows.subtract(1);
  if (over) {
    target.over_flows.subtract(1);
  } else if (places_.any()) [[unlikely]] {
    places_.end(flow.target);
  }
  counters_.listeners[flow.listener().slot].active_flows.subtract(1);
  if (flow.key.protocol == Protocol::Udp) {
    counters_.target_udp[flow.target.slot].active_flows.subtract(1);
    counters_.listeners[flow.listener().slot].active_flows_udp.subtract(1);
  }
  counters_.totals.flows_alive.subtract(1);
  Totals& totals = counters_.totals;
  (why == FlowEnd::Expired ? totals.flows_expired : totals.flows_removed).add(1);
  if (why == FlowEnd::Cut) totals.flows_cut.add(1);
  table_.erase(twin);
  table_.erase(either);
}

/// Known to be over, or known to live after all.
template <class Address>
void FlowLedger<Address>::set_over(const Flow<Address>& either, bool over) {
  // What is marked is the entry that the client's packets are found by.
  const FlowIndex twin = either.twin;
  const FlowIndex marked = either.direction == Direction::ToTarget ? table_[twin].twin : twin;
  Flow<Address>& flow = table_[marked];
  if (flow.over == over) return;
  flow.over = over;
  TargetCounters& target = counters_.targets[flow.target.slot];
  if (over) {
    target.over_flows.add(1);
  } else {
    target.over_flows.subtract(1);
  }
  if (!places_.any()) return;
  if (over) {
    places_.end(flow.target);
  } else {
    places_.begin(flow.target, {}, {});
  }
}

template class FlowLedger<Ipv4Address>;
template class FlowLedger<Ipv6Address>;

void begin(WorkerBlock& counters, TargetId target) {
  TargetCounters& slot = counters.targets[target.slot];
  UdpCounters& udp = counters.target_udp[target.slot];
  for (Counter* counter = &udp.new_flows; counter <= &udp.bytes_to_client; ++counter) {
    counter->set(0);
  }
  for (Counter* counter = &slot.new_flows; counter <= &slot.over_flows; ++counter) {
    counter->set(0);
  }
  slot.incarnation.set(target.incarnation);
}

ListenerCounters& counters_of(WorkerBlock& counters, const Listener& listener) {
  ListenerCounters& slot = counters.listeners[listener.id.slot];
  if (slot.incarnation.read() != listener.incarnation) {
    slot.new_flows.set(0);
    slot.active_flows.set(0);
    slot.rejected_flows.set(0);
    slot.spilled_flows.set(0);
    slot.new_flows_udp.set(0);
    slot.active_flows_udp.set(0);
    slot.rejected_flows_udp.set(0);
    slot.incarnation.set(listener.incarnation);
  }
  return slot;
}

TargetGroupCounters& counters_of(WorkerBlock& counters, const TargetGroup& group) {
  TargetGroupCounters& slot = counters.groups[group.id.slot];
  if (slot.incarnation.read() != group.incarnation) [[unlikely]] {
    for (Counter* counter = &slot.surge_queue_length; counter != &slot.reserved[0]; ++counter) {
      counter->set(0);
    }
    slot.incarnation.set(group.incarnation);
  }
  return slot;
}

}  // namespace dataplane
