#include "control/explainer.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/explain/probe_frame.h"
#include "tools/explain/story.h"
#include "tools/explain/trial.h"

namespace control {
namespace {

using report::Json;

// The path's clock in a trial; any time will do.
constexpr dataplane::Instant trial_time{1'000'000'000};

std::optional<dataplane::PortId> port_of(const ExplainWanted& wanted,
                                         const Explainer::Running& running) {
  const auto& ports = running.snapshot->ports;
  if (!wanted.port.empty()) {
    for (const dataplane::Port& port : ports) {
      if (running.names.port(port.id) == wanted.port) return port.id;
    }
    return std::nullopt;
  }
  const dataplane::NextHop hop = running.snapshot->next_hop_to(wanted.from.address);
  return hop.port.number < ports.size() ? hop.port : ports.front().id;
}

dataplane::FlowKey<dataplane::IpAddress> key_of(const ExplainWanted& wanted) {
  return {wanted.from.address,
          wanted.to.address,
          dataplane::Be16{wanted.from.port},
          dataplane::Be16{wanted.to.port},
          wanted.protocol,
          {0, 0, 0}};
}

/// The target group that a new flow of that key would be with.
template <class Address>
const dataplane::TargetGroup* group_for(const dataplane::FlowKey<dataplane::IpAddress>& any,
                                        const dataplane::Snapshot& snapshot) {
  const auto key = dataplane::of_family<Address>(any);
  const dataplane::ListenerId* listener =
      snapshot.listener_for({key.destination, key.destination_port, key.protocol});
  if (listener == nullptr) return nullptr;
  return snapshot.target_group(snapshot.listeners[listener->slot].group_of(key));
}

/// Tells the trial of the connections and waiters that others have.
void assume_others(explain::Trial& trial, const dataplane::Snapshot& snapshot,
                   const report::SegmentView& view,
                   const dataplane::FlowKey<dataplane::IpAddress>& key) {
  using dataplane::TargetCounters;
  for (const dataplane::TargetId id : snapshot.limited) {
    const std::uint64_t active = report::total(view, id, &TargetCounters::active_flows);
    const std::uint64_t over = report::total(view, id, &TargetCounters::over_flows);
    trial.assume_connections(id, active - std::min(active, over));
  }
  const dataplane::TargetGroup* group = key.source.is_v4()
                                            ? group_for<dataplane::Ipv4Address>(key, snapshot)
                                            : group_for<dataplane::Ipv6Address>(key, snapshot);
  if (group == nullptr || group->surge.length == 0) return;
  trial.assume_queue(group->id, report::total(view, group->id, group->incarnation,
                                              &dataplane::TargetGroupCounters::surge_queue_length));
}

/// One more SYN may be held.
bool has_room(const report::SegmentView& view) {
  return report::total(view, &dataplane::Totals::surge_held) <
         report::total(view, &dataplane::Totals::surge_capacity);
}

}  // namespace

Explainer::Explainer(FlowInquiry& flows, report::SegmentView view, std::function<Running()> running)
    : flows_(flows), view_(view), running_(std::move(running)) {}

void Explainer::ask(const ExplainWanted& wanted, Done done) {
  if (wanted.from.address.family() != wanted.to.address.family()) {
    return done(refused(400, "from and to are of two address families: IPv4 and IPv6"));
  }
  flows_.find(key_of(wanted), [this, wanted, done = std::move(done)](
                                  const Outcome* wrong, const FlowInquiry::Found* found) {
    done(wrong != nullptr ? *wrong : answer(wanted, found));
  });
}

Outcome Explainer::answer(const ExplainWanted& wanted, const FlowInquiry::Found* found) const {
  const Running running = running_();
  const dataplane::Snapshot& snapshot = *running.snapshot;
  const auto port = port_of(wanted, running);
  if (!port) {
    return refused(
        400, fmt::format("there is no port \"{}\"; `spillwayctl status` lists them", wanted.port));
  }
  const explain::ProbeFrame probe{.protocol = wanted.protocol,
                                  .from = wanted.from,
                                  .to = wanted.to,
                                  .tcp_flags = wanted.tcp_flags};
  const std::vector<std::uint8_t> frame = bytes_of(probe, snapshot.ports[port->number]);
  explain::Trial trial(
      {.owner_seed = running.owner_seed, .surge_capacity = has_room(view_) ? std::size_t{1} : 0});
  assume_others(trial, snapshot, view_, key_of(wanted));
  explain::Past past;
  if (found != nullptr) {
    trial.assume_flow(found->flow, snapshot, trial_time);
    past.flow = &found->flow;
    past.worker = found->worker;
  }
  const explain::Fate fate = trial.run(snapshot, frame, *port, trial_time);
  Json document{{"generation", snapshot.generation.number}};
  document.update(explain::story(snapshot, fate, frame, *port, running.names, past));
  return {200, std::move(document)};
}

}  // namespace control
