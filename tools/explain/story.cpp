#include "tools/explain/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "dataplane/path/pick.h"
#include "tools/explain/frame_text.h"

namespace explain {
namespace {

using dataplane::Algorithm;
using dataplane::Kind;
using dataplane::Mode;
using dataplane::Target;
using dataplane::TargetGroup;
using dataplane::Verdict;

/// The steps so far, and where the next one goes.
class Steps {
 public:
  template <class... Arguments>
  void add(std::string_view step, fmt::format_string<Arguments...> format,
           Arguments&&... arguments) {
    steps_.push_back(
        {{"step", step}, {"says", fmt::format(format, std::forward<Arguments>(arguments)...)}});
  }
  [[nodiscard]] Json take() { return std::move(steps_); }

 private:
  Json steps_ = Json::array();
};

struct Telling {
  const dataplane::Snapshot& snapshot;
  const Fate& fate;
  std::span<const std::uint8_t> arrived;
  dataplane::PortId port;
  const Names& names;
};

std::string_view kind_text(Kind kind) {
  switch (kind) {
    case Kind::Tcp: return "tcp";
    case Kind::Udp: return "udp";
    case Kind::Arp: return "ARP";
    case Kind::Neighbour: return "neighbour discovery";
    case Kind::Echo: return "ICMP echo request";
    case Kind::IcmpError: return "ICMP error";
    case Kind::Fragment: return "IP fragment";
    case Kind::OtherIp: return "other IP packet";
    case Kind::OtherFrame: return "other frame";
  }
  return "frame";
}

std::string packet_text(const Telling& of) {
  std::string text(kind_text(of.fate.kind));
  if (of.fate.kind == Kind::Tcp) {
    const std::string flags = flags_text(of.fate.tcp_flags);
    if (!flags.empty()) text += ' ' + flags;
  }
  if (const auto ends = ends_of(of.arrived)) {
    text += fmt::format(" {} to {}", end_text(ends->source, ends->source_port),
                        end_text(ends->destination, ends->destination_port));
  }
  return text;
}

template <class Address>
std::string place_text(const TargetGroup& group, const dataplane::FlowKey<Address>& key) {
  const std::size_t places = group.maglev->slots().size();
  if (places == 0) return "no target may take new flows";
  return fmt::format("place {} of {} in its table", dataplane::place_of(group, key) % places,
                     places);
}

template <class Address>
dataplane::FlowKey<Address> narrowed(const dataplane::FlowKey<dataplane::IpAddress>& key) {
  return {key.source.as<Address>(),
          key.destination.as<Address>(),
          key.source_port,
          key.destination_port,
          key.protocol,
          {0, 0, 0}};
}

std::string algorithm_text(const Telling& of, const TargetGroup& group) {
  if (of.fate.sticky) return "its client is known: stickiness decides, not the algorithm";
  const auto& key = *of.fate.key;
  switch (group.algorithm) {
    case Algorithm::Maglev:
    case Algorithm::SourceIp: {
      const std::string_view name = group.algorithm == Algorithm::Maglev ? "maglev" : "source_ip";
      const std::string place = key.source.is_v4()
                                    ? place_text(group, narrowed<dataplane::Ipv4Address>(key))
                                    : place_text(group, narrowed<dataplane::Ipv6Address>(key));
      return fmt::format("{}: {}", name, place);
    }
    case Algorithm::RoundRobin: return "round_robin: whose turn it is at the worker";
    case Algorithm::WeightedRoundRobin:
      return "weighted_round_robin: whose turn it is at the worker";
    case Algorithm::LeastConnections:
      return "least_connections: of two drawn at random, who has fewer flows for its weight";
  }
  return "";
}

void tell_flow(const Telling& of, Steps& steps) {
  if (!of.fate.key) return;
  steps.add("worker", "worker {} owns the flow", of.fate.worker.number);
  if (of.fate.known) {
    steps.add("flow", "known: it goes on as it began");
  } else if (of.fate.started) {
    steps.add("flow", "not known: a new one was begun");
  } else {
    steps.add("flow", "not known");
  }
}

void tell_listener(const Telling& of, Steps& steps) {
  const auto* listener = of.snapshot.listener(of.fate.listener);
  if (listener == nullptr) return;
  const auto ports = listener->ports;
  steps.add("listener", "{}: {} {}{}", of.names.listener(of.fate.listener),
            to_string(listener->protocol), with_port(listener->address, ports.first),
            listener->is_range() ? fmt::format("-{}", ports.last) : "");
  if (of.fate.known) return;
  const bool blocked_in = of.fate.verdict == Verdict::DropSecurityGroupInbound;
  const bool blocked_out = of.fate.verdict == Verdict::DropSecurityGroupOutbound;
  for (const dataplane::RuleId rule : of.fate.rules) {
    steps.add("security group", "let through by {}", of.names.rule(rule));
  }
  if (blocked_in) steps.add("security group", "no inbound rule lets it in");
  if (blocked_out) steps.add("security group", "no outbound rule lets it out to its target");
  if (listener->inbound == nullptr && listener->outbound == nullptr) {
    steps.add("security group", "none is attached: everything may come");
  }
}

void tell_target(const Telling& of, Steps& steps) {
  const TargetGroup* group = of.snapshot.target_group(of.fate.group);
  if (group != nullptr && of.fate.key) {
    steps.add("target group", "{}{}", of.names.target_group(of.fate.group),
              group->failing_open ? ": fails open, unhealthy targets get flows, too" : "");
    const bool chosen_now = !of.fate.known && of.snapshot.listener(of.fate.listener) != nullptr;
    if (chosen_now && (of.fate.started || of.fate.verdict == Verdict::ReplyResetNoTarget ||
                       of.fate.verdict == Verdict::DropNoTarget)) {
      steps.add("algorithm", "{}", algorithm_text(of, *group));
    }
  }
  const Target* target = of.snapshot.target(of.fate.target);
  if (target == nullptr) return;
  // Only its worker knows whose turn it is, or how many flows its targets have.
  const bool example = of.fate.started && group != nullptr && !of.fate.sticky &&
                       !dataplane::is_consistent(group->algorithm);
  steps.add("target", "{}{}{}", target_text(target->address, target->port.value()),
            target->eligible ? "" : ", which gets no new flows",
            example ? " in this trial; the worker may choose another" : "");
}

void tell_rewrite(const Telling& of, Steps& steps) {
  if (!is_forward(of.fate.verdict)) return;
  const auto before = ends_of(of.arrived);
  const auto after = ends_of(of.fate.bytes);
  if (!before || !after) return;
  const auto part = [&](std::string_view name, const std::string& from, const std::string& to) {
    if (from != to) steps.add("rewrite", "{} {} becomes {}", name, from, to);
  };
  part("source", end_text(before->source, before->source_port),
       end_text(after->source, after->source_port));
  part("destination", end_text(before->destination, before->destination_port),
       end_text(after->destination, after->destination_port));
  steps.add("rewrite", "TTL {} becomes {}", before->ttl, after->ttl);
}

void tell_next_hop(const Telling& of, Steps& steps) {
  if (!is_forward(of.fate.verdict) && !is_reply(of.fate.verdict)) return;
  const auto after = ends_of(of.fate.bytes);
  steps.add("next hop", "leaves by {}{}", of.names.port(of.fate.egress),
            after ? fmt::format(" to {}", to_string(after->destination_mac)) : "");
}

std::string string_in(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string_view flow_word(const Fate& fate) {
  return fate.known ? "known" : fate.started ? "new" : "none";
}

}  // namespace

Json story(const dataplane::Snapshot& snapshot, const Fate& fate,
           std::span<const std::uint8_t> arrived, dataplane::PortId port, const Names& names) {
  const Telling of{snapshot, fate, arrived, port, names};
  Steps steps;
  steps.add("packet", "{} bytes came in by {}", arrived.size(), names.port(port));
  tell_flow(of, steps);
  tell_listener(of, steps);
  tell_target(of, steps);
  tell_rewrite(of, steps);
  tell_next_hop(of, steps);

  Json document{{"packet", packet_text(of)},
                {"verdict", std::string(to_string(fate.verdict))},
                {"why", std::string(dataplane::explain(fate.verdict))},
                {"flow", flow_word(fate)},
                {"port", names.port(port)},
                {"worker", fate.worker.number},
                {"steps", steps.take()}};
  if (snapshot.listener(fate.listener) != nullptr) {
    document["listener"] = names.listener(fate.listener);
  }
  if (fate.key && snapshot.target_group(fate.group) != nullptr) {
    document["target_group"] = names.target_group(fate.group);
  }
  if (const Target* target = snapshot.target(fate.target); target != nullptr) {
    document["target"] = target_text(target->address, target->port.value());
  }
  return document;
}

Json story_of_known(const dataplane::Snapshot& snapshot, const Json& flow,
                    std::span<const std::uint8_t> arrived, dataplane::PortId port,
                    const Names& names) {
  const std::string target_name = string_in(flow, "target");
  const std::string local = string_in(flow, "local");
  Steps steps;
  steps.add("packet", "{} bytes came in by {}", arrived.size(), names.port(port));
  steps.add("worker", "worker {} has the flow", flow["worker"].get<unsigned>());
  steps.add("flow", "known: {}, the last packet {:.1f} s ago", string_in(flow, "phase"),
            flow["idle_seconds"].get<double>());
  steps.add("listener", "{}: {} {}", string_in(flow, "listener"), string_in(flow, "protocol"),
            string_in(flow, "destination"));
  steps.add("target group", "{}", string_in(flow, "target_group"));
  const auto address = dataplane::parse_with_port(target_name);
  bool terminated = false;
  if (address) {
    for (const Target& target : snapshot.targets) {
      if (target.id == dataplane::no_target || target.address != address->address) continue;
      if (target.port == dataplane::Be16{address->port}) terminated |= target.terminated;
    }
  }
  steps.add("target", "{}{}", target_name,
            terminated ? ", whose flows are ended by force" : ", as when the flow began");
  if (!local.empty()) {
    steps.add("rewrite", "source {} becomes {}", string_in(flow, "client"), local);
  }
  steps.add("rewrite", "destination {} becomes {}", string_in(flow, "destination"), target_name);
  const Verdict verdict = terminated ? Verdict::ReplyResetTargetGone : Verdict::ForwardToTarget;
  return {{"packet", fmt::format("{} {} to {}", string_in(flow, "protocol"),
                                 string_in(flow, "client"), string_in(flow, "destination"))},
          {"verdict", std::string(to_string(verdict))},
          {"why", std::string(dataplane::explain(verdict))},
          {"flow", "known"},
          {"port", names.port(port)},
          {"worker", flow["worker"]},
          {"steps", steps.take()},
          {"listener", string_in(flow, "listener")},
          {"target_group", string_in(flow, "target_group")},
          {"target", target_name}};
}

std::string story_text(const Json& story) {
  std::string text = story["packet"].get<std::string>() + '\n';
  std::size_t width = sizeof "verdict" - 1;
  for (const Json& step : story["steps"]) {
    width = std::max(width, step["step"].get_ref<const std::string&>().size());
  }
  for (const Json& step : story["steps"]) {
    text += fmt::format("  {:<{}}  {}\n", step["step"].get<std::string>(), width,
                        step["says"].get<std::string>());
  }
  text += fmt::format("  {:<{}}  {}: {}\n", "verdict", width, story["verdict"].get<std::string>(),
                      story["why"].get<std::string>());
  return text;
}

}  // namespace explain
