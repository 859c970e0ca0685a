#include <fmt/core.h>

#include <algorithm>

#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/show.h"
#include "tools/spillwayctl/table.h"

namespace tools {
namespace {

Colour colour_of(const Json& event) {
  const std::string to = text(event, "to");
  if (to == "healthy" || to == "applied" || to.ends_with("_ended")) return Colour::Green;
  if (to.starts_with("unhealthy") || to == "unavailable" || to == "refused") return Colour::Red;
  if (to == "fail_open" || to == "standby") return Colour::Red;
  return Colour::Yellow;
}

/// "web 10.0.1.11:8080", "listener web", "zone b", or what kind of event it is.
std::string subject(const Json& event) {
  const std::string target = text(event, "target");
  const std::string group = text(event, "target_group");
  const std::string listener = text(event, "listener");
  if (!target.empty()) return group + ' ' + target;
  if (!group.empty()) return "target group " + group;
  const std::string zone = text(event, "zone");
  if (!zone.empty()) return "zone " + zone;
  return listener.empty() ? text(event, "kind") : "listener " + listener;
}

/// "healthy → unhealthy", "added: initial", "gone", or what was done: "fail open".
std::string change(const Json& event) {
  const std::string from = text(event, "from");
  const std::string to = text(event, "to");
  if (text(event, "kind") != "target") {
    std::string words = to;
    std::replace(words.begin(), words.end(), '_', ' ');
    return words;
  }
  if (to.empty()) return "gone";
  return from.empty() ? "added: " + to : from + " → " + to;
}

std::string why_of_event(const Json& event) {
  const std::string reason = text(event, "reason");
  const std::string sentence = text(event, "sentence");
  return reason.empty() ? sentence : reason + ": " + sentence;
}

std::string generation(const Json& event) {
  const auto found = event.find("generation");
  const bool known = found != event.end() && found->is_number();
  return known ? std::to_string(number(event, "generation")) : "";
}

/// Some sentences have several lines: a refused reload's errors.
std::string in_one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) {
    text.replace(at, 1, "; ");
  }
  return text;
}

}  // namespace

std::string show_events(const Json& document, bool colours) {
  Table table({{"TIME"}, {"GENERATION", Align::Right}, {"SUBJECT"}, {"CHANGE"}, {"WHY"}});
  for (const Json& event : elements(document, "events")) {
    table.add({text(event, "time"),
               generation(event),
               subject(event),
               {change(event), colour_of(event)},
               in_one_line(why_of_event(event))});
  }
  if (elements(document, "events").empty()) return "no events\n";
  return table.text(colours);
}

std::string show_event(const Json& event, bool colours) {
  return fmt::format("{}  {:>6}  {:<24}  {}  {}", text(event, "time"), generation(event),
                     subject(event), coloured(change(event), colour_of(event), colours),
                     in_one_line(why_of_event(event)));
}

}  // namespace tools
