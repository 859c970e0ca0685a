#include "tools/bench/bench.h"

#include <fmt/core.h>

#include <algorithm>
#include <new>

#include "tools/bench/memory.h"

namespace tools::bench {
namespace {

std::size_t megabytes(std::size_t bytes) { return (bytes + 999'999) / 1'000'000; }

}  // namespace

std::string_view to_string(Unit unit) {
  switch (unit) {
    case Unit::Packet: return "packet";
    case Unit::Connection: return "connection";
    case Unit::Line: return "line";
    case Unit::Slot: return "slot";
    case Unit::Table: return "table";
    case Unit::Publication: return "publication";
    case Unit::Call: break;
  }
  return "call";
}

Bench::Bench(Wishes wishes, const Clock& clock, Progress& progress)
    : wishes_(std::move(wishes)), clock_(clock), progress_(progress), references_(clock) {}

bool Bench::wanted(const std::string& name) const {
  const auto& cases = wishes_.cases;
  return cases.empty() || std::any_of(cases.begin(), cases.end(), [&](const std::string& part) {
           return name.find(part) != std::string::npos;
         });
}

std::string Bench::obstacle(const Group& group) const {
  if (group.flows > wishes_.flows_max) return "more flows than --max-flows";
  if (group.memory > wishes_.memory_max) {
    return fmt::format("needs {} MB of memory, may use {} MB", megabytes(group.memory),
                       megabytes(wishes_.memory_max));
  }
  // Asked again for each: others use this machine's memory too.
  constexpr std::size_t left_to_others = std::size_t{2} << 30;
  const std::size_t available = available_memory();
  if (available != 0 && group.memory + left_to_others > available) {
    return fmt::format("needs {} MB of memory and leaves 2 GB to others; {} MB are free",
                       megabytes(group.memory), megabytes(available));
  }
  return {};
}

void Bench::run(const std::vector<Group>& groups) {
  std::size_t cases = 0;
  for (const Group& group : groups) {
    for (const std::string& name : group.cases) cases += wanted(name) ? 1 : 0;
  }
  progress_.start(cases);
  for (const Group& group : groups) run_group(group);
  progress_.end();
}

void Bench::run_group(const Group& group) {
  std::vector<std::string> names;
  for (const std::string& name : group.cases) {
    if (wanted(name)) names.push_back(name);
  }
  if (names.empty()) return;
  const std::string why = obstacle(group);
  if (!why.empty()) {
    for (const std::string& name : names) skipped_.push_back({name, why});
    progress_.pass(names.size());
    return;
  }
  progress_.show(names.front());
  const auto none = [&](std::vector<NotMeasured>& list, const char* reason) {
    for (const std::string& name : names) list.push_back({name, reason});
    progress_.pass(names.size());
  };
  try {
    group.run(*this);
  } catch (const CaseFailed& failure) {  // while setting up: none of them has figures
    none(failed_, failure.what());
  } catch (const CaseImpossible& obstacle_met) {
    none(skipped_, obstacle_met.what());
  } catch (const std::bad_alloc&) {
    none(skipped_, "its memory could not be had");
  }
}

void Bench::measure(const std::string& name, const std::function<Figures()>& work) {
  if (!wanted(name)) return;
  progress_.show(name);
  try {
    Figures figures = work();
    figures.name = name;
    figures_.push_back(std::move(figures));
  } catch (const CaseFailed& failure) {
    failed_.push_back({name, failure.what()});
  } catch (const CaseImpossible& obstacle_met) {
    skipped_.push_back({name, obstacle_met.what()});
  }
  progress_.pass(1);
}

}  // namespace tools::bench
