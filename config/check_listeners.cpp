// What must hold for listeners: an endpoint belongs to one of them, and their target groups are
// there and take what they send.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "config/checks.h"
#include "config/ranges.h"

namespace config {
namespace {

using dataplane::IpAddress;
using dataplane::PortRange;
using dataplane::Protocol;

// --- endpoints ---

// What Linux gives to sockets that connect out (net.ipv4.ip_local_port_range): health checks' and
// everything else that the host begins itself.
constexpr PortRange kernel_ports{32'768, 60'999};

bool is_single(PortRange ports) { return ports.first == ports.last; }

std::string endpoint_text(const Listener& listener) {
  const PortRange ports = ports_of(listener);
  const std::string at =
      is_single(ports) ? with_port(listener.address, ports.first)
                       : fmt::format("{} ports {}", to_string(listener.address), to_string(ports));
  return fmt::format("{} {}", at, to_string(listener.protocol));
}

/// Listeners of one address and one protocol. An exact port comes before a range, a range before
/// "all"; two of a kind must not meet.
class EndpointCheck {
 public:
  EndpointCheck(const Config& config, Complaints& complaints)
      : config_(config), complaints_(complaints) {
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
      const Listener& listener = config.listeners[i];
      if (!readable(i)) continue;
      for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp}) {
        if (listener.protocol.has(protocol)) by_address_[{listener.address, protocol}].push_back(i);
      }
    }
  }

  void check() {
    for (const auto& [ignored, listeners] : by_address_) check_address(listeners);
    for (const auto& [later, earlier] : clashes_) complain(earlier, later);
  }

 private:
  [[nodiscard]] bool readable(std::size_t index) const {
    const std::string path = element("listeners", index);
    return complaints_.readable(path + ".address") && complaints_.readable(path + ".port") &&
           complaints_.readable(path + ".ports") && complaints_.readable(path + ".protocol");
  }

  /// O(n log n): of those that do not overlap, in order of their ports, only neighbours can meet.
  void check_address(const std::vector<std::size_t>& listeners) {
    std::map<std::uint16_t, std::size_t> exact;
    std::map<std::uint16_t, std::size_t> ranges;  // by the first port
    std::vector<std::size_t> all;
    for (const std::size_t i : listeners) {
      const PortRange ports = ports_of(config_.listeners[i]);
      if (ports == dataplane::all_ports) {
        if (!all.empty()) note(all.front(), i);
        all.push_back(i);
      } else if (is_single(ports)) {
        const auto [found, added] = exact.emplace(ports.first, i);
        if (!added) note(found->second, i);
      } else {
        check_range(ranges, i);
      }
    }
  }

  void check_range(std::map<std::uint16_t, std::size_t>& ranges, std::size_t index) {
    const PortRange ports = ports_of(config_.listeners[index]);
    const auto meets = [&](std::size_t other) {
      return ports_of(config_.listeners[other]).overlaps(ports);
    };
    const auto next = ranges.lower_bound(ports.first);
    if (next != ranges.begin() && meets(std::prev(next)->second)) {
      return note(std::prev(next)->second, index);
    }
    if (next != ranges.end() && meets(next->second)) return note(next->second, index);
    ranges.emplace(ports.first, index);
  }

  void note(std::size_t earlier, std::size_t later) { clashes_.emplace(later, earlier); }

  void complain(std::size_t earlier, std::size_t later) {
    const Listener& listener = config_.listeners[later];
    const Listener& other = config_.listeners[earlier];
    const std::string where =
        in_quotes(other.name) + written_at(config_, element("listeners", earlier));
    const bool same = ports_of(listener) == ports_of(other);
    complaints_.add(
        {.setting = element("listeners", later),
         .value = endpoint_text(listener),
         .problem = same ? "is the same address, port and protocol as listener " + where
                         : fmt::format("overlaps the ports {} of listener {}",
                                       to_string(ports_of(other)), where),
         .allowed = same ? "one listener for each"
                         : "ranges without a common port; an exact port may lie in a range, and "
                           "\"all\" has what the others leave",
         .remedy = same ? "Change its address or port, or remove it."
                        : "Make the ranges end before each other, or give one of them another "
                          "address."});
  }

  const Config& config_;
  Complaints& complaints_;
  std::map<std::pair<IpAddress, Protocol>, std::vector<std::size_t>> by_address_;
  std::map<std::size_t, std::size_t> clashes_;  // of two listeners: the later one, the earlier one
};

