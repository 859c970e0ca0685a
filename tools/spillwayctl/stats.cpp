#include "tools/spillwayctl/stats.h"

#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <variant>

#include "tools/spillwayctl/instance.h"
#include "tools/spillwayctl/sample.h"
#include "tools/spillwayctl/sheet.h"

namespace tools {
namespace {

namespace options = boost::program_options;

std::string table_of(const Sheet& sheet, bool colours) {
  if (sheet.rows.empty()) return "no " + sheet.name + '\n';
  std::vector<Column> columns;
  for (const SheetColumn& column : sheet.columns) columns.push_back({column.header, column.align});
  Table table(std::move(columns));
  for (const auto& row : sheet.rows) {
    std::vector<Cell> cells;
    for (const SheetCell& cell : row) cells.emplace_back(cell.text, cell.colour);
    table.add(std::move(cells));
  }
  return table.text(colours);
}

std::string show_stats(const Json& document, const char* latency, bool colours) {
  return table_of(listeners_sheet(document, latency), colours) + '\n' +
         table_of(target_groups_sheet(document), colours) + '\n' +
         table_of(targets_sheet(document, latency), colours) + '\n' +
         table_of(workers_sheet(document), colours);
}

std::string text_of(const Context& context, const Json& document, const std::string& stale,
                    const char* latency, bool watch) {
  if (context.json) {
    return document.dump(watch ? -1 : 2, ' ', false, Json::error_handler_t::replace) + '\n';
  }
  std::string text = watch && context.terminal ? "\033[H\033[2J" : "";
  if (!stale.empty()) text += stale + "\n\n";
  text += show_stats(document, latency, context.colours);
  return watch && !context.terminal ? text + '\n' : text;
}

int print_stats(const Context& context, report::SegmentReader& reader, double seconds,
                const char* latency, bool watch) {
  const auto liveness = [&](std::uint64_t now) { return reader.liveness(now); };
  std::uint64_t at = report::now_unix_milliseconds();
  Sample earlier = take_sample(reader.view(), liveness(at), at);
  Latencies before = latencies(reader.view());
  do {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    if (reader.follow()) before.clear();
    at = report::now_unix_milliseconds();
    Sample now = take_sample(reader.view(), liveness(at), at);
    Latencies after = latencies(reader.view());
    const std::string stale = staleness(reader.instance(), reader.view(), liveness(at));
    const std::string text =
        text_of(context, stats_document(earlier, now, before, after), stale, latency, watch);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    if (std::ferror(stdout) != 0) return failed;  // nobody reads any more
    earlier = std::move(now);
    before = std::move(after);
  } while (watch);
  return done;
}

}  // namespace

void add_stats(OptionsDescription& description) {
  description.add_options()("watch,w", options::value<double>()->value_name("SECONDS"),
                            "show again every so many seconds")(
      "interval", options::value<double>()->value_name("SECONDS"),
      "without --watch: over how long rates and percentiles are taken (default 1)")(
      "latency", options::value<std::string>()->value_name("WHICH"),
      "P50 and P99 are of: connect (default), response or queue");
}

int run_stats(const Context& context, const Options& given) {
  const bool watch = given.count("watch") != 0;
  double seconds = 1;
  for (const char* name : {"interval", "watch"}) {
    if (given.count(name) == 0) continue;
    seconds = given[name].as<double>();
    if (!(seconds >= 0.1 && seconds <= 86'400)) {
      return misused(fmt::format("--{} {}: seconds from 0.1 to 86400 are allowed", name, seconds),
                     "stats");
    }
  }
  const auto latency =
      given.count("latency") != 0 ? given["latency"].as<std::string>() : std::string("connect");
  if (latency != "connect" && latency != "response" && latency != "queue") {
    return misused(fmt::format("--latency {}: connect, response and queue are allowed", latency),
                   "stats");
  }
  auto opened = open_instance(context);
  if (const auto* error = std::get_if<report::ReadError>(&opened)) return fail(error->message);
  return print_stats(context, std::get<report::SegmentReader>(opened), seconds, latency.c_str(),
                     watch);
}

}  // namespace tools
