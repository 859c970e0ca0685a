// Events: what has happened, for people and programs to look up: the last 4,096 changes, each with
// its time, the generation that it became part of, what it is about, and a sentence.
//
// Written by whoever changes something (lifecycle, traffic, reload, operator's commands), read by
// the control socket. Control thread only; bounded by `kept`, the oldest go first. Not kept over a
// restart: the log is.
//
//   events.add({.target_group = "web", .target = "10.0.1.11:8080", .from = "healthy", .to = …});
//   events.add({.kind = "reload", .to = "refused", .sentence = "line 14: …"});
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "control/events_wanted.h"
#include "dataplane/table/ids.h"
#include "tools/report/documents.h"

namespace control {

/// What does not apply is empty.
struct Event {
  /// "target": its state; "target_group": where its new flows go; "listener", "zone": what became
  /// of it; "operator": what somebody asked for; "reload", "rollback", "start"; others may come.
  std::string kind = "target";
  std::string listener = {};
  std::string zone = {};
  std::string target_group = {};
  std::string target = {};  // "10.0.1.11:8080"; with target_group
  std::string from = {};    // a state; empty: it is new
  std::string to = {};      // a state, or what was done; empty: it is gone
  std::string reason = {};  // a code: "Target.Timeout"
  std::string sentence = {};
};

class Events {
 public:
  static constexpr std::size_t kept = 4'096;

  /// Unix time in milliseconds; empty: the machine's clock.
  explicit Events(std::function<std::uint64_t()> now = {});

  /// Part of the next generation that is published, or of the present one if none is needed.
  void add(Event event);
  /// What was added up to here is in force with this generation.
  void published(dataplane::Generation generation);

  /// {"history", "first", "last", "events": […]}, the oldest first. `history` differs after a
  /// restart: numbers begin anew then.
  [[nodiscard]] report::Json document(const EventsWanted& wanted) const;

 private:
  struct Entry {
    std::uint64_t number;
    std::uint64_t unix_milliseconds;
    std::optional<dataplane::Generation> generation;
    Event event;
  };
  [[nodiscard]] static bool matches(const Entry& entry, const EventsWanted& wanted);
  [[nodiscard]] static report::Json document(const Entry& entry);

  std::function<std::uint64_t()> now_;
  std::uint64_t history_;
  std::uint64_t next_ = 1;
  std::size_t unpublished_ = 0;  // of the newest
  std::deque<Entry> entries_;
};

}  // namespace control
