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
  const Past& past;
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

std::string algorithm_text(const Telling& of, const TargetGroup& group) {
  if (of.fate.sticky) return "its client is known: stickiness decides, not the algorithm";
  const auto& key = *of.fate.key;
  switch (group.algorithm) {
    case Algorithm::Maglev:
    case Algorithm::SourceIp: {
      const std::string_view name = group.algorithm == Algorithm::Maglev ? "maglev" : "source_ip";
      const std::string place =
          key.source.is_v4() ? place_text(group, dataplane::of_family<dataplane::Ipv4Address>(key))
                             : place_text(group, dataplane::of_family<dataplane::Ipv6Address>(key));
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

dataplane::WorkerId worker_of(const Telling& of) { return of.past.worker.value_or(of.fate.worker); }

void tell_flow(const Telling& of, Steps& steps) {
  if (!of.fate.key) return;
  steps.add("worker", "worker {} {} the flow", worker_of(of).number,
            of.past.worker ? "has" : "owns");
  std::string was = "known: it goes on as it began";
  if (const dataplane::FlowRecord* flow = of.past.flow) {
    was = fmt::format("known: {}, {} s old, the last packet {:.1f} s ago", to_string(flow->phase),
                      flow->age_milliseconds / 1'000, flow->idle_milliseconds / 1'000.0);
    if (!of.fate.known) was += of.fate.started ? "; it makes room for a new one" : "; it ends";
  } else if (!of.fate.known) {
    was = of.fate.started ? "not known: a new one was begun" : "not known";
  }
  steps.add("flow", "{}", was);
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

/// A new flow of a group whose targets have limits, or that has a queue.
void tell_place(const Telling& of, Steps& steps) {
  if (of.past.waited_seconds) {
    steps.add("surge queue", "it has waited {:.3f} s", *of.past.waited_seconds);
  }
  const TargetGroup* group = of.snapshot.target_group(of.fate.group);
  if (!of.fate.crowd || group == nullptr) return;
  const auto& [connections, waiting] = *of.fate.crowd;
  const std::size_t targets = group->eligible.size();
  if (targets == 0) {
    steps.add("limit", "no target may take new flows");
  } else {
    steps.add("limit", "{} has no place left: {} connections",
              targets == 1 ? "its target" : fmt::format("none of its {} targets", targets),
              connections);
  }
  const dataplane::SurgeRules& rules = group->surge;
  const double timeout = rules.timeout_milliseconds / 1'000.0;
  if (of.fate.verdict == Verdict::Wait) {
    steps.add("surge queue", "it waits, number {} of at most {}, for at most {:g} s", waiting,
              rules.length, timeout);
  } else if (of.fate.verdict == Verdict::DropWaiting) {
    steps.add("surge queue", "it waits already, in its turn");
  } else if (!of.past.waited_seconds && rules.length == 0) {
    steps.add("surge queue", "the group has none");
  } else if (!of.past.waited_seconds) {
    steps.add("surge queue", "{} wait, at most {} may: there is no room", waiting, rules.length);
  }
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

std::string_view flow_word(const Fate& fate) {
  return fate.known ? "known" : fate.started ? "new" : "none";
}

}  // namespace

Json story(const dataplane::Snapshot& snapshot, const Fate& fate,
           std::span<const std::uint8_t> arrived, dataplane::PortId port, const Names& names,
           const Past& past) {
  const Telling of{snapshot, fate, arrived, port, names, past};
  Steps steps;
  steps.add("packet", "{} bytes came in by {}", arrived.size(), names.port(port));
  tell_flow(of, steps);
  tell_listener(of, steps);
  tell_target(of, steps);
  tell_place(of, steps);
  tell_rewrite(of, steps);
  tell_next_hop(of, steps);

  Json document{{"packet", packet_text(of)},
                {"verdict", std::string(to_string(fate.verdict))},
                {"why", std::string(dataplane::explain(fate.verdict))},
                {"flow", flow_word(fate)},
                {"port", names.port(port)},
                {"worker", worker_of(of).number},
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
