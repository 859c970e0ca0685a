#include "dataplane/table/access_list.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace dataplane {

namespace {

/// The next address; nullopt-like: false, after the last.
bool step(std::uint32_t& number) { return ++number != 0; }
template <class Wide>
bool step(Wide& number) {
  if (++number.low != 0) return true;
  return ++number.high != 0;
}

}  // namespace

AccessList::AccessList(std::vector<AccessRule> rules) : rules_(std::move(rules)) {
  draw<Ipv4Address>(v4_);
  draw<Ipv6Address>(v6_);
}

/// From `start` on it is `node`: a second change at one place replaces the first.
template <class Number>
void AccessList::cut(Line<Number>& line, Number start, std::uint32_t node) {
  if (!line.starts.empty() && line.starts.back() == start) {
    line.nodes.back() = node;
  } else {
    line.starts.push_back(start);
    line.nodes.push_back(node);
  }
}

/// Goes over the family's prefixes in the order of their first addresses, the outer before the
/// inner, with a stack of those that it is inside of.
template <class Address, class Number>
void AccessList::draw(Line<Number>& line) {
  std::vector<AccessRule> sorted;
  for (AccessRule rule : rules_) {
    rule.peer = rule.peer.network();
    if (rule.peer.address.is_a<Address>()) sorted.push_back(rule);
  }
  const auto order = [](const AccessRule& rule) {
    return std::tuple(rule.peer.address, rule.peer.length);
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const AccessRule& a, const AccessRule& b) {
    return order(a) < order(b);  // stable: of one prefix in the order of the file
  });
  struct Open {
    Number last;
    std::uint32_t node;
  };
  std::vector<Open> open;
  cut(line, Number{}, no_node);
  const auto close = [&] {
    Number after = open.back().last;
    open.pop_back();
    if (step(after)) cut(line, after, open.empty() ? no_node : open.back().node);
  };
  for (auto rule = sorted.begin(); rule != sorted.end();) {
    const auto end = std::find_if(
        rule, sorted.end(), [&](const AccessRule& other) { return order(other) != order(*rule); });
    const Number first = number(rule->peer.address.as<Address>());
    while (!open.empty() && open.back().last < first) close();
    const std::uint32_t node = add_node({rule, end}, open.empty() ? no_node : open.back().node);
    cut(line, first, node);
    open.push_back({number(rule->peer.last().template as<Address>()), node});
    rule = end;
  }
  while (!open.empty()) close();
}

std::uint32_t AccessList::add_node(std::span<const AccessRule> rules, std::uint32_t parent) {
  Node node{};
  node.parent = parent;
  for (std::size_t protocol = 0; protocol < rule_protocols; ++protocol) {
    node.at[protocol] = static_cast<std::uint32_t>(ports_.size());
    add_ports(rules, protocol);
  }
  node.at[rule_protocols] = static_cast<std::uint32_t>(ports_.size());
  nodes_.push_back(node);
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

/// Cuts what the rules have of a protocol's ports so that each port is the first rule's that has
/// it.
void AccessList::add_ports(std::span<const AccessRule> rules, std::size_t protocol) {
  struct Edge {
    std::uint32_t port;
    std::size_t rule;
    bool begins;
  };
  std::vector<Edge> edges;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!rules[i].protocols[protocol]) continue;
    const bool icmp = protocol == static_cast<std::size_t>(RuleProtocol::Icmp);
    edges.push_back({icmp ? std::uint32_t{0} : rules[i].port_first, i, true});
    edges.push_back(
        {icmp ? std::uint32_t{65'536} : rules[i].port_last + std::uint32_t{1}, i, false});
  }
  std::sort(edges.begin(), edges.end(),
            [](const Edge& a, const Edge& b) { return a.port < b.port; });
  std::set<std::size_t> active;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (edges[i].begins) {
      active.insert(edges[i].rule);
    } else {
      active.erase(edges[i].rule);
    }
    const bool last = i + 1 == edges.size() || edges[i + 1].port != edges[i].port;
    if (!last || active.empty()) continue;
    ports_.push_back({static_cast<std::uint16_t>(edges[i].port),
                      static_cast<std::uint16_t>(edges[i + 1].port - 1),
                      rules[*active.begin()].id});
  }
}

}  // namespace dataplane
