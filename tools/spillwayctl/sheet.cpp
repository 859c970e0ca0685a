#include "tools/spillwayctl/sheet.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <numeric>

#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/quantity.h"

namespace tools {
namespace {

using report::Json;

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return c < 0x80 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
  });
  return text;
}

double value_of(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_number() ? found->get<double>() : -1;
}

SheetCell rate_cell(const Json& object, const char* field, std::string (*show)(double),
                    Colour colour = Colour::None) {
  const double value = value_of(object, field);
  return {value < 0 ? "-" : show(value), value, value > 0 ? colour : Colour::None};
}

SheetCell count_cell(const Json& object, const char* field, Colour colour = Colour::None) {
  const double value = value_of(object, field);
  return {value < 0 ? "-" : count(value), value, value > 0 ? colour : Colour::None};
}

/// "850us", "1.25ms", "3.10s"
std::string short_time(double seconds) {
  if (seconds < 0.9995e-3) return fmt::format("{:.0f}us", seconds * 1e6);
  if (seconds < 0.9995) return fmt::format("{:.3g}ms", seconds * 1e3);
  return fmt::format("{:.3g}s", seconds);
}

SheetCell latency_cell(const Json& thing, const char* latency, const char* field) {
  return rate_cell(object(thing, latency), field, short_time);
}

/// "9", or where there is a limit "9/10": what counts, and how many may be.
SheetCell places_cell(const Json& thing) {
  const double limit = value_of(thing, "max_connections");
  if (limit < 0) return count_cell(thing, "active_flows");
  const double taken = value_of(thing, "connections");
  return {count(taken) + '/' + count(limit), taken, taken >= limit ? Colour::Yellow : Colour::None};
}

/// "212/1024"; "-": there is no queue.
SheetCell queue_cell(const Json& group) {
  const double waiting = value_of(group, "surge_queue_length");
  const double capacity = value_of(group, "surge_queue_capacity");
  // A queue that a reload has taken away may still be emptied.
  if (capacity < 0) return waiting > 0 ? SheetCell{count(waiting), waiting} : SheetCell{"-", -1};
  const Colour colour = waiting >= capacity ? Colour::Red
                        : waiting > 0       ? Colour::Yellow
                                            : Colour::None;
  return {count(waiting) + '/' + count(capacity), waiting, colour};
}

/// Where a group's new flows go, in a word.
SheetCell routing_cell(const Json& group) {
  if (flag(group, "on_standby")) return {"standby " + text(group, "standby"), 0, Colour::Yellow};
  if (flag(group, "failing_open")) return {"fail-open", 0, Colour::Red};
  const bool nobody = number(group, "healthy") == 0;
  return {nobody ? "nobody" : "healthy", 0, nobody ? Colour::Red : Colour::Green};
}

SheetCell healthy_cell(const Json& group) {
  const double healthy = value_of(group, "healthy"), registered = value_of(group, "registered");
  return {count(healthy) + '/' + count(registered), healthy,
          healthy < registered ? Colour::Yellow : Colour::None};
}

Colour state_colour(const std::string& state) {
  if (state == "healthy") return Colour::Green;
  if (state.starts_with("unhealthy") || state == "unavailable") return Colour::Red;
  return Colour::Yellow;
}

}  // namespace

std::size_t shown_width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string fitted(const std::string& text, std::size_t width, Align align) {
  const std::size_t has = shown_width(text);
  if (has <= width) {
    const std::string rest(width - has, ' ');
    return align == Align::Right ? rest + text : text + rest;
  }
  std::size_t end = 0;
  std::size_t seen = 0;
  while (end < text.size()) {
    if (begins_character(text[end]) && seen++ == width) break;
    ++end;
  }
  return text.substr(0, end);
}

void Sheet::filter(const std::string& wanted) {
  if (wanted.empty()) return;
  const std::string low = lower(wanted);
  std::erase_if(rows, [&](const auto& row) {
    return std::none_of(row.begin(), row.end(), [&](const SheetCell& cell) {
      return lower(cell.text).find(low) != std::string::npos;
    });
  });
}

void Sheet::sort(std::size_t column, bool reversed) {
  if (column >= columns.size()) return;
  const bool numbers = columns[column].align == Align::Right;
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& left, const auto& right) {
    const SheetCell& a = reversed ? right[column] : left[column];
    const SheetCell& b = reversed ? left[column] : right[column];
    return numbers ? a.value > b.value : a.text < b.text;
  });
}

std::vector<std::size_t> Sheet::widths(std::size_t width) const {
  std::vector<std::size_t> wide;
  for (const SheetColumn& column : columns) wide.push_back(column.header.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      wide[i] = std::max(wide[i], shown_width(row[i].text));
    }
  }
  const auto needed = [&] {
    return std::accumulate(wide.begin(), wide.end(), std::size_t{0},
                           [](std::size_t all, std::size_t one) {
                             return all + one + (one != 0 && all != 0 ? 2 : 0);
                           });
  };
  while (needed() > width) {
    std::size_t victim = 0;
    for (std::size_t i = 1; i < columns.size(); ++i) {
      if (wide[i] != 0 && columns[i].rank >= columns[victim].rank) victim = i;
    }
    if (victim == 0) {  // only the first is left
      wide[0] = width;
      break;
    }
    const std::size_t too_much = needed() - width;
    // A sentence may be cut; half a number would be another number.
    const bool sentence = columns[victim].align == Align::Left && wide[victim] >= too_much + 12;
    wide[victim] = sentence ? wide[victim] - too_much : 0;
  }
  return wide;
}

