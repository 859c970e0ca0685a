#include "tools/bench/report.h"

#include <fmt/core.h>

#include "tools/spillwayctl/table.h"

namespace tools::bench {
namespace {

using Json = nlohmann::ordered_json;

/// Three digits that mean something.
std::string short_number(double value) {
  if (value >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
  if (value >= 10'000) return fmt::format("{:.3g}k", value / 1e3);
  if (value >= 100) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value, value >= 10 ? 1 : 2);
}

/// What a random line has to do with: packets, of which each reads some.
bool compares_with_lines(const Figures& figures) {
  return figures.unit == Unit::Packet && figures.line_nanoseconds != 0;
}

/// How many times the reference of the same run and memory; "" where there is none.
std::string ratio(const Figures& figures) {
  if (!compares_with_lines(figures)) return {};
  return fmt::format("{:.1f}", figures.slices.p50() / figures.line_nanoseconds);
}

std::string or_nothing(double value, const char* format) {
  return value == 0 ? std::string() : fmt::format(fmt::runtime(format), value);
}

std::string details(const Figures& figures) {
  std::string text;
  for (const auto& [name, value] : figures.details) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, short_number(value));
  }
  return text;
}

std::string heading(const Origin& origin) {
  const auto& [machine, build] = origin;
  std::string text =
      fmt::format("spillway-bench {}: {}, {}, -march={}{}\n", build.version, build.compiler,
                  build.type, build.march, build.dchecks ? ", contract checks on" : "");
  text +=
      fmt::format("{}, {} CPUs, TSC {:.3f} GHz, {}, transparent huge pages: {}{}{}\n", machine.cpu,
                  machine.cpus, machine.tsc_gigahertz, machine.kernel, machine.page_policy,
                  machine.governor.empty() ? "" : ", governor ", machine.governor);
  return text;
}

std::string reasons(std::string_view what, const std::vector<NotMeasured>& list) {
  std::string text;
  for (const NotMeasured& one : list) text += fmt::format("{} {}: {}\n", what, one.name, one.why);
  return text;
}

Json json_of(const Figures& figures, const Clock& clock) {
  const Slices& slices = figures.slices;
  const double p50 = slices.p50();
  Json found{{"name", figures.name},
             {"unit", to_string(figures.unit)},
             {"slices", slices.size()},
             {"units_per_slice", figures.per_slice},
             {"p10_nanoseconds", slices.p10()},
             {"p50_nanoseconds", p50},
             {"p99_nanoseconds", slices.p99()},
             {"p50_cycles", clock.ticks(p50)},
             {"millions_per_second", 1e3 / p50}};
  if (figures.flows != 0) found["flows"] = figures.flows;
  if (figures.line_nanoseconds != 0) {
    found["line_nanoseconds"] = figures.line_nanoseconds;
    found["ratio_to_line"] = p50 / figures.line_nanoseconds;
  }
  if (figures.bytes_per_connection != 0) {
    found["bytes_per_connection"] = figures.bytes_per_connection;
  }
  if (!figures.pages.empty()) found["pages"] = figures.pages;
  if (figures.packets_sent != 0) {
    found["packets_sent"] = figures.packets_sent;
    for (const auto& [name, count] : figures.verdicts) {
      found["verdicts"][std::string(name)] = count;
    }
  }
  for (const auto& [name, value] : figures.details) found["details"][name] = value;
  return found;
}

Json json_of(const std::vector<NotMeasured>& list) {
  Json found = Json::array();
  for (const NotMeasured& one : list) found.push_back({{"name", one.name}, {"why", one.why}});
  return found;
}

}  // namespace

std::string table(const Bench& bench, const Origin& origin, bool colours) {
  std::string text = heading(origin);
  if (!bench.figures().empty()) {
    constexpr Align right = Align::Right;
    Table rows({{"case"},
                {"flows", right},
                {"p10 ns", right},
                {"p50 ns", right},
                {"cycles", right},
                {"M/s", right},
                {"line ns", right},
                {"ratio", right},
                {"B/flow", right},
                {"each"},
                {""}});
    for (const Figures& figures : bench.figures()) {
      const double p50 = figures.slices.p50();
      rows.add({figures.name, figures.flows == 0 ? "" : std::to_string(figures.flows),
                short_number(figures.slices.p10()), short_number(p50),
                short_number(bench.clock().ticks(p50)), fmt::format("{:.3g}", 1e3 / p50),
                or_nothing(figures.line_nanoseconds, "{:.2f}"), ratio(figures),
                or_nothing(figures.bytes_per_connection, "{:.0f}"),
                std::string(to_string(figures.unit)), details(figures)});
    }
    text += '\n' + rows.text(colours) + '\n';
    text +=
        "ns, cycles (of the TSC) and M/s: for one of what \"each\" says, in the median slice; "
        "line: an independent\nread of a random line of the same memory in the same run; "
        "ratio: p50 to it.\n";
  }
  text += reasons("not run:", bench.skipped());
  text += reasons("FAILED:", bench.failed());
  return text;
}

nlohmann::ordered_json document(const Bench& bench, const Origin& origin) {
  const auto& [machine, build] = origin;
  Json found{{"machine",
              {{"cpu", machine.cpu},
               {"cpus", machine.cpus},
               {"kernel", machine.kernel},
               {"transparent_huge_pages", machine.page_policy},
               {"governor", machine.governor},
               {"tsc_gigahertz", machine.tsc_gigahertz}}},
             {"build",
              {{"version", build.version},
               {"compiler", build.compiler},
               {"type", build.type},
               {"march", build.march},
               {"dchecks", build.dchecks},
               {"objections", objections(build)}}},
             {"quick", bench.quick()}};
  found["figures"] = Json::array();
  for (const Figures& figures : bench.figures()) {
    found["figures"].push_back(json_of(figures, bench.clock()));
  }
  found["skipped"] = json_of(bench.skipped());
  found["failed"] = json_of(bench.failed());
  return found;
}

}  // namespace tools::bench
