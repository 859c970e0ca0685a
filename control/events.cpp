#include "control/events.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "control/query.h"

namespace control {
namespace {

/// Takes one parameter into `wanted`, or says what is wrong with it.
std::optional<std::string> take(const Parameter& parameter, EventsWanted& wanted) {
  const auto& [name, value] = parameter;
  if (name == "count") {
    const auto count = number<std::size_t>(value);
    if (!count || *count == 0 || *count > EventsWanted::count_max) {
      return fmt::format("count = \"{}\": a number from 1 to {} is allowed", value,
                         EventsWanted::count_max);
    }
    wanted.count = *count;
  } else if (name == "after" || name == "since") {
    const auto whole = number<std::uint64_t>(value);
    if (!whole) {
      return fmt::format("{} = \"{}\": {} is allowed", name, value,
                         name == "after" ? "an event's number" : "Unix time in milliseconds");
    }
    if (name == "after") {
      wanted.after = whole;
    } else {
      wanted.since_unix_milliseconds = *whole;
    }
  } else if (name == "kind") {
    wanted.kind = value;
  } else if (name == "target_group") {
    wanted.target_group = value;
  } else if (name == "target") {
    const auto target = dataplane::parse_target(value);
    wanted.address = target ? target->address : dataplane::parse_address(value);
    if (target) wanted.port = target->port;
    if (!wanted.address) {
      return fmt::format(
          "target = \"{}\": an address such as 10.0.1.11, with or without a port (10.0.1.11:8080, "
          "10.0.1.11:same, [2001:db8::11]:8080), is allowed",
          value);
    }
  } else {
    return fmt::format(
        "unknown parameter \"{}\": count, after, since, kind, target_group and target are allowed",
        name);
  }
  return std::nullopt;
}

}  // namespace

std::variant<EventsWanted, std::string> events_wanted(std::string_view query) {
  EventsWanted wanted;
  const auto read = parameters(query);
  if (const auto* error = std::get_if<std::string>(&read)) return *error;
  for (const Parameter& parameter : std::get<std::vector<Parameter>>(read)) {
    if (auto error = take(parameter, wanted)) return std::move(*error);
  }
  return wanted;
}

Events::Events(std::function<std::uint64_t()> now)
    : now_(now ? std::move(now) : report::now_unix_milliseconds), history_(now_()) {}

void Events::add(Event event) {
  if (entries_.size() == kept) entries_.pop_front();
  entries_.push_back({next_++, now_(), std::nullopt, std::move(event)});
  unpublished_ = std::min(unpublished_ + 1, kept);
}

void Events::published(dataplane::Generation generation) {
  for (std::size_t i = entries_.size() - unpublished_; i < entries_.size(); ++i) {
    entries_[i].generation = generation;
  }
  unpublished_ = 0;
}

bool Events::matches(const Entry& entry, const EventsWanted& wanted) {
  const Event& event = entry.event;
  if (wanted.after && entry.number <= *wanted.after) return false;
  if (entry.unix_milliseconds < wanted.since_unix_milliseconds) return false;
  if (!wanted.kind.empty() && event.kind != wanted.kind) return false;
  if (!wanted.target_group.empty() && event.target_group != wanted.target_group) return false;
  if (!wanted.address) return true;
  const auto target = dataplane::parse_target(event.target);
  return target && target->address == *wanted.address &&
         (!wanted.port || target->port == *wanted.port);
}

report::Json Events::document(const Entry& entry) {
  const Event& event = entry.event;
  const auto generation =
      entry.generation ? report::Json(entry.generation->number) : report::Json();
  return {{"number", entry.number},
          {"time", report::iso_time(entry.unix_milliseconds)},
          {"generation", generation},
          {"kind", event.kind},
          {"listener", event.listener},
          {"zone", event.zone},
          {"target_group", event.target_group},
          {"target", event.target},
          {"from", event.from},
          {"to", event.to},
          {"reason", event.reason},
          {"sentence", event.sentence}};
}

report::Json Events::document(const EventsWanted& wanted) const {
  std::vector<const Entry*> found;
  for (const Entry& entry : entries_) {
    if (matches(entry, wanted)) found.push_back(&entry);
  }
  const std::size_t count = std::min(found.size(), wanted.count);
  const std::size_t first = wanted.after ? 0 : found.size() - count;
  report::Json events = report::Json::array();
  for (std::size_t i = first; i < first + count; ++i) events.push_back(document(*found[i]));
  return {{"history", history_},
          {"first", entries_.empty() ? next_ : entries_.front().number},
          {"last", next_ - 1},
          {"events", std::move(events)}};
}

}  // namespace control