Sheet listeners_sheet(const Json& stats, const char* latency) {
  Sheet sheet{"listeners",
              {{"LISTENER"},
               {"ADDRESS", Align::Left, 4},
               {"NEW/S", Align::Right},
               {"ACTIVE", Align::Right},
               {"QUEUE", Align::Right},
               {"SPILLED", Align::Right, 5},
               {"SPILL/S", Align::Right},
               {"REFUSED", Align::Right, 6},
               {"REFUSED/S", Align::Right, 3},
               {"P50", Align::Right, 1},
               {"P99", Align::Right, 1}},
              {}};
  for (const Json& one : elements(stats, "listeners")) {
    sheet.rows.push_back({{text(one, "name")},
                          {text(one, "protocol") + ' ' + text(one, "endpoint")},
                          rate_cell(one, "new_flows_per_second", count_rate),
                          count_cell(one, "active_flows"),
                          count_cell(one, "surge_queue_length", Colour::Yellow),
                          count_cell(one, "spilled_flows"),
                          rate_cell(one, "spilled_flows_per_second", count_rate, Colour::Red),
                          count_cell(one, "rejected_flows"),
                          rate_cell(one, "rejected_flows_per_second", count_rate, Colour::Yellow),
                          latency_cell(one, latency, "p50_seconds"),
                          latency_cell(one, latency, "p99_seconds")});
  }
  return sheet;
}

Sheet target_groups_sheet(const Json& stats) {
  Sheet sheet{"target groups",
              {{"GROUP"},
               {"HEALTHY", Align::Right},
               {"ROUTING", Align::Left, 3},
               {"NEW/S", Align::Right},
               {"ACTIVE", Align::Right},
               {"QUEUE", Align::Right},
               {"OLDEST", Align::Right, 2},
               {"ADMITTED/S", Align::Right, 4},
               {"TIMED-OUT", Align::Right, 5},
               {"SPILLED", Align::Right, 1},
               {"SPILL/S", Align::Right}},
              {}};
  for (const Json& one : elements(stats, "target_groups")) {
    const double oldest = value_of(one, "surge_oldest_seconds");
    sheet.rows.push_back({{text(one, "name")},
                          healthy_cell(one),
                          routing_cell(one),
                          rate_cell(one, "new_flows_per_second", count_rate),
                          places_cell(one),
                          queue_cell(one),
                          {oldest > 0 ? short_time(oldest) : "-", oldest},
                          rate_cell(one, "surge_admitted_per_second", count_rate),
                          count_cell(one, "surge_timed_out"),
                          count_cell(one, "spillover_count"),
                          rate_cell(one, "spillover_count_per_second", count_rate, Colour::Red)});
  }
  return sheet;
}

Sheet targets_sheet(const Json& stats, const char* latency) {
  Sheet sheet{"targets",
              {{"TARGET"},
               {"GROUP", Align::Left, 1},
               {"ZONE", Align::Left, 8},
               {"STATE"},
               {"NEW/S", Align::Right},
               {"ACTIVE", Align::Right},
               {"TRAFFIC", Align::Right, 2},
               {"P50", Align::Right, 3},
               {"P99", Align::Right, 3},
               {"WHY", Align::Left, 9}},
              {}};
  for (const Json& one : elements(stats, "targets")) {
    const std::string state = text(one, "state");
    std::string why = text(one, "reason");
    if (state != "healthy" && !text(one, "detail").empty()) {
      why += (why.empty() ? "" : ": ") + text(one, "detail");
    }
    sheet.rows.push_back({{text(one, "endpoint")},
                          {text(one, "target_group")},
                          {text(one, "zone")},
                          {state, 0, state_colour(state)},
                          rate_cell(one, "new_flows_per_second", count_rate),
                          places_cell(one),
                          rate_cell(one, "bytes_per_second", byte_rate),
                          latency_cell(one, latency, "p50_seconds"),
                          latency_cell(one, latency, "p99_seconds"),
                          {why}});
  }
  return sheet;
}

Sheet workers_sheet(const Json& stats) {
  Sheet sheet{"workers",
              {{"WORKER", Align::Right},
               {"LOAD", Align::Right},
               {"RECEIVED", Align::Right, 1},
               {"SENT", Align::Right, 2},
               {"NEW/S", Align::Right},
               {"FLOWS", Align::Right},
               {"CAPACITY", Align::Right, 3}},
              {}};
  const auto percent = [](double value) { return fmt::format("{:.0f}%", value); };
  for (const Json& one : elements(stats, "workers")) {
    const double load = value_of(one, "load_percent");
    sheet.rows.push_back(
        {{fmt::format("{}", number(one, "worker")), value_of(one, "worker")},
         rate_cell(one, "load_percent", percent, load >= 90 ? Colour::Red : Colour::None),
         rate_cell(one, "received_per_second", count_rate),
         rate_cell(one, "sent_per_second", count_rate),
         rate_cell(one, "new_flows_per_second", count_rate),
         count_cell(one, "flows_alive"),
         count_cell(one, "flow_capacity")});
  }
  return sheet;
}

}  // namespace tools
