#include <fmt/core.h>

#include <array>

#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"
#include "tools/spillwayctl/table.h"

namespace tools {
namespace {

/// The same rule of the earlier document, wherever a reload has moved it.
const Json* same_rule(const Json& rule, const View& view) {
  if (view.earlier == nullptr) return nullptr;
  for (const Json& other : elements(*view.earlier, "rules")) {
    bool same = true;
    for (const char* field : {"security_group", "direction", "protocol", "ports", "peer"}) {
      same = same && text(other, field) == text(rule, field);
    }
    if (same) return &other;
  }
  return nullptr;
}

Cell attached_to(const Json& of) {
  const std::string attached = text(of, "attached_to");
  return {attached.empty() ? "nothing" : attached,
          attached.empty() ? Colour::Yellow : Colour::None};
}

void add_rule(Table& table, const Json& rule, const View& view) {
  const bool rates = view.earlier != nullptr;
  table.add({text(rule, "security_group"), attached_to(rule), text(rule, "direction"),
             text(rule, "protocol"), text(rule, "ports"), text(rule, "peer"),
             count(static_cast<double>(number(rule, "hits"))),
             rates ? count_rate(rate(rule, same_rule(rule, view), "hits", view.seconds)) : ""});
}

/// Attached, it is the opposite of no group: it lets nothing through.
void add_group_without_rules(Table& table, const Json& group) {
  const bool attached = !text(group, "attached_to").empty();
  table.add({text(group, "name"),
             attached_to(group),
             {"no rules", attached ? Colour::Yellow : Colour::None},
             "",
             "",
             "",
             "",
             ""});
}

std::string rules(const Json& document, const View& view) {
  Table table({{"SECURITY-GROUP"},
               {"ATTACHED-TO"},
               {"DIRECTION"},
               {"PROTOCOL"},
               {"PORTS"},
               {"PEER"},
               {"HITS", Align::Right},
               {"RATE", Align::Right}});
  const Json& all = elements(document, "rules");
  auto rule = all.begin();  // in the order of their groups
  for (const Json& group : elements(document, "security_groups")) {
    if (number(group, "inbound_rules") + number(group, "outbound_rules") == 0) {
      add_group_without_rules(table, group);
    }
    for (; rule != all.end() && text(*rule, "security_group") == text(group, "name"); ++rule) {
      add_rule(table, *rule, view);
    }
  }
  // Groups and rules are read one after another: a reload may come between.
  for (; rule != all.end(); ++rule) add_rule(table, *rule, view);
  return table.text(view.colours);
}

std::string blocked(const Json& document, const View& view) {
  Table table({{"BLOCKED-FLOWS"},
               {"ICMP", Align::Right},
               {"TCP", Align::Right},
               {"UDP", Align::Right},
               {"RATE", Align::Right}});
  for (const auto& [name, field] :
       {std::pair{"inbound", "blocked_inbound"}, std::pair{"outbound", "blocked_outbound"}}) {
    const Json& now = object(document, field);
    double per_second = 0;
    std::vector<Cell> row{name};
    for (const char* protocol : {"icmp", "tcp", "udp"}) {
      const std::uint64_t flows = number(now, protocol);
      row.emplace_back(count(static_cast<double>(flows)),
                       flows == 0 ? Colour::None : Colour::Yellow);
      if (view.earlier == nullptr) continue;
      per_second += rate(now, &object(*view.earlier, field), protocol, view.seconds);
    }
    row.emplace_back(view.earlier == nullptr ? "" : count_rate(per_second));
    table.add(std::move(row));
  }
  return table.text(view.colours);
}

}  // namespace

std::string show_security_groups(const Json& document, const View& view) {
  if (elements(document, "rules").empty() && elements(document, "security_groups").empty())
    return "no security groups: everything is let through\n";
  std::string text = rules(document, view) + '\n' + blocked(document, view);
  const std::uint64_t cut = number(document, "flows_cut");
  if (cut != 0) {
    text += fmt::format("\n{} flow{} cut, since no rule let {} through any more\n", cut,
                        cut == 1 ? "" : "s", cut == 1 ? "it" : "them");
  }
  return text;
}

}  // namespace tools
