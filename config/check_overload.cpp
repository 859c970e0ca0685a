// What overload = "forward" needs. Without a flow, a packet must tell all by itself: a client's
// which target it goes to, a target's which listener the client had asked.
#include <fmt/format.h>

#include <map>

#include "config/checks.h"

namespace config {
namespace {

using dataplane::Mode;
using dataplane::Overload;

/// Where the targets of nat groups were written, by address.
struct Place {
  std::size_t group;
  std::size_t target;
};
using Endpoints = std::multimap<dataplane::IpAddress, Place>;

Endpoints nat_endpoints(const Config& config) {
  Endpoints endpoints;
  for (std::size_t g = 0; g < config.target_groups.size(); ++g) {
    const TargetGroup& group = config.target_groups[g];
    if (group.mode != Mode::Nat) continue;
    for (std::size_t t = 0; t < group.targets.size(); ++t) {
      endpoints.emplace(group.targets[t].address, Place{g, t});
    }
  }
  return endpoints;
}

class OverloadCheck {
 public:
  OverloadCheck(const Config& config, std::size_t group, Complaints& complaints)
      : config_(config),
        group_(config.target_groups[group]),
        number_(group),
        path_(element("target_groups", group)),
        complaints_(complaints) {}

  void check(const Endpoints& endpoints) {
    for (const char* key : {".overload", ".mode", ".algorithm", ".unknown_flow", ".protocol"}) {
      if (!complaints_.readable(path_ + key)) return;
    }
    check_target_is_told();
    check_one_listener();
    check_own_targets(endpoints);
  }

 private:
  void complain(std::string problem, std::string remedy) {
    complaints_.add({.setting = path_ + ".overload",
                     .value = "\"forward\"",
                     .problem = std::move(problem),
                     .allowed = "\"refuse\" for this target group",
                     .remedy = std::move(remedy)});
  }

  void check_target_is_told() {
    if (group_.mode != Mode::Nat || !dataplane::is_consistent(group_.algorithm)) {
      complain(
          "needs mode nat and algorithm maglev or source_ip, by which a packet without a flow "
          "finds its target",
          "Set mode = \"nat\" and algorithm = \"maglev\", or remove it.");
    } else if (group_.unknown_flow != dataplane::UnknownFlow::PickUp) {
      complain(
          "needs unknown_flow = \"pick_up\", or what was sent on without a flow would be reset "
          "later",
          "Remove unknown_flow = \"reset\", or this.");
    }
  }

  void check_one_listener() {
    std::vector<std::size_t> own;
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      if (leads_to(config_.listeners[i], group_.name)) own.push_back(i);
    }
    if (own.size() == 1) check_ports(own.front());
    if (own.size() < 2) return;
    const auto name = [&](std::size_t index) {
      return in_quotes(config_.listeners[index].name) +
             written_at(config_, element("listeners", index));
    };
    const std::string needs = fmt::format(
        "needs a target group with one listener, and has {} and {}", name(own[0]), name(own[1]));
    const Listener& first = config_.listeners[own[0]];
    const Listener& second = config_.listeners[own[1]];
    if (first.protocol.has_any_of(second.protocol)) {
      return complain(
          needs + ": what a target sends without a flow does not say which one it is of",
          "Give each listener a target group whose targets have a port of their own, "
          "or remove it.");
    }
    const bool one_place = first.address == second.address && ports_of(first) == ports_of(second);
    complain(needs, one_place
                        ? "Make one listener of protocol tcp_udp of the two, or remove it."
                        : "Give each listener a target group of its protocol alone, or remove it.");
  }

  void check_ports(std::size_t listener) {
    const dataplane::PortRange ports = ports_of(config_.listeners[listener]);
    if (ports.first == ports.last || group_.port == 0) return;
    complain(fmt::format("needs targets that keep the client's port, as listener {}{} has the "
                         "ports {}: what a target sends without a flow does not say which one the "
                         "client had asked for",
                         in_quotes(config_.listeners[listener].name),
                         written_at(config_, element("listeners", listener)), to_string(ports)),
             "Set the target group's port = \"same\", or remove it.");
  }

  /// What the one sends may be taken for the other's.
  [[nodiscard]] bool alike(const Target& own, const Place& other) const {
    const TargetGroup& theirs = config_.target_groups[other.group];
    const std::uint16_t port = theirs.targets[other.target].port;
    return theirs.protocol.has_any_of(group_.protocol) &&
           (port == own.port || port == 0 || own.port == 0);
  }

  void check_own_targets(const Endpoints& endpoints) {
    for (const Target& target : group_.targets) {
      const auto [first, last] = endpoints.equal_range(target.address);
      for (auto other = first; other != last; ++other) {
        if (other->second.group == number_ || !alike(target, other->second)) continue;
        const TargetGroup& theirs = config_.target_groups[other->second.group];
        const std::string where = element(
            element("target_groups", other->second.group) + ".targets", other->second.target);
        return complain(
            fmt::format("needs targets of its own, and {} is also in target group {}{}: what it "
                        "sends without a flow does not say which one it is of",
                        target_text(target.address, target.port), in_quotes(theirs.name),
                        written_at(config_, where)),
            "Give the target a port for each target group, or remove it.");
      }
    }
  }

  const Config& config_;
  const TargetGroup& group_;
  std::size_t number_;
  std::string path_;
  Complaints& complaints_;
};

}  // namespace

void check_overload(const Config& config, Complaints& complaints) {
  Endpoints endpoints;
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
    if (config.target_groups[i].overload != Overload::Forward) continue;
    if (endpoints.empty()) endpoints = nat_endpoints(config);
    OverloadCheck{config, i, complaints}.check(endpoints);
  }
}

}  // namespace config
