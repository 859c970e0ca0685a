#include "control/explainer.h"

#include <fmt/core.h>

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

// Of a trial that sees one packet.
constexpr std::size_t trial_flows = 1'024;
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

Outcome answer(const ExplainWanted& wanted, const Explainer::Running& running, const Json* flow) {
  const auto port = port_of(wanted, running);
  if (!port) {
    return refused(
        400, fmt::format("there is no port \"{}\"; `spillwayctl status` lists them", wanted.port));
  }
  const explain::ProbeFrame probe{.protocol = wanted.protocol,
                                  .from = wanted.from,
                                  .to = wanted.to,
                                  .tcp_flags = wanted.tcp_flags};
  const std::vector<std::uint8_t> frame = bytes_of(probe, running.snapshot->ports[port->number]);
  Json document{{"generation", running.snapshot->generation.number}};
  if (flow != nullptr) {
    document.update(explain::story_of_known(*running.snapshot, *flow, frame, *port, running.names));
  } else {
    explain::Trial trial(trial_flows, running.owner_seed);
    const explain::Fate fate = trial.run(*running.snapshot, frame, *port, trial_time);
    document.update(explain::story(*running.snapshot, fate, frame, *port, running.names));
  }
  return {200, std::move(document)};
}

}  // namespace

Explainer::Explainer(FlowInquiry& flows, std::function<Running()> running)
    : flows_(flows), running_(std::move(running)) {}

void Explainer::ask(const ExplainWanted& wanted, Done done) {
  if (wanted.from.address.family() != wanted.to.address.family()) {
    return done(refused(400, "from and to are of two address families: IPv4 and IPv6"));
  }
  FlowsWanted flow;
  flow.limit = 1;
  auto& packet = flow.filter.packet.emplace();
  packet.source = wanted.from.address;
  packet.destination = wanted.to.address;
  packet.source_port = dataplane::Be16{wanted.from.port};
  packet.destination_port = dataplane::Be16{wanted.to.port};
  packet.protocol = wanted.protocol;
  flows_.ask(flow, [this, wanted, done = std::move(done)](const Outcome& found) {
    if (found.status != 200) return done(found);
    const Json& flows = found.document["flows"];
    done(answer(wanted, running_(), flows.empty() ? nullptr : &flows.front()));
  });
}

}  // namespace control
