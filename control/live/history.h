// History: configurations that ran before, for `spillwayctl rollback`: the last few, newest last.
//
// A reload pushes what it replaces, a rollback takes it off again. Kept in INSTANCE.history beside
// the state file, so that a restart does not forget them; a damaged one is no reason not to start.
// Bounded: entries_max files of at most 8 MiB, as texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/changes.h"
#include "config/config.h"
#include "config/source.h"
#include "control/live/state_file.h"

namespace control {

class History {
 public:
  static constexpr std::size_t entries_max = 5;

  struct Entry {
    std::shared_ptr<const config::Source> source;  // the file's text, without the changes
    config::Changes dropped;  // those that its successor made meaningless, or discarded
    std::uint64_t replaced_unix_milliseconds = 0;
  };

  /// Reads what the process before has left; what cannot be read is logged. Where another file ran
  /// then than does now, that one is the newest entry.
  History(StateFile file, const config::Config& running);

  [[nodiscard]] const Entry* newest() const {
    return entries_.empty() ? nullptr : &entries_.back();
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  /// `running`: what runs from now on. A file that says the same as its successor is not kept.
  void push(Entry replaced, const config::Config& running);
  void pop(const config::Config& running);

 private:
  void add(Entry entry);
  [[nodiscard]] std::optional<std::string> load(const std::string& text,
                                                const config::Config& running);
  void save(const config::Config& running);

  StateFile file_;
  std::vector<Entry> entries_;
};

}  // namespace control
