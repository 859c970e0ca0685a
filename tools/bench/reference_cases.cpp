#include <fmt/core.h>

#include <cstring>

#include "tools/bench/cases.h"
#include "tools/bench/memory.h"

namespace tools::bench {
namespace {

struct Size {
  std::string_view name;
  std::size_t megabytes;
  bool quick;
};
constexpr Size sizes[] = {
    {"16MB", 16, true}, {"256MB", 256, false}, {"1GB", 1024, false}, {"3GB", 3 * 1024, false}};

Figures line_figures(Slices slices, const Memory& memory) {
  return {.unit = Unit::Line,
          .per_slice = References::per_slice,
          .slices = std::move(slices),
          .pages = std::string(to_string(memory.pages()))};
}

Group lines(const Size& size) {
  const std::string independent = fmt::format("reference/independent_line/{}", size.name);
  const std::string dependent = fmt::format("reference/dependent_line/{}", size.name);
  const std::size_t bytes = size.megabytes << 20;
  return {.cases = {independent, dependent}, .memory = bytes, .run = [=](Bench& bench) {
            const Memory memory(bytes);
            // Untouched pages would all be one page of zeros.
            std::memset(memory.bytes().data(), 1, bytes);
            bench.measure(independent, [&] {
              return line_figures(
                  bench.references().independent_lines(memory.bytes(), bench.slices()), memory);
            });
            bench.measure(dependent, [&] {
              return line_figures(bench.references().dependent_lines(memory.bytes(), 1'000),
                                  memory);
            });
          }};
}

Group primitives() {
  const std::string empty = "reference/empty_path";
  const std::string clock = "reference/clock_reading";
  const std::string multiplication = "reference/multiplication";
  return {.cases = {empty, clock, multiplication}, .memory = 16 << 20, .run = [=](Bench& bench) {
            const auto figures = [](Unit unit, Slices slices) {
              return Figures{
                  .unit = unit, .per_slice = References::per_slice, .slices = std::move(slices)};
            };
            References& references = bench.references();
            bench.measure(empty, [&] {
              return figures(Unit::Packet, references.empty_path(bench.slices()));
            });
            bench.measure(clock, [&] {
              return figures(Unit::Call, references.clock_readings(bench.slices()));
            });
            bench.measure(multiplication, [&] {
              Figures found = figures(Unit::Call, references.multiplications(bench.slices()));
              found.details.emplace_back("core_gigahertz", 3 / found.slices.p10());
              return found;
            });
          }};
}

}  // namespace

void add_references(std::vector<Group>& groups, bool quick) {
  groups.push_back(primitives());
  for (const Size& size : sizes) {
    if (!quick || size.quick) groups.push_back(lines(size));
  }
}

}  // namespace tools::bench
