#include <fmt/core.h>

#include <map>
#include <string>

#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"
#include "tools/spillwayctl/table.h"

namespace tools {
namespace {

struct Action {
  const char* sign;
  Colour colour;
};
Action action_of(const Json& change) {
  const std::string action = text(change, "action");
  if (action == "add") return {"+", Colour::Green};
  if (action == "remove") return {"-", Colour::Red};
  return {"~", Colour::Yellow};
}

std::string name_of(const Json& change) {
  const std::string group = text(change, "target_group");
  return group.empty() ? text(change, "name") : group + ' ' + text(change, "name");
}

void add_rows(Table& table, const Json& change, const View& view) {
  const Action action = action_of(change);
  const std::uint64_t flows = number(change, "flows");
  const bool changed = text(change, "action") == "change";
  bool first = true;
  const auto add = [&](const std::string& attribute, const std::string& before,
                       const std::string& after) {
    table.add({{first ? action.sign : "", action.colour},
               {first ? text(change, "kind") : "", action.colour},
               first ? name_of(change) : "",
               attribute,
               before,
               after,
               first && flows != 0 ? count(static_cast<double>(flows)) : ""});
    first = false;
  };
  if (!changed) add("", "", "");
  if (!changed && !view.wide) return;
  for (const Json& attribute : elements(change, "attributes")) {
    const auto value = [&](const char* field) {
      const std::string written = text(attribute, field);
      return written.empty() && changed ? std::string("default") : written;
    };
    add(text(attribute, "name"), value("before"), value("after"));
  }
}

std::string percent(const Json& share, const char* field) {
  const auto found = share.find(field);
  const double value = found != share.end() && found->is_number() ? found->get<double>() : 0;
  return fmt::format("{:.2f} %", value * 100);
}

std::string hash_space(const Json& document) {
  Table table({{"GROUP"}, {"MOVES", Align::Right}, {"THOUGH-TARGET-STAYS", Align::Right}});
  for (const Json& share : elements(document, "moved")) {
    table.add({text(share, "target_group"), percent(share, "moved"),
               percent(share, "moved_though_target_stays")});
  }
  return table.text(false);
}

std::string sum_of(const Json& document) {
  std::map<std::string, std::uint64_t> counts;
  for (const Json& change : elements(document, "changes")) ++counts[text(change, "action")];
  return fmt::format("{} to add, {} to change, {} to remove", counts["add"], counts["change"],
                     counts["remove"]);
}

std::string consequences(const Json& document, const View& view) {
  std::string lines;
  const Json& flows = object(document, "flows");
  const std::uint64_t draining = number(flows, "draining"), listeners = number(flows, "listeners");
  if (draining + listeners != 0) {
    lines += fmt::format("flows: {} on targets that would drain, {} on listeners that would go\n",
                         draining, listeners);
  }
  for (const Json& reason : elements(document, "dropped_changes")) {
    if (reason.is_string()) lines += reason.get<std::string>() + '\n';
  }
  for (const Json& loss : elements(document, "losses")) {
    lines += coloured(fmt::format("target group {} would have no healthy target left ({} now)",
                                  text(loss, "target_group"), number(loss, "healthy_before")),
                      Colour::Yellow, view.colours) +
             '\n';
  }
  return lines;
}

std::string verdict(const Json& document, const View& view) {
  const std::string refused = text(document, "refused");
  if (!refused.empty()) {
    return coloured("would be refused:", Colour::Red, view.colours) + '\n' + refused + '\n';
  }
  if (flag(document, "needs_force")) {
    return coloured("would be refused without --force", Colour::Yellow, view.colours) + '\n';
  }
  return "";
}

}  // namespace

std::string show_plan(const Json& document, const View& view) {
  const std::string file = text(document, "file");
  if (!flag(document, "differs")) {
    return fmt::format("{}: no differences from what runs\n{}", file, verdict(document, view));
  }
  std::string lines;
  if (!elements(document, "changes").empty()) {
    Table table(
        {{"+-"}, {"KIND"}, {"NAME"}, {"ATTRIBUTE"}, {"NOW"}, {"PLANNED"}, {"FLOWS", Align::Right}});
    for (const Json& change : elements(document, "changes")) add_rows(table, change, view);
    lines += table.text(view.colours) + '\n';
  }
  if (!elements(document, "moved").empty()) {
    lines += "hash space that goes to another target:\n" + hash_space(document) + '\n';
  }
  return lines + consequences(document, view) + fmt::format("{}: {}\n", file, sum_of(document)) +
         verdict(document, view);
}

}  // namespace tools
