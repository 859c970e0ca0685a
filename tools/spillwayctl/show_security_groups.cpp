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

std::string rules(const Json& document, const View& view) {
  Table table({{"SECURITY-GROUP"},
               {"ATTACHED-TO"},
               {"DIRECTION"},
               {"PROTOCOL"},
               {"PORTS"},
               {"PEER"},
               {"HITS", Align::Right},
               {"RATE", Align::Right}});
  const bool rates = view.earlier != nullptr;
  for (const Json& rule : elements(document, "rules")) {
    const std::string attached = text(rule, "attached_to");
    table.add({text(rule, "security_group"),
               {attached.empty() ? "nothing" : attached,
                attached.empty() ? Colour::Yellow : Colour::None},
               text(rule, "direction"),
               text(rule, "protocol"),
               text(rule, "ports"),
               text(rule, "peer"),
               count(static_cast<double>(number(rule, "hits"))),
               rates ? count_rate(rate(rule, same_rule(rule, view), "hits", view.seconds)) : ""});
  }
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
  if (elements(document, "rules").empty()) return "no security groups: everything is let through\n";
  std::string text = rules(document, view) + '\n' + blocked(document, view);
  const std::uint64_t cut = number(document, "flows_cut");
  if (cut != 0) {
    text += fmt::format("\n{} flow{} cut, since no rule let {} through any more\n", cut,
                        cut == 1 ? "" : "s", cut == 1 ? "it" : "them");
  }
  return text;
}

}  // namespace tools