/// The port's own address is the host's too: what it begins itself is answered there.
void check_kernel_ports(const Config& config, std::size_t index, Complaints& complaints) {
  const Listener& listener = config.listeners[index];
  const std::string path = element("listeners", index);
  const PortRange ports = ports_of(listener);
  if (!complaints.readable(path + ".address") || !complaints.readable(path + ".ports")) return;
  if (is_single(ports) || !ports.overlaps(kernel_ports)) return;
  for (std::size_t p = 0; p < config.ports.size(); ++p) {
    if (!complaints.readable(element("ports", p) + ".addresses")) continue;
    for (const dataplane::IpPrefix& own : config.ports[p].addresses) {
      if (own.address != listener.address) continue;
      return complaints.add({.setting = path + ".ports",
                             .value = in_quotes(to_string(ports)),
                             .problem = fmt::format(
                                 "would take the answers to health checks and to whatever else the "
                                 "host begins: {} is port {}'s own address{}",
                                 to_string(listener.address), in_quotes(config.ports[p].name),
                                 written_at(config, element("ports", p))),
                             .allowed = fmt::format("on a port's own address, ranges outside of {}",
                                                    to_string(kernel_ports)),
                             .remedy = "Give the listener an address of its own."});
    }
  }
}

// --- target groups ---

std::string_view name_of(dataplane::Family family) {
  return family == dataplane::Family::V4 ? "IPv4" : "IPv6";
}

/// One mention of a target group: listeners[L].target_group or listeners[L].target_groups[N].name.
struct Mention {
  std::size_t listener;
  std::string path;
  std::string name;
};

std::vector<Mention> mentions(const Config& config, std::size_t listener) {
  const Listener& one = config.listeners[listener];
  const std::string path = element("listeners", listener);
  if (one.target_groups.empty()) return {{listener, path + ".target_group", one.target_group}};
  std::vector<Mention> result;
  for (std::size_t i = 0; i < one.target_groups.size(); ++i) {
    result.push_back(
        {listener, element(path + ".target_groups", i) + ".name", one.target_groups[i].name});
  }
  return result;
}

class GroupCheck {
 public:
  GroupCheck(const Config& config, Complaints& complaints)
      : config_(config), complaints_(complaints) {
    for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
      if (!complaints.readable(element("target_groups", i) + ".name")) all_readable_ = false;
      places_.emplace(config.target_groups[i].name, i);
    }
  }

  void check(const Mention& mention) {
    const std::string listener = element("listeners", mention.listener);
    if (!complaints_.readable(mention.path) || !complaints_.readable(listener + ".target_groups") ||
        !complaints_.readable("target_groups")) {
      return;
    }
    const auto found = places_.find(mention.name);
    // One whose name cannot be read may be the one that is meant.
    if (found == places_.end()) return all_readable_ ? complain_of_unknown(mention) : void();
    check_family(mention, found->second);
    check_protocol(mention, found->second);
  }

  void check_shares(std::size_t listener) {
    const std::vector<WeightedGroup>& groups = config_.listeners[listener].target_groups;
    const std::string path = element("listeners", listener) + ".target_groups";
    if (groups.empty() || !complaints_.readable(path)) return;
    std::map<std::string, std::string> first;
    bool weight = false;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::string one = element(path, i);
      weight = weight || groups[i].weight != 0 || !complaints_.readable(one + ".weight");
      if (!complaints_.readable(one + ".name")) continue;
      const auto [found, added] = first.emplace(groups[i].name, one);
      if (added) continue;
      complaints_.add({.setting = one + ".name",
                       .value = in_quotes(groups[i].name),
                       .problem = "is in this list twice: " + found->second +
                                  written_at(config_, found->second),
                       .allowed = "each target group once in a listener",
                       .remedy = "Remove it; for a larger share give it a larger weight."});
    }
    if (weight) return;
    complaints_.add({.setting = path,
                     .value = "0 everywhere",
                     .problem = "leaves no target group for new flows",
                     .allowed = "at least one weight above 0",
                     .remedy = "Give a target group a weight, or remove the listener."});
  }

 private:
  /// Packets keep their family on the way through.
  void check_family(const Mention& mention, std::size_t group) {
    const Listener& listener = config_.listeners[mention.listener];
    const std::vector<Target>& targets = config_.target_groups[group].targets;
    const std::string list = element("target_groups", group) + ".targets";
    const dataplane::Family family = listener.address.family();
    if (!complaints_.readable(element("listeners", mention.listener) + ".address")) return;
    for (std::size_t t = 0; t < targets.size(); ++t) {
      const std::string target = element(list, t);
      if (!complaints_.readable(target + ".address")) continue;
      if (targets[t].address.family() == family) continue;
      return complaints_.add(
          {.setting = mention.path,
           .value = in_quotes(mention.name),
           .problem =
               fmt::format("has an {} target, {}{}, but the listener's address is {}",
                           name_of(targets[t].address.family()), to_string(targets[t].address),
                           written_at(config_, target), name_of(family)),
           .allowed = fmt::format("a target group with {} targets only", name_of(family)),
           .remedy = "Make a listener and a target group for each family."});
    }
  }

  void check_protocol(const Mention& mention, std::size_t group) {
    const dataplane::Protocols own = config_.listeners[mention.listener].protocol;
    const dataplane::Protocols theirs = config_.target_groups[group].protocol;
    const std::string path = element("target_groups", group);
    if (theirs.has_all_of(own) || !complaints_.readable(path + ".protocol") ||
        !complaints_.readable(element("listeners", mention.listener) + ".protocol")) {
      return;
    }
    complaints_.add(
        {.setting = mention.path,
         .value = in_quotes(mention.name),
         .problem = fmt::format("is a target group for {}{}, but the listener's protocol "
                                "is {}",
                                to_string(theirs), written_at(config_, path), to_string(own)),
         .allowed = own == dataplane::Protocols::tcp_udp()
                        ? "a target group of protocol tcp_udp"
                        : "a target group of the listener's protocol, or of tcp_udp",
         .remedy = "Make the two the same, or name another target group."});
  }

  void complain_of_unknown(const Mention& mention) {
    std::vector<std::string> names;
    for (const TargetGroup& group : config_.target_groups) names.push_back(group.name);
    std::string allowed;
    for (const std::string& name : names) {
      if (allowed.size() > 200) {
        allowed += ", …";
        break;
      }
      allowed += (allowed.empty() ? "" : ", ") + in_quotes(name);
    }
    complaints_.add({.setting = mention.path,
                     .value = in_quotes(mention.name),
                     .problem = "is no target group of this configuration",
                     .allowed = allowed.empty() ? "none, there are no target groups" : allowed,
                     .remedy = "Add a target group of that name to target_groups, or name one that "
                               "is there." +
                               did_you_mean(mention.name, names)});
  }

  const Config& config_;
  Complaints& complaints_;
  std::map<std::string, std::size_t, std::less<>> places_;
  bool all_readable_ = true;
};

