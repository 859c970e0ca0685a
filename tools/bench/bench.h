// Bench: one run: how much of it, what has been asked for, and what came out. Cases report here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/bench/clock.h"
#include "tools/bench/figures.h"
#include "tools/bench/progress.h"
#include "tools/bench/references.h"

namespace tools::bench {

/// What the command line asks for.
struct Wishes {
  std::vector<std::string> cases{};  // substrings of names, any of them; empty: all
  bool quick = false;
  std::uint64_t flows_max = UINT64_MAX;
  std::size_t memory_max = SIZE_MAX;  // bytes
};

/// Cases that share what takes long to set up.
struct Group {
  std::vector<std::string> cases{};  // names
  std::uint64_t flows = 0;
  std::size_t memory = 0;  // bytes that it takes
  /// Sets up once, then calls Bench::measure for every one of `cases`.
  std::function<void(class Bench&)> run{};
};

/// How many slices a case measures: never fewer than 1,000.
[[nodiscard]] constexpr std::size_t slices_of(bool quick) { return quick ? 1'000 : 4'000; }

struct NotMeasured {
  std::string name;
  std::string why;
};

class Bench {
 public:
  Bench(Wishes wishes, const Clock& clock, Progress& progress);

  /// Runs what was asked for of these groups.
  void run(const std::vector<Group>& groups);

  [[nodiscard]] bool quick() const { return wishes_.quick; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] References& references() { return references_; }
  [[nodiscard]] std::size_t slices() const { return slices_of(quick()); }

  /// What is going on, where setting up takes long.
  void say(const std::string& what) { progress_.show(what); }

  [[nodiscard]] bool wanted(const std::string& name) const;
  /// If the case is wanted: runs `work() → Figures` and keeps what it found. A CaseFailed or
  /// CaseImpossible thrown in it ends this case, not the others.
  void measure(const std::string& name, const std::function<Figures()>& work);

  [[nodiscard]] const std::vector<Figures>& figures() const { return figures_; }
  [[nodiscard]] const std::vector<NotMeasured>& failed() const { return failed_; }
  [[nodiscard]] const std::vector<NotMeasured>& skipped() const { return skipped_; }

 private:
  void run_group(const Group& group);
  /// Why the group cannot run here, or "".
  [[nodiscard]] std::string obstacle(const Group& group) const;

  Wishes wishes_;
  const Clock& clock_;
  Progress& progress_;
  References references_;
  std::vector<Figures> figures_;
  std::vector<NotMeasured> failed_;
  std::vector<NotMeasured> skipped_;
};

}  // namespace tools::bench
