#include <fmt/core.h>

#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"
#include "tools/spillwayctl/table.h"

namespace tools {
namespace {

double seconds(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

/// "web"; of several "blue 90, green 10".
std::string groups(const Json& listener) {
  const Json& all = elements(listener, "target_groups");
  if (all.size() <= 1) return text(listener, "target_group");
  std::string list;
  for (const Json& one : all) {
    list +=
        fmt::format("{}{} {}", list.empty() ? "" : ", ", text(one, "name"), number(one, "weight"));
  }
  return list;
}

}  // namespace

std::string show_listeners(const Json& document, const View& view) {
  const bool rates = view.earlier != nullptr;
  Table table({{"LISTENER"},
               {"ADDRESS"},
               {"PROTOCOL"},
               {"GROUP"},
               {"IDLE", Align::Right},
               {"ACTIVE", Align::Right},
               {"NEW", Align::Right},
               {"NEW/S", Align::Right},
               {"REJECTED", Align::Right},
               {"SPILLED", Align::Right}});
  const auto same = [&](const std::string& name) -> const Json* {
    if (!rates) return nullptr;
    for (const Json& other : elements(*view.earlier, "listeners")) {
      if (text(other, "name") == name) return &other;
    }
    return nullptr;
  };
  for (const Json& listener : elements(document, "listeners")) {
    const Json* earlier = same(text(listener, "name"));
    const bool rejected = number(listener, "rejected_flows") != 0;
    const bool spilled = number(listener, "spilled_flows") != 0;  // of the rejected ones
    table.add({text(listener, "name"),
               endpoint(listener),
               text(listener, "protocol"),
               groups(listener),
               duration(static_cast<double>(number(listener, "idle_timeout"))),
               whole(listener, "active_flows"),
               whole(listener, "new_flows"),
               rates ? count_rate(rate(listener, earlier, "new_flows", view.seconds)) : "",
               {whole(listener, "rejected_flows"), rejected ? Colour::Red : Colour::None},
               {spilled ? whole(listener, "spilled_flows") : "", Colour::Yellow}});
  }
  if (elements(document, "listeners").empty()) return "no listeners\n";
  return table.text(view.colours);
}

std::string show_flows(const Json& document, const View& view, std::vector<std::size_t>& widths) {
  Table table({{"PROTOCOL"},
               {"CLIENT"},
               {"LISTENER"},
               {"DESTINATION"},
               {"LOCAL"},
               {"GROUP"},
               {"TARGET"},
               {"PHASE"},
               {"AGE", Align::Right},
               {"IDLE", Align::Right},
               {"PACKETS-TO-TARGET", Align::Right},
               {"TO-TARGET", Align::Right},
               {"PACKETS-TO-CLIENT", Align::Right},
               {"TO-CLIENT", Align::Right},
               {"WORKER", Align::Right}});
  for (const Json& flow : elements(document, "flows")) {
    table.add({text(flow, "protocol"), text(flow, "client"), text(flow, "listener"),
               text(flow, "destination"), text(flow, "local"), text(flow, "target_group"),
               text(flow, "target"), text(flow, "phase"), duration(seconds(flow, "age_seconds")),
               duration(seconds(flow, "idle_seconds")),
               view.wide ? whole(flow, "packets_to_target") : "", volume(flow, "bytes_to_target"),
               view.wide ? whole(flow, "packets_to_client") : "", volume(flow, "bytes_to_client"),
               std::to_string(number(flow, "worker"))});
  }
  const Json& flows = elements(document, "flows");
  if (flows.empty()) return widths.empty() ? "no flows\n" : "";
  std::string lines = table.part(view.colours, widths);
  if (flag(document, "truncated")) {
    lines += "… there are more than these: --limit all lists them, other options fewer\n";
  }
  return lines;
}

}  // namespace tools