// --- idle times, table ---

void check_udp_idle_timeout(const Config& config, std::size_t index, Complaints& complaints) {
  const std::string path = element("listeners", index);
  if (!config.places.written(path + ".udp_idle_timeout")) return;
  if (config.listeners[index].protocol == dataplane::Protocols::tcp_udp() ||
      !complaints.readable(path + ".protocol")) {
    return;
  }
  complaints.add({.setting = path + ".udp_idle_timeout",
                  .problem = fmt::format("has no meaning for a listener of protocol {}",
                                         to_string(config.listeners[index].protocol)),
                  .allowed = "only with protocol = \"tcp_udp\"",
                  .remedy = "Name it idle_timeout, or remove it."});
}

void check_ipv6_capacity(const Config& config, Complaints& complaints) {
  if (ipv6_capacity(config) != 0 || !complaints.readable("flows.capacity_ipv6")) return;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const std::string path = element("listeners", i) + ".address";
    if (!complaints.readable(path) || config.listeners[i].address.is_v4()) continue;
    return complaints.add(
        {.setting = "flows.capacity_ipv6",
         .value = "0",
         .problem = fmt::format("leaves no room for flows of listener {}{}",
                                in_quotes(config.listeners[i].name), written_at(config, path)),
         .allowed = "at least 1 with an IPv6 listener",
         .remedy = "Raise it, or leave it out: then there is as much room as for IPv4."});
  }
}

}  // namespace

void check_listeners(const Config& config, Complaints& complaints) {
  if (config.listeners.size() > dataplane::listeners_max) {
    complaints.add({.setting = "listeners",
                    .value = fmt::format("{} listeners", config.listeners.size()),
                    .problem = "are too many",
                    .allowed = fmt::format("at most {}", dataplane::listeners_max),
                    .remedy = "Spread them over several instances."});
  }
  GroupCheck groups{config, complaints};
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    check_name(element("listeners", i) + ".name", config.listeners[i].name, complaints);
    for (const Mention& mention : mentions(config, i)) groups.check(mention);
    groups.check_shares(i);
    check_udp_idle_timeout(config, i, complaints);
    check_kernel_ports(config, i, complaints);
  }
  check_ipv6_capacity(config, complaints);
  check_unique_names(config, config.listeners, "listeners", complaints);
  EndpointCheck{config, complaints}.check();
}

}  // namespace config
