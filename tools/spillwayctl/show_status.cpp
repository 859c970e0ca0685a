#include <fmt/core.h>

#include "dataplane/packet/verdict.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"
#include "tools/spillwayctl/table.h"

namespace tools {
namespace {

std::string packets(const Json& object, const char* field) {
  return count(static_cast<double>(number(object, field)));
}

/// "" for 0, so that a column in which nothing happened goes away.
std::string packets_if_any(const Json& object, const char* field) {
  return number(object, field) == 0 ? "" : packets(object, field);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "";
  return fmt::format("{:.0f}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string percent(double share) { return fmt::format("{:.4g} %", share * 100); }

std::string state_line(const Json& document, const View& view) {
  const std::string uptime = duration(static_cast<double>(number(document, "uptime_seconds")));
  if (flag(document, "stopped_cleanly")) {
    return coloured("stopped", Colour::Red, view.colours) + " after " + uptime;
  }
  if (!flag(document, "running")) {
    return coloured("died", Colour::Red, view.colours) + " after " + uptime;
  }
  if (flag(document, "stale")) {
    return coloured("running, but stuck", Colour::Red, view.colours) + ": no heartbeat since " +
           text(document, "last_heartbeat");
  }
  return coloured("running", Colour::Green, view.colours) + " for " + uptime;
}

/// "1 GB", "2 MB", "4 kB": pages are powers of two.
std::string page_size(std::uint64_t bytes) {
  if (bytes >> 30 != 0) return fmt::format("{} GB", bytes >> 30);
  if (bytes >> 20 != 0) return fmt::format("{} MB", bytes >> 20);
  return fmt::format("{} kB", bytes >> 10);
}

/// What the flow tables took of it; "" from a daemon that does not tell.
std::string memory(const Json& document) {
  const Json& totals = object(document, "totals");
  if (number(totals, "table_bytes") == 0) return "";
  std::string pages;
  for (const Json& worker : elements(document, "workers")) {
    const std::string size = page_size(number(worker, "table_page_bytes"));
    if (pages.find(size) == std::string::npos) pages += (pages.empty() ? "" : " and ") + size;
  }
  return fmt::format("memory      {} for flow tables, in pages of {}\n",
                     bytes(static_cast<double>(number(totals, "table_bytes"))), pages);
}

/// Where the balancer stands, and which zones are shifted away; "" without zones.
std::string zones(const Json& document, const View& view) {
  std::string lines;
  for (const Json& zone : elements(document, "zones")) {
    if (!flag(zone, "own")) continue;
    lines = fmt::format("zone        {}{}\n", text(zone, "zone"),
                        number(zone, "zonal_health_status") == 0 ? ", not healthy" : "");
  }
  for (const Json& zone : elements(document, "zones")) {
    if (flag(zone, "shifted")) {
      lines +=
          "shift       " + coloured(show_shift(zone, view), Colour::Yellow, view.colours) + '\n';
    }
  }
  return lines;
}

/// Clients of groups with stickiness; "" as long as there was none.
std::string sticky(const Json& document) {
  const Json& totals = object(document, "totals");
  const std::uint64_t clients = number(totals, "sticky_entries");
  if (clients == 0 && number(totals, "sticky_found") == 0) return "";
  const std::uint64_t evicted = number(totals, "sticky_evicted");
  std::string line =
      fmt::format("stickiness  {} of {} clients remembered; {} new flows by it", clients,
                  number(totals, "sticky_capacity"), number(totals, "sticky_found"));
  if (evicted != 0) {
    line += fmt::format("; {} clients forgotten for lack of room, raise sticky.capacity", evicted);
  }
  return line + '\n';
}

/// Where the flow log goes, what is wrong with it and what was lost; "" without one.
std::string flow_log(const Json& document, const View& view) {
  const Json& log = object(document, "flow_log");
  if (log.empty()) return "";
  std::string line = "flow log    ";
  if (flag(log, "enabled")) {
    const double sample = log.value("sample", 1.0);
    line += fmt::format("{} of flows to {} {}; ", sample >= 1 ? "all" : percent(sample),
                        text(log, "kind"), text(log, "destination"));
  } else {
    line += "off; ";
  }
  line += fmt::format("{} lines written", count(static_cast<double>(number(log, "written"))));
  const Json& dropped = object(log, "dropped");
  for (const auto& [why, lines] : dropped.items()) {
    if (lines == 0) continue;
    line += ", " + coloured(fmt::format("{} lost ({})", count(lines.get<double>()), why),
                            Colour::Yellow, view.colours);
  }
  const std::string problem = text(log, "problem");
  if (problem.empty()) return line + '\n';
  return line + "\n            " + coloured(problem, Colour::Red, view.colours) + ", since " +
         text(log, "problem_since") + '\n';
}

std::string about(const Json& document, const View& view) {
  const std::uint64_t newest = number(document, "generation");
  const std::uint64_t applied = number(object(document, "totals"), "generation");
  std::string lines =
      fmt::format("instance    {}, {}, pid {}, version {}\n", text(document, "instance"),
                  state_line(document, view), number(document, "pid"), text(document, "version"));
  lines += fmt::format("config      {}\n", text(document, "config_file"));
  lines += fmt::format(
      "generation  {}, {}\n", newest,
      applied >= newest ? "applied by all workers" : fmt::format("workers are at {}", applied));
  lines += fmt::format("reloads     {} applied, {} refused\n", number(document, "reloads"),
                       number(document, "reloads_refused"));
  const std::string error = text(document, "last_reload_error");
  if (!error.empty()) {
    lines += coloured("last reload was refused", Colour::Red, view.colours) + ": " + error + '\n';
  }
  return lines + memory(document) + sticky(document) + flow_log(document, view) +
         zones(document, view);
}

/// The flow tables of one family.
struct Tables {
  std::uint64_t alive;
  std::uint64_t capacity;

  [[nodiscard]] Cell used() const {
    const bool crowded = capacity != 0 && alive * 10 >= capacity * 9;
    return {percent(alive, capacity), crowded ? Colour::Red : Colour::None};
  }
};
Tables ipv6_of(const Json& worker) {
  return {number(worker, "flows_alive_ipv6"), number(worker, "flow_capacity_ipv6")};
}
Tables ipv4_of(const Json& worker) {
  const Tables ipv6 = ipv6_of(worker);
  return {number(worker, "flows_alive") - ipv6.alive,
          number(worker, "flow_capacity") - ipv6.capacity};
}

std::vector<Cell> worker_row(const std::string& name, const Json& worker, const Json* earlier,
                             const View& view) {
  const Tables ipv4 = ipv4_of(worker), ipv6 = ipv6_of(worker);
  const bool both = ipv6.capacity != 0;
  const bool rates = view.earlier != nullptr;
  return {name,
          packets(worker, "received"),
          rates ? count_rate(rate(worker, earlier, "received", view.seconds)) : "",
          packets(worker, "sent"),
          {packets_if_any(worker, "unsent"), Colour::Yellow},
          packets_if_any(worker, "handed_off"),
          packets_if_any(worker, "received_hand_off"),
          {packets_if_any(worker, "hand_off_unsent"), Colour::Yellow},
          {packets_if_any(worker, "wrong_core"), Colour::Yellow},
          packets_if_any(worker, "punted"),
          {packets_if_any(worker, "punt_unsent"), Colour::Yellow},
          packets_if_any(worker, "from_kernel"),
          {packets_if_any(worker, "stateless"), Colour::Yellow},
          count(static_cast<double>(ipv4.alive)),
          both ? count(static_cast<double>(ipv6.alive)) : "",
          rates ? count_rate(rate(worker, earlier, "flows_inserted", view.seconds)) : "",
          {packets_if_any(worker, "rejected_flows"), Colour::Yellow},
          count(static_cast<double>(ipv4.capacity)),
          both ? count(static_cast<double>(ipv6.capacity)) : "",
          ipv4.used(),
          ipv6.used(),
          percent(number(worker, "busy_polls"), number(worker, "polls"))};
}

/// Each family has tables of its own, so either may be full: where there are both, they stand side
/// by side.
std::string workers(const Json& document, const View& view) {
  const bool both = ipv6_of(object(document, "totals")).capacity != 0;
  Table table({{"WORKER"},
               {"RECEIVED", Align::Right},
               {"RATE", Align::Right},
               {"SENT", Align::Right},
               {"UNSENT", Align::Right},
               {"HANDED-OFF", Align::Right},
               {"TAKEN-OVER", Align::Right},
               {"HAND-OFF-LOST", Align::Right},
               {"WRONG-CORE", Align::Right},
               {"PUNTED", Align::Right},
               {"PUNT-LOST", Align::Right},
               {"FROM-KERNEL", Align::Right},
               {"STATELESS", Align::Right},
               {both ? "FLOWS4" : "FLOWS", Align::Right},
               {"FLOWS6", Align::Right},
               {"NEW", Align::Right},
               {"REJECTED", Align::Right},
               {both ? "CAPACITY4" : "CAPACITY", Align::Right},
               {"CAPACITY6", Align::Right},
               {both ? "USED4" : "USED", Align::Right},
               {"USED6", Align::Right},
               {"BUSY", Align::Right}});
  const Json& list = elements(document, "workers");
  const Json nobody = Json::array();
  const Json& before = view.earlier != nullptr ? elements(*view.earlier, "workers") : nobody;
  for (std::size_t i = 0; i < list.size(); ++i) {
    table.add(
        worker_row(std::to_string(i), list[i], i < before.size() ? &before[i] : nullptr, view));
  }
  if (list.size() > 1) {
    const Json* earlier = view.earlier != nullptr ? &object(*view.earlier, "totals") : nullptr;
    table.add(worker_row("all", object(document, "totals"), earlier, view));
  }
  return table.text(view.colours);
}

std::string link(const Json& port) {
  if (!flag(port, "link_up")) return "down";
  const std::uint64_t megabits = number(port, "link_megabits");
  if (megabits == 0 || megabits >= UINT32_MAX) return "up";  // a vdev without a speed
  return megabits % 1000 == 0 ? fmt::format("{}G", megabits / 1000) : fmt::format("{}M", megabits);
}

/// "1: 204, 3: 12": the queues that lost packets, and how many.
std::string queue_drops(const Json& port) {
  std::string text;
  const Json& drops = elements(port, "dropped_by_queue");
  for (std::size_t queue = 0; queue < drops.size(); ++queue) {
    const auto lost = drops[queue].get<std::uint64_t>();
    if (lost == 0) continue;
    text +=
        fmt::format("{}{}: {}", text.empty() ? "" : ", ", queue, count(static_cast<double>(lost)));
  }
  return text;
}

std::string ports(const Json& document, const View& view) {
  Table table({{"PORT"},
               {"DEVICE"},
               {"DRIVER"},
               {"MAC"},
               {"LINK"},
               {"MTU", Align::Right},
               {"QUEUES", Align::Right},
               {"STEERING"},
               {"KERNEL"},
               {"RECEIVED", Align::Right},
               {"SENT", Align::Right},
               {"MISSED", Align::Right},
               {"NO-BUFFER", Align::Right},
               {"ERRORS", Align::Right},
               {"SEND-ERRORS", Align::Right},
               {"QUEUE-DROPS"}});
  for (const Json& port : elements(document, "ports")) {
    table.add(
        {text(port, "name"),
         text(port, "device"),
         text(port, "driver"),
         text(port, "mac"),
         {link(port), flag(port, "link_up") ? Colour::Green : Colour::Red},
         std::to_string(number(port, "mtu")),
         fmt::format("{}/{}", number(port, "receive_queues"), number(port, "transmit_queues")),
         text(port, "steering"),
         flag(port, "kernel_path") ? "yes" : "no",
         packets(port, "received"),
         packets(port, "sent"),
         {packets_if_any(port, "missed"), Colour::Yellow},
         {packets_if_any(port, "no_buffer"), Colour::Yellow},
         {packets_if_any(port, "errors"), Colour::Yellow},
         {packets_if_any(port, "send_errors"), Colour::Yellow},
         {queue_drops(port), Colour::Yellow}});
  }
  return table.text(view.colours);
}

std::string explanation(const std::string& name) {
  for (std::size_t i = 0; i < dataplane::verdict_count; ++i) {
    const auto verdict = static_cast<dataplane::Verdict>(i);
    if (to_string(verdict) == name) return std::string(explain(verdict));
  }
  return "a verdict of another version";
}

std::string verdicts(const Json& document, const View& view) {
  Table table({{"VERDICT"}, {"PACKETS", Align::Right}, {"RATE", Align::Right}, {"MEANING"}});
  const Json& now = object(object(document, "totals"), "verdicts");
  const bool rates = view.earlier != nullptr;
  const Json before =
      rates ? object(object(*view.earlier, "totals"), "verdicts") : Json(Json::object());
  for (const auto& [name, packets_decided] : now.items()) {
    const bool drop = name.starts_with("Drop");
    table.add({{name, drop ? Colour::Yellow : Colour::None},
               count(packets_decided.get<double>()),
               rates ? count_rate(rate(now, &before, name.c_str(), view.seconds)) : "",
               explanation(name)});
  }
  return now.empty() ? "no packets yet\n" : table.text(view.colours);
}

}  // namespace

std::string show_status(const Json& document, const View& view) {
  return about(document, view) + '\n' + workers(document, view) + '\n' + ports(document, view) +
         '\n' + verdicts(document, view);
}

}  // namespace tools
